/**
 * `deno task conformance`: the official suite through the real program, in all four cells. Prints the fixture's own score,
 * a table for each cell, and a closing line; the exit code is 1 if anything that is required does not hold.
 */
import { fileURLToPath } from "node:url";
import { REPOSITORY } from "../support/program.ts";
import { CELLS, REQUIRED, REVISIONS } from "./cells.ts";
import { startFixture } from "./fixture/servers.ts";
import { type Options, parseOptions, wants, wantsScenario } from "./options.ts";
import { type Direct, directLines, markdownPage, neededIn, partLines, sumsOf } from "./report.ts";
import { type CellPart, runClientPart, runServerPart } from "./run_cell.ts";
import { requiredScenarios, runServerRequirements } from "./suite.ts";
import { judge } from "./verdict.ts";

const encoder = new TextEncoder();
const print = (lines: readonly string[]) =>
  void Deno.stdout.writeSync(encoder.encode(`${lines.join("\n")}\n`));

/** Loopback must be reached directly. */
function forgetProxies(): void {
  for (const name of ["http_proxy", "https_proxy", "all_proxy"]) {
    Deno.env.delete(name);
    Deno.env.delete(name.toUpperCase());
  }
}

async function runDirect(era: "legacy" | "modern"): Promise<Direct> {
  const revision = REVISIONS[era];
  const required = (await requiredScenarios(revision)).server;
  await using fixture = await startFixture(era);
  const found = await runServerRequirements(fixture.endpoint, revision);
  const verdicts = required.map((scenario) =>
    judge(
      found.find((it) => it.scenario === scenario) ?? {
        scenario,
        passed: false,
        checks: [],
        output: "it did not run",
        client: { stdout: "", stderr: "" },
      },
    )
  );
  return { era, revision, verdicts };
}

async function runParts(options: Options): Promise<CellPart[]> {
  const parts: CellPart[] = [];
  const wanted = (scenario: string) => wantsScenario(options, scenario);
  for (const cell of CELLS) {
    for (const [part, run] of [["server", runServerPart], ["client", runClientPart]] as const) {
      if (!wants(options, part, cell.id)) continue;
      const result = await run(cell, { over: options.over, jobs: options.jobs, wanted });
      if (result.rows.length === 0) continue;
      parts.push(result);
      print([...partLines(result), ""]);
    }
  }
  return parts;
}

/** What does not hold although no single scenario says so; a chosen few scenarios can't tell. */
function shortfalls(options: Options, direct: readonly Direct[], parts: readonly CellPart[]): string[] {
  if (options.names.length > 0) return [];
  const missing = direct
    .filter(({ era, verdicts }) => verdicts.filter(({ passed }) => passed).length < REQUIRED[era])
    .map(({ era }) => `the ${era}-only fixture falls short of ${REQUIRED[era]}`);
  for (const part of parts) {
    const [{ passed }, needed] = [sumsOf(part), neededIn(part)];
    if (passed < needed) {
      missing.push(`${part.cell.id}, ${part.part}: ${passed} passed, ${needed} are needed`);
    }
  }
  return missing;
}

async function writePage(text: string): Promise<void> {
  const page = new URL("../../docs/conformance.md", import.meta.url);
  await Deno.writeTextFile(page, text);
  const args = ["fmt", "--quiet", fileURLToPath(page)];
  await new Deno.Command(Deno.execPath(), { args, cwd: REPOSITORY }).output();
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  forgetProxies();
  const started = performance.now();
  const direct: Direct[] = [];
  if (wants(options, "direct") && options.names.length === 0) {
    for (const era of ["legacy", "modern"] as const) direct.push(await runDirect(era));
    print([...directLines(direct), ""]);
  }
  const parts = await runParts(options);
  const sums = parts.map(sumsOf);
  const total = (of: keyof (typeof sums)[number]) => sums.reduce((sum, it) => sum + it[of], 0);
  const missing = shortfalls(options, direct, parts);
  if (options.write) await writePage(markdownPage(direct, parts));
  const seconds = Math.round((performance.now() - started) / 1000);
  print([
    ...missing.map((line) => `NOT ENOUGH: ${line}`),
    `${total("forbidden")} can't cross, ${seconds} s`,
    `conformance: ${total("passed")} passed, ${total("failed")} failed`,
  ]);
  return total("failed") > 0 || missing.length > 0 ? 1 : 0;
}

if (import.meta.main) {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    print([(error as Error).message]);
    Deno.exitCode = 2;
  }
}
