/**
 * `deno task simulate`: simulates the policies of load balancing, each over many upstreams and a million requests, and
 * compares them with what textbooks say. Of its full size it writes docs/balancing-simulation.md and .svg; with another
 * `--upstreams N` or `--requests N` it prints the page. `--seed N` is for another chance.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { simulationChart } from "./balance_simulation/chart.ts";
import { simulationPage } from "./balance_simulation/report.ts";
import { FULL_SIZE, runAll, type SimulationSize } from "./balance_simulation/run_all.ts";

const DOCS = new URL("../docs/", import.meta.url);
const encoder = new TextEncoder();

function sizeOf(args: readonly string[]): SimulationSize {
  const option = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { seed: option, upstreams: option, requests: option },
  });
  const number = (text: string | undefined, otherwise: number) => {
    if (text === undefined) return otherwise;
    if (!/^[1-9]\d*$/.test(text)) throw new Error(`${text} is not a number above 0`);
    return Number(text);
  };
  return {
    ...FULL_SIZE,
    seed: number(values.seed, FULL_SIZE.seed),
    upstreams: number(values.upstreams, FULL_SIZE.upstreams),
    requests: number(values.requests, FULL_SIZE.requests),
  };
}

if (import.meta.main) {
  const size = sizeOf(Deno.args);
  const started = performance.now();
  const results = runAll(size, (text) => {
    const seconds = ((performance.now() - started) / 1000).toFixed(0).padStart(4);
    Deno.stderr.writeSync(encoder.encode(`${seconds} s  ${text}\n`));
  });
  const page = simulationPage(results);
  if (size.upstreams === FULL_SIZE.upstreams && size.requests === FULL_SIZE.requests) {
    const path = fileURLToPath(new URL("balancing-simulation.md", DOCS));
    await Deno.writeTextFile(path, page);
    await Deno.writeTextFile(new URL("balancing-simulation.svg", DOCS), simulationChart(results));
    await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", path] }).output();
  } else Deno.stdout.writeSync(encoder.encode(page));
}
