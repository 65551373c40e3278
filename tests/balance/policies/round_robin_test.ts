import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { roundRobin } from "../../../src/balance/policies/round_robin.ts";
import { alike, anyDraw, anyPool, countChoices, seededDraw, viewOf } from "./view_of.ts";

Deno.test("round robin takes one after the other and leaves out who is away", () => {
  const view = viewOf([{}, { away: true }, {}, { weight: 9 }]);
  deepStrictEqual([0, 1, 2, 3, 4].map((turn) => roundRobin(view, turn, 0.5)), [0, 2, 3, 0, 2]);
});

Deno.test("round robin over n upstreams differs by no more than one", () => {
  const draw = seededDraw(1);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.nat(500), fc.nat(1000), (size, choices, first) => {
      const view = viewOf(alike(size));
      const counts = countChoices(size, choices, (i) => roundRobin(view, first + i, draw()));
      ok(Math.max(...counts) - Math.min(...counts) <= 1);
    }),
  );
});

Deno.test("round robin gives an upstream that starts slowly its share, and what it leaves to all others evenly", () => {
  const view = viewOf([{ share: 0.2 }, {}, {}, {}]);
  const draw = seededDraw(2);
  const counts = countChoices(4, 32_000, (turn) => roundRobin(view, turn, draw()));
  const expected = [2000, 10_000, 10_000, 10_000];
  for (const [i, count] of counts.entries()) {
    ok(Math.abs(count - expected[i]!) < expected[i]! * 0.08, `${counts}`);
  }
});

Deno.test("round robin chooses somebody when all start slowly", () => {
  const view = viewOf(alike(5, { share: 0.01 }));
  const draw = seededDraw(3);
  const counts = countChoices(5, 10_000, (turn) => roundRobin(view, turn, draw()));
  for (const count of counts) ok(Math.abs(count - 2000) < 200, `${counts}`);
});

Deno.test("round robin chooses an available upstream, or says that there is none", () => {
  fc.assert(fc.property(anyPool(), fc.nat(), anyDraw, (pool, turn, draw) => {
    const view = viewOf(pool);
    const index = roundRobin(view, turn, draw);
    if (view.availableCount === 0) strictEqual(index, -1);
    else strictEqual(view.isAvailable[index], 1);
  }));
});
