import { guardedFetch } from "../../src/oauth/guarded_fetch.ts";
import type { Known } from "../../src/oauth/registration.ts";
import { DEFAULT_SETTINGS, type OAuthSettings } from "../../src/oauth/settings.ts";
import type { SignInRequest } from "../../src/oauth/sign_in.ts";
import type { User } from "../../src/oauth/user.ts";

/** A store that knows nothing. */
export const NOTHING_KNOWN: Known = { client: () => undefined, issuerOf: () => undefined };

/** A sign-in at an MCP server of a test. */
export function signInRequest(mcpUrl: URL, user: User, settings: Partial<OAuthSettings> = {}): SignInRequest {
  return {
    mcpUrl,
    challenge: undefined,
    settings: { ...DEFAULT_SETTINGS, ...settings },
    known: NOTHING_KNOWN,
    fetch: guardedFetch({ mcpUrl, allowPrivate: false, caCerts: [], userAgent: "tests" }),
    user,
    signal: new AbortController().signal,
  };
}
