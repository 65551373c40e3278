/**
 * `deno task soak:balance [calls] [seed] [rounds]`: all that may befall the replicas of a pool, each while so many calls run
 * (20,000 by default) at 64 in flight, and at the end so many rounds (20) of what chance brings. Prints a table; exit code 1 if a
 * promise was broken.
 */
import { startPoolStorm } from "./support/pool_storm.ts";
import {
  allAreKilled,
  allAreRestarted,
  anythingHappens,
  eachIsKilled,
  isStopped,
  nothingHappens,
  oneBreaksStreams,
  oneHangs,
  oneIsKilled,
  oneIsSlow,
  oneRefuses,
  type PoolScenario,
} from "./support/pool_scenarios.ts";

const [calls = 20_000, given, rounds = 20] = Deno.args.map(Number);
const seed = given ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
const MIXED = ["http", "tcp", "stdio"] as const;
const LATENCY_MS = 20;

const SCENARIOS: readonly {
  readonly name: string;
  readonly scenario: PoolScenario;
  readonly kinds?: typeof MIXED;
  readonly tools?: readonly ["write"];
  readonly args?: readonly string[];
}[] = [
  { name: "nothing happens", scenario: nothingHappens },
  { name: "one is killed", scenario: oneIsKilled },
  { name: "all are restarted in turn", scenario: allAreRestarted },
  { name: "one stands still", scenario: isStopped(1) },
  { name: "one stands still, unsafe only", scenario: isStopped(1), tools: ["write"] },
  { name: "one never answers", scenario: oneHangs },
  { name: "one is ten times slower", scenario: oneIsSlow(LATENCY_MS) },
  { name: "one breaks 1 of 10 answers", scenario: oneBreaksStreams(10, calls * 0.7) },
  { name: "one breaks 1 of 3 answers", scenario: oneBreaksStreams(3, calls * 0.7) },
  { name: "one answers 503", scenario: oneRefuses({ status: 503 }, true) },
  { name: "one answers 503, come back", scenario: oneRefuses({ status: 503, retryAfter: 1 }, false) },
  { name: "one answers 429", scenario: oneRefuses({ status: 429 }, false) },
  { name: "one answers 429, come back", scenario: oneRefuses({ status: 429, retryAfter: 1 }, false) },
  { name: "all are killed", scenario: allAreKilled },
  { name: "mixed, each is killed", scenario: eachIsKilled, kinds: MIXED },
  { name: "mixed, the child stands still", scenario: isStopped(2), kinds: MIXED },
  {
    name: "anything",
    scenario: anythingHappens(seed, rounds),
    // What is kept by one that hangs has to come to an end for so many to be in flight.
    args: ["--request-timeout", "15"],
  },
];

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

let failed = false;
print(`${calls} calls each, seed ${seed}`);
print("| scenario | calls | results | not run | unknown | calls/s | longest pause | carried out | end | |");
print("|---|--:|--:|--:|--:|--:|--:|---|--:|---|");
for (const { name, scenario, ...options } of SCENARIOS) {
  await using storm = await startPoolStorm({ calls, latencyMs: LATENCY_MS, health: [], ...options });
  try {
    await scenario(storm);
    const it = await storm.finish();
    const { result, not_run, unknown } = it.counts;
    const rate = Math.round(it.calls / it.ms * 1000);
    const numbers = [it.calls, result, not_run, unknown, rate, `${Math.round(it.longestPauseMs)} ms`];
    const kept = it.faults.length === 0 && it.status.code === 0;
    const verdict = kept
      ? "kept"
      : `exit code ${it.status.code}, ${it.faults.length} faults: ${it.faults.slice(0, 3)}`;
    print(
      `| ${
        [name, ...numbers, it.executions.join(" "), `${Math.round(it.exitMs)} ms`, verdict].join(" | ")
      } |`,
    );
    failed ||= !kept;
  } catch (error) {
    failed = true;
    print(`| ${name} | ${error instanceof Error ? error.message : error} |`);
  }
}
print(failed ? "a promise was broken" : "each call was answered once, and nothing unsafe ran twice");
Deno.exit(failed ? 1 : 0);
