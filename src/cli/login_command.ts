import { request } from "../jsonrpc/answers.ts";
import { describeEndpoint } from "../link/describe_endpoint.ts";
import { within } from "../link/pause.ts";
import { openPeer } from "../link/open_peer.ts";
import { LATEST_LEGACY_REVISION } from "../mcp/revision.ts";
import { VERSION } from "../version.ts";
import type { Keeping } from "../oauth/account_store.ts";
import { accountAt, untilText } from "./account_input.ts";
import type { CommandInput } from "./application.ts";
import { connectInput, connectLogger, flushLog } from "./connect_input.ts";
import { ExitCode } from "./exit_codes.ts";
import { problemExitCode } from "./problem_exit_code.ts";
import { writeOut } from "./write_text.ts";

/** How long the end of the session may take, in milliseconds. */
const CLOSE_MS = 3000;

const KEEPING: Readonly<Record<Keeping, string>> = {
  file: "Kept in the store, in a file for you alone.",
  keychain: "Kept in the store, in a file that only the keychain can open.",
  memory: "It could not be kept, and ends with this command: the warning says why.",
};

/** `login`: signs in to a server, and keeps what that gives for all copies of this program. */
export async function loginCommand(input: CommandInput): Promise<number> {
  const { values, settings } = connectInput("login", input);
  const logger = await connectLogger(settings);
  const { account, store } = accountAt(settings, logger);
  const endpoint = describeEndpoint(settings.endpoint);
  const peer = await openPeer({ ...settings, credentials: account }, logger);
  // The server is asked for what a client asks it for first: if it wants a sign-in, it says so, and how.
  const ask = request("1", "initialize", {
    protocolVersion: LATEST_LEGACY_REVISION,
    capabilities: {},
    clientInfo: { name: "mcp-connect", version: VERSION },
  });
  const outcome = await peer.request(ask).outcome;
  const tokens = await store.load().catch(() => undefined);
  await within(peer.close(), CLOSE_MS);
  account.close();
  await flushLog(logger);

  const failed = "failure" in outcome ? outcome.failure : undefined;
  const facts = {
    ok: failed === undefined,
    endpoint,
    signedIn: failed === undefined && account.used,
    issuer: tokens?.issuer ?? null,
    scopes: tokens?.scopes ?? null,
    expiresAt: tokens?.expiresAt === undefined ? null : new Date(tokens.expiresAt).toISOString(),
    keeping: failed === undefined && account.used ? store.keeping : null,
    problem: failed === undefined ? null : { code: failed.code, message: failed.message, hint: failed.hint },
  };
  const text = failed !== undefined
    ? `Not signed in to ${endpoint}: ${failed.message}\n${failed.hint}\n`
    : !account.used
    ? `${endpoint} answers without a sign-in.\n`
    : `Signed in to ${endpoint} at ${tokens?.issuer}, ${untilText(tokens?.expiresAt, Date.now())}.\n${
      KEEPING[store.keeping]
    }\n`;
  writeOut(logger.redact(values.switch("json").value ? `${JSON.stringify(facts)}\n` : text));
  return failed === undefined ? ExitCode.Ok : problemExitCode(failed.code);
}
