import { processEnvironment } from "../config/environment.ts";
import { optionValues } from "../config/option_values.ts";
import { resolveStore } from "../config/resolve_settings.ts";
import { listAccounts, type ListedAccount } from "../oauth/account_store.ts";
import { neutralise } from "../telemetry/neutralise.ts";
import { unusedKinds } from "../permissions/unused_kinds.ts";
import { untilText } from "./account_input.ts";
import type { CommandInput } from "./application.ts";
import { ExitCode } from "./exit_codes.ts";
import { requireStore } from "./require_store.ts";
import { writeOut } from "./write_text.ts";

/** `status`: shows who is signed in where, and until when; nothing of it is secret. */
export async function statusCommand(input: CommandInput): Promise<number> {
  const environment = processEnvironment();
  const values = optionValues("status", input.options, environment);
  const store = resolveStore(values, environment);
  requireStore("status", { store, off: values.switch("no-store").value, environment }, ["read"]);
  const asJson = values.switch("json").value;
  input.process?.giveUp(unusedKinds({ command: "status", store: store !== undefined, os: Deno.build.os }));
  const accounts = store === undefined ? [] : await listAccounts(store);
  accounts.sort((a, b) => a.server < b.server ? -1 : 1);
  if (asJson) {
    const shown = accounts.map((it) => ({
      ...it,
      expiresAt: it.expiresAt === null ? null : new Date(it.expiresAt).toISOString(),
    }));
    writeOut(`${JSON.stringify({ store: store ?? null, accounts: shown })}\n`);
    return ExitCode.Ok;
  }
  const now = Date.now();
  const text = accounts.length === 0
    ? "Nobody is signed in anywhere."
    : accounts.map((it) => accountText(it, now)).join("\n\n");
  writeOut(`${text}\n`);
  return ExitCode.Ok;
}

function accountText(
  { server, issuer, clientId, scopes, expiresAt, renewable, keeping }: ListedAccount,
  now: number,
): string {
  const renewal = renewable ? "renewed by itself" : "not renewable: the next sign-in needs you";
  return [
    server,
    `  at       ${issuer}`,
    `  as       ${clientId || "the workload itself"}`,
    `  scopes   ${scopes.length === 0 ? "none were named" : scopes.join(" ")}`,
    `  token    ${untilText(expiresAt, now)}; ${renewal}`,
    `  kept in  ${keeping === "file" ? "a file of the store" : "the store, opened by the keychain"}`,
  ].map(neutralise).join("\n");
}
