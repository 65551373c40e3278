import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { powerOfTwo } from "../../../src/balance/policies/p2c.ts";
import { alike, anyDraw, anyPool, countChoices, seededDraw, type TestUpstream, viewOf } from "./view_of.ts";

const CASES: readonly { name: string; pool: readonly TestUpstream[]; chosen: number }[] = [
  { name: "the faster", pool: [{ latency: 30 }, { latency: 10 }], chosen: 1 },
  {
    name: "the one with less to do",
    pool: [{ latency: 10, pending: 1 }, { latency: 10, pending: 3 }],
    chosen: 0,
  },
  { name: "the slower that is idle", pool: [{ latency: 10, pending: 3 }, { latency: 30 }], chosen: 1 },
  { name: "the heavier", pool: [{ latency: 10 }, { latency: 10, weight: 2 }], chosen: 1 },
  {
    name: "not the one that starts slowly",
    pool: [{ latency: 10, share: 0.1 }, { latency: 10, pending: 4 }],
    chosen: 1,
  },
  { name: "the less busy while no latency is known", pool: [{ pending: 2 }, { pending: 1 }], chosen: 1 },
  { name: "an unknown one is as fast as the average", pool: [{ latency: 10, pending: 1 }, {}], chosen: 1 },
  { name: "the only one", pool: [{ away: true }, { latency: 10 }], chosen: 1 },
  { name: "nobody", pool: [{ away: true }], chosen: -1 },
];

for (const { name, pool, chosen } of CASES) {
  Deno.test(`two choices: ${name}`, () => {
    const draw = seededDraw(4);
    for (let i = 0; i < 20; i++) strictEqual(powerOfTwo(viewOf(pool), draw(), draw()), chosen);
  });
}

Deno.test("two choices never draw the same upstream twice: the worst is never chosen", () => {
  const view = viewOf([{}, { pending: 9 }, {}, {}, {}]);
  const draw = seededDraw(5);
  strictEqual(countChoices(5, 5000, () => powerOfTwo(view, draw(), draw()))[1], 0);
});

Deno.test("two choices draw each pair alike often", () => {
  // Whoever is drawn beats those before it, so the k-th is chosen as often as it is drawn with one of them.
  const view = viewOf([{ pending: 4 }, { pending: 3 }, { pending: 2 }, { pending: 1 }, { pending: 0 }]);
  const draw = seededDraw(6);
  const counts = countChoices(5, 50_000, () => powerOfTwo(view, draw(), draw()));
  for (const [k, count] of counts.entries()) ok(Math.abs(count - k * 5000) < 400, `${counts}`);
});

Deno.test("two choices fill a pool nearly evenly when nothing is answered", () => {
  const view = viewOf(alike(100));
  const draw = seededDraw(7);
  for (let i = 0; i < 10_000; i++) view.pending[powerOfTwo(view, draw(), draw())]! += 1;
  ok(Math.max(...view.pending) <= 104, `${Math.max(...view.pending)}`);
});

Deno.test("two choices choose an available upstream, or say that there is none", () => {
  fc.assert(fc.property(anyPool(), anyDraw, anyDraw, (pool, a, b) => {
    const view = viewOf(pool);
    const index = powerOfTwo(view, a, b);
    if (view.availableCount === 0) strictEqual(index, -1);
    else strictEqual(view.isAvailable[index], 1);
  }));
});
