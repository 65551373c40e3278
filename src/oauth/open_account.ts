import { systemKeychain } from "../store/keychain/system_keychain.ts";
import type { SecretBox } from "../store/secret_box.ts";
import type { Logger } from "../telemetry/logger.ts";
import { type Account, createAccount } from "./account.ts";
import { accountKey } from "./account_key.ts";
import { createAccountStore, type StoredAccount } from "./account_store.ts";
import { createBrowserUser, type ReadLine } from "./browser/browser_user.ts";
import { BrowserError } from "./browser/browser_error.ts";
import { createBrowserOpener, type OpenBrowser } from "./browser/open_browser.ts";
import { shownUrl, SignInError } from "./errors.ts";
import { type GuardedFetch, guardedFetch } from "./guarded_fetch.ts";
import { secretFetch } from "./secret_fetch.ts";
import type { OAuthSettings } from "./settings.ts";
import { revoke } from "./renew.ts";
import { secretsOf } from "./tokens.ts";
import type { User } from "./user.ts";

/** What {@linkcode openAccount} needs. */
export interface OpenAccountOptions {
  /** The MCP server. */
  readonly url: URL;
  readonly settings: OAuthSettings;
  /** The store's directory; absent: what a sign-in gives is kept in memory. */
  readonly directory?: string;
  /** Whether the system's keychain keeps what is secret of it. @default false */
  readonly keychain?: boolean;
  /** Opens the keychain. @default the system's */
  readonly openKeychain?: (directory: string) => SecretBox;
  /** Certificates trusted beside the roots, PEM. */
  readonly caCerts: readonly string[];
  readonly userAgent: string;
  /** How long a request waits for the user to sign in, in milliseconds. */
  readonly waitMs: number;
  /** Shows text to the person. */
  readonly say: (text: string) => void;
  /** Reads what the person pastes. @default nothing can be pasted */
  readonly readLine?: ReadLine;
  /** The endpoint, for logs and errors. */
  readonly endpoint: string;
  readonly logger: Logger;
}

/** The user's account at a server, and where it is kept. */
export interface OpenAccount {
  readonly account: Account;
  readonly store: StoredAccount;
  readonly fetch: GuardedFetch;
  /** Makes the tokens worthless where the authorization server takes that back, and forgets them. Never rejects. */
  signOut(): Promise<SignedOut>;
}

/** What came of signing out. */
export interface SignedOut {
  /** Somebody was signed in. */
  readonly was: boolean;
  readonly revoked: boolean;
  /** Why the tokens were not revoked; absent where the authorization server does not offer it. */
  readonly problem?: string;
  /** Why tokens may be in the store all the same; absent when there are none. */
  readonly left?: string;
}

/** How long the authorization server may take to revoke tokens, in milliseconds. */
const REVOKE_MS = 15_000;

/** One for all accounts: the bound on tabs is the program's. */
let openBrowser: OpenBrowser | undefined;

/** Puts the user's account at a server together. Nothing is sent before the server asks for credentials. */
export function openAccount(options: OpenAccountOptions): OpenAccount {
  const { url, settings, endpoint, logger, directory, readLine, say } = options;
  for (
    const secret of [settings.clientSecret, settings.privateKey, settings.identityProvider?.clientSecret]
  ) {
    if (secret !== undefined) logger.secret(secret);
  }
  const store = createAccountStore({
    key: accountKey(url, settings),
    server: shownUrl(url),
    keychain: options.keychain ?? false,
    openKeychain: options.openKeychain ?? systemKeychain,
    endpoint,
    logger,
    ...(directory === undefined ? {} : { directory }),
  });
  const guarded = guardedFetch({
    mcpUrl: url,
    allowPrivate: settings.allowPrivate,
    caCerts: options.caCerts,
    userAgent: options.userAgent,
  });
  const fetch = secretFetch(guarded, logger.secret);
  const account = createAccount({
    mcpUrl: url,
    settings,
    store,
    fetch,
    user(shown) {
      const person = createBrowserUser({
        mode: settings.browser,
        server: url.host,
        say,
        redirectUrl: settings.redirectUrl,
        callbackPort: settings.callbackPort,
        usualPort: store.port,
        openBrowser: openBrowser ??= createBrowserOpener(),
        ...(readLine === undefined ? {} : { readLine }),
      });
      return watched(person, { shown, bound: (port) => void store.savePort(port), redact: logger.redact });
    },
    waitMs: options.waitMs,
    endpoint,
    logger,
  });
  async function signOut(): Promise<SignedOut> {
    const tokens = await store.load();
    if (tokens === undefined) {
      const { trouble } = store;
      return { was: false, revoked: false, ...(trouble === undefined ? {} : { left: trouble }) };
    }
    for (const secret of secretsOf(tokens)) logger.secret(secret);
    const told = await revoke({ tokens, settings, fetch, signal: AbortSignal.timeout(REVOKE_MS) }).then(
      (revoked) => ({ revoked }),
      (error) => ({
        revoked: false,
        problem: error instanceof SignInError ? error.message : String(error),
      }),
    );
    // Whatever the authorization server says: who signs out is signed out here.
    const left = await store.forget();
    return { was: true, ...told, ...(left === undefined ? {} : { left }) };
  }

  return { account, store, fetch, signOut };
}

/** Tells where the person is sent, and where the browser comes back to; the last page shows no secret. */
function watched(
  person: User,
  { shown, bound, redact }: {
    readonly shown: (url: string) => void;
    readonly bound: (port: number) => void;
    readonly redact: (text: string) => string;
  },
): User {
  return {
    async listen(signal) {
      const redirect = await person.listen(signal).catch(rethrow);
      const { protocol, port } = new URL(redirect.uri);
      if (protocol === "http:" && port !== "") bound(Number(port));
      return {
        uri: redirect.uri,
        show(url) {
          shown(url);
          redirect.show(url);
        },
        answer: (state, signal) => redirect.answer(state, signal).catch(rethrow),
        done: (outcome) => redirect.done(outcome.ok ? outcome : { ok: false, why: redact(outcome.why) }),
        [Symbol.asyncDispose]: () => redirect[Symbol.asyncDispose](),
      };
    },
    showCode(code) {
      shown(code.completeUrl ?? code.url);
      person.showCode(code);
    },
  };
}

/** What goes wrong with the browser is told like all else that goes wrong with a sign-in. */
function rethrow(error: unknown): never {
  if (!(error instanceof BrowserError)) throw error;
  const code = error.code === "DEADLINE"
    ? "EXPIRED"
    : error.code === "PERMISSION"
    ? "PERMISSION"
    : "SETTINGS";
  throw new SignInError(code, error.message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  });
}
