import { ok, strictEqual } from "node:assert/strict";
import { allAreRestarted, nothingHappens, oneIsKilled } from "../../support/pool_scenarios.ts";
import { survive } from "./survive.ts";

Deno.test("20,000 calls are spread evenly over three replicas", async () => {
  const { executions, counts, calls } = await survive(nothingHappens, { calls: 20_000, latencyMs: 5 });
  strictEqual(counts.result, calls);
  for (const count of executions) ok(Math.abs(count - calls / 3) < calls / 30, String(executions));
});

Deno.test("one of three is killed: only unsafe calls that it had taken come to errors, and it is used again once it is back", async () => {
  const { counts } = await survive(oneIsKilled);
  ok(counts.unknown <= 64, JSON.stringify(counts));
});

Deno.test("replicas are killed and started again in turn: no safe call fails, no unsafe one runs twice", async () => {
  const { counts } = await survive(allAreRestarted);
  ok(counts.unknown <= 3 * 64, JSON.stringify(counts));
});
