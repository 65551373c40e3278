import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { slowStartShare } from "../../../src/balance/health/slow_start.ts";

for (
  const { now, since, length, share } of [
    { now: 5, since: 5, length: 1000, share: 0.1 },
    { now: 505, since: 5, length: 1000, share: 0.55 },
    { now: 1005, since: 5, length: 1000, share: 1 },
    { now: 9999, since: 5, length: 1000, share: 1 },
    { now: 4, since: 5, length: 1000, share: 0.1 },
    { now: 5, since: 5, length: 0, share: 1 },
  ]
) {
  Deno.test(`slow start: ${now - since} ms of ${length} ms give a share of ${share}`, () => {
    strictEqual(slowStartShare(now, since, length), share);
  });
}

Deno.test("slow start: a share never falls, and is never nothing", () => {
  fc.assert(fc.property(fc.nat(1e6), fc.nat(1e6), fc.nat(1e5), (since, passed, length) => {
    const share = slowStartShare(since + passed, since, length);
    ok(share >= 0.1 && share <= 1);
    ok(slowStartShare(since + passed + 1, since, length) >= share);
  }));
});
