/** The command line of `deno task conformance`. */
import { CELLS } from "./cells.ts";
import type { FixtureWire } from "./fixture/servers.ts";

export const USAGE = `deno task conformance [WORD…] [--over http|tcp|stdio] [--write] [--jobs N]

  WORD      a cell (${CELLS.map(({ id }) => id).join(", ")}: the client's era, the server's),
            a part (direct, server, client), or a piece of a scenario's name; without any, all is run
  --over    what carries the messages to the fixture server [default: http]
  --write   writes docs/conformance.md; needs a complete run
  --jobs    how many scenarios run at a time [default: 2]`;

export type Part = "direct" | "server" | "client";

export interface Options {
  /** Cells to run; all, if empty. */
  readonly cells: readonly string[];
  /** Parts to run; all, if empty. */
  readonly parts: readonly Part[];
  /** Pieces of scenarios' names; all scenarios, if empty. */
  readonly names: readonly string[];
  readonly over: FixtureWire;
  readonly write: boolean;
  readonly jobs: number;
}

const PARTS: readonly string[] = ["direct", "server", "client"] satisfies readonly Part[];

/** Reads the command line; throws the usage when it can't be understood. */
export function parseOptions(args: readonly string[]): Options {
  const options = {
    cells: [] as string[],
    parts: [] as Part[],
    names: [] as string[],
    over: "http" as FixtureWire,
    write: false,
    jobs: 2,
  };
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--write") options.write = true;
    else if (word === "--jobs") options.jobs = Number(rest.shift());
    else if (word === "--over") options.over = rest.shift() as FixtureWire;
    else if (word.startsWith("-")) throw new Error(USAGE);
    else if (CELLS.some(({ id }) => id === word)) options.cells.push(word);
    else if (PARTS.includes(word)) options.parts.push(word as Part);
    else options.names.push(word);
  }
  const { cells, parts, names, over, write, jobs } = options;
  if (!(jobs >= 1) || !["http", "tcp", "stdio"].includes(over)) throw new Error(USAGE);
  if (write && cells.length + parts.length + names.length > 0) throw new Error(USAGE);
  return options;
}

/** Whether this part of this cell is to be run; `direct` is of no cell. */
export function wants({ cells, parts }: Options, part: Part, cell?: string): boolean {
  if (parts.length > 0 && !parts.includes(part)) return false;
  return cells.length === 0 || cell !== undefined && cells.includes(cell);
}

/** Whether this scenario is to be run. */
export function wantsScenario({ names }: Options, scenario: string): boolean {
  return names.length === 0 || names.some((name) => scenario.includes(name));
}
