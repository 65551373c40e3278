import { compileError, ExitCode } from "./compile_error.ts";
import type { Pin } from "./pin.ts";
import { hostTarget, type Target, TARGETS } from "./targets.ts";

/** What was asked for. */
export interface CompileOptions {
  readonly targets: readonly Target[];
  /** The directory of the executables. */
  readonly out: string;
  /** What their names begin with. */
  readonly name: string;
  /** The one endpoint that they are for; `undefined`: any. */
  readonly pin: Pin | undefined;
  /** Prove what can be proved without the base executables, and leave nothing behind. */
  readonly check: boolean;
  /** Where stand-ins for the base executables are kept; `undefined`: nowhere. */
  readonly standIns: string | undefined;
}

/** How to use it. */
export const USAGE = `deno task compile [options]
  --target TRIPLE       ${TARGETS.map(({ triple }) => triple).join(", ")}; repeatable (without it: all,
                        of a pinned executable or with DENORT_BIN this machine's)
  --out DIRECTORY       where the executables go (dist/bin)
  --name NAME           what their names begin with (mcp-connect, mcp-connect-pinned)
  --endpoint ENDPOINT   make it for this endpoint alone; it can connect to nothing else
  --allow-host HOST     and to this HOST or HOST:PORT (an authorization server, a proxy); repeatable
  --no-sign-in          nobody signs in with a browser: it may not listen, nor run what opens one
  --store DIRECTORY     where it keeps what it keeps, and reads and writes nothing else
  --no-store            it keeps nothing, and reads and writes nothing
  --check               prove what can be proved without the base executables, for this machine's target
  --all                 with --check: for all targets, by stand-ins from the package registry (40 MB each)
  --keep DIRECTORY      with --all: keep the stand-ins there for the next time
DENORT_BIN=FILE is the base executable for one target, where it can't be downloaded.`;

const SWITCHES = ["--no-sign-in", "--no-store", "--check", "--all"];
const VALUED = ["--target", "--out", "--name", "--endpoint", "--allow-host", "--store", "--keep"];
const OF_PIN = ["--allow-host", "--no-sign-in", "--store", "--no-store"];

/**
 * Reads the options.
 *
 * @param base the value of `DENORT_BIN`
 * @throws {CompileError} for what makes no sense
 */
export function parseOptions(args: readonly string[], base: string | undefined): CompileOptions {
  const given = new Map<string, string[]>();
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const [name = "", inline] = arg.startsWith("--") ? splitOnce(arg) : [arg];
    const isSwitch = SWITCHES.includes(name) && inline === undefined;
    if (!isSwitch && !VALUED.includes(name)) throw usage(`unknown option ${arg}`);
    const value = isSwitch ? "" : inline ?? args[++i];
    if (value === undefined || (!isSwitch && value === "")) throw usage(`${name} needs a value`);
    given.set(name, [...given.get(name) ?? [], value]);
  }
  const last = (name: string) => given.get(name)?.at(-1);
  const has = (name: string) => given.has(name);
  const endpoint = last("--endpoint");
  const stray = OF_PIN.find(has);
  if (endpoint === undefined && stray !== undefined) throw usage(`${stray} goes with --endpoint`);
  if (has("--store") && has("--no-store")) throw usage("--store and --no-store contradict each other");
  if (has("--all") && !has("--check")) throw usage("--all goes with --check");
  if (has("--keep") && !has("--all")) throw usage("--keep goes with --all");
  if (has("--all") && has("--target")) throw usage("--all and --target contradict each other");
  const name = last("--name") ?? (endpoint === undefined ? "mcp-connect" : "mcp-connect-pinned");
  if (!/^[\w.-]+$/.test(name)) throw usage(`--name ${name} is no file's name`);

  const named = (given.get("--target") ?? []).flatMap((it) => it.split(",")).map(targetOf);
  const oneOnly = has("--check") ? !has("--all") : endpoint !== undefined || base !== undefined;
  const targets = named.length > 0 ? [...new Set(named)] : oneOnly ? [ownTarget()] : TARGETS;
  if (base !== undefined && targets.length > 1 && !has("--check")) {
    throw usage("DENORT_BIN is the base of one target only: name one --target");
  }
  return {
    targets,
    out: last("--out") ?? "dist/bin",
    name,
    pin: endpoint === undefined ? undefined : {
      endpoint,
      allowHosts: given.get("--allow-host") ?? [],
      signIn: !has("--no-sign-in"),
      store: has("--no-store") ? false : last("--store"),
    },
    check: has("--check"),
    standIns: last("--keep"),
  };
}

function targetOf(triple: string): Target {
  const target = TARGETS.find((it) => it.triple === triple);
  if (target !== undefined) return target;
  throw compileError(
    ExitCode.Usage,
    `there is no target ${triple}`,
    `the targets are ${TARGETS.map((it) => it.triple).join(", ")}`,
  );
}

function ownTarget(): Target {
  const own = hostTarget();
  if (own !== undefined) return own;
  throw usage(`there is no target for this machine (${Deno.build.target}): name one by --target`);
}

function splitOnce(arg: string): [string, string?] {
  const at = arg.indexOf("=");
  return at < 0 ? [arg] : [arg.slice(0, at), arg.slice(at + 1)];
}

function usage(message: string): Error {
  return compileError(ExitCode.Usage, message, USAGE);
}
