import fc from "fast-check";
import { hashText } from "../../../src/balance/policies/hash_text.ts";
import type { PoolView } from "../../../src/balance/policies/view.ts";

/** An upstream of a test; what is left out is as of one that is up and idle. */
export interface TestUpstream {
  readonly away?: boolean;
  readonly weight?: number;
  readonly share?: number;
  readonly pending?: number;
  readonly latency?: number;
  /** Its endpoint; otherwise it is named by its index. */
  readonly name?: string;
}

/** The view of a pool of these. */
export function viewOf(upstreams: readonly TestUpstream[]): PoolView {
  const here = upstreams.flatMap((upstream, index) => upstream.away === true ? [] : [index]);
  const available = new Int32Array(upstreams.length).fill(-7);
  available.set(here);
  return {
    size: upstreams.length,
    availableCount: here.length,
    available,
    isAvailable: Uint8Array.from(upstreams, (upstream) => upstream.away === true ? 0 : 1),
    weights: Float64Array.from(upstreams, (upstream) => upstream.weight ?? 1),
    heaviest: Math.max(0, ...upstreams.map((upstream) => upstream.weight ?? 1)),
    shares: Float64Array.from(upstreams, (upstream) => upstream.share ?? 1),
    pending: Int32Array.from(upstreams, (upstream) => upstream.pending ?? 0),
    latencies: Float64Array.from(upstreams, (upstream) => upstream.latency ?? 0),
    seeds: Uint32Array.from(
      upstreams,
      (upstream, index) => hashText(upstream.name ?? `http://host-${index}/mcp`),
    ),
  };
}

/** So many alike. */
export function alike(count: number, upstream: TestUpstream = {}): TestUpstream[] {
  return Array(count).fill(upstream);
}

/** Any upstream. */
export const anyUpstream: fc.Arbitrary<TestUpstream> = fc.record({
  away: fc.boolean(),
  weight: fc.constantFrom(0.1, 1, 1, 2, 3.5, 100),
  share: fc.constantFrom(1, 1, 0.1, 0.55),
  pending: fc.constantFrom(0, 0, 1, 7, 64),
  latency: fc.constantFrom(0, 0.2, 5, 1000),
});

/** Any pool, of no more than so many upstreams. */
export function anyPool(most = 40): fc.Arbitrary<TestUpstream[]> {
  return fc.array(anyUpstream, { maxLength: most });
}

/** From 0 up to 1, as `Math.random`. */
export const anyDraw: fc.Arbitrary<number> = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/** How often each of so many was chosen. */
export function countChoices(size: number, choices: number, choose: (i: number) => number): number[] {
  const counts = Array<number>(size).fill(0);
  for (let i = 0; i < choices; i++) counts[choose(i)]! += 1;
  return counts;
}

/** A generator of draws that is the same in every run. */
export function seededDraw(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    // "mulberry32"
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
