/**
 * What a policy sees of the upstreams, each at its index. The arrays are the balancer's own and change from choice to choice;
 * a policy reads them, and only them.
 */
export interface PoolView {
  /** How many upstreams there are. */
  readonly size: number;
  /** How many of them may be chosen. */
  readonly availableCount: number;
  /** Their indexes, in ascending order: the first {@linkcode availableCount} elements. */
  readonly available: Int32Array;
  /** 1 for those that may be chosen, else 0. */
  readonly isAvailable: Uint8Array;
  /** The operator's weights; 1 where none was given. Always above 0. */
  readonly weights: Float64Array;
  /** None of the weights is above it. */
  readonly heaviest: number;
  /** The part of its weight that an upstream gets for now, above 0 and up to 1: less than 1 during a slow start. */
  readonly shares: Float64Array;
  /** Requests that have no answer yet. */
  readonly pending: Int32Array;
  /** The moving average of how long an answer takes, in milliseconds; 0 while there is none. */
  readonly latencies: Float64Array;
  /** What tells an upstream from others for good, whatever its index: a hash of its endpoint. */
  readonly seeds: Uint32Array;
}
