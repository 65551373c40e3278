import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { createRetryBudget } from "../../src/upstream/retry_budget.ts";

function takeAll(budget: ReturnType<typeof createRetryBudget>): number {
  let count = 0;
  while (budget.take()) if (++count > 10_000) throw new Error("it has no end");
  return count;
}

Deno.test("a burst of repetitions has an end", () => {
  strictEqual(takeAll(createRetryBudget(() => 0)), 256);
});

Deno.test("an endpoint that answers earns repetitions, a silent one gets few", () => {
  let now = 0;
  const budget = createRetryBudget(() => now);
  takeAll(budget);
  for (let i = 0; i < 40; i++) budget.earn();
  strictEqual(takeAll(budget), 10);
  now += 5000;
  strictEqual(takeAll(budget), 10);
  now += 10;
  strictEqual(takeAll(budget), 0);
});

Deno.test("nothing is saved up beyond the burst", () => {
  let now = 0;
  const budget = createRetryBudget(() => now);
  for (let i = 0; i < 10_000; i++) budget.earn();
  now += 1e9;
  strictEqual(takeAll(budget), 256);
});

Deno.test("over any time an endpoint gets no more than the burst, its earnings and two a second", () => {
  const steps = fc.array(fc.oneof(fc.constant("take"), fc.constant("earn"), fc.nat(2000)), {
    maxLength: 500,
  });
  fc.assert(
    fc.property(steps, (steps) => {
      let now = 0;
      let earned = 0;
      let taken = 0;
      const budget = createRetryBudget(() => now);
      for (const step of steps) {
        if (typeof step === "number") now += step;
        else if (step === "earn") budget.earn(), earned++;
        else if (budget.take()) taken++;
      }
      ok(taken <= 256 + earned * 0.25 + (now / 1000) * 2 + 1e-6);
    }),
  );
});
