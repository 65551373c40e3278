/** Executables with a small program in them, over stand-ins for their bases. */
import { compileArgs, type CompileJob, V8_FLAGS } from "../../scripts/compile/compile_for.ts";
import { drawIcon, makeIcon } from "../../scripts/compile/icon.ts";
import type { Expected } from "../../scripts/compile/judge_executable.ts";
import { madeStandIn } from "../../scripts/compile/stand_ins.ts";
import type { Target } from "../../scripts/compile/targets.ts";

/** What the small program is made of. */
export const SAMPLE_FILES = {
  "main.js": `await import("./parts/more.js"); console.log(Deno.args.join(" "));`,
  "parts/more.js": `console.log("more");`,
} as const;

/** Permissions of all sorts. */
export const SAMPLE_FLAGS = [
  "--no-prompt",
  "--allow-net=mcp.example.com:443,127.0.0.1",
  "--allow-read",
  "--allow-env",
  "--deny-import",
] as const;

export const SAMPLE_ARGS = ["proxy", "--endpoint", "https://mcp.example.com/mcp"] as const;

/** A place to make them in. */
export interface SampleShop extends AsyncDisposable {
  readonly directory: string;
  /** Makes one and reads it; changes of the job are faults. */
  make(target: Target, changes?: Partial<CompileJob>): Promise<Uint8Array>;
  /** What has to be in it. */
  expected(target: Target): Expected;
}

export async function openSampleShop(): Promise<SampleShop> {
  const directory = await Deno.makeTempDir();
  await Deno.mkdir(`${directory}/program/parts`, { recursive: true });
  await Deno.mkdir(`${directory}/out`);
  for (const [path, text] of Object.entries(SAMPLE_FILES)) {
    await Deno.writeTextFile(`${directory}/program/${path}`, text);
  }
  const icon = `${directory}/icon.ico`;
  await Deno.writeFile(icon, makeIcon());
  const pixels = drawIcon();
  return {
    directory,
    async make(target, changes = {}) {
      const base = await madeStandIn(target, directory);
      const output = `${directory}/out/sample${target.os === "windows" ? ".exe" : ""}`;
      await compile({
        target,
        main: `${directory}/program/main.js`,
        output,
        flags: SAMPLE_FLAGS,
        args: SAMPLE_ARGS,
        icon,
        base,
        ...changes,
      });
      return await Deno.readFile(output);
    },
    expected: (target) => ({
      target,
      flags: SAMPLE_FLAGS,
      args: SAMPLE_ARGS,
      v8Flags: V8_FLAGS,
      entry: "main.js",
      files: new Map(
        Object.entries(SAMPLE_FILES).map(([path, text]) => [path, new TextEncoder().encode(text)]),
      ),
      icon: target.os === "windows" ? pixels : undefined,
    }),
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

async function compile(job: CompileJob): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: compileArgs(job),
    env: { DENORT_BIN: job.base! },
    stdout: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
