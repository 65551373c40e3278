import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { isStopped, oneHangs, oneIsSlow } from "../../support/pool_scenarios.ts";
import { survive } from "./survive.ts";

Deno.test("one of three stands still: safe calls go to the others, unsafe ones wait for it, and none fails", async () => {
  const { counts, calls } = await survive(isStopped(1));
  deepStrictEqual(counts, { result: calls, not_run: 0, unknown: 0 });
});

Deno.test("one of three accepts and never answers: safe calls go to the others, unsafe ones wait for it, and none fails", async () => {
  const { counts, calls } = await survive(oneHangs);
  deepStrictEqual(counts, { result: calls, not_run: 0, unknown: 0 });
});

Deno.test("one of three is ten times slower: it is left out while that lasts, and none fails", async () => {
  const { counts, calls, executions } = await survive(oneIsSlow(20));
  deepStrictEqual(counts, { result: calls, not_run: 0, unknown: 0 });
  ok(executions[1]! < executions[0]!, String(executions));
});

Deno.test("one of three stands still and all calls are unsafe: those that it has not got go on with the others", async () => {
  const { counts, calls, executions } = await survive(isStopped(1), { tools: ["write"] });
  deepStrictEqual(counts, { result: calls, not_run: 0, unknown: 0 });
  strictEqual(executions.reduce((sum, count) => sum + count), calls);
});
