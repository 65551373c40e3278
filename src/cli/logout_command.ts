import { describeEndpoint } from "../link/describe_endpoint.ts";
import { SignInError } from "../oauth/errors.ts";
import { revoke } from "../oauth/renew.ts";
import { secretsOf } from "../oauth/tokens.ts";
import { accountAt } from "./account_input.ts";
import type { CommandInput } from "./application.ts";
import { connectInput, connectLogger, flushLog, requireSignIn } from "./connect_input.ts";
import { ExitCode } from "./exit_codes.ts";
import { writeOut } from "./write_text.ts";

/** How long the authorization server may take, in milliseconds. */
const REVOKE_MS = 15_000;

/** `logout`: makes the tokens for a server worthless where it takes that back, and forgets them. */
export async function logoutCommand(input: CommandInput): Promise<number> {
  const { values, settings } = connectInput("logout", input);
  const logger = await connectLogger(settings);
  const { signIn } = requireSignIn(settings);
  const { account, store, fetch } = accountAt(settings, logger);
  const endpoint = describeEndpoint(settings.endpoint);
  const tokens = await store.load();
  let revoked = false;
  let why: string | undefined;
  if (tokens !== undefined) {
    for (const secret of secretsOf(tokens)) logger.secret(secret);
    try {
      const signal = AbortSignal.timeout(REVOKE_MS);
      revoked = await revoke({ tokens, settings: signIn.oauth, fetch, signal });
    } catch (error) {
      why = error instanceof SignInError ? error.message : String(error);
    }
    // Whatever the authorization server says: who logs out is logged out here.
    await store.forget();
  }
  account.close();
  await flushLog(logger);
  const text = tokens === undefined
    ? `Nobody was signed in to ${endpoint}.\n`
    : revoked
    ? `Signed out of ${endpoint}: its tokens were revoked, and forgotten.\n`
    : `Signed out of ${endpoint}: its tokens were forgotten. They were not revoked${
      why === undefined ? ", which the authorization server does not offer" : `: ${why}`
    }.\n`;
  const facts = { ok: true, endpoint, wasSignedIn: tokens !== undefined, revoked, problem: why ?? null };
  writeOut(logger.redact(values.switch("json").value ? `${JSON.stringify(facts)}\n` : text));
  return ExitCode.Ok;
}
