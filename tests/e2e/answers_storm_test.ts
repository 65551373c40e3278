import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { runStorm } from "../support/storm.ts";

for (const seed of [1, 20261122]) {
  Deno.test(`in a storm of 2,000 calls each is answered exactly once (seed ${seed})`, async () => {
    const { faults, counts, exitCode, stderr } = await runStorm({ seed, calls: 2000, atOnce: 100 });
    deepStrictEqual(faults.slice(0, 5), []);
    strictEqual(Object.values(counts).reduce((sum, count) => sum + count), 2000);
    strictEqual(exitCode, 0);
    strictEqual(stderr, "");
  });
}
