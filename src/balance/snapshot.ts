/** What an upstream of a pool is doing. */
export type UpstreamState =
  /** Nothing has been asked of it yet. */
  | "unused"
  | "up"
  /** It is back after a failure, and gets more little by little. */
  | "slow_start"
  /** It has asked to be left alone for a while. */
  | "resting"
  /** It is slower, or fails more often, than the others, and is left out for a while. */
  | "ejected"
  /** Its circuit is open: it can't be reached, or fails. */
  | "down"
  /** Its circuit is half open: one request shows whether it is back. */
  | "trial"
  /** It takes nothing new, and goes once it has answered. */
  | "draining";

/** How long answers took of late, in milliseconds; absent while there are none. */
export interface LatencySnapshot {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** One upstream at one moment. Counters count from the start of the program. */
export interface UpstreamSnapshot {
  /** The endpoint as the user wrote it, without secrets. */
  readonly endpoint: string;
  readonly state: UpstreamState;
  /** Why it is in that state, where it is not up; without secrets. */
  readonly why?: string;
  /** Since when, in milliseconds since 1970. */
  readonly since: number;
  readonly weight: number;
  /** Requests that have no answer yet. */
  readonly inFlight: number;
  /** Requests that were sent there, checks not included. */
  readonly requests: number;
  /** Those that were answered, with a result or an error of the server's. */
  readonly answered: number;
  /** Those that failed: lost, not sent, refused. */
  readonly failed: number;
  /** Those of the failed that another upstream took over. */
  readonly moved: number;
  /** How often its circuit has opened. */
  readonly opened: number;
  /** How often it was ejected. */
  readonly ejected: number;
  readonly checks: number;
  readonly checksFailed: number;
  readonly latency?: LatencySnapshot;
  /** How many answers took up to so many milliseconds, cumulative, in ascending order; the last bound is `Infinity`. */
  readonly histogram: readonly (readonly [upToMs: number, count: number])[];
  /** The sum of what all answers took, in milliseconds. */
  readonly latencySumMs: number;
}

/** A pool at one moment. */
export interface PoolSnapshot {
  readonly policy: string;
  /** When the program started, in milliseconds since 1970. */
  readonly startedAt: number;
  /** When this was taken, in milliseconds since 1970. */
  readonly takenAt: number;
  /** At least one upstream takes requests. */
  readonly ready: boolean;
  readonly upstreams: readonly UpstreamSnapshot[];
}
