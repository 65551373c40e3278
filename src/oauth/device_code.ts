import { pause } from "../link/pause.ts";
import { SignInError } from "./errors.ts";
import { askDeviceCode, deviceCodeGrant, type TokenAnswer, type TokenContext } from "./token_requests.ts";
import type { User } from "./user.ts";

/** What to do after a poll that brought no token. */
export type NextPoll =
  /** Ask again after so many seconds. */
  | { readonly kind: "wait"; readonly interval: number }
  | { readonly kind: "stop"; readonly error: SignInError };

/** The longest time between two polls, in seconds. */
const SLOWEST = 60;

/** Decides how to go on polling (RFC 8628, section 3.5). */
export function nextPoll(error: unknown, interval: number): NextPoll {
  if (!(error instanceof SignInError)) throw error;
  switch (error.oauthError) {
    case "authorization_pending":
      return { kind: "wait", interval };
    case "slow_down":
      return { kind: "wait", interval: interval + 5 };
    case "expired_token":
      return { kind: "stop", error: expired() };
    case "access_denied":
      return {
        kind: "stop",
        error: new SignInError("DENIED", "the sign-in was refused", { oauthError: "access_denied" }),
      };
  }
  // Exponential backoff for what passes.
  if (error.transient) {
    const wait = Math.max(interval * 2, (error.retryAfterMs ?? 0) / 1000);
    return { kind: "wait", interval: Math.min(wait, SLOWEST) };
  }
  return { kind: "stop", error };
}

const expired = () =>
  new SignInError("EXPIRED", "nobody entered the code in time", {
    hint: "sign in again, and enter the new code",
  });

/** The longest time a device code is waited for, in seconds, whatever its server says. */
const LONGEST = 3600;

/** Signs in with a code that a person types into another device (RFC 8628). */
export async function deviceSignIn(
  context: TokenContext,
  scopes: readonly string[] | undefined,
  user: User,
): Promise<TokenAnswer> {
  const { fetch, signal } = context;
  const code = await askDeviceCode(context, scopes);
  // The person will open it: no other scheme, no user info.
  const url = await fetch.check(code.url);
  const completeUrl = code.completeUrl === undefined ? undefined : await fetch.check(code.completeUrl);
  const expiresAt = Date.now() + Math.min(code.expiresIn, LONGEST) * 1000;
  user.showCode({
    userCode: code.userCode,
    url: url.href,
    ...(completeUrl === undefined ? {} : { completeUrl: completeUrl.href }),
    expiresAt,
  });
  let { interval } = code;
  for (;;) {
    if (Date.now() + interval * 1000 >= expiresAt) throw expired();
    if (!await pause(interval * 1000, signal)) throw new SignInError("CANCELLED", "the sign-in was given up");
    try {
      return await deviceCodeGrant(context, code.deviceCode);
    } catch (error) {
      const next = nextPoll(error, interval);
      if (next.kind === "stop") throw next.error;
      ({ interval } = next);
    }
  }
}
