import { deepStrictEqual, ok } from "node:assert/strict";
import { oneBreaksStreams, oneRefuses } from "../../support/pool_scenarios.ts";
import { survive } from "./survive.ts";

Deno.test("one of three breaks answers off in the middle: only unsafe calls come to errors, and no other is sent twice", async () => {
  const { counts } = await survive(oneBreaksStreams(10, 3000));
  ok(counts.unknown > 0 && counts.not_run === 0, JSON.stringify(counts));
});

Deno.test("one of three answers 503: safe calls go to the others, and few unsafe ones come to errors", async () => {
  const { counts } = await survive(oneRefuses({ status: 503 }, true));
  ok(counts.unknown <= 64, JSON.stringify(counts));
});

for (const mood of [{ status: 503, retryAfter: 1 }, { status: 429, retryAfter: 1 }, { status: 429 }]) {
  const how = `${mood.status} ${"retryAfter" in mood ? "with" : "without"} Retry-After`;
  Deno.test(`one of three answers ${how}: it is left alone for a while, and no call fails`, async () => {
    const { counts, calls } = await survive(oneRefuses(mood, false));
    deepStrictEqual(counts, { result: calls, not_run: 0, unknown: 0 });
  });
}
