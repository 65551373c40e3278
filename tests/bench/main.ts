/**
 * `deno task bench`: mcp-connect, two rivals, a direct client and the pipe floor, side by side over one server.
 * No test: it never fails on timing. Prints tables; a complete run also writes docs/bench.md and docs/bench.svg.
 */
import { checkSubject } from "./check.ts";
import { measureDriver } from "./driver_floor.ts";
import { measureLayers } from "./layers.ts";
import { machineFacts } from "./machine.ts";
import { type Measure, MEASURES } from "./measures.ts";
import { type BenchOptions, parseOptions, USAGE } from "./options.ts";
import { failureLines, figuresTable, markdownPage, type Run, targetsTable } from "./report.ts";
import { CACHE, filePath, RIVALS, ROOT } from "./rivals.ts";
import { emptySamples } from "./samples.ts";
import { startServer } from "./server_process.ts";
import { makeSubjects, OUR_PROGRAM, type Subject } from "./subjects.ts";
import { drawChart } from "./svg.ts";
import { judge } from "./targets.ts";

const LAST = new URL("last.json", CACHE);
const encoder = new TextEncoder();

function print(text: string): void {
  Deno.stdout.writeSync(encoder.encode(text + "\n"));
}

function progress(text: string): void {
  Deno.stderr.writeSync(encoder.encode(text + "\n"));
}

/** Loopback must be reached directly, by the driver and by every subject. */
function forgetProxies(): void {
  for (const name of ["http_proxy", "https_proxy", "all_proxy"]) {
    Deno.env.delete(name);
    Deno.env.delete(name.toUpperCase());
  }
}

function chosenMeasures(options: BenchOptions): Measure[] {
  const { measures, quick } = options;
  for (const name of measures ?? []) {
    if (!MEASURES.some((measure) => measure.name === name)) throw new Error(`no measure ${name}\n${USAGE}`);
  }
  return MEASURES.filter(({ name, long }) =>
    measures === undefined ? !(quick && long === true) : measures.has(name)
  );
}

async function measureAll(options: BenchOptions): Promise<Run> {
  const measures = chosenMeasures(options);
  forgetProxies();
  const all = await makeSubjects({
    only: options.only,
    program: options.program ?? OUR_PROGRAM,
    verbose: options.verbose,
  });
  const load = Deno.loadavg()[0] ?? 0;
  if (load > navigator.hardwareConcurrency / 2) progress(`This machine is busy (load ${load.toFixed(1)}).`);
  const driver = await measureDriver();
  const layers = await measureLayers();
  const server = await startServer();
  const samples = emptySamples();
  const excluded: string[] = [];
  const subjects: Subject[] = [];
  try {
    for (const subject of all) {
      try {
        // What takes part in few measures can't do all that is checked.
        for (let i = 0; i < 2 && subject.measures === undefined; i++) {
          await checkSubject(subject, server.urls.plain);
        }
        subjects.push(subject);
      } catch (error) {
        excluded.push(`${subject.label}: ${error instanceof Error ? error.message : error}`);
        progress(`${subject.label} does not work: ${error}`);
      }
    }
    for (let index = 0; index < options.amounts.rounds; index++) {
      const turn = subjects.length === 0 ? 0 : index % subjects.length;
      const order = [...subjects.slice(turn), ...subjects.slice(0, turn)];
      for (const measure of measures) {
        const start = performance.now();
        const taking = order.filter(({ measures: only }) => only?.includes(measure.name) ?? true);
        await measure.run({ index, subjects: taking, server, amounts: options.amounts, samples });
        const seconds = ((performance.now() - start) / 1000).toFixed(1);
        progress(`round ${index + 1}/${options.amounts.rounds} ${measure.name} ${seconds} s`);
      }
    }
  } finally {
    await server.close();
  }
  const described = all.map(({ key, label, role }) => ({ key, label, role }));
  const machine = await machineFacts();
  return { subjects: described, rounds: options.amounts.rounds, machine, driver, layers, samples, excluded };
}

async function main(): Promise<void> {
  if (Deno.args.includes("--help")) return print(USAGE);
  const options = parseOptions(Deno.args);
  const run: Run = options.from === undefined
    ? await measureAll(options)
    : JSON.parse(await Deno.readTextFile(options.from));
  await Deno.mkdir(CACHE, { recursive: true });
  await Deno.writeTextFile(LAST, JSON.stringify(run));
  const rivals = RIVALS.map((rival) => rival.name);
  const verdicts = {
    ours: judge(run.samples, rivals, "ours"),
    source: judge(run.samples, rivals, "source"),
  };
  print([
    run.machine.join(" · "),
    `driver over cat: ${run.driver}`,
    `recovery and repetition while nothing fails: ${run.layers}`,
    `median (least–greatest) of ${run.rounds} interleaved rounds\n`,
    figuresTable(run),
    ...failureLines(run).map((line) => `not measured: ${line}`),
    "",
    targetsTable(verdicts),
  ].join("\n"));
  const complete = !options.quick && options.only === undefined && options.measures === undefined &&
    options.program === undefined && options.amounts.rounds >= 5 && run.excluded.length === 0;
  if (!complete && !options.write) return;
  const page = new URL("docs/bench.md", ROOT);
  await Deno.writeTextFile(page, markdownPage(run, verdicts));
  await Deno.writeTextFile(new URL("docs/bench.svg", ROOT), drawChart(run));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", filePath(page)] }).output();
  print("\nWritten: docs/bench.md, docs/bench.svg");
}

try {
  await main();
} catch (error) {
  progress(error instanceof Error ? error.message : String(error));
  Deno.exitCode = 2;
}
