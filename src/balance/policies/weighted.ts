import type { PoolView } from "./view.ts";

/**
 * Chooses one after the other, each as often as its weight and share say, and as evenly spread over time as can be: with
 * the weights 5, 1, 1 it is a a b a c a a. This is the smooth weighted round robin of nginx: at each choice everybody gets
 * its weight as credit, the one with the most is chosen and pays what all have got.
 *
 * @param credits what the upstreams have, each at its index: the memory from choice to choice, which this changes. It starts
 * with zeros and is at least as long as the pool.
 * @returns an index, −1 when none is available
 */
export function weighted(view: PoolView, credits: Float64Array): number {
  const { size, available, availableCount, isAvailable, weights, shares } = view;
  if (availableCount === 0) return -1;
  let each = 0;
  if (availableCount < size) {
    // Who is away keeps nothing, neither debts that would keep it away when it is back, nor savings that would flood it.
    // The others share them, so that the sum stays zero.
    for (let index = 0; index < size; index++) {
      if (isAvailable[index] === 1) continue;
      each += credits[index]!;
      credits[index] = 0;
    }
    each /= availableCount;
  }
  let best = -1;
  let most = -Infinity;
  let total = 0;
  for (let i = 0; i < availableCount; i++) {
    const index = available[i]!;
    const weight = weights[index]! * shares[index]!;
    const credit = credits[index]! + weight + each;
    credits[index] = credit;
    total += weight;
    if (credit > most) {
      best = index;
      most = credit;
    }
  }
  credits[best] = most - total;
  return best;
}
