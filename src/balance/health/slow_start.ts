/** What an upstream gets at once when it is back: enough to show that it answers. */
const FIRST_SHARE = 0.1;

/**
 * The part of its weight that an upstream gets which was away: a tenth at first, and evenly more until it has all.
 *
 * @param slowStartMs how long that takes; 0: it has all at once
 * @returns above 0 and up to 1
 */
export function slowStartShare(nowMs: number, backSinceMs: number, slowStartMs: number): number {
  if (slowStartMs <= 0) return 1;
  const done = Math.min(1, Math.max(0, (nowMs - backSinceMs) / slowStartMs));
  return FIRST_SHARE + (1 - FIRST_SHARE) * done;
}
