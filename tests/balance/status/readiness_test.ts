import { strictEqual } from "node:assert/strict";
import type { PoolSnapshot } from "../../../src/balance/snapshot.ts";
import { readiness } from "../../../src/balance/status/readiness.ts";
import { madePool, madeUpstream } from "./made_snapshot.ts";

const TABLE: readonly [title: string, pool: PoolSnapshot, told: string][] = [
  ["one that is up", madePool([madeUpstream("http://a/")]), "ready"],
  ["none at all", madePool([], { ready: false }), "Not ready: there are no upstreams."],
  [
    "each for its own reason",
    madePool([
      madeUpstream("http://a/", { state: "down", why: "connection refused" }),
      madeUpstream("http://b/", { state: "resting", why: "it asked for 30 s" }),
      madeUpstream("http://c/", { state: "trial" }),
      madeUpstream("http://d/", { state: "draining", why: "" }),
    ], { ready: false }),
    "Not ready: no upstream takes requests: http://a/ is down (connection refused); http://b/ is resting " +
    "(it asked for 30 s); http://c/ is on trial; http://d/ is draining.",
  ],
  [
    "names that would forge a line",
    madePool([madeUpstream("http://a/\nready", { state: "down", why: "\u202ex\r\n" })], { ready: false }),
    "Not ready: no upstream takes requests: http://a/\\nready is down (\\u202ex\\r\\n).",
  ],
  [
    "more than anybody reads",
    madePool(Array.from({ length: 1000 }, (_, i) => madeUpstream(`${i}`, { state: "down" })), {
      ready: false,
    }),
    `Not ready: no upstream takes requests: ${
      Array.from({ length: 20 }, (_, i) => `${i} is down`).join("; ")
    }; and 980 more.`,
  ],
];

for (const [title, pool, told] of TABLE) {
  Deno.test(`readiness tells of ${title}`, () => strictEqual(readiness(pool), told));
}
