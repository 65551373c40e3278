import { pause } from "../link/pause.ts";
import { SignInError } from "./errors.ts";
import { unlessAborted } from "./unless_aborted.ts";
import { chooseTokens, isOver, type Tokens } from "./tokens.ts";

/** Where the tokens of one MCP server are kept, for all the processes that use them. */
export interface TokenStore {
  /** Reads what is there now, past any cache. */
  load(): Promise<Tokens | undefined>;
  /** Replaces what is there; `undefined` removes it. */
  save(tokens: Tokens | undefined): Promise<void>;
  /** Does some work while nobody else, in any process, does any. Rejects when the signal aborts before its turn. */
  withLock<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

/** A store that ends with the program. */
export function memoryStore(initial?: Tokens): TokenStore {
  let held = initial;
  let last: Promise<unknown> = Promise.resolve();
  return {
    load: () => Promise.resolve(held),
    save(tokens) {
      held = tokens;
      return Promise.resolve();
    },
    withLock(signal, work) {
      const turn = last.then(() => {
        signal.throwIfAborted();
        return work();
      });
      last = turn.catch(() => {});
      return turn;
    },
  };
}

/** What a refresh that failed means. */
export type RefreshFailure =
  /** It may succeed a little later, with the same refresh token. */
  | { readonly kind: "passing"; readonly retryAfterMs?: number }
  /** The refresh token is worth nothing any more: revoked, run out, or spent by somebody else. */
  | { readonly kind: "spent" }
  /** The client itself is not known, or not allowed to do that: another registration is needed. */
  | { readonly kind: "client" }
  /** It will be the same next time. */
  | { readonly kind: "final" };

/** Says what the error of a refresh means (RFC 6749, section 5.2). */
export function refreshFailure(error: unknown): RefreshFailure {
  if (!(error instanceof SignInError)) return { kind: "final" };
  if (error.transient) {
    return {
      kind: "passing",
      ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    };
  }
  switch (error.oauthError) {
    case "invalid_grant":
      return { kind: "spent" };
    case "invalid_client":
    case "unauthorized_client":
      return { kind: "client" };
    case "temporarily_unavailable":
    case "server_error":
    case "slow_down":
      return { kind: "passing" };
    default:
      return error.code === "EXPIRED" ? { kind: "spent" } : { kind: "final" };
  }
}

/** A refresh that was tried. */
export interface Attempt {
  readonly at: number;
  /** Whether the token's time had come, or the MCP server had refused one that was new. */
  readonly why: "due" | "refused";
  readonly outcome: "renewed" | "failed";
  /** How long the server wants to be left alone. */
  readonly retryAfterMs?: number;
}

/** A token that is refused so soon is not refused because it has run out. */
const NEW_MS = 10_000;
/** So many new tokens, refused in so much time, show that another one is no use. */
const VAIN = 2;
const VAIN_MS = 60_000;

/** Tells why a token is renewed. Where a server says nothing of a token's end, it is refused when it comes. */
export function renewalReason(stored: Tokens, refused: string | undefined, now: number): Attempt["why"] {
  // One that lives no longer than that may have ended on its way.
  const life = stored.expiresAt === undefined ? Infinity : stored.expiresAt - stored.issuedAt;
  const isNew = now - stored.issuedAt < Math.min(NEW_MS, life / 2);
  return stored.accessToken === refused && isNew ? "refused" : "due";
}

/** Tells whether the MCP server refuses each new token at once, so that the next one would be for nothing. */
export function isVain(attempts: readonly Attempt[], now: number): boolean {
  return attempts.filter((it) => it.why === "refused" && it.outcome === "renewed" && it.at > now - VAIN_MS)
    .length >= VAIN;
}

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
/** The longest pause between two tries while requests wait. */
const PATIENCE_MS = 5000;

/**
 * Brakes storms: after a failure each next attempt waits twice as long, and at least as long as the server wants.
 *
 * @param attempts what was tried, the oldest first
 * @returns how long not to try, in milliseconds; 0 to go on
 */
export function brake(attempts: readonly Attempt[], now: number): number {
  let failures = 0;
  while (attempts.at(-1 - failures)?.outcome === "failed") failures++;
  const last = attempts.at(-1);
  if (last === undefined || failures === 0) return 0;
  const backoff = Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), LONGEST_WAIT_MS);
  return Math.max(0, last.at + Math.max(backoff, last.retryAfterMs ?? 0) - now);
}

/** How many attempts {@linkcode brake} needs to know of. */
const REMEMBERED = 16;

/** What came of asking for tokens that can be used. */
export type Fresh =
  | { readonly kind: "tokens"; readonly tokens: Tokens }
  /** A person has to sign in. */
  | { readonly kind: "sign in"; readonly why: "none" | "over" | "spent" | "client" | "refused" }
  /** Not now; it may work after `retryAfterMs`, where that is known. */
  | { readonly kind: "failed"; readonly error: SignInError; readonly retryAfterMs: number | undefined };

/** What a {@linkcode Refresher} needs. */
export interface RefresherOptions {
  readonly store: TokenStore;
  /** Gets the next tokens in place of these. */
  readonly renew: (tokens: Tokens, signal: AbortSignal) => Promise<Tokens>;
  /**
   * Ends the refresher. A refresh that is under way is not for one request alone, and what it has spent is gone: so let
   * it finish if it can.
   */
  readonly signal: AbortSignal;
  /** @default Date.now */
  readonly now?: () => number;
  /** From 0 to 1: how early this process is. @default random */
  readonly random?: number;
  /** Waits; `false` when the signal stopped it. @default for real */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<boolean>;
}

/** Keeps the tokens of one MCP server usable. */
export interface Refresher {
  /**
   * The tokens to use now, renewed if they are due. Callers that come meanwhile get the same. The signal ends the
   * waiting, not the renewal.
   *
   * @param refused the access token that the MCP server refused, if it did
   */
  fresh(signal: AbortSignal, refused?: string): Promise<Fresh>;
}

/** How often a passing failure is tried again at once, while requests wait. */
const TRIES = 3;

/**
 * Makes a {@linkcode Refresher}. One refresh at a time in this process, one at a time on this machine as far as the
 * store's lock reaches; what another process has renewed in the meantime is used and not renewed again, and nothing
 * that another process has stored is ever removed.
 */
export function createRefresher(options: RefresherOptions): Refresher {
  const { store, renew, signal: end, now = Date.now, random = Math.random(), wait = pause } = options;
  let attempts: Attempt[] = [];
  let running: Promise<Fresh> | undefined;

  function note(attempt: Attempt): void {
    attempts = [...attempts, attempt].slice(-REMEMBERED);
  }

  async function work(refused: string | undefined): Promise<Fresh> {
    for (let tries = 1;; tries++) {
      const stored = await store.load();
      const choice = chooseTokens(stored, refused, now(), random);
      if (choice === "use") return { kind: "tokens", tokens: stored! };
      if (choice === "sign in") return { kind: "sign in", why: whyNone(stored, refused) };
      const why = renewalReason(stored!, refused, now());
      if (why === "refused" && isVain(attempts, now())) return { kind: "sign in", why };
      // One that is due but still good can be used whatever becomes of its renewal.
      const spare = stored!.accessToken !== refused && !isOver(stored!, now()) ? stored : undefined;
      const held = brake(attempts, now());
      if (held > 0) {
        if (spare !== undefined) return { kind: "tokens", tokens: spare };
        const error = new SignInError(
          "BUSY",
          "the last attempt to renew the token failed; the next one waits",
        );
        return { kind: "failed", error, retryAfterMs: held };
      }
      try {
        const next = await renew(stored!, end);
        note({ at: now(), why, outcome: "renewed" });
        await store.save(next);
        return { kind: "tokens", tokens: next };
      } catch (error) {
        if (end.aborted) throw error;
        const failure = refreshFailure(error);
        if (failure.kind === "spent" || failure.kind === "client") {
          if (await wasReplaced(stored!)) continue;
          // Where there is nothing to be forgotten, the same would be tried with each request.
          if (stored!.refreshToken === undefined) note({ at: now(), why, outcome: "failed" });
          if (spare !== undefined) return { kind: "tokens", tokens: spare };
          await forget(stored!);
          return { kind: "sign in", why: failure.kind };
        }
        const { retryAfterMs } = failure.kind === "passing" ? failure : { retryAfterMs: undefined };
        note({ at: now(), why, outcome: "failed", ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
        if (spare !== undefined) return { kind: "tokens", tokens: spare };
        const pauseMs = brake(attempts, now());
        const again = failure.kind === "passing" && tries < TRIES && pauseMs <= PATIENCE_MS;
        if (again && await wait(pauseMs, end)) continue;
        end.throwIfAborted();
        return {
          kind: "failed",
          error: error instanceof SignInError
            ? error
            : new SignInError("BAD_TOKEN_ANSWER", "the token can't be renewed"),
          retryAfterMs: pauseMs,
        };
      }
    }
  }

  /** Somebody without the lock, another machine with the same home for example, was faster. */
  async function wasReplaced(spent: Tokens): Promise<boolean> {
    const stored = await store.load();
    return stored !== undefined && stored.accessToken !== spent.accessToken &&
      stored.refreshToken !== spent.refreshToken;
  }

  /** Removes what is worth nothing, unless it is another's by now. */
  async function forget(spent: Tokens): Promise<void> {
    const stored = await store.load();
    if (stored?.accessToken !== spent.accessToken || stored.refreshToken !== spent.refreshToken) return;
    const { refreshToken: _, ...rest } = stored;
    // The access token may outlive its refresh token, and its client is worth knowing.
    await store.save(isOver(rest, now()) ? undefined : rest);
  }

  function start(refused: string | undefined): Promise<Fresh> {
    const result = store.withLock(end, () => work(refused)).finally(() => {
      if (running === result) running = undefined;
    });
    // Whoever started it may have stopped waiting.
    result.catch(() => {});
    return running = result;
  }

  return {
    async fresh(signal, refused) {
      const stored = await store.load();
      if (chooseTokens(stored, refused, now(), random) === "use") return { kind: "tokens", tokens: stored! };
      const fresh = await unlessAborted(running ?? start(refused), signal);
      // One that began for another reason may end with what was refused; then there is a second one.
      if (fresh.kind !== "tokens" || fresh.tokens.accessToken !== refused) return fresh;
      return await unlessAborted(running ?? start(refused), signal);
    },
  };
}

function whyNone(stored: Tokens | undefined, refused: string | undefined): "none" | "over" | "refused" {
  if (stored === undefined) return "none";
  return stored.accessToken === refused ? "refused" : "over";
}
