import { mix32 } from "./mix32.ts";
import type { PoolView } from "./view.ts";

/** Lots are spread evenly from 0 to this, and are neither. */
const LOTS = 0x1_0000_0000;
/** The least and the greatest of them as they are drawn. */
const LEAST = -0x8000_0000;
const GREATEST = 0x7fff_ffff;

/**
 * Chooses the same upstream for the same key, each for as many keys as its weight and share say.
 *
 * This is rendezvous hashing: key and upstream together draw a lot, and the best lot wins. So keys move only from an
 * upstream that goes, or to one that comes, and in a slow start they come back little by little, each once. The lots depend
 * on the seeds alone: not on the order of upstreams, nor on the process.
 *
 * @param key a 32-bit hash
 * @returns an index, −1 when none is available
 */
export function hash(view: PoolView, key: number): number {
  const { available, availableCount, weights, shares, seeds, heaviest } = view;
  const scattered = mix32(key);
  let best = -1;
  let bestSeed = 0;
  let soonest = Infinity;
  // Above this no lot wins, whatever its weight: that tells nearly all apart with small integers alone.
  let limit = GREATEST;
  for (let i = 0; i < availableCount; i++) {
    const index = available[i]!;
    const seed = seeds[index]!;
    const drawn = draw(seed ^ scattered);
    if (drawn > limit) continue;
    const lot = drawn - LEAST + 0.5;
    const weight = weights[index]! * shares[index]!;
    // It is a race: with lots from 0 to 1, −ln(1 − lot) / weight is when this one arrives, and each is the first as often as
    // its weight is to the sum. As −ln(1 − lot) > lot, nearly all are out of the race without a logarithm.
    if (lot > soonest * weight) continue;
    const arrival = -LOTS * Math.log1p(-lot / LOTS) / weight;
    if (arrival < soonest || (arrival === soonest && seed > bestSeed)) {
      best = index;
      bestSeed = seed;
      soonest = arrival;
      limit = Math.min(GREATEST, LEAST + Math.ceil(soonest * heaviest)) | 0;
    }
  }
  return best;
}

/** A signed 32-bit lot. Both that made the number are scattered already, so that less is needed than {@linkcode mix32} does. */
function draw(value: number): number {
  const mixed = Math.imul(value, 0x21f0aaad);
  return Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
}
