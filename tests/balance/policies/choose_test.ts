import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { POLICY_NAMES } from "../../../src/config/balance_settings.ts";
import { createChooser } from "../../../src/balance/policies/choose.ts";
import { alike, anyPool, countChoices, seededDraw, viewOf } from "./view_of.ts";

for (const policy of POLICY_NAMES) {
  Deno.test(`${policy}: whatever becomes of the pool, an available upstream is chosen that is not excluded`, () => {
    const step = fc.record({
      pool: anyPool(12),
      key: fc.nat(),
      excluded: fc.array(fc.nat(14), { maxLength: 6 }),
    });
    fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), fc.nat(), (steps, seed) => {
      const choose = createChooser(policy, seededDraw(seed));
      for (const { pool, key, excluded } of steps) {
        const view = viewOf(pool);
        const out = new Set(excluded);
        const left = pool.flatMap(({ away }, index) => away === true || out.has(index) ? [] : [index]);
        const index = choose(view, key, out);
        if (left.length === 0) strictEqual(index, -1);
        else ok(left.includes(index), `${index} of ${left}`);
      }
    }));
  });

  Deno.test(`${policy}: what is excluded spreads over the others`, () => {
    const choose = createChooser(policy, seededDraw(8));
    const view = viewOf(alike(5));
    const counts = countChoices(5, 4000, (i) => choose(view, i, new Set([2])));
    strictEqual(counts[2], 0);
    if (policy === "sticky") deepStrictEqual(counts, [4000, 0, 0, 0, 0]);
    else for (const i of [0, 1, 3, 4]) ok(Math.abs(counts[i]! - 1000) < 150, `${counts}`);
  });
}

for (const policy of ["round-robin", "least-pending", "weighted"] as const) {
  Deno.test(`${policy}: second choices do not bend the turns of first ones`, () => {
    const choose = createChooser(policy, seededDraw(9));
    const view = viewOf(alike(4));
    const counts = countChoices(4, 4000, () => {
      const first = choose(view, 0);
      if (first === 1) choose(view, 0, new Set([1]));
      return first;
    });
    deepStrictEqual(counts, [1000, 1000, 1000, 1000]);
  });
}

Deno.test("sticky: a second choice does not move the others", () => {
  const choose = createChooser("sticky");
  const view = viewOf(alike(3));
  strictEqual(choose(view, 0), 0);
  strictEqual(choose(view, 0, new Set([0])), 1);
  strictEqual(choose(view, 0), 0);
});

Deno.test("sticky: it does not go back when the one before returns", () => {
  const choose = createChooser("sticky");
  strictEqual(choose(viewOf(alike(3)), 0), 0);
  strictEqual(choose(viewOf([{ away: true }, {}, {}]), 0), 1);
  strictEqual(choose(viewOf(alike(3)), 0), 1);
});

Deno.test("hash: a second choice is the same for the same key", () => {
  const choose = createChooser("hash");
  const view = viewOf(alike(9));
  for (let key = 0; key < 200; key++) {
    const excluded = new Set([choose(view, key)]);
    strictEqual(choose(view, key, excluded), choose(view, key, excluded));
  }
});

Deno.test("weighted: the turns go on when the pool grows", () => {
  const choose = createChooser("weighted");
  const two = [{ weight: 5 }, { weight: 4 }];
  strictEqual(choose(viewOf(two), 0), 0);
  // The first has had its turn: it is not first again for being in a new pool.
  strictEqual(choose(viewOf([...two, {}]), 0), 1);
});
