import type { PoolView } from "./view.ts";

/**
 * Chooses by lot: each as often as its weight and share are to those of all.
 *
 * @param draw from 0 up to 1
 * @returns an index, −1 when none is available
 */
export function random(view: PoolView, draw: number): number {
  const { available, availableCount, weights, shares } = view;
  if (availableCount === 0) return -1;
  let total = 0;
  for (let i = 0; i < availableCount; i++) total += weights[available[i]!]! * shares[available[i]!]!;
  let left = draw * total;
  for (let i = 0; i < availableCount; i++) {
    const index = available[i]!;
    left -= weights[index]! * shares[index]!;
    if (left < 0) return index;
  }
  // The subtractions round otherwise than the sum.
  return available[availableCount - 1]!;
}
