import { mix32 } from "./mix32.ts";
import type { PoolView } from "./view.ts";

/** How many are asked in vain; that all of so many pass says that all of the pool starts slowly. */
const MOST_PASSES = 16;

/**
 * Chooses one after the other.
 *
 * An upstream with a share of 0.2 passes in 80 % of its turns, and its turn goes to one drawn by lot that does not pass: so
 * each gets what its share is to the sum of all shares, and no neighbour is hit by what another leaves out.
 *
 * @param turn a whole number of at least 0, one more at each choice
 * @param random from 0 up to 1, decides who passes
 * @returns an index, −1 when none is available
 */
export function roundRobin(view: PoolView, turn: number, random: number): number {
  const { available, availableCount, shares } = view;
  if (availableCount === 0) return -1;
  let index = available[turn % availableCount]!;
  if (shares[index]! >= 1 || availableCount === 1) return index;
  // One number is enough for all draws: it seeds a generator.
  let state = mix32(random * 0x1_0000_0000);
  for (let passes = 0; passes < MOST_PASSES; passes++) {
    if (state < shares[index]! * 0x1_0000_0000) return index;
    state = mix32(state + 0x9e3779b9);
    index = available[Math.floor(state / 0x1_0000_0000 * availableCount)]!;
    state = mix32(state + 0x9e3779b9);
  }
  return index;
}
