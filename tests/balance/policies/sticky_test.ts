import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { sticky } from "../../../src/balance/policies/sticky.ts";
import { anyPool, type TestUpstream, viewOf } from "./view_of.ts";

const here: TestUpstream = {};
const away: TestUpstream = { away: true };

const CASES: readonly { name: string; pool: readonly TestUpstream[]; present: number; chosen: number }[] = [
  { name: "the first to begin with", pool: [here, here], present: -1, chosen: 0 },
  { name: "the first available to begin with", pool: [away, here, here], present: -1, chosen: 1 },
  { name: "the present one", pool: [here, here, here], present: 1, chosen: 1 },
  { name: "the next when it is away", pool: [here, away, here], present: 1, chosen: 2 },
  { name: "from the end on to the beginning", pool: [away, here, away], present: 2, chosen: 1 },
  { name: "the first when the pool has shrunk", pool: [here, here], present: 7, chosen: 0 },
  { name: "nobody", pool: [away, away], present: 1, chosen: -1 },
];

for (const { name, pool, present, chosen } of CASES) {
  Deno.test(`sticky: ${name}`, () => strictEqual(sticky(viewOf(pool), present), chosen));
}

Deno.test("sticky chooses an available upstream, and stays with it", () => {
  fc.assert(fc.property(anyPool(), fc.integer({ min: -1, max: 50 }), (pool, present) => {
    const view = viewOf(pool);
    const index = sticky(view, present);
    if (view.availableCount === 0) return strictEqual(index, -1);
    strictEqual(view.isAvailable[index], 1);
    strictEqual(sticky(view, index), index);
  }));
});
