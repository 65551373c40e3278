/** Runs the official conformance suite, one process for each scenario, and reads what it found. */
import { fileURLToPath } from "node:url";
import { programEnvironment } from "../support/program.ts";

/** The suite; what it depends on is held in place by `suite.lock`. */
export const SUITE = "npm:@modelcontextprotocol/conformance@0.2.0-alpha.12";

/** The revisions whose scenarios are run. */
export type Revision = "2025-11-25" | "2026-07-28";

/** One thing that a scenario looked at. */
export interface Check {
  readonly id: string;
  readonly name: string;
  readonly status: "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO";
  readonly description: string;
  readonly errorMessage?: string;
}

/** What the suite found in a scenario. */
export interface Found {
  readonly scenario: string;
  /** The suite's own word: its exit code. */
  readonly passed: boolean;
  readonly checks: readonly Check[];
  /** What the suite printed. */
  readonly output: string;
  /** What the client wrote to stdout and stderr, in a client scenario. */
  readonly client: { readonly stdout: string; readonly stderr: string };
}

interface Ran {
  readonly code: number;
  readonly output: string;
}

async function run(args: readonly string[], cwd: string): Promise<Ran> {
  const lock = fileURLToPath(new URL("./suite.lock", import.meta.url));
  const flags = ["-A", "--quiet", "--no-config", `--lock=${lock}`, "--frozen"];
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", ...flags, SUITE, ...args],
    cwd,
    clearEnv: true,
    env: { ...programEnvironment(), NODE_NO_WARNINGS: "1", NO_COLOR: "1" },
    stdin: "null",
  });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Calls with a directory that is gone afterwards. */
async function inDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await Deno.makeTempDir({ prefix: "conformance-" });
  try {
    return await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** The scenarios that a revision requires. */
export async function requiredScenarios(
  revision: Revision,
): Promise<{ readonly server: readonly string[]; readonly client: readonly string[] }> {
  const { code, output } = await inDirectory((cwd) => run(["list", "--requirements", revision], cwd));
  if (code !== 0) throw new Error(`the suite lists no requirements of ${revision}:\n${output}`);
  return parseRequired(output);
}

/** Reads the suite's list. */
export function parseRequired(text: string): { server: string[]; client: string[] } {
  const required = { server: [] as string[], client: [] as string[] };
  let into: string[] | undefined;
  for (const line of text.split("\n")) {
    const name = /^ +- (\S+)$/.exec(line)?.[1];
    if (name !== undefined) into?.push(name);
    else if (line.startsWith("Server scenarios")) into = required.server;
    else if (line.startsWith("Client scenarios")) into = required.client;
    else if (line.trim() !== "") into = undefined;
  }
  return required;
}

/** Runs one server scenario. */
export function runServerScenario(url: string, scenario: string, revision: Revision): Promise<Found> {
  return inDirectory(async (directory) => {
    const options = ["--spec-version", revision, "-o", directory];
    const ran = await run(["server", "--url", url, "--scenario", scenario, ...options], directory);
    return { ...await readResult(directory, ran), scenario };
  });
}

/** Runs all server scenarios that a revision requires, in one process. */
export function runServerRequirements(url: string, revision: Revision): Promise<readonly Found[]> {
  return inDirectory(async (directory) => {
    const { output } = await run(
      ["server", "--url", url, "--requirements", revision, "-o", directory],
      directory,
    );
    const found: Found[] = [];
    for await (const { name } of Deno.readDir(directory)) {
      const scenario = /^server-(.*)-\d{4}-\d\d-\d\dT/.exec(name)?.[1];
      const checks = await readChecks(`${directory}/${name}`);
      if (scenario === undefined || checks === undefined) continue;
      const passed = checks.every(({ status }) => status !== "FAILURE");
      found.push({ scenario, passed, checks, output, client: { stdout: "", stderr: "" } });
    }
    return found;
  });
}

/** Runs one client scenario; the client is a command line without quotes, to which the suite adds its URL. */
export function runClientScenario(command: string, scenario: string, revision: Revision): Promise<Found> {
  return inDirectory(async (directory) => {
    const options = ["--spec-version", revision, "-o", directory];
    const ran = await run(["client", "--command", command, "--scenario", scenario, ...options], directory);
    return { ...await readResult(directory, ran), scenario };
  });
}

async function readResult(directory: string, { code, output }: Ran): Promise<Omit<Found, "scenario">> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (!isDirectory) continue;
    const path = `${directory}/${name}`;
    return {
      passed: code === 0,
      checks: await readChecks(path) ?? [],
      output,
      client: { stdout: await readText(`${path}/stdout.txt`), stderr: await readText(`${path}/stderr.txt`) },
    };
  }
  return { passed: false, checks: [], output, client: { stdout: "", stderr: "" } };
}

async function readChecks(directory: string): Promise<readonly Check[] | undefined> {
  const text = await readText(`${directory}/checks.json`);
  return text === "" ? undefined : JSON.parse(text) as readonly Check[];
}

async function readText(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
