/**
 * `deno task compile`: makes the executables, or with `--check` proves all that can be proved where their base, which Deno
 * provides, can't be had. `--help` lists the options; `docs/compile.md` tells more.
 */
import { fileURLToPath } from "node:url";
import { VERSION } from "../src/version.ts";
import { compileError, ExitCode, isCompileError } from "./compile/compile_error.ts";
import { compileFor, V8_FLAGS } from "./compile/compile_for.ts";
import { makeIcon } from "./compile/icon.ts";
import { judgeExecutable } from "./compile/judge_executable.ts";
import { type CompileOptions, parseOptions, USAGE } from "./compile/options.ts";
import { permissionFlags } from "./compile/permissions.ts";
import { pinProgram } from "./compile/pin.ts";
import { stageBundle, type StagedBundle } from "./compile/stage_bundle.ts";
import { standInFor } from "./compile/stand_ins.ts";
import { executableName, hostTarget, type Target } from "./compile/targets.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const encoder = new TextEncoder();

function print(text: string): void {
  Deno.stdout.writeSync(encoder.encode(`${text}\n`));
}

function complain(text: string): void {
  Deno.stderr.writeSync(encoder.encode(`${text}\n`));
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return print(USAGE);
  const base = Deno.env.get("DENORT_BIN") || undefined;
  const options = parseOptions(args, base);
  for (const target of options.targets) contentOf(options, target);
  const work = await Deno.makeTempDir({ prefix: "mcp-connect-compile-" });
  try {
    if (options.check) await checkTypes();
    const bundle = await stageBundle(`${work}/bundle`);
    const icon = { path: `${work}/mcp-connect.ico`, bytes: makeIcon() };
    await Deno.writeFile(icon.path, icon.bytes);
    const out = options.check ? `${work}/out` : options.out;
    await Deno.mkdir(out, { recursive: true });
    for (const target of options.targets) {
      const from = options.check ? await standInFor(target, options.standIns ?? `${work}/stand-ins`) : base;
      const output = `${out}/${executableName(options.name, target)}`;
      const content = contentOf(options, target);
      await compileFor({ target, main: bundle.main, output, ...content, icon: icon.path, base: from });
      await checkExecutable(output, { target, bundle, icon: icon.bytes, ...content });
      if (options.check) {
        await Deno.remove(output);
        if (options.standIns === undefined) {
          await Deno.remove(`${work}/stand-ins/${target.triple}`, { recursive: true }).catch(() => {});
        }
      } else {
        if (target === hostTarget()) await checkStart(output);
        print(output);
      }
    }
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** What an executable may do, and the arguments that it has of its own. */
interface Content {
  readonly flags: readonly string[];
  readonly args: readonly string[];
}

function contentOf({ pin }: CompileOptions, { os }: Target): Content {
  if (pin === undefined) return { flags: permissionFlags(os), args: [] };
  try {
    return pinProgram(pin, os);
  } catch (error) {
    const { message, hint } = error as Error & { hint?: string };
    throw compileError(ExitCode.Usage, message, hint);
  }
}

/** The module graph and the types of what the bundle is made of. */
async function checkTypes(): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", "src/main.ts"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw compileError(ExitCode.Failed, new TextDecoder().decode(stderr).trim());
  print("types and module graph: as they should be");
}

/** Reads back what is in an executable. */
async function checkExecutable(
  path: string,
  { target, bundle, icon, flags, args }: Content & {
    readonly target: Target;
    readonly bundle: StagedBundle;
    readonly icon: Uint8Array;
  },
): Promise<void> {
  const { entry, files } = bundle;
  const bytes = await Deno.readFile(path);
  const problems = judgeExecutable(bytes, { target, flags, args, v8Flags: V8_FLAGS, entry, files, icon });
  if (problems.length > 0) {
    throw compileError(
      ExitCode.Failed,
      [`${path} is not as it should be:`, ...problems.map((it) => `  ${it}`)].join("\n"),
    );
  }
  const inside = [...files.values()].reduce((sum, { length }) => sum + length, 0);
  print(
    `${target.triple}: ${files.size} files (${
      Math.round(inside / 1024)
    } KiB), permissions, arguments and entry point as they should be`,
  );
}

/** The base must be one that runs what it carries: Deno itself, which is none, would tell its own version. */
async function checkStart(path: string): Promise<void> {
  const { stdout } = await new Deno.Command(await Deno.realPath(path), {
    args: ["--version"],
    stdin: "null",
    stderr: "null",
  }).output();
  const said = new TextDecoder().decode(stdout).trim();
  if (said === `mcp-connect ${VERSION}`) return;
  await Deno.remove(path);
  throw compileError(
    ExitCode.NoBase,
    `the executable does not run the program: asked for its version it says ${
      JSON.stringify(said.split("\n")[0])
    }`,
    "is the base denort? Deno itself is not enough",
  );
}

try {
  await main(Deno.args);
} catch (error) {
  if (!isCompileError(error)) throw error;
  complain(`error: ${error.message}`);
  if (error.hint !== undefined) complain(error.hint);
  Deno.exit(error.exitCode);
}
