import { oneOf } from "../config/option_values.ts";
import type { ConnectSettings } from "../config/settings.ts";
import { request } from "../jsonrpc/answers.ts";
import { describeEndpoint } from "../link/describe_endpoint.ts";
import { type Failure, failure } from "../link/failure.ts";
import type { Credentials } from "../link/http/credentials.ts";
import { within } from "../link/pause.ts";
import { openPeer } from "../link/open_peer.ts";
import { LATEST_LEGACY_REVISION } from "../mcp/revision.ts";
import type { ImportedCredentials } from "../oauth/import/import_credentials.ts";
import type { Logger } from "../telemetry/logger.ts";
import { neutralise } from "../telemetry/neutralise.ts";
import { VERSION } from "../version.ts";
import type { Keeping } from "../oauth/account_store.ts";
import { accountAt, untilText } from "./account_input.ts";
import type { CommandInput } from "./application.ts";
import {
  connectInput,
  connectLogger,
  flushLog,
  giveUpUnused,
  requireSignIn,
  warnOfStore,
} from "./connect_input.ts";
import { ExitCode } from "./exit_codes.ts";
import { lookForMcpRemote, type McpRemoteLook } from "./look_for_mcp_remote.ts";
import { problemExitCode } from "./problem_exit_code.ts";
import { writeOut } from "./write_text.ts";

/** How long the end of the session may take, in milliseconds. */
const CLOSE_MS = 3000;

const KEEPING: Readonly<Record<Keeping, string>> = {
  file: "Kept in the store, in a file for you alone.",
  keychain: "Kept in the store, in a file that only the keychain can open.",
  memory: "It could not be kept, and ends with this command: the warning says why.",
};

const importing = () => import("../oauth/import/import_credentials.ts");

/** `login`: signs in to a server, and keeps what that gives for all copies of this program. */
export async function loginCommand(input: CommandInput): Promise<number> {
  const { values, settings } = connectInput("login", input);
  const { url } = requireSignIn(settings);
  const source = values.text("import");
  if (source !== undefined) oneOf(source, ["mcp-remote"]);
  const typed = input.bare[0] ?? values.text("endpoint")?.value ?? url.href;
  // Before the account is opened: without anything to take over there is nothing to do.
  const looked = source === undefined ? undefined : await lookForMcpRemote(settings, typed);
  const logger = await connectLogger(settings);
  warnOfStore(input, settings, logger);
  giveUpUnused("login", input, settings, logger);
  const opened = await accountAt(settings, logger);
  const { account, store } = opened;
  const endpoint = describeEndpoint(settings.endpoint);
  const ending = new AbortController();
  const imported = looked?.found && (await importing()).importCredentials({
    found: looked.found,
    mcpUrl: url,
    settings: requireSignIn(settings).signIn.oauth,
    store,
    fetch: opened.fetch,
    signal: ending.signal,
    endpoint,
    logger,
  });

  const failed = looked !== undefined && imported === undefined
    ? failure(
      "LOGIN_REQUIRED",
      endpoint,
      nothingFound(looked),
      "sign in with mcp-connect login, without --import",
    )
    : await ask(settings, imported ?? account, logger);
  const signedIn = failed === undefined &&
    (imported === undefined ? account.used : imported.tokens !== undefined);
  if (signedIn && imported !== undefined) await store.save(imported.tokens);
  const tokens = await store.load().catch(() => undefined);
  ending.abort();
  account.close();
  await flushLog(logger);

  const facts = {
    ok: failed === undefined,
    endpoint,
    signedIn,
    issuer: tokens?.issuer ?? null,
    scopes: tokens?.scopes ?? null,
    expiresAt: tokens?.expiresAt === undefined ? null : new Date(tokens.expiresAt).toISOString(),
    keeping: signedIn ? store.keeping : null,
    ...(imported === undefined
      ? {}
      : { imported: { from: looked!.found!.path, renewed: imported.renewed, notes: imported.notes } }),
    problem: failed === undefined ? null : { code: failed.code, message: failed.message, hint: failed.hint },
  };
  const found = imported === undefined ? [] : [`Found: ${looked!.found!.path}`];
  const lines = failed !== undefined
    ? [`Not signed in to ${endpoint}: ${failed.message}`, failed.hint]
    : !signedIn
    ? [`${endpoint} answers without a sign-in.`]
    : [
      `Signed in to ${endpoint} at ${tokens?.issuer}, ${untilText(tokens?.expiresAt, Date.now())}.`,
      KEEPING[store.keeping],
      ...(imported === undefined ? [] : takenOver(imported)),
    ];
  const text = [...found, ...lines].map((line) => `${neutralise(line)}\n`).join("");
  writeOut(logger.redact(values.switch("json").value ? `${JSON.stringify(facts)}\n` : text));
  return failed === undefined ? ExitCode.Ok : problemExitCode(failed.code);
}

/** Asks the server for what a client asks it for first: if it wants a sign-in, it says so, and how. */
async function ask(
  settings: ConnectSettings,
  credentials: Credentials,
  logger: Logger,
): Promise<Failure | undefined> {
  const peer = await openPeer({ ...settings, credentials }, logger);
  const outcome = await peer.request(request("1", "initialize", {
    protocolVersion: LATEST_LEGACY_REVISION,
    capabilities: {},
    clientInfo: { name: "mcp-connect", version: VERSION },
  })).outcome;
  await within(peer.close(), CLOSE_MS);
  return "failure" in outcome ? outcome.failure : undefined;
}

function nothingFound({ folder, names }: McpRemoteLook): string {
  if (folder === undefined) return "the environment does not say where mcp-remote keeps its tokens";
  return `mcp-remote has no tokens for it in ${folder} (looked for ${names[0]}_tokens.json${
    names.length === 1 ? "" : ` and ${names.length - 1} more, in each of its versions' folders`
  }; their name depends on the URL as it was given to mcp-remote, and on some of its options)`;
}

function takenOver({ renewed, notes }: ImportedCredentials): string[] {
  return [
    renewed
      ? "They had run out, or were refused, and were renewed: mcp-remote's own copy may be worth nothing now."
      : "mcp-remote's copy is as it was. Use it no more: where refresh tokens are good once, each spoils the other's.",
    ...notes.map((note) => `Note: ${note}.`),
  ];
}
