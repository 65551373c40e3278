/**
 * `deno task soak [calls] [seed]`: the storm test at length (200,000 calls by default), with the program's memory over
 * time. Exit code 1 if a promise was broken.
 */
import { runStorm } from "./support/storm.ts";

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

const calls = Number(Deno.args[0] ?? 200_000);
const seed = Number(Deno.args[1] ?? crypto.getRandomValues(new Uint32Array(1))[0]);
print(`${calls} calls, seed ${seed}`);

const resident: number[] = [];
const { faults, counts, ms } = await runStorm({
  seed,
  calls,
  atOnce: 100,
  progress(done, kib) {
    if (kib !== undefined) resident.push(kib);
    if (resident.length % 10 === 0) {
      print(`${done} calls, ${kib === undefined ? "?" : Math.round(kib / 1024)} MiB`);
    }
  },
});

const most = (values: readonly number[]) => Math.round(Math.max(...values) / 1024);
print(`${JSON.stringify(counts)} ${Math.round(calls / ms * 1000)} calls/s`);
if (resident.length > 20) {
  const half = resident.length >> 1;
  print(
    `most memory: ${most(resident.slice(0, half))} MiB in the first half, ${
      most(resident.slice(half))
    } in the second`,
  );
}
for (const fault of faults.slice(0, 20)) print(fault);
print(faults.length === 0 ? "every call was answered exactly once" : `${faults.length} faults`);
Deno.exit(faults.length === 0 ? 0 : 1);
