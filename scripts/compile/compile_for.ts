import { compileError, ExitCode } from "./compile_error.ts";
import { missingBase } from "./missing_base.ts";
import type { Target } from "./targets.ts";

/** One executable to make. */
export interface CompileJob {
  readonly target: Target;
  /** The bundled program's main file; the parts beside it come along, as the main file imports them by name. */
  readonly main: string;
  /** Where the executable goes. */
  readonly output: string;
  /** Its permissions, as flags. */
  readonly flags: readonly string[];
  /** Arguments that it puts before the user's. */
  readonly args: readonly string[];
  /** The icon's file, for Windows. */
  readonly icon: string;
  /** What is used as the base; `undefined` for what Deno finds or downloads. */
  readonly base: string | undefined;
}

/**
 * What helps V8 in this program: a small young generation. Starting takes as long as without; see `docs/compile.md`.
 */
export const V8_FLAGS: readonly string[] = ["--max-semi-space-size=2"];

/**
 * Makes an executable by `deno compile`.
 *
 * @throws {CompileError} when it can't; {@linkcode ExitCode.NoBase} when the base is what is missing
 */
export async function compileFor(job: CompileJob): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: compileArgs(job),
    clearEnv: true,
    env: environmentFor(job.base),
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success) return;
  const said = new TextDecoder().decode(stderr).replace(/\n+Stack backtrace:[^]*/, "").trim();
  if (/Setting up base binary|Could not find denort/.test(said)) {
    throw missingBase(job.target, job.base, said);
  }
  throw compileError(ExitCode.Failed, `${job.target.triple} can't be compiled: ${said}`);
}

/** Deno takes even an empty `DENORT_BIN` for a file's name. */
function environmentFor(base: string | undefined): Record<string, string> {
  const { DENORT_BIN: _, ...env } = Deno.env.toObject();
  return { ...env, NO_COLOR: "1", ...(base === undefined ? {} : { DENORT_BIN: base }) };
}

/** The arguments of `deno`. Nothing but the bundle gets in: no configuration, no lock file's packages. */
export function compileArgs({ target, main, output, flags, args, icon }: CompileJob): string[] {
  return [
    "compile",
    // Kept in the executable: its runtime then tells of errors only, and not of openers that this machine lacks.
    "--quiet",
    "--no-config",
    "--no-lock",
    "--no-remote",
    "--no-npm",
    // It is JavaScript; what it was made of is checked apart.
    "--no-check",
    "--app-name=mcp-connect",
    `--v8-flags=${V8_FLAGS.join(",")}`,
    ...(target.os === "windows" ? ["--icon", icon] : []),
    ...flags,
    "--target",
    target.triple,
    "--output",
    output,
    main,
    ...args,
  ];
}
