import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { weighted } from "../../../src/balance/policies/weighted.ts";
import { alike, anyPool, countChoices, viewOf } from "./view_of.ts";

Deno.test("weighted: the order is that of nginx", () => {
  const view = viewOf([{ weight: 5 }, {}, {}]);
  const credits = new Float64Array(3);
  const order = Array.from({ length: 14 }, () => "abc"[weighted(view, credits)]).join("");
  strictEqual(order, "aabacaaaabacaa");
});

Deno.test("weighted: equal weights take turns", () => {
  const view = viewOf(alike(4, { weight: 3 }));
  const credits = new Float64Array(4);
  deepStrictEqual(Array.from({ length: 8 }, () => weighted(view, credits)), [0, 1, 2, 3, 0, 1, 2, 3]);
});

Deno.test("weighted: at any time each has had its share, to within one for each other", () => {
  fc.assert(fc.property(anyPool(10), fc.nat(300), (pool, choices) => {
    const view = viewOf(pool);
    if (view.availableCount === 0) return;
    const credits = new Float64Array(view.size);
    const counts = countChoices(view.size, choices, () => weighted(view, credits));
    const capacity = (i: number) => view.isAvailable[i]! * view.weights[i]! * view.shares[i]!;
    const total = counts.reduce((sum, _, i) => sum + capacity(i), 0);
    for (const [i, count] of counts.entries()) {
      ok(Math.abs(count - choices * capacity(i) / total) <= view.size, `${counts}`);
    }
  }));
});

Deno.test("weighted: who comes back gets its share at once, however often it was away", () => {
  const credits = new Float64Array(3);
  const all = viewOf([{ weight: 500 }, { weight: 1 }, { weight: 1 }]);
  const without = viewOf([{ weight: 500, away: true }, { weight: 1 }, { weight: 1 }]);
  for (let i = 0; i < 50; i++) {
    // It leaves right after it was chosen, in debt.
    while (weighted(all, credits) !== 0);
    strictEqual(weighted(without, credits) > 0, true);
  }
  deepStrictEqual(countChoices(3, 20, () => weighted(without, credits)), [0, 10, 10]);
  const counts = countChoices(3, 502, () => weighted(all, credits));
  ok(counts[0]! >= 499, `${counts}`);
});

Deno.test("weighted: credits are neither made nor lost, whoever comes and goes", () => {
  const aways = fc.array(fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }), { maxLength: 40 });
  fc.assert(fc.property(aways, (aways) => {
    const credits = new Float64Array(5);
    for (const away of aways) {
      const view = viewOf(away.map((away, i) => ({ away, weight: i + 1 })));
      if (weighted(view, credits) === -1) continue;
      ok(Math.abs(credits.reduce((sum, credit) => sum + credit)) < 1e-9, `${credits}`);
      for (const [i, gone] of away.entries()) if (gone) strictEqual(credits[i], 0);
    }
  }));
});

Deno.test("weighted chooses an available upstream, or says that there is none", () => {
  const pools = fc.array(anyPool(9), { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(pools, (pools) => {
    const credits = new Float64Array(9);
    for (const pool of pools) {
      const view = viewOf(pool);
      const index = weighted(view, credits);
      if (view.availableCount === 0) strictEqual(index, -1);
      else strictEqual(view.isAvailable[index], 1);
    }
  }));
});
