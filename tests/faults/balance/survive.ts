import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type PoolStormOptions, type PoolStormReport, startPoolStorm } from "../../support/pool_storm.ts";
import type { PoolScenario } from "../../support/pool_scenarios.ts";

/** How long the program may take to end once its stdin does, in milliseconds: moments, and more on a busy machine. */
const EXIT_MS = 4000;

/** Has a scenario happen during a storm, and sees that every promise was kept. */
export async function survive(
  scenario: PoolScenario,
  { calls = 1000, ...options }: Partial<PoolStormOptions> = {},
): Promise<PoolStormReport> {
  await using storm = await startPoolStorm({ ...options, calls });
  await scenario(storm);
  const report = await storm.finish();
  deepStrictEqual(report.faults.slice(0, 5), [], storm.program.stderr().slice(-3000));
  strictEqual(report.status.code, 0);
  strictEqual(report.counts.result + report.counts.not_run + report.counts.unknown, report.calls);
  ok(report.exitMs < EXIT_MS, `it took ${report.exitMs} ms to end`);
  return report;
}
