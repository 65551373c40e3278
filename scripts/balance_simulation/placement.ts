import { createChooser } from "../../src/balance/policies/choose.ts";
import type { PolicyName } from "../../src/config/balance_settings.ts";
import { createDraws } from "./draws.ts";
import { createView } from "./view.ts";

/**
 * Places requests that are never answered, and tells how many are at the upstream with the most: "balls into bins".
 * Latencies are unknown, and each request has a key of its own.
 */
export function greatestLoad(policy: PolicyName, upstreams: number, requests: number, seed: number): number {
  const { uniform } = createDraws(seed);
  const choose = createChooser(policy, uniform);
  const view = createView(upstreams);
  for (let i = 0; i < requests; i++) view.pending[choose(view, uniform() * 0x1_0000_0000)]! += 1;
  return view.pending.reduce((most, count) => Math.max(most, count), 0);
}
