import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { random } from "../../../src/balance/policies/random.ts";
import { anyDraw, anyPool, viewOf } from "./view_of.ts";

Deno.test("random: each has a part of the draws as long as its weight and share", () => {
  const view = viewOf([{ weight: 2 }, { away: true, weight: 9 }, {}, { weight: 2, share: 0.5 }]);
  const draws = [0, 0.49, 0.5, 0.74, 0.75, 0.9999999999999999];
  deepStrictEqual(draws.map((draw) => random(view, draw)), [0, 0, 2, 2, 3, 3]);
});

Deno.test("random chooses an available upstream, or says that there is none", () => {
  fc.assert(fc.property(anyPool(), anyDraw, (pool, draw) => {
    const view = viewOf(pool);
    const index = random(view, draw);
    if (view.availableCount === 0) strictEqual(index, -1);
    else strictEqual(view.isAvailable[index], 1);
  }));
});

Deno.test("random: over evenly spaced draws each gets its weight", () => {
  fc.assert(fc.property(anyPool(12), (pool) => {
    const view = viewOf(pool);
    if (view.availableCount === 0) return;
    const counts = Array(view.size).fill(0);
    for (let i = 0; i < 2000; i++) counts[random(view, (i + 0.5) / 2000)] += 1;
    const capacity = (i: number) => view.isAvailable[i]! * view.weights[i]! * view.shares[i]!;
    const total = counts.reduce((sum, _, i) => sum + capacity(i), 0);
    for (const [i, count] of counts.entries()) ok(Math.abs(count - 2000 * capacity(i) / total) <= 1.001);
  }));
});
