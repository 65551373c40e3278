import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { leastPending } from "../../../src/balance/policies/least_pending.ts";
import { alike, anyPool, countChoices, type TestUpstream, viewOf } from "./view_of.ts";

const CASES: readonly { name: string; pool: readonly TestUpstream[]; chosen: number }[] = [
  { name: "fewest", pool: [{ pending: 3 }, { pending: 1 }, { pending: 2 }], chosen: 1 },
  {
    name: "fewest, though away",
    pool: [{ pending: 3 }, { pending: 1, away: true }, { pending: 2 }],
    chosen: 2,
  },
  { name: "fewest for its weight", pool: [{ pending: 3 }, { pending: 8, weight: 4 }], chosen: 1 },
  { name: "too many for its share", pool: [{ pending: 5 }, { pending: 2, share: 0.2 }], chosen: 0 },
  { name: "nobody", pool: [{ away: true }], chosen: -1 },
  { name: "nobody at all", pool: [], chosen: -1 },
];

for (const { name, pool, chosen } of CASES) {
  Deno.test(`least pending: ${name}`, () => {
    for (let turn = 0; turn < 7; turn++) strictEqual(leastPending(viewOf(pool), turn), chosen);
  });
}

Deno.test("least pending spreads evenly over those that are equal", () => {
  const view = viewOf([{ pending: 1 }, {}, { pending: 2 }, {}, { away: true }, {}]);
  deepStrictEqual(countChoices(6, 300, (turn) => leastPending(view, turn)), [0, 100, 0, 100, 0, 100]);
});

Deno.test("least pending gives idle upstreams work by weight and share", () => {
  const view = viewOf([{ weight: 3 }, {}, { share: 0.1 }, {}]);
  const counts = countChoices(4, 5100, (turn) => leastPending(view, turn));
  deepStrictEqual(counts.map((count) => Math.round(count / 100)), [30, 10, 1, 10]);
});

Deno.test("least pending chooses an available upstream with the least load, or says that there is none", () => {
  fc.assert(fc.property(anyPool(), fc.nat(), (pool, turn) => {
    const view = viewOf(pool);
    const index = leastPending(view, turn);
    if (view.availableCount === 0) return strictEqual(index, -1);
    strictEqual(view.isAvailable[index], 1);
    const load = (i: number) => view.pending[i]! / (view.weights[i]! * view.shares[i]!);
    for (const other of view.available.subarray(0, view.availableCount)) {
      ok(load(index) <= load(other) * (1 + 1e-12));
    }
  }));
});

Deno.test("least pending fills a pool evenly when nothing is answered", () => {
  const view = viewOf(alike(7));
  for (let turn = 0; turn < 71; turn++) view.pending[leastPending(view, turn)]! += 1;
  strictEqual(Math.max(...view.pending), 11);
  strictEqual(Math.min(...view.pending), 10);
});
