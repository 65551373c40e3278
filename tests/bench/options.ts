/** The benchmark's own options. */
import { type Amounts, FULL, QUICK } from "./settings.ts";

/** What was asked for. */
export interface BenchOptions {
  readonly quick: boolean;
  readonly amounts: Amounts;
  /** Keys of the subjects; undefined for all. */
  readonly only: ReadonlySet<string> | undefined;
  /** Names of the measures; undefined for all. */
  readonly measures: ReadonlySet<string> | undefined;
  /** The program under test instead of `src/main.ts`. */
  readonly program: string | undefined;
  readonly verbose: boolean;
  /** Draw and print the figures of this file instead of measuring. */
  readonly from: string | undefined;
  /** Write docs/bench.md and docs/bench.svg though the run is partial. */
  readonly write: boolean;
}

/** How to use it. */
export const USAGE = `deno task bench [options]
  --quick                  one round, fewer calls, no soak
  --only A,B               subjects: ours (bundled, as it is shipped), source, mcp-remote, supergateway, direct, pipe, empty, least
  --measure A,B            measures: start, slow, requests, latency, rate, restart, results, size, memory, json, eras,
                           balancer, several, soak
  --rounds N               interleaved rounds (5)
  --rival-soak-rounds N    rounds in which rivals make the 100,000 calls too (1)
  --program FILE           measure this program instead of src/main.ts, bundled and from source
  --verbose                show what the subjects write to stderr
  --write                  write docs/bench.md and docs/bench.svg after a partial run too
  --from FILE              print and draw the figures kept in FILE (.bench/last.json) instead of measuring`;

/**
 * Reads the options.
 * @throws {Error} for an unknown one, or one that lacks its value
 */
export function parseOptions(args: readonly string[]): BenchOptions {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const [name = "", inline] = args[i]!.split("=", 2);
    if (["--quick", "--verbose", "--write"].includes(name)) flags.add(name);
    else if (VALUED.includes(name)) {
      const value = inline ?? args[++i];
      if (value === undefined) throw new Error(`${name} needs a value`);
      values.set(name, value);
    } else throw new Error(`unknown option ${name}\n${USAGE}`);
  }
  const list = (name: string) => {
    const value = values.get(name);
    return value === undefined ? undefined : new Set(value.split(","));
  };
  const base = flags.has("--quick") ? QUICK : FULL;
  const whole = (name: string, otherwise: number) => Number(values.get(name) ?? otherwise);
  return {
    quick: flags.has("--quick"),
    amounts: {
      ...base,
      rounds: whole("--rounds", base.rounds),
      rivalSoakRounds: whole("--rival-soak-rounds", base.rivalSoakRounds),
    },
    only: list("--only"),
    measures: list("--measure"),
    program: values.get("--program"),
    verbose: flags.has("--verbose"),
    from: values.get("--from"),
    write: flags.has("--write"),
  };
}

const VALUED = ["--only", "--measure", "--rounds", "--rival-soak-rounds", "--program", "--from"];
