import { mix32 } from "../../src/balance/policies/mix32.ts";
import type { PoolView } from "../../src/balance/policies/view.ts";

/** A view that the simulation may change. */
export type SimulatedView = { -readonly [K in keyof PoolView]: PoolView[K] };

/** Makes a pool of idle upstreams that are all available. */
export function createView(size: number, weights?: Float64Array): SimulatedView {
  const own = weights ?? new Float64Array(size).fill(1);
  return {
    size,
    availableCount: size,
    available: new Int32Array(size).map((_, i) => i),
    isAvailable: new Uint8Array(size).fill(1),
    weights: own,
    heaviest: Math.max(...own),
    shares: new Float64Array(size).fill(1),
    pending: new Int32Array(size),
    latencies: new Float64Array(size),
    seeds: new Uint32Array(size).map((_, i) => mix32(i)),
  };
}

/** Brings what is available up to date with who is. */
export function listAvailable(view: SimulatedView): void {
  let count = 0;
  for (let i = 0; i < view.size; i++) if (view.isAvailable[i] === 1) view.available[count++] = i;
  view.availableCount = count;
}
