/** Runs a cell's scenarios through the real program. */
import { fileURLToPath } from "node:url";
import { startCarrier } from "./carrier/carrier.ts";
import { type Cell, EXTRAS, FORBIDDEN, type Forbidden, HTTP_FACE, NOTES, REVISIONS } from "./cells.ts";
import { needsSignIn } from "./driver/program_options.ts";
import { type FixtureWire, startFixture } from "./fixture/servers.ts";
import { inTurns } from "./in_turns.ts";
import { requiredScenarios, type Revision, runClientScenario, runServerScenario } from "./suite.ts";
import { judge, type Verdict } from "./verdict.ts";

/** A scenario in a cell, and what it came to. */
export interface Row extends Verdict {
  /** Counts for the cell; the others are shown alone. */
  readonly required: boolean;
  /** What keeps it from passing. */
  readonly forbidden?: Forbidden;
  /** What else is to be known. */
  readonly note?: string;
  /** What the program wrote to stderr. */
  readonly stderr: string;
}

/** The server or the client scenarios of a cell. */
export interface CellPart {
  readonly cell: Cell;
  readonly part: "server" | "client";
  readonly revision: Revision;
  readonly rows: readonly Row[];
  /** Scenarios that were left out, and why. */
  readonly skipped?: { readonly why: string; readonly scenarios: readonly string[] };
}

export interface CellOptions {
  readonly over?: FixtureWire;
  readonly jobs?: number;
  /** Whether to run a scenario. @default all */
  readonly wanted?: (scenario: string) => boolean;
  /** Told of each scenario when it is over. */
  readonly done?: (row: Row) => void;
}

/** The server scenarios: the suite is a client of the cell's era, the fixture the server. */
export async function runServerPart(cell: Cell, options: CellOptions = {}): Promise<CellPart> {
  const { over = "http", jobs = 2, wanted = () => true, done = () => {} } = options;
  const revision = REVISIONS[cell.client];
  const required = (await requiredScenarios(revision)).server;
  await using fixture = await startFixture(cell.server, over);
  await using carrier = startCarrier({ era: cell.client, args: ["proxy", "--endpoint", fixture.endpoint] });
  const rows = await inTurns([...required, ...EXTRAS.server].filter(wanted), jobs, async (scenario) => {
    const found = await runServerScenario(carrier.url(scenario), scenario, revision);
    const { requests, problems, stderr } = await carrier.finish(scenario);
    const verdict = judge(found, { requests, problems });
    const row = rowOf(cell, verdict, required.includes(scenario), stderr);
    done(row);
    return row;
  });
  return { cell, part: "server", revision, rows };
}

/** The client scenarios: the suite is a server of the cell's era, and starts the driver, which starts the program. */
export async function runClientPart(cell: Cell, options: CellOptions = {}): Promise<CellPart> {
  const { jobs = 2, wanted = () => true, done = () => {} } = options;
  const revision = REVISIONS[cell.server];
  const required = (await requiredScenarios(revision)).client;
  const skipped = required.filter((scenario) => needsSignIn(scenario) && wanted(scenario));
  const scenarios = [...required, ...EXTRAS.client].filter((it) => !needsSignIn(it) && wanted(it));
  const rows = await inTurns(scenarios, jobs, async (scenario) => {
    const found = await runClientScenario(driverCommand(cell), scenario, revision);
    const verdict = judge(found, { answered: answeredBy(found.client.stdout) });
    const row = rowOf(cell, verdict, required.includes(scenario), found.client.stderr);
    done(row);
    return row;
  });
  const why = "signing in is not there yet";
  return {
    cell,
    part: "client",
    revision,
    rows,
    ...(skipped.length === 0 ? {} : { skipped: { why, scenarios: skipped } }),
  };
}

function rowOf(cell: Cell, verdict: Verdict, required: boolean, stderr: string): Row {
  const { scenario } = verdict;
  const forbidden = FORBIDDEN[cell.id]?.[scenario];
  const note = HTTP_FACE[scenario] ?? NOTES[cell.id]?.[scenario];
  return {
    ...verdict,
    required,
    stderr,
    ...(forbidden === undefined ? {} : { forbidden }),
    ...(note === undefined ? {} : { note }),
  };
}

/** The suite splits it at spaces, and hands it to a shell. */
function driverCommand({ client }: Cell): string {
  const path = (file: string) => fileURLToPath(new URL(file, import.meta.url));
  const config = `--config=${path("../../deno.json")}`;
  return [Deno.execPath(), "run", "-A", "--quiet", config, path("./driver/driver.ts"), client].join(" ");
}

/** How many requests the driver says were answered. */
function answeredBy(stdout: string): number {
  return Number(/"answered":(\d+)/.exec(stdout)?.[1] ?? 0);
}
