/** A command line with the flags that `permissions` prints for it, and with each of them less. */
import assert from "node:assert/strict";
import type { Need } from "../../src/permissions/need.ts";
import { flagsFor } from "../../src/permissions/flags.ts";
import { type Program, type ProgramOptions, startProgram } from "../support/program.ts";

/** A use of the program, as its user would have it. */
export interface Trial {
  readonly args: readonly string[];
  readonly env?: ProgramOptions["env"];
  readonly cwd?: string;
  /** Whether it bridges a client on its stdin and stdout. @default true */
  readonly bridges?: boolean;
  /** Makes everything as it is before a first use. */
  readonly prepare?: () => Promise<unknown>;
  /** Uses it; throws where something is missing. @default a client's first requests, or nothing */
  readonly use?: (program: Program, lacks: Need | undefined) => Promise<unknown>;
  /** What is left out, one by one. @default all */
  readonly less?: (need: Need) => boolean;
  /** Whether what it shows is about flags. @default false */
  readonly tellsOfFlags?: boolean;
  /** Checks what it has shown once it has ended. */
  readonly check?: (outcome: Outcome) => void;
  /**
   * What a missing permission comes to, where it is not what its weight says: `works` as if nothing was missing, `fails`, `partly` with
   * the flag's name in the log, `either` that or an error.
   */
  readonly without?: (need: Need) => "works" | "fails" | "partly" | "either" | undefined;
}

/** What came of it. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What was not as it should be. */
  readonly problem: string | undefined;
}

/** What `permissions --json` says. */
export interface Printed {
  readonly flags: readonly string[];
  readonly command: readonly string[];
  readonly needs: readonly Need[];
  readonly unknowns: readonly string[];
}

/** What no run of a test leaves to the machine it is on. */
const CLEAN = {
  LD_LIBRARY_PATH: undefined,
  LD_PRELOAD: undefined,
  DYLD_LIBRARY_PATH: undefined,
  DISPLAY: undefined,
  WAYLAND_DISPLAY: undefined,
  BROWSER: undefined,
};

/** Asks `permissions` about a use. */
export async function askPermissions(trial: Trial, flags: readonly string[] = ["-A"]): Promise<Printed> {
  const [dashes] = [trial.args.indexOf("--")];
  const own = ["--json"];
  const args = dashes < 0 ? [...trial.args, ...own] : [...own, ...trial.args];
  const { code, stdout, stderr } = await run({ ...trial, bridges: false, use: () => Promise.resolve() }, [
    "permissions",
    ...args,
  ], flags);
  assert.equal(code, 0, stderr);
  const { needs, ...rest } = JSON.parse(stdout);
  // What has no value is `null` for other programs.
  return { ...rest, needs: needs.map(({ value, ...it }: Need) => value === null ? it : { ...it, value }) };
}

/** Runs a use under some flags. */
async function run(
  trial: Trial,
  args: readonly string[],
  permissions: readonly string[],
  lacks?: Need,
): Promise<Outcome> {
  const bridges = trial.bridges ?? true;
  const program = startProgram(args, {
    permissions,
    protocol: bridges,
    env: { ...CLEAN, ...trial.env },
    ...(trial.cwd === undefined ? {} : { cwd: trial.cwd }),
  });
  let problem: string | undefined;
  try {
    await (trial.use ?? (bridges ? beginSession : () => Promise.resolve()))(program, lacks);
  } catch (error) {
    problem = String(error);
  }
  await program.closeStdin();
  const { code, signal } = await program.status;
  // Disposing of it reads its pipes to their end, and minds what is no protocol.
  await program[Symbol.asyncDispose]();
  assert.equal(signal, null, program.stderr());
  return { code, stdout: program.stdout(), stderr: program.stderr(), problem };
}

/** What every client does first. */
export async function beginSession(program: Program): Promise<void> {
  await program.initialize();
  const { error } = await program.request("ping");
  if (error !== undefined) throw new Error(`ping: ${error.code} ${error.message} ${error.data?.hint ?? ""}`);
}

/** Runs a use with exactly the printed flags, then with each of their values less. Gives the needs, for more to be said of them. */
export async function tryOut(trial: Trial): Promise<Printed> {
  await trial.prepare?.();
  const printed = await askPermissions(trial);
  const wanted = printed.needs.filter(({ weight }) => weight !== "extra");
  assert.deepEqual(printed.flags, flagsFor(printed.needs));
  const check = (outcome: Outcome) => {
    assert.equal(outcome.problem, undefined, outcome.stderr);
    assert.equal(outcome.code, 0, outcome.stderr);
    trial.check?.(outcome);
  };

  await trial.prepare?.();
  const whole = await run(trial, trial.args, printed.flags);
  check(whole);
  if (trial.tellsOfFlags !== true) assert.doesNotMatch(whole.stderr, /NotCapable|--allow-|[Pp]ermission/);

  for (const lacking of wanted.filter(trial.less ?? (() => true))) {
    await trial.prepare?.();
    const flags = flagsFor(wanted.filter((it) => it !== lacking));
    const outcome = await run(trial, trial.args, flags, lacking);
    const shown = `${outcome.stdout}\n${outcome.stderr}`;
    const story = `without ${
      lacking.value ?? "all"
    } of ${lacking.kind}: code ${outcome.code}, ${outcome.problem}\n${shown}`;
    // Nobody foresaw that one, and it is never a permission's.
    assert.notEqual(outcome.code, 1, story);
    assert.doesNotMatch(shown, /unexpected failure|NotCapable|Allow\?/, story);
    const expected = trial.without?.(lacking) ?? (lacking.weight === "comfort" ? "works" : "fails");
    const failed = outcome.problem !== undefined || outcome.code !== 0;
    if (expected === "works") {
      check(outcome);
      // What was named and can't be used is worth a word; of a variable that is hidden nobody can know.
      if (isStore(lacking)) assert.ok(names(shown, lacking), story);
      continue;
    }
    if (expected === "either" && !failed) continue;
    assert.equal(failed, expected !== "partly", story);
    // A bridge tells its client, and ends as usual.
    if (failed && outcome.problem === undefined) assert.equal(outcome.code, 6, story);
    assert.ok(names(shown, lacking), story);
  }
  return printed;
}

function isStore({ kind, reason }: Need): boolean {
  return (kind === "read" || kind === "write") && reason.startsWith("the store");
}

/** Whether a text names the flag that grants a need, alone or among others of its kind. */
function names(text: string, { kind, value }: Need): boolean {
  const flags = [...text.matchAll(new RegExp(`--allow-${kind}(?:=([^\\s"\\\\;)]+))?`, "g"))];
  return flags.some(([, values]) =>
    value === undefined || values?.replace(/[.]$/, "").split(",").includes(value)
  );
}
