import type { PoolView } from "./view.ts";

/**
 * Stays with one upstream while it is available; then takes the first available one after it, and from the end goes on at
 * the beginning.
 *
 * @param present the index that was chosen last, −1 at first
 * @returns an index, −1 when none is available
 */
export function sticky(view: PoolView, present: number): number {
  const { size, available, availableCount, isAvailable } = view;
  if (availableCount === 0) return -1;
  for (let index = Math.max(0, present); index < size; index++) if (isAvailable[index] === 1) return index;
  return available[0]!;
}
