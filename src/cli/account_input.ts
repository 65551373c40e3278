import type { ConnectSettings } from "../config/settings.ts";
import { describeEndpoint } from "../link/describe_endpoint.ts";
import type { ReadLine } from "../oauth/browser/browser_user.ts";
import { type OpenAccount, openAccount } from "../oauth/open_account.ts";
import type { Logger } from "../telemetry/logger.ts";
import { requireSignIn } from "./connect_input.ts";
import { writeError } from "./write_text.ts";

/** A person at a terminal has all the time that the sign-in gives, in milliseconds. */
const PATIENCE_MS = 24 * 60 * 60 * 1000;

/**
 * The user's account at the endpoint, for a command that a person has typed.
 *
 * @throws {ConfigError} when the endpoint is none that is signed in to
 */
export function accountAt(settings: ConnectSettings, logger: Logger): OpenAccount {
  const { url, signIn } = requireSignIn(settings);
  const { store, caCerts, userAgent } = settings;
  return openAccount({
    url,
    settings: signIn.oauth,
    keychain: signIn.keychain,
    ...(store === undefined ? {} : { directory: store }),
    caCerts,
    userAgent,
    waitMs: PATIENCE_MS,
    say: (text) => writeError(`${text}\n`),
    ...(Deno.stdin.isTerminal() ? { readLine: readTerminal } : {}),
    endpoint: describeEndpoint(settings.endpoint),
    logger,
  });
}

/** Reads a line that the person types or pastes. The program ends with the sign-in, and the reading with the program. */
const readTerminal: ReadLine = async (signal) => {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  let text = "";
  while (!signal.aborted) {
    const length = await Deno.stdin.read(buffer);
    if (length === null) return undefined;
    text += decoder.decode(buffer.subarray(0, length), { stream: true });
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  return undefined;
};

/** When a token ends, for people. */
export function untilText(expiresAt: number | null | undefined, now: number): string {
  if (expiresAt === null || expiresAt === undefined) return "with no end that was told";
  const when = new Date(expiresAt).toISOString().replace(/\.\d+Z$/, "Z");
  return expiresAt <= now ? `which ended ${when}` : `until ${when}`;
}
