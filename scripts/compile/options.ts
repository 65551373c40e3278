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
  /** The endpoints that they are for; `undefined`: any. */
  readonly pin: PinRequest | undefined;
  /** Prove what can be proved without the base executables, and leave nothing behind. */
  readonly check: boolean;
  /** Where Deno's own executables are kept, to stand in for the base ones; `undefined`: files made for it do. */
  readonly standIns: string | undefined;
}

/** What is to be pinned; whether a person signs in is found out where it is not said. */
export type PinRequest = Omit<Pin, "signIn"> & { readonly signIn: boolean | undefined };

/** How to use it. */
export const USAGE = `deno task compile [options] [-- OPTION…]
  --target TRIPLE       ${TARGETS.slice(0, 2).map(({ triple }) => triple).join(", ")},
                        ${TARGETS.slice(2, 4).map(({ triple }) => triple).join(", ")},
                        ${TARGETS.slice(4).map(({ triple }) => triple).join(", ")}; repeatable
                        (without it all; of a pinned executable this machine's; with DENORT_BIN the one it is for)
  --out DIRECTORY       where the executables go (dist/bin)
  --name NAME           what their names begin with (mcp-connect, mcp-connect-pinned)
  --endpoint ENDPOINT   pin it: make it for this endpoint alone; it can connect to nothing else but the authorization
                        server that the endpoint names when asked. Repeatable: it balances between them. Options of
                        proxy that it is to have go after --
  --allow-host HOST     and to this HOST or HOST:PORT; repeatable
  --allow-variable NAME it may read this variable, for \${NAME} in a header; repeatable. It always may read its own,
                        MCP_CONNECT_…, and those that it is given after --
  --sign-in             a person may sign in with a browser, even if the endpoint does not ask for it now
  --no-sign-in          nobody signs in with a browser: it may not listen, nor run what opens one
  --store DIRECTORY     where it keeps what it keeps, and reads and writes nothing else
  --no-store            it keeps nothing, and reads and writes nothing
  --check               prove what can be proved without the base executables, for all targets, and make nothing
  --stand-ins DIRECTORY with --check: use Deno's own executables in place of the base ones; those that are not in the
                        directory yet come from the package registry (40 MB each)
DENORT_BIN=FILE is the base executable (denort) of one target, for where it can't be downloaded.`;

const SWITCHES = ["--sign-in", "--no-sign-in", "--no-store", "--check"];
const VALUED = [
  "--target",
  "--out",
  "--name",
  "--endpoint",
  "--allow-host",
  "--allow-variable",
  "--store",
  "--stand-ins",
];
const OF_PIN = ["--allow-host", "--allow-variable", "--sign-in", "--no-sign-in", "--store", "--no-store"];
const REPEATABLE = ["--target", "--endpoint", "--allow-host", "--allow-variable"];

/**
 * Reads the options.
 *
 * @param base the target that `DENORT_BIN` is for; `undefined` when it is not set
 * @throws {CompileError} for what makes no sense
 */
export function parseOptions(args: readonly string[], base: Target | undefined): CompileOptions {
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  const rest = end < 0 ? [] : args.slice(end + 1);
  const given = new Map<string, string[]>();
  for (let i = 0; i < own.length; i++) {
    const arg = own[i]!;
    const [name = "", inline] = arg.startsWith("--") ? splitOnce(arg) : [arg];
    const isSwitch = SWITCHES.includes(name) && inline === undefined;
    if (!isSwitch && !VALUED.includes(name)) throw usage(`unknown option ${arg}`);
    const value = isSwitch ? "" : inline ?? own[++i];
    if (value === undefined || (!isSwitch && value === "")) throw usage(`${name} needs a value`);
    if (given.has(name) && !isSwitch && !REPEATABLE.includes(name)) throw usage(`${name} is given twice`);
    given.set(name, [...given.get(name) ?? [], value]);
  }
  const one = (name: string) => given.get(name)?.[0];
  const has = (name: string) => given.has(name);
  const endpoints = given.get("--endpoint");
  const check = has("--check");
  const stray = endpoints === undefined
    ? OF_PIN.find(has) ?? (rest.length > 0 ? "--" : undefined)
    : undefined;
  if (stray !== undefined) throw usage(`${stray} goes with --endpoint`);
  if (has("--store") && has("--no-store")) throw usage("--store and --no-store contradict each other");
  if (has("--sign-in") && has("--no-sign-in")) {
    throw usage("--sign-in and --no-sign-in contradict each other");
  }
  if (has("--stand-ins") && !check) throw usage("--stand-ins goes with --check");
  const name = one("--name") ?? (endpoints === undefined ? "mcp-connect" : "mcp-connect-pinned");
  if (!/^[\w.-]+$/.test(name)) throw usage(`--name ${name} is no file's name`);
  return {
    targets: targetsOf(given.get("--target") ?? [], { base, check, pinned: endpoints !== undefined }),
    out: one("--out") ?? "dist/bin",
    name,
    pin: endpoints === undefined ? undefined : {
      endpoints,
      allowHosts: given.get("--allow-host") ?? [],
      allowVariables: given.get("--allow-variable") ?? [],
      signIn: has("--sign-in") ? true : has("--no-sign-in") ? false : undefined,
      store: has("--no-store") ? false : one("--store"),
      args: rest,
    },
    check,
    standIns: one("--stand-ins"),
  };
}

function targetsOf(
  names: readonly string[],
  { base, check, pinned }: {
    readonly base: Target | undefined;
    readonly check: boolean;
    readonly pinned: boolean;
  },
): readonly Target[] {
  const named = [...new Set(names.flatMap((it) => it.split(",")).map(targetOf))];
  if (check) return named.length > 0 ? named : TARGETS;
  if (base !== undefined) {
    const other = named.find((it) => it !== base);
    if (other === undefined) return [base];
    throw compileError(
      ExitCode.NoBase,
      `DENORT_BIN is for ${base.triple}, and can't be the base for ${other.triple}`,
      `name no other --target, or unset DENORT_BIN`,
    );
  }
  if (named.length > 0) return named;
  return pinned ? [ownTarget()] : TARGETS;
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
