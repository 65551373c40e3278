/** The small version of `deno task simulate`: the policies are held to what textbooks say of them. */
import { ok, strictEqual } from "node:assert/strict";
import { createDraws, HEAVY_SECOND_MOMENT } from "../../scripts/balance_simulation/draws.ts";
import { simulationChart } from "../../scripts/balance_simulation/chart.ts";
import { simulationPage } from "../../scripts/balance_simulation/report.ts";
import { LOADS, runAll, SERVICE_MS, TIMEOUT_MS } from "../../scripts/balance_simulation/run_all.ts";
import {
  everyNth,
  expectedGreatestOfRandom,
  greatestOfRandom,
  singleQueue,
  supermarket,
} from "../../scripts/balance_simulation/theory.ts";

const SIZE = {
  seed: 7,
  placedOver: 300,
  placed: 60_000,
  placements: 10,
  upstreams: 100,
  requests: 60_000,
  failure: { diesAt: 1500, backAt: 5000, endsAt: 10_000, slowStartMs: 1500 },
} as const;

const RESULTS = runAll(SIZE);
const MEAN = SIZE.placed / SIZE.placedOver;

function rowOf<T extends { readonly label: string }>(rows: readonly T[], label: string): T {
  const row = rows.find((row) => row.label === label);
  ok(row !== undefined, label);
  return row;
}

function near(value: number, expected: number, tolerance: number, what: string): void {
  ok(Math.abs(value - expected) <= tolerance * expected, `${what}: ${value}, expected ${expected}`);
}

for (const policy of ["round-robin", "weighted", "least-pending"] as const) {
  Deno.test(`simulation: ${policy} places requests as evenly as can be`, () => {
    const { few, many } = RESULTS.placement.find((row) => row.policy === policy)!;
    strictEqual(few.measured, 1);
    strictEqual(many.measured, MEAN);
  });
}

for (const policy of ["random", "hash"] as const) {
  Deno.test(`simulation: ${policy} places requests as unevenly as chance does, and no more`, () => {
    const { few, many } = RESULTS.placement.find((row) => row.policy === policy)!;
    near(few.measured, few.exact!, 0.15, "most of a few");
    near(many.measured - MEAN, many.exact! - MEAN, 0.25, "most of many, above the mean");
    ok(many.measured <= many.bound + 5, `${many.measured} of ${many.bound}`);
  });
}

Deno.test("simulation: two choices stay within ln ln n ÷ ln 2 + 1 of the mean", () => {
  const { few, many } = RESULTS.placement.find((row) => row.policy === "p2c")!;
  ok(few.measured <= few.bound, `${few.measured}`);
  ok(many.measured <= many.bound + 1, `${many.measured}`);
});

Deno.test("simulation: sticky keeps all in one place", () => {
  strictEqual(RESULTS.placement.find((row) => row.policy === "sticky")!.many.measured, SIZE.placed);
});

for (const label of ["random", "hash", "round-robin", "weighted", "p2c by load"]) {
  Deno.test(`simulation: ${label} makes queues as long as theory says`, () => {
    const { mean, tail, theory, quantiles } = rowOf(RESULTS.alike, label);
    near(mean, theory!.mean, 0.1, "mean");
    for (let k = 1; k <= 3; k++) near(tail[k]!, theory!.tail(k), 0.15, `at least ${k}`);
    if (theory!.quantile !== undefined) near(quantiles[2]!, theory!.quantile(0.99), 0.15, "p99");
  });
}

Deno.test("simulation: with least pending hardly anybody waits", () => {
  const { mean, tail } = rowOf(RESULTS.alike, "least-pending");
  near(mean, 1, 0.05, "mean");
  ok(tail[2]! < 0.03, `${tail[2]}`);
});

Deno.test("simulation: waiting is shorter the more a policy looks", () => {
  for (
    const [rows, labels] of [
      [RESULTS.alike, ["least-pending", "p2c by load", "round-robin", "random"]],
      [RESULTS.alike, ["p2c", "round-robin"]],
      [RESULTS.mixed, ["least-pending", "p2c", "weighted", "round-robin"]],
    ] as const
  ) {
    const means = labels.map((label) => rowOf(rows, label).mean);
    for (let i = 1; i < means.length; i++) ok(means[i - 1]! < means[i]!, `${labels}: ${means}`);
  }
});

Deno.test("simulation: by weight, upstreams of different speed are equally busy", () => {
  ok(rowOf(RESULTS.mixed, "weighted").spread < 1.02);
  ok(rowOf(RESULTS.mixed, "random").spread < 1.25);
  near(rowOf(RESULTS.mixed, "round-robin").spread, 1.5, 0.02, "what ignores weights");
});

for (const label of ["random", "hash", "round-robin", "weighted", "p2c", "least-pending", "sticky"]) {
  Deno.test(`simulation: ${label} gets over the death of a third`, () => {
    const row = rowOf(RESULTS.failure, label);
    ok(row.unanswered < 0.04, `unanswered ${row.unanswered}`);
    ok(row.settledMs <= 2 * TIMEOUT_MS, `settled after ${row.settledMs}`);
    if (label !== "sticky") {
      // A circuit waits for its next trial at most about as long as it has been open.
      const { diesAt, backAt, slowStartMs } = SIZE.failure;
      const most = backAt - diesAt + slowStartMs + TIMEOUT_MS;
      ok(row.returnedMs <= most, `returned after ${row.returnedMs}`);
      ok(row.returnedMs >= 0.7 * slowStartMs, `no slow start: ${row.returnedMs}`);
      ok(row.crowd <= 25, `${row.crowd} wait at a returned one`);
    }
    const last = row.timeline.slice(-10);
    strictEqual(last.reduce((sum, { failedTries }) => sum + failedTries, 0), 0);
  });
}

Deno.test("simulation: without a breaker a third of the tries fails until the end of the failure", () => {
  const row = rowOf(RESULTS.failure, "round-robin, no breaker");
  strictEqual(row.settledMs, SIZE.failure.backAt - SIZE.failure.diesAt);
  ok(row.unanswered > 4 * rowOf(RESULTS.failure, "round-robin").unanswered, `${row.unanswered}`);
});

Deno.test("simulation: the page and the chart are the same each time", () => {
  const again = runAll({ ...SIZE, requests: 2000, placed: 3000, placements: 1 });
  const once = runAll({ ...SIZE, requests: 2000, placed: 3000, placements: 1 });
  strictEqual(simulationPage(again), simulationPage(once));
  strictEqual(simulationChart(again), simulationChart(once));
  ok(!/NaN|undefined|Infinity/.test(simulationChart(RESULTS) + simulationPage(RESULTS)));
});

Deno.test("simulation: its theory gives what books print", () => {
  near(singleQueue(0.5).mean, 2, 1e-12, "M/M/1");
  // Mitzenmacher's table: two choices at 0.9.
  near(supermarket(0.9).mean, 2.6141, 1e-3, "supermarket");
  // D/M/1 at 0.5: σ = 0.2032.
  near(everyNth(0.5, 1e6).mean, 1 / (1 - 0.2032), 1e-3, "D/M/1");
  near(everyNth(0.8, 1).mean, singleQueue(0.8).mean, 1e-6, "one upstream gets all");
  near(greatestOfRandom(1e6, 1000), 1000 + Math.sqrt(2 * 1000 * Math.log(1000)), 1e-12, "many balls");
  // The sum starts elsewhere above a mean of 100, and shows no step there.
  near(expectedGreatestOfRandom(100_000, 1000), expectedGreatestOfRandom(100_001, 1000), 1e-4, "exact");
});

Deno.test("simulation: its draws have the means that they say", () => {
  const { uniform, exponential, heavy } = createDraws(3);
  const sums = [0, 0, 0];
  let squares = 0;
  const count = 400_000;
  for (let i = 0; i < count; i++) {
    const service = heavy();
    sums[0]! += uniform();
    sums[1]! += exponential();
    sums[2]! += service;
    squares += service * service;
  }
  near(sums[0]! / count, 0.5, 0.005, "uniform");
  near(sums[1]! / count, 1, 0.01, "exponential");
  near(sums[2]! / count, 1, 0.03, "heavy");
  near(squares / count, HEAVY_SECOND_MOMENT, 0.25, "heavy, squared");
});

Deno.test("simulation: its loads leave room when a third is gone", () => {
  ok(LOADS.failure * 1.5 < 1 && SERVICE_MS < TIMEOUT_MS);
});
