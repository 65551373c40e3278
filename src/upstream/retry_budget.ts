/** How many repetitions an endpoint gets: a failing one is not flooded with them. */
export interface RetryBudget {
  /** Takes one; `false` when there is none left. */
  take(): boolean;
  /** A request was answered: the endpoint has earned a part of one. */
  earn(): void;
}

/** What there is to begin with, and at most. */
const MOST = 256;
/** What an answer earns. */
const EARNED = 0.25;
/** What comes by itself, a second. */
const EACH_SECOND = 2;

/**
 * Makes a {@linkcode RetryBudget}.
 *
 * @param now the time in milliseconds
 */
export function createRetryBudget(now: () => number = () => performance.now()): RetryBudget {
  let left = MOST;
  let seen = now();

  function gain(more: number): void {
    left = Math.min(MOST, left + more);
  }

  return {
    take() {
      const time = now();
      gain(((time - seen) / 1000) * EACH_SECOND);
      seen = time;
      if (left < 1) return false;
      left--;
      return true;
    },
    earn: () => gain(EARNED),
  };
}
