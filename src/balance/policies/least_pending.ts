import type { PoolView } from "./view.ts";

/** The golden ratio's fraction: its multiples fall evenly between 0 and 1. */
const GOLDEN = 0.6180339887498949;

/**
 * Chooses the one with the fewest requests without an answer, measured by its weight and share.
 *
 * Those that are equal take turns, each as often as its weight and share are to those of the others: otherwise the first of
 * an idle pool would get everything, and one that starts slowly as much as the others.
 *
 * @param turn a whole number of at least 0, one more at each choice
 * @returns an index, −1 when none is available
 */
export function leastPending(view: PoolView, turn: number): number {
  const { available, availableCount, pending, weights, shares } = view;
  let best = -1;
  let bestPending = 0;
  let bestCapacity = 1;
  let equals = 0;
  let equalCapacity = 0;
  let alike = true;
  for (let i = 0; i < availableCount; i++) {
    const index = available[i]!;
    const capacity = weights[index]! * shares[index]!;
    // pending/capacity of both, compared without a division.
    const here = pending[index]! * bestCapacity;
    const there = bestPending * capacity;
    if (best === -1 || here < there) {
      best = index;
      bestPending = pending[index]!;
      bestCapacity = capacity;
      equals = 1;
      equalCapacity = capacity;
      alike = true;
    } else if (here === there) {
      equals++;
      equalCapacity += capacity;
      if (capacity !== bestCapacity) alike = false;
    }
  }
  if (equals <= 1) return best;
  let left = alike ? turn % equals : turn * GOLDEN % 1 * equalCapacity;
  let last = best;
  for (let i = 0; i < availableCount; i++) {
    const index = available[i]!;
    const capacity = weights[index]! * shares[index]!;
    if (pending[index]! * bestCapacity !== bestPending * capacity) continue;
    left -= alike ? 1 : capacity;
    if (left < 0) return index;
    last = index;
  }
  return last;
}
