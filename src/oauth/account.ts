import { type Failure, failure } from "../link/failure.ts";
import type {
  CredentialRefusal,
  CredentialRequest,
  Credentials,
  RefusalVerdict,
} from "../link/http/credentials.ts";
import { pause, within } from "../link/pause.ts";
import type { SignIn, SignInListener } from "../link/sign_in.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { StoredAccount } from "./account_store.ts";
import { readChallenge } from "./challenge.ts";
import { type DpopHandle, dpopHandle, dpopHeaders, noteDpopNonce } from "./dpop.ts";
import { SignInError } from "./errors.ts";
import type { GuardedFetch } from "./guarded_fetch.ts";
import { createRefresher, type Fresh, refreshFailure, type TokenStore } from "./refresh.ts";
import { renew } from "./renew.ts";
import { mayStepUp } from "./scopes.ts";
import { needsPerson, type OAuthSettings } from "./settings.ts";
import { signIn } from "./sign_in.ts";
import { fits, isDue, isFor, isOver, secretsOf, type Tokens } from "./tokens.ts";
import type { User } from "./user.ts";

/** What {@linkcode createAccount} needs. Times in milliseconds. */
export interface AccountOptions {
  /** The MCP server. */
  readonly mcpUrl: URL;
  readonly settings: OAuthSettings;
  readonly store: StoredAccount;
  readonly fetch: GuardedFetch;
  /**
   * Makes the person who signs in.
   *
   * @param shown told where the person is sent
   */
  readonly user: (shown: (url: string) => void) => User;
  /** How long a request waits for the user to sign in, before it fails with `LOGIN_REQUIRED`. */
  readonly waitMs: number;
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
  /** Signs in now, whatever is stored; why it came to nothing. */
  signIn(): Promise<Failure | undefined>;
  /** The client has gone: nobody is asked to sign in for it any more, and who is asked is not waited for. Idempotent. */
  leave(): void;
  /** Gives up what is under way. Idempotent. */
  close(): void;
}

const REST_MS = 30_000;
/** How often it is looked whether another copy has finished, in milliseconds. */
const LOOK_MS = 200;
/** After so long a step-up counts as one of its own, in milliseconds. */
const STEP_UP_MS = 5 * 60_000;

/** A sign-in that is under way. */
interface Pending {
  readonly over: Promise<Failure | undefined>;
  url: string | undefined;
}

/** Why a sign-in is begun. */
interface Reason {
  /** What the server said. */
  readonly challenge: string | undefined;
  /** The access token that is of no use any more. */
  readonly refused: string | undefined;
  /** The scopes that were asked for before. */
  readonly before: readonly string[] | undefined;
}

/**
 * Makes an {@linkcode Account}. One renewal and one sign-in at a time, in this process and among all copies on this machine.
 */
export function createAccount(options: AccountOptions): Account {
  const { mcpUrl, settings, store, waitMs, endpoint, logger, now = Date.now, restMs = REST_MS } = options;
  const closing = new AbortController();
  const leaving = new AbortController();
  const random = Math.random();
  let tokens: Tokens | undefined;
  let loaded: Promise<Tokens | undefined> | undefined;
  let pending: Pending | undefined;
  /** Failures that mean that there is nothing to sign in to: the server's own word is better then. */
  const nowhere = new WeakSet<Failure>();
  let listener: SignInListener | undefined;
  /** Why the last sign-in came to nothing, and when. */
  let failed: { readonly why: Failure; readonly at: number } | undefined;
  /** The server has taken nothing that the last sign-in gave. */
  let untried: { readonly since: number; refusals: number } | undefined;
  let stepUps: { readonly scopes: readonly string[]; readonly at: number }[] = [];
  let handle: { readonly tokens: Tokens; readonly dpop: Promise<DpopHandle> } | undefined;

  const tokenStore: TokenStore = {
    async load() {
      keep(await store.load());
      return tokens;
    },
    async save(next) {
      keep(next);
      await store.save(next);
    },
    withLock: (signal, work) => withLock("renew", signal, work),
  };
  const refresher = createRefresher({
    store: tokenStore,
    renew: async (old, signal) => {
      const dpop = await dpopOf(old);
      try {
        return await renew({ tokens: old, settings, fetch: options.fetch, signal, ...(dpop && { dpop }) });
      } catch (error) {
        // With that client nobody could sign in again, either.
        if (refreshFailure(error).kind === "client") await store.forgetClient(old.client);
        throw error;
      }
    },
    signal: closing.signal,
    now,
    random,
  });

  /** What others must not see is known before it is used. */
  function keep(next: Tokens | undefined): void {
    tokens = next !== undefined && fits(next, settings) ? next : undefined;
    for (const secret of tokens === undefined ? [] : secretsOf(tokens)) logger.secret(secret);
  }

  async function withLock<T>(
    what: "renew" | "sign-in",
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T> {
    for (;;) {
      signal.throwIfAborted();
      using held = await store.tryLock(what);
      if (held !== undefined) return await work();
      await pause(LOOK_MS / 2, signal);
    }
  }

  // Showing -------------------------------------------------------------------------------------------------------

  async function headersFor(
    request: CredentialRequest,
  ): Promise<Readonly<Record<string, string>> | Failure> {
    await (loaded ??= tokenStore.load());
    if (tokens === undefined && pending !== undefined) {
      const why = await waitFor(pending);
      if (why !== undefined) return why;
    }
    if (tokens !== undefined && isDue(tokens, now(), random)) {
      const renewal = refresher.fresh(closing.signal).then(taken, () => {});
      // What is still good is shown meanwhile.
      if (isOver(tokens, now())) await within(renewal, waitMs);
    }
    const present = tokens;
    if (present === undefined || !isFor(present, request.namedBy ?? request.url)) return {};
    const dpop = await dpopOf(present);
    if (dpop === undefined) return { authorization: `Bearer ${present.accessToken}` };
    return await dpopHeaders(dpop, present.accessToken, request.method, request.url);
  }

  function taken(fresh: Fresh): void {
    if (fresh.kind === "tokens") keep(fresh.tokens);
  }

  function dpopOf(it: Tokens): Promise<DpopHandle> | undefined {
    if (it.dpopKey === undefined || it.tokenType !== "dpop") return undefined;
    // The handle knows the server's nonce, and outlives the token.
    if (handle?.tokens.dpopKey?.publicJwk.x !== it.dpopKey.publicJwk.x) {
      handle = { tokens: it, dpop: dpopHandle(it.dpopKey) };
    }
    return handle!.dpop;
  }

  // Refusals ------------------------------------------------------------------------------------------------------

  async function refused(refusal: CredentialRefusal): Promise<RefusalVerdict> {
    try {
      return await judge(refusal);
    } catch (error) {
      return { kind: "failed", failure: failureOf(error) };
    }
  }

  async function judge(refusal: CredentialRefusal): Promise<RefusalVerdict> {
    const shown = refusal.shown?.replace(/^\S+ +/, "");
    // It is shown none, and another would not be for it, either.
    if (tokens !== undefined && !isFor(tokens, refusal.namedBy ?? refusal.url)) return { kind: "stands" };
    // It was shown what is not good any more by now, or nothing that has come since.
    if (tokens !== undefined && shown !== tokens.accessToken) return { kind: "again" };
    const dpop = tokens && await dpopOf(tokens);
    const wantsNonce = /use_dpop_nonce/i.test(refusal.challenge ?? "");
    if (dpop !== undefined && refusal.nonce !== undefined) {
      await noteDpopNonce(dpop, refusal.url, refusal.nonce);
      if (wantsNonce) return { kind: "again" };
    }
    if (refusal.status === 403) return await stepUp(refusal);
    const vain = tokens === undefined ? undefined : whyVain();
    // Another token may do, once: the first may have been too new.
    if (vain !== undefined && untried!.refusals++ > 0) return { kind: "failed", failure: vain };
    // Without a person to renew is to sign in, and what came to nothing just now rests; another copy may have been luckier.
    if (!needsPerson(settings.grant) && rests()) {
      await tokenStore.load();
      if (tokens !== undefined && tokens.accessToken !== shown) return { kind: "again" };
      if (tokens?.refreshToken === undefined) return verdictOf(failed!.why);
    }
    const fresh = await refresher.fresh(closing.signal, shown);
    if (fresh.kind === "sign in" && vain !== undefined) return { kind: "failed", failure: vain };
    if (fresh.kind === "tokens") {
      keep(fresh.tokens);
      return { kind: "again" };
    }
    if (fresh.kind === "failed") {
      const { message, hint } = fresh.error;
      const text = `the access token can't be renewed: ${logger.redact(message)}`;
      const why = failure("UNAUTHORIZED", endpoint, text, hint);
      return { kind: "failed", failure: why };
    }
    return await ask(refusal, { challenge: refusal.challenge, refused: shown, before: undefined });
  }

  /** Why it is of no use to sign in once more: what that has just given was never taken. */
  function whyVain(): Failure | undefined {
    if (untried === undefined || now() - untried.since >= restMs) return undefined;
    const why = "the server refuses the token that the sign-in has just given";
    const hint = "is the account the right one? See --scopes and --resource, and the server's log";
    return failure("UNAUTHORIZED", endpoint, why, hint, 401);
  }

  /** The server wants more scopes than were granted. */
  async function stepUp(refusal: CredentialRefusal): Promise<RefusalVerdict> {
    const required = readChallenge(refusal.challenge)?.scopes;
    stepUps = stepUps.filter(({ at }) => now() - at < STEP_UP_MS);
    const verdict = mayStepUp(stepUps.map(({ scopes }) => scopes), required);
    if (verdict.kind === "stop") {
      return { kind: "failed", failure: failure("UNAUTHORIZED", endpoint, verdict.why, undefined, 403) };
    }
    if (refusal.background !== true) stepUps.push({ scopes: required!, at: now() });
    const before = tokens?.requestedScopes ?? tokens?.scopes;
    return await ask(refusal, { challenge: refusal.challenge, refused: tokens?.accessToken, before });
  }

  async function ask(refusal: CredentialRefusal, reason: Reason): Promise<RefusalVerdict> {
    if (pending === undefined) {
      // Nobody has asked for anything: no tab opens for this.
      if (refusal.background === true && needsPerson(settings.grant)) return { kind: "stands" };
      if (rests()) return verdictOf(failed!.why);
    }
    const why = await waitFor(pending ?? begin(reason));
    return why === undefined ? { kind: "again" } : verdictOf(why);
  }

  /** Whether the last sign-in has come to nothing so lately that there is no use in another one. */
  function rests(): boolean {
    return pending === undefined && failed !== undefined && now() - failed.at < restMs;
  }

  function verdictOf(why: Failure): RefusalVerdict {
    return nowhere.has(why) ? { kind: "stands" } : { kind: "failed", failure: why };
  }

  // Signing in ----------------------------------------------------------------------------------------------------

  function begin(reason: Reason): Pending {
    const mine: Pending = {
      over: signInOnce(reason, (url) => {
        if (mine.url === url) return;
        mine.url = url;
        if (url !== undefined) listener?.shown();
      }).catch(failureOf).then((why) => {
        pending = undefined;
        failed = why === undefined ? undefined : { why, at: now() };
        if (why === undefined) listener?.signedIn();
        else if (!leaving.signal.aborted && !nowhere.has(why)) {
          logger.warn(why.message, { endpoint, hint: why.hint });
        }
        return why;
      }),
      url: undefined,
    };
    return pending = mine;
  }

  async function signInOnce(
    { challenge, refused, before }: Reason,
    shown: (url: string | undefined) => void,
  ): Promise<Failure | undefined> {
    /** Another copy has done it. What it got may have ended since, but can be renewed. */
    const isDone = async () => {
      await tokenStore.load();
      if (tokens === undefined || tokens.accessToken === refused) return false;
      return !isOver(tokens, now()) || tokens.refreshToken !== undefined;
    };
    for (;;) {
      leaving.signal.throwIfAborted();
      using held = await store.tryLock("sign-in");
      if (await isDone()) return undefined;
      if (held === undefined) {
        // It is at it: one tab is enough.
        shown(await store.pendingUrl().catch(() => undefined));
        await pause(LOOK_MS, leaving.signal);
        continue;
      }
      const tell = (url: string) => {
        shown(url);
        void store.setPendingUrl(url).catch(() => {});
      };
      try {
        const got = await signIn({
          mcpUrl,
          challenge: readChallenge(challenge),
          settings,
          known: await store.known(),
          fetch: options.fetch,
          signal: leaving.signal,
          before,
          user: options.user(tell),
        });
        keep(got);
        untried = { since: now(), refusals: 0 };
        await store.save(got);
        logger.info("signed in", { endpoint, issuer: got.issuer });
        return undefined;
      } finally {
        await store.setPendingUrl(undefined).catch(() => {});
      }
    }
  }

  /** Why there is nothing new to show; a sign-in that takes its time goes on. */
  async function waitFor(it: Pending): Promise<Failure | undefined> {
    if (await within(it.over, waitMs)) return await it.over;
    const where = it.url === undefined ? "" : `: ${it.url}`;
    const why = failure("LOGIN_REQUIRED", endpoint, `the user has to sign in first${where}`);
    return it.url === undefined ? why : { ...why, url: it.url };
  }

  function failureOf(error: unknown): Failure {
    if (leaving.signal.aborted) return failure("SHUTTING_DOWN", endpoint, "this program is ending");
    if (!(error instanceof SignInError)) {
      logger.debug("signing in failed", { endpoint, error: String(error) });
      return failure("LOGIN_REQUIRED", endpoint, logger.redact(`signing in failed: ${error}`));
    }
    // It may quote a server that says back what it was told.
    const text = logger.redact(`signing in failed: ${error.message}`);
    // Whoever starts the program can do something about that, and no user.
    const code = error.code === "PERMISSION" ? "PERMISSION" : "LOGIN_REQUIRED";
    const why = failure(code, endpoint, text, error.hint);
    if (error.code === "NO_METADATA") nowhere.add(why);
    return why;
  }

  return {
    get identity() {
      return tokens === undefined
        ? ""
        : JSON.stringify([tokens.issuer, tokens.client.clientId, tokens.scopes]);
    },
    headersFor,
    refused,
    accepted() {
      untried = undefined;
    },
    async signIn() {
      await (loaded ??= tokenStore.load());
      const it = pending ?? begin({ challenge: undefined, refused: tokens?.accessToken, before: undefined });
      return await it.over;
    },
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
      listener = it;
    },
    leave() {
      // Without a person it takes no longer than a request.
      if (needsPerson(settings.grant)) leaving.abort();
    },
    close() {
      leaving.abort();
      closing.abort();
    },
  };
}
