import { ConfigError } from "../config/config_error.ts";
import { processEnvironment } from "../config/environment.ts";
import { describeEndpoint } from "../link/describe_endpoint.ts";
import { accountAt } from "./account_input.ts";
import type { CommandInput } from "./application.ts";
import { connectInput, connectLogger, flushLog, giveUpUnused } from "./connect_input.ts";
import { ExitCode } from "./exit_codes.ts";
import { requireStore } from "./require_store.ts";
import { writeOut } from "./write_text.ts";

/** `logout`: makes the tokens for a server worthless where it takes that back, and forgets them. */
export async function logoutCommand(input: CommandInput): Promise<number> {
  const { values, settings } = connectInput("logout", input);
  const logger = await connectLogger(settings);
  requireStore("logout", {
    store: settings.store,
    off: values.switch("no-store").value,
    environment: processEnvironment(),
  }, ["read", "write"]);
  giveUpUnused("logout", input, settings, logger);
  const { account, signOut } = await accountAt(settings, logger);
  const endpoint = describeEndpoint(settings.endpoint);
  const { was, revoked, problem, left } = await signOut();
  account.close();
  await flushLog(logger);
  if (left !== undefined) {
    const first = was ? "" : "whether anybody was signed in can't be told: ";
    throw new ConfigError(
      logger.redact(`${first}what is stored for ${endpoint} is still there: ${left} (${settings.store})`),
    );
  }
  const text = !was
    ? `Nobody was signed in to ${endpoint}.\n`
    : revoked
    ? `Signed out of ${endpoint}: its tokens were revoked, and forgotten.\n`
    : `Signed out of ${endpoint}: its tokens were forgotten. They were not revoked${
      problem === undefined ? ", which the authorization server does not offer" : `: ${problem}`
    }.\n`;
  const facts = { ok: true, endpoint, wasSignedIn: was, revoked, problem: problem ?? null };
  writeOut(logger.redact(values.switch("json").value ? `${JSON.stringify(facts)}\n` : text));
  return ExitCode.Ok;
}
