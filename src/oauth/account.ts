import { type Failure, failure } from "../link/failure.ts";
import type {
  CredentialRefusal,
  CredentialRequest,
  Credentials,
  RefusalVerdict,
} from "../link/http/credentials.ts";
import { pause, within } from "../link/pause.ts";
import type { SignIn } from "../link/sign_in.ts";
import type { Logger } from "../telemetry/logger.ts";

/** What an account keeps of a sign-in, as far as it has to know it. */
export interface AccountTokens {
  /** The access token, to tell one from another. */
  readonly accessToken: string;
  /** There is a way to renew it without the user. */
  readonly renewable: boolean;
  /** When it ends, in milliseconds since the epoch; `undefined` when nobody has said. */
  readonly expiresAt: number | undefined;
}

/** What came of renewing tokens without the user. */
export type Renewal<T> =
  | { readonly kind: "renewed"; readonly tokens: T }
  /** It may work the next time. */
  | { readonly kind: "later"; readonly failure: Failure }
  /** The user has to sign in again. */
  | { readonly kind: "over" };

/** The steps of the protocol, for one endpoint. */
export interface AccountSteps<T extends AccountTokens> {
  /** The headers that show `tokens`. */
  headers(tokens: T, request: CredentialRequest): Promise<Readonly<Record<string, string>>>;
  /** Renews them. Never rejects. */
  renew(tokens: T, signal: AbortSignal): Promise<Renewal<T>>;
  /**
   * Has the user sign in, or signs in without one where the grant allows it. Never rejects.
   *
   * @param shown told where the user is sent
   */
  signIn(
    refusal: CredentialRefusal | undefined,
    before: T | undefined,
    shown: (url: string) => void,
    signal: AbortSignal,
  ): Promise<{ readonly tokens: T } | { readonly failure: Failure }>;
  /** Takes a DPoP nonce; tells whether the same tokens should be shown again with it. */
  takeNonce(refusal: CredentialRefusal): boolean;
}

/** Where tokens are kept, shared with other copies of this program. */
export interface AccountStore<T> {
  load(): Promise<T | undefined>;
  save(tokens: T): Promise<void>;
  /** Keeps others out; `undefined` when someone else is in. Released by disposal, and by the end of the process. */
  tryLock(what: "renew" | "sign-in"): Promise<Disposable | undefined>;
  /** Where another copy sends the user, while it does. */
  pendingUrl(): Promise<string | undefined>;
  setPendingUrl(url: string | undefined): Promise<void>;
}

/** What {@linkcode createAccount} needs. Times in milliseconds. */
export interface AccountOptions<T extends AccountTokens> {
  readonly steps: AccountSteps<T>;
  readonly store: AccountStore<T>;
  /** How long a request waits for the user to sign in, before it fails with `LOGIN_REQUIRED`. */
  readonly waitMs: number;
  /**
   * Tokens are renewed so long before they end.
   * @default 60_000
   */
  readonly aheadMs?: number;
  /**
   * How long nobody is asked to sign in again after a sign-in that came to nothing.
   * @default 30_000
   */
  readonly restMs?: number;
  /** The endpoint, for logs and errors. */
  readonly endpoint: string;
  readonly logger: Logger;
  /** @default Date.now */
  readonly now?: () => number;
}

/** The credentials that a user has at an endpoint: renewed ahead of time, signed in for when there are none. */
export interface Account extends Credentials, SignIn {
  /** Gives up what is under way. Idempotent. */
  close(): void;
}

const AHEAD_MS = 60_000;
const REST_MS = 30_000;
/** How often it is looked whether another copy has finished, in milliseconds. */
const LOOK_MS = 100;

/** A sign-in that is under way. */
interface Pending {
  readonly over: Promise<Failure | undefined>;
  url: string | undefined;
}

/** Makes an {@linkcode Account}. One renewal and one sign-in at a time, in this process and among all copies. */
export function createAccount<T extends AccountTokens>(options: AccountOptions<T>): Account {
  const { steps, store, waitMs, endpoint, logger, now = Date.now, aheadMs = AHEAD_MS, restMs = REST_MS } =
    options;
  const closing = new AbortController();
  let tokens: T | undefined;
  let loading: Promise<void> | undefined;
  let renewing: Promise<Renewal<T>> | undefined;
  let pending: Pending | undefined;
  let signedIn: () => void = () => {};
  /** Why the last sign-in came to nothing, and when. */
  let failed: { readonly why: Failure; readonly at: number } | undefined;

  function load(): Promise<void> {
    return loading ??= reload();
  }

  async function reload(): Promise<void> {
    try {
      tokens = await store.load() ?? tokens;
    } catch (error) {
      logger.warn("the stored sign-in can't be read", { endpoint, error: String(error) });
    }
  }

  async function save(fresh: T): Promise<void> {
    tokens = fresh;
    try {
      await store.save(fresh);
    } catch (error) {
      logger.warn("the sign-in can't be stored: it is good for this run only", {
        endpoint,
        error: String(error),
      });
    }
  }

  // Showing -------------------------------------------------------------------------------------------------------

  async function headersFor(request: CredentialRequest): Promise<Readonly<Record<string, string>> | Failure> {
    await load();
    if (tokens === undefined && pending !== undefined) {
      const why = await waitFor(pending);
      if (why !== undefined) return why;
    }
    const { expiresAt, renewable } = tokens ?? { expiresAt: undefined, renewable: false };
    if (tokens !== undefined && renewable && expiresAt !== undefined) {
      const left = expiresAt - now();
      // What is still good is shown meanwhile.
      const renewal = left < aheadMs ? renew(tokens) : undefined;
      if (left <= 0) await renewal;
    }
    return tokens === undefined ? {} : await steps.headers(tokens, request);
  }

  // Renewing ------------------------------------------------------------------------------------------------------

  function renew(old: T): Promise<Renewal<T>> {
    return renewing ??= renewOnce(old).finally(() => renewing = undefined);
  }

  async function renewOnce(old: T): Promise<Renewal<T>> {
    using _lock = await lock("renew", () => false);
    // Another copy may have done it; what it has spent must not be spent again.
    await reload();
    if (tokens !== undefined && isAnother(tokens, old)) return { kind: "renewed", tokens };
    const renewal = await steps.renew(old, closing.signal);
    if (renewal.kind === "renewed") await save(renewal.tokens);
    else logger.debug("the access token was not renewed", { endpoint, outcome: renewal.kind });
    return renewal;
  }

  function isAnother(it: T, old: T): boolean {
    return it.accessToken !== old.accessToken && (it.expiresAt === undefined || it.expiresAt > now());
  }

  /** Waits until nobody else is in; gives up when `stop` says so. */
  async function lock(
    what: "renew" | "sign-in",
    stop: () => boolean | Promise<boolean>,
  ): Promise<Disposable | undefined> {
    for (;;) {
      const held = await store.tryLock(what);
      if (held !== undefined || closing.signal.aborted || await stop()) return held;
      await pause(LOOK_MS, closing.signal);
    }
  }

  // Refusals ------------------------------------------------------------------------------------------------------

  async function refused(refusal: CredentialRefusal): Promise<RefusalVerdict> {
    const old = tokens;
    const shownOld = old !== undefined && refusal.shown?.endsWith(old.accessToken) === true;
    // It was shown what is not good any more by now.
    if (old !== undefined && !shownOld) return { kind: "again" };
    if (old !== undefined && steps.takeNonce(refusal)) return { kind: "again" };
    if (old !== undefined && old.renewable && refusal.status === 401) {
      const renewal = await renew(old);
      if (renewal.kind === "renewed") return { kind: "again" };
      if (renewal.kind === "later") return { kind: "failed", failure: renewal.failure };
    } else if (old !== undefined) {
      // Another copy may have signed in since.
      await reload();
      if (tokens !== undefined && tokens.accessToken !== old.accessToken) return { kind: "again" };
    }
    const resting = failed !== undefined && now() - failed.at < restMs;
    if (resting && pending === undefined) return { kind: "failed", failure: failed!.why };
    const why = await waitFor(begin(refusal, old));
    return why === undefined ? { kind: "again" } : { kind: "failed", failure: why };
  }

  // Signing in ----------------------------------------------------------------------------------------------------

  function begin(refusal: CredentialRefusal, old: T | undefined): Pending {
    if (pending !== undefined) return pending;
    const mine: Pending = {
      over: signInOnce(refusal, old, (url) => mine.url = url).then((why) => {
        pending = undefined;
        failed = why === undefined ? undefined : { why, at: now() };
        if (why === undefined) signedIn();
        else if (!closing.signal.aborted) logger.warn(why.message, { endpoint, hint: why.hint });
        return why;
      }),
      url: undefined,
    };
    return pending = mine;
  }

  async function signInOnce(
    refusal: CredentialRefusal,
    old: T | undefined,
    shown: (url: string | undefined) => void,
  ): Promise<Failure | undefined> {
    const isDone = async () => {
      await reload();
      return tokens !== undefined && (old === undefined || isAnother(tokens, old));
    };
    using held = await lock("sign-in", async () => {
      // Another copy is at it: one tab is enough.
      shown(await store.pendingUrl().catch(() => undefined));
      return await isDone();
    });
    if (held === undefined && closing.signal.aborted) {
      return failure("SHUTTING_DOWN", endpoint, "this program is ending");
    }
    if (await isDone()) return undefined;
    const tell = (url: string) => {
      shown(url);
      void store.setPendingUrl(url).catch(() => {});
    };
    const result = await steps.signIn(refusal, old, tell, closing.signal);
    void store.setPendingUrl(undefined).catch(() => {});
    if ("failure" in result) return result.failure;
    await save(result.tokens);
    logger.info("signed in", { endpoint });
    return undefined;
  }

  /** Why there is nothing new to show; a sign-in that takes its time goes on. */
  async function waitFor(it: Pending): Promise<Failure | undefined> {
    if (await within(it.over, waitMs)) return await it.over;
    const where = it.url === undefined ? "" : `: ${it.url}`;
    const why = failure("LOGIN_REQUIRED", endpoint, `the user has to sign in first${where}`);
    return it.url === undefined ? why : { ...why, url: it.url };
  }

  return {
    headersFor,
    refused,
    get pending() {
      return pending !== undefined;
    },
    get url() {
      return pending?.url;
    },
    get used() {
      return tokens !== undefined;
    },
    listen(it) {
      signedIn = it;
    },
    close() {
      closing.abort();
    },
  };
}
