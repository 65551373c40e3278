import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type FaultStormOptions, runFaultStorm } from "../support/fault_storm.ts";

const STORMS: readonly Omit<FaultStormOptions, "seed">[] = [
  { server: "http", calls: 3000, atOnce: 60, forgetEvery: 700 },
  { server: "sdk", calls: 1000, atOnce: 40, forgetEvery: 300 },
  { server: "tcp", calls: 3000, atOnce: 20 },
  { server: "http", calls: 2000, atOnce: 40, forgetEvery: 700, fallback: true },
];

for (const [index, storm] of STORMS.entries()) {
  const seed = 20261124 + index;
  Deno.test(
    `amid faults each of ${storm.calls} requests is answered once and nothing unsafe runs twice (${storm.server}${
      storm.fallback ? " with a fallback" : ""
    }, seed ${seed})`,
    async () => {
      const { faults, counts, met, exitCode } = await runFaultStorm({ ...storm, seed });
      deepStrictEqual(faults.slice(0, 5), []);
      strictEqual(exitCode, 0);
      strictEqual(Object.values(counts).reduce((sum, count) => sum + count), storm.calls);
      // Most of it is of no consequence to the client.
      ok(counts.result > storm.calls * 0.5, JSON.stringify(counts));
      ok(Object.values(met).reduce((sum, count) => sum + count) > storm.calls * 0.01, JSON.stringify(met));
    },
  );
}
