import type { Failure } from "../link/failure.ts";
import type { Outcome } from "../link/peer.ts";
import { ranFor } from "../link/ran.ts";
import { isSafeToRepeat, type ToolHints } from "../mcp/safety.ts";

/** What is known when a request has failed. Times in milliseconds. */
export interface RetrySituation {
  readonly outcome: Outcome;
  readonly method: string;
  /** What the tool that is called says of itself; `undefined` when its hints were never seen. */
  readonly hints: ToolHints | undefined;
  /** How often the request has been repeated already. */
  readonly repeats: number;
  /** How often it may be at most. */
  readonly attempts: number;
  /** The base of the wait: doubled with each repetition, of which a random part is waited. */
  readonly delayMs: number;
  /** How long it has been under way, waits included. */
  readonly elapsedMs: number;
  /** How long it may be at most. */
  readonly totalMs: number;
  /** How long connecting may take, all attempts together. */
  readonly connectMs: number;
  /** From 0 to 1. */
  readonly random: number;
}

/** What is to be done about it. */
export type RetryVerdict =
  /** Nothing: the outcome is the answer. */
  | { readonly kind: "final" }
  /** Nothing, and nobody can tell whether it ran. */
  | { readonly kind: "unknown" }
  /** It is sent again after a wait. */
  | { readonly kind: "again"; readonly afterMs: number };

/** The longest wait of our own choosing, in milliseconds. */
const LONGEST_MS = 30_000;

/** Failures before anything was sent that may be over the next time. */
const PASSING: ReadonlySet<string> = new Set(["UNREACHABLE", "CONNECT_TIMEOUT", "CONNECTION_LOST"]);
/** Statuses of gateways whose server may, or may not, have got the request; and 408, whose request came in part. */
const GATEWAY: ReadonlySet<number> = new Set([408, 502, 503, 504]);

/**
 * Decides whether a request is sent again. It is if it surely did not run (there was no connection, or the server asked to
 * come back later), or if running twice does no harm. A refusal stands, and so does the end of our patience.
 *
 * | outcome | safe to repeat | otherwise |
 * |---|---|---|
 * | not sent: unreachable, no name, no connection in time | again | again |
 * | not sent: its session could not be restored for a 408, 502, 503 or 504 | again | again |
 * | not sent: no permission, no such command, TLS, … | final | final |
 * | retry later: 429, 503 with `Retry-After` | again then | again then |
 * | lost: reset, broken stream | again | unknown |
 * | refused with 408, 502, 503, 504 | again | unknown |
 * | refused otherwise, unauthorized, session unknown | final | final |
 */
export function judgeRetry(it: RetrySituation): RetryVerdict {
  const { outcome } = it;
  const safe = isSafeToRepeat(it.method, it.hints);
  switch (outcome.kind) {
    case "not_sent":
      return PASSING.has(outcome.failure.code) || GATEWAY.has(outcome.failure.status ?? 0)
        ? again(it, { kind: "final" })
        : { kind: "final" };
    case "retry_later":
      return again(it, { kind: "final" }, outcome.afterMs);
    case "lost":
      return safe ? again(it, { kind: "final" }) : { kind: "unknown" };
    case "refused":
      if (!GATEWAY.has(outcome.status ?? 0)) return { kind: "final" };
      return safe ? again(it, { kind: "final" }) : { kind: "unknown" };
    default:
      return { kind: "final" };
  }
}

function again(it: RetrySituation, otherwise: RetryVerdict, leastMs = 0): RetryVerdict {
  const afterMs = leastMs + backoffMs(it.repeats, it.delayMs, it.random);
  const late = "failure" in it.outcome && it.outcome.failure.code === "CONNECT_TIMEOUT";
  const totalMs = late ? Math.min(it.totalMs, it.connectMs) : it.totalMs;
  if (it.repeats >= it.attempts || it.elapsedMs + afterMs > totalMs) return otherwise;
  return { kind: "again", afterMs };
}

/**
 * The wait before repetition number `repeats` (from 0), in milliseconds: full jitter, so that those who failed together
 * don't come back together.
 */
export function backoffMs(repeats: number, delayMs: number, random: number): number {
  return Math.round(Math.min(LONGEST_MS, delayMs * 2 ** Math.min(repeats, 20)) * random);
}

/** Tells whether a request with this outcome may have been carried out. */
export function mayHaveRun(outcome: Outcome): boolean {
  return outcome.kind === "answered" || (outcome.kind !== "cancelled" && ranFor(outcome) === "unknown");
}

/**
 * The outcome of a request of which an earlier attempt may have been carried out: that the last one surely was not says
 * nothing then.
 */
export function notKnownToHaveRun(outcome: Outcome): Outcome {
  if (!("failure" in outcome) || mayHaveRun(outcome)) return outcome;
  if ("answer" in outcome && outcome.answer !== undefined) return outcome;
  const { failure } = outcome;
  return {
    kind: "lost",
    failure: { ...failure, message: `${failure.message}; an earlier attempt may have been carried out` },
    lastEventId: undefined,
  };
}

/**
 * Decides whether a notification is sent again: when there was no connection, and for `initialized`, which does no harm
 * twice and without which some servers answer nothing, also when it may be over the next time.
 */
export function judgeNotification(method: string | undefined, why: Failure): boolean {
  if (why.code === "UNREACHABLE") return true;
  if (method !== "notifications/initialized") return false;
  return PASSING.has(why.code) || why.code === "RETRY_LATER" || GATEWAY.has(why.status ?? 0);
}
