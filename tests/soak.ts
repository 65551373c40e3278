/**
 * `deno task soak [calls] [seed]`: the storm test at length (200,000 calls by default), with the program's memory over
 * time. `deno task soak faults [calls] [seed] [http|sdk|tcp]`: the same with a proxy that spoils things (a million calls).
 * Exit code 1 if a promise was broken.
 */
import { type FaultStormOptions, runFaultStorm } from "./support/fault_storm.ts";
import { runStorm } from "./support/storm.ts";

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

const amidFaults = Deno.args[0] === "faults";
const [callsText, seedText, server = "http"] = Deno.args.slice(amidFaults ? 1 : 0);
const calls = Number(callsText ?? (amidFaults ? 1_000_000 : 200_000));
const seed = Number(seedText ?? crypto.getRandomValues(new Uint32Array(1))[0]);
print(`${calls} calls, seed ${seed}${amidFaults ? `, amid faults (${server})` : ""}`);

const resident: number[] = [];

function progress(done: number, kib: number | undefined): void {
  if (kib !== undefined) resident.push(kib);
  if (resident.length % 10 === 0) {
    print(`${done} calls, ${kib === undefined ? "?" : Math.round(kib / 1024)} MiB`);
  }
}

async function withFaults(): Promise<{ faults: string[]; counts: unknown; ms: number }> {
  const report = await runFaultStorm({
    seed,
    calls,
    atOnce: server === "tcp" ? 20 : 60,
    server: server as FaultStormOptions["server"],
    forgetEvery: 5000,
    progress,
  });
  print(`met ${JSON.stringify(report.met)}, ${report.sessions} sessions`);
  return { ...report, faults: [...report.faults] };
}

async function plain(): Promise<{ faults: string[]; counts: unknown; ms: number }> {
  const report = await runStorm({ seed, calls, atOnce: 100, progress });
  return { ...report, faults: [...report.faults] };
}

const { faults, counts, ms } = await (amidFaults ? withFaults() : plain());

const most = (values: readonly number[]) => Math.round(Math.max(...values) / 1024);
print(`${JSON.stringify(counts)} ${Math.round(calls / ms * 1000)} calls/s`);
if (resident.length > 20) {
  const half = resident.length >> 1;
  const [first, second] = [most(resident.slice(0, half)), most(resident.slice(half))];
  print(`most memory: ${first} MiB in the first half, ${second} in the second`);
  if (second > first * 1.5 + 32) faults.push("the program's memory grows");
}
for (const fault of faults.slice(0, 20)) print(fault);
print(faults.length === 0 ? "every call was answered exactly once" : `${faults.length} faults`);
Deno.exit(faults.length === 0 ? 0 : 1);
