/** What a choice of the balancer costs. */
import { createChooser } from "../../src/balance/policies/choose.ts";
import { mix32 } from "../../src/balance/policies/mix32.ts";
import type { PoolView } from "../../src/balance/policies/view.ts";
import type { PolicyName } from "../../src/config/balance_settings.ts";
import { median } from "./statistics.ts";

const BATCHES = 301;
/** How long a batch takes about: long beside the clock's steps, and so short that few are interrupted on a busy machine. */
const BATCH_MS = 0.3;

/**
 * Measures what one choice takes, in microseconds: the median of batches, in a pool as it is in use, some upstreams of which
 * are away, starting slowly, or of another weight. Each choice is of another key, and the chosen one gets a request more.
 */
export function choiceCostUs(policy: PolicyName, size: number): number {
  const choose = createChooser(policy);
  const view = busyPool(size);
  let key = 0;
  function batch(choices: number): number {
    const start = performance.now();
    for (let i = 0; i < choices; i++) {
      key = (key + 0x9e3779b9) >>> 0;
      const index = choose(view, key);
      view.pending[index] = (view.pending[index]! + 1) % 8;
    }
    return performance.now() - start;
  }
  // The first ones warm up; then it is found how many fill a batch.
  for (const start = performance.now(); performance.now() - start < 30;) batch(100);
  let choices = 64;
  while (batch(choices) < BATCH_MS) choices *= 2;
  return median(Array.from({ length: BATCHES }, () => batch(choices) * 1000 / choices));
}

/** Every tenth is away, starts slowly, or weighs more, where there are as many. */
function busyPool(size: number): PoolView {
  const isAvailable = new Uint8Array(size).map((_, i) => i % 10 === 7 ? 0 : 1);
  const available = Int32Array.from(isAvailable.keys()).filter((i) => isAvailable[i] === 1);
  return {
    size,
    availableCount: available.length,
    available,
    isAvailable,
    weights: new Float64Array(size).map((_, i) => i % 10 === 2 ? 2.5 : 1),
    heaviest: 2.5,
    shares: new Float64Array(size).map((_, i) => i % 10 === 1 ? 0.4 : 1),
    pending: new Int32Array(size).map((_, i) => mix32(i) % 8),
    latencies: new Float64Array(size).map((_, i) => i % 10 === 3 ? 0 : 5 + mix32(i) % 50),
    seeds: new Uint32Array(size).map((_, i) => mix32(i)),
  };
}
