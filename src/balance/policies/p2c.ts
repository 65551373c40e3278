import type { PoolView } from "./view.ts";

/**
 * Draws two by lot and chooses the one that will probably answer sooner: the usual latency, times the requests it has to
 * answer first and this one, by its weight and share. Two draws are nearly as good as a look at all, and unlike it do not
 * send everybody to the same upstream at once.
 *
 * Of an upstream whose latency is not known yet, the average of the others is expected.
 *
 * @param randomA from 0 up to 1, draws the first
 * @param randomB from 0 up to 1, draws the second
 * @returns an index, −1 when none is available
 */
export function powerOfTwo(view: PoolView, randomA: number, randomB: number): number {
  const { available, availableCount, latencies, pending, weights, shares } = view;
  if (availableCount === 0) return -1;
  const placeA = Math.floor(randomA * availableCount);
  const a = available[placeA]!;
  if (availableCount === 1) return a;
  // The second is drawn among the others.
  const placeB = Math.floor(randomB * (availableCount - 1));
  const b = available[placeB < placeA ? placeB : placeB + 1]!;
  let latencyA = latencies[a]!;
  let latencyB = latencies[b]!;
  if (latencyA === 0 || latencyB === 0) {
    const usual = latencyA === latencyB ? 1 : averageLatency(view);
    if (latencyA === 0) latencyA = usual;
    if (latencyB === 0) latencyB = usual;
  }
  const costA = latencyA * (pending[a]! + 1) * weights[b]! * shares[b]!;
  const costB = latencyB * (pending[b]! + 1) * weights[a]! * shares[a]!;
  return costA <= costB ? a : b;
}

/** The average of those that are known. */
function averageLatency({ available, availableCount, latencies }: PoolView): number {
  let sum = 0;
  let known = 0;
  for (let i = 0; i < availableCount; i++) {
    const latency = latencies[available[i]!]!;
    sum += latency;
    if (latency > 0) known++;
  }
  return sum / known;
}
