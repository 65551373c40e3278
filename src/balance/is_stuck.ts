/** What speaks for or against an upstream that says nothing. Times are milliseconds of one clock. */
export interface Quiet {
  readonly now: number;
  /** When it has said anything last: an answer, progress, a question, a sign of life. */
  readonly heardAt: number;
  /** When the first request was sent that it has got since. */
  readonly waitsSince: number;
  /** When it ought to have answered one of those at the latest; `Infinity` while that is not known. */
  readonly dueAt: number;
  /** When it got its last. */
  readonly sentAt: number;
  /** Its requests that have no answer yet. */
  readonly pending: number;
  /** How many it would have if all that are pending were spread as they should be. */
  readonly fairShare: () => number;
}

/** An answer may take so many times as long as usual, and so many milliseconds, before it is overdue. */
const OVERDUE_TIMES = 1.5;
const OVERDUE_MS = 10;
/** It has to have so many times its share, and one. */
const SHARES = 1.25;
/** It is given one to try after so long; later after twice as long each time. */
const TRY_MS = 1000;

/**
 * When a request is overdue, from when it was sent.
 *
 * @param usualMs how long this upstream usually takes for its kind; `undefined` where nobody has answered one yet: then it
 * never is
 */
export function overdueAfter(usualMs: number | undefined): number {
  return usualMs === undefined ? Infinity : OVERDUE_TIMES * usualMs + OVERDUE_MS;
}

/**
 * Tells whether an upstream would only collect what others could answer. A check takes seconds to show that it hangs; until
 * then it would get everything that a client has in flight, of which only what is safe can be taken from it.
 *
 * It is stuck when all of this holds:
 * - It has said nothing since it got a request that is overdue by what this kind usually takes there. Long calls of a kind
 *   that always takes long say nothing, nor do calls of an unknown kind, nor those that are merely overtaken by later ones.
 * - It has more than its share of what is pending, so that others would really answer sooner.
 * - It was given one to try not long ago.
 *
 * An upstream that is well is so left out for a second at most, and only for requests that may as well go elsewhere.
 */
export function isStuck(
  { now, heardAt, waitsSince, dueAt, sentAt, pending, fairShare }: Quiet,
): boolean {
  if (pending < 2 || now < dueAt || waitsSince <= heardAt) return false;
  if (now - sentAt >= Math.max(TRY_MS, sentAt - waitsSince)) return false;
  return pending > SHARES * fairShare() + 1;
}
