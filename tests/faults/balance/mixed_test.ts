import { ok } from "node:assert/strict";
import { eachIsKilled } from "../../support/pool_scenarios.ts";
import { survive } from "./survive.ts";

Deno.test("replicas over HTTP, TCP and as a child of ours are killed one after the other, and carry on for each other", async () => {
  const { counts } = await survive(eachIsKilled, { kinds: ["http", "tcp", "stdio"] });
  ok(counts.unknown <= 3 * 64, JSON.stringify(counts));
});
