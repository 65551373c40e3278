/**
 * `deno task compile`: makes the executables, or with `--check` proves all that can be proved where their base, which Deno
 * provides, can't be had. `--help` lists the options; `docs/compile.md` tells more.
 */
import { fileURLToPath } from "node:url";
import { describeEndpoint } from "../src/link/describe_endpoint.ts";
import type { Endpoint } from "../src/link/endpoint.ts";
import { VERSION } from "../src/version.ts";
import { askSignIn } from "./compile/ask_sign_in.ts";
import { baseTarget } from "./compile/base_target.ts";
import { compileError, ExitCode, isCompileError } from "./compile/compile_error.ts";
import { compileFor, V8_FLAGS } from "./compile/compile_for.ts";
import { drawIcon, makeIcon } from "./compile/icon.ts";
import { judgeExecutable } from "./compile/judge_executable.ts";
import { type CompileOptions, parseOptions, type PinRequest, USAGE } from "./compile/options.ts";
import { readPayload } from "./compile/payload.ts";
import { permissionFlags } from "./compile/permissions.ts";
import { type Pin, pinnedEndpoints, pinProgram } from "./compile/pin.ts";
import { replay } from "./compile/replay.ts";
import { stageBundle, type StagedBundle } from "./compile/stage_bundle.ts";
import { denoStandIn, madeStandIn } from "./compile/stand_ins.ts";
import { executableName, hostTarget, type Target } from "./compile/targets.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const encoder = new TextEncoder();

function print(text: string): void {
  Deno.stdout.writeSync(encoder.encode(`${text}\n`));
}

function complain(text: string): void {
  Deno.stderr.writeSync(encoder.encode(`${text}\n`));
}

/** The base executable that the user names. */
interface Base {
  readonly path: string;
  readonly target: Target;
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return print(USAGE);
  const base = await namedBase();
  const options = parseOptions(args, base?.target);
  const pin = options.pin === undefined ? undefined : await settlePin(options.pin);
  for (const target of options.targets) contentOf(pin, target);
  const work = await Deno.makeTempDir({ prefix: "mcp-connect-compile-" });
  try {
    if (options.check) await checkTypes();
    const bundle = await stageBundle(`${work}/bundle`);
    const icon = `${work}/mcp-connect.ico`;
    await Deno.writeFile(icon, makeIcon());
    const out = options.check ? `${work}/out` : options.out;
    await Deno.mkdir(out, { recursive: true });
    for (const target of options.targets) {
      const from = base?.target === target
        ? base.path
        : options.check
        ? await standInFor(target, options, work)
        : undefined;
      const output = `${out}/${executableName(options.name, target)}`;
      const content = contentOf(pin, target);
      await compileFor({ target, main: bundle.main, output, ...content, icon, base: from });
      const bytes = await Deno.readFile(output);
      try {
        checkExecutable(bytes, output, { target, bundle, baseSize: await sizeOf(from), ...content });
        if (options.check && target.os === Deno.build.os) await checkReplay(bytes, work);
        if (!options.check && target === hostTarget()) await checkStart(output);
      } catch (error) {
        await Deno.remove(output);
        throw error;
      }
      if (options.check) await Deno.remove(output);
      else print(output);
    }
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

async function namedBase(): Promise<Base | undefined> {
  const path = Deno.env.get("DENORT_BIN") ?? "";
  return path === "" ? undefined : { path, target: await baseTarget(path) };
}

async function standInFor(target: Target, { standIns }: CompileOptions, work: string): Promise<string> {
  return standIns === undefined ? await madeStandIn(target, work) : await denoStandIn(target, standIns);
}

async function sizeOf(path: string | undefined): Promise<number | undefined> {
  return path === undefined ? undefined : (await Deno.stat(path)).size;
}

/** Finds out who gives tokens for the endpoints that want a sign-in. */
async function settlePin(pin: PinRequest): Promise<Pin> {
  if (pin.signIn === false) return { ...pin, signIn: false };
  const allowHosts = [...pin.allowHosts];
  let signIn = pin.signIn ?? false;
  for (const endpoint of endpointsOf(pin)) {
    if (endpoint.kind !== "http") continue;
    const answer = await askSignIn(endpoint.url);
    const place = describeEndpoint(endpoint);
    const name = "name its authorization server by --allow-host";
    if (answer.kind === "wanted") {
      signIn = true;
      allowHosts.push(...answer.hosts);
      if (answer.hosts.length === 0) {
        complain(`note: who gives tokens for ${place} is not known (${answer.why}): ${name}`);
      }
    } else if (answer.kind === "unknown") {
      const more = pin.signIn === true ? "" : ", and give --sign-in";
      complain(`note: whether ${place} wants a sign-in is not known (${answer.why}): if so, ${name}${more}`);
    }
  }
  return { ...pin, signIn, allowHosts };
}

/** The endpoints, as far as they can be asked; a command that only Windows can read can't. */
function endpointsOf({ endpoints }: PinRequest): Endpoint[] {
  try {
    return pinnedEndpoints(endpoints, "linux");
  } catch {
    // What is wrong is told once the targets are looked at.
    return [];
  }
}

/** What an executable may do, and the arguments that it has of its own. */
interface Content {
  readonly flags: readonly string[];
  readonly args: readonly string[];
}

function contentOf(pin: Pin | undefined, { os }: Target): Content {
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
  print("module graph and types: as they should be");
}

/** Reads back what is in an executable. */
function checkExecutable(
  bytes: Uint8Array,
  path: string,
  { target, bundle, baseSize, flags, args }: Content & {
    readonly target: Target;
    readonly bundle: StagedBundle;
    readonly baseSize: number | undefined;
  },
): void {
  const { entry, files } = bundle;
  const icon = target.os === "windows" ? drawIcon() : undefined;
  const problems = judgeExecutable(bytes, { target, flags, args, v8Flags: V8_FLAGS, entry, files, icon });
  if (problems.length > 0) {
    throw compileError(
      ExitCode.Failed,
      [`${path} is not as it should be:`, ...problems.map((it) => `  ${it}`)].join("\n"),
    );
  }
  const inside = [...files.values()].reduce((sum, { length }) => sum + length, 0);
  const over = baseSize === undefined ? "" : `, ${kibibytes(bytes.length - baseSize)} over its base`;
  print(
    `${target.triple}: ${files.size} files (${kibibytes(inside)}${over}), permissions, arguments${
      icon === undefined ? " and entry point" : ", entry point and icon"
    } as they should be`,
  );
  print(`  ${[...flags, ...(args.length > 0 ? ["--", ...args] : [])].join(" ")}`);
}

function kibibytes(bytes: number): string {
  return `${Math.round(bytes / 1024)} KiB`;
}

/** What the executable carries has to run with the permissions and arguments that it carries. */
async function checkReplay(bytes: Uint8Array, work: string): Promise<void> {
  const directory = `${work}/replay`;
  const said = await replay(readPayload(bytes), directory, ["--version"]);
  await Deno.remove(directory, { recursive: true });
  if (said !== `mcp-connect ${VERSION}`) {
    throw compileError(
      ExitCode.Failed,
      `what it carries does not run: asked for its version it says ${said}`,
    );
  }
  print("  taken out again and run by Deno with just these, it tells its version");
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
