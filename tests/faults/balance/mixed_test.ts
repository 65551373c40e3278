import { deepStrictEqual, ok } from "node:assert/strict";
import { eachIsKilled, isStopped } from "../../support/pool_scenarios.ts";
import { survive } from "./survive.ts";

Deno.test("replicas over HTTP, TCP and as a child of ours are killed one after the other, and carry on for each other", async () => {
  const { counts } = await survive(eachIsKilled, { kinds: ["http", "tcp", "stdio"] });
  ok(counts.unknown <= 3 * 64, JSON.stringify(counts));
});

for (const [index, kind] of ["tcp", "stdio"].entries()) {
  Deno.test(`a replica over ${kind} stands still next to others: no call fails, and it goes on with what it had`, async () => {
    const { counts, calls } = await survive(isStopped(index + 1), { kinds: ["http", "tcp", "stdio"] });
    deepStrictEqual(counts, { result: calls, not_run: 0, unknown: 0 });
  });
}
