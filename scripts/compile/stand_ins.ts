import { compileError, ExitCode } from "./compile_error.ts";
import { makeBase } from "./make_base.ts";
import { hostTarget, type Target } from "./targets.ts";

/**
 * Makes what stands in for a target's base executable where that can't be had.
 *
 * @param directory where it goes
 */
export async function madeStandIn(target: Target, directory: string): Promise<string> {
  const path = `${directory}/base-${target.triple}`;
  await Deno.writeFile(path, makeBase(target));
  return path;
}

/**
 * Finds what stands in for a target's base executable and is as large as it: Deno's own, of this very version. This
 * machine's is at hand; others come from the package registry.
 *
 * @param directory where they are kept; one that is there already is used again
 * @throws {CompileError} when it can't be had
 */
export async function denoStandIn(target: Target, directory: string): Promise<string> {
  if (target === hostTarget()) return Deno.execPath();
  const folder = `${directory}/${target.triple}-${Deno.version.deno}`;
  const program = `${folder}/package/deno${target.os === "windows" ? ".exe" : ""}`;
  const wanted = `${target.denoPackage}@${Deno.version.deno}`;
  if (await isFile(program)) return program;
  await Deno.mkdir(folder, { recursive: true });
  const npm = Deno.build.os === "windows" ? "npm.cmd" : "npm";
  await run(npm, ["pack", "--silent", wanted], folder, `${wanted}, which stands in for ${target.triple}`);
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".tgz")) continue;
    await run("tar", ["-xzf", name], folder, name);
    await Deno.remove(`${folder}/${name}`);
  }
  return program;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

async function run(command: string, args: readonly string[], cwd: string, what: string): Promise<void> {
  let said = "";
  try {
    const { success, stderr } = await new Deno.Command(command, {
      args: [...args],
      cwd,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    if (success) return;
    said = new TextDecoder().decode(stderr).trim().split("\n")[0] ?? "";
  } catch (error) {
    said = error instanceof Error ? error.message : String(error);
  }
  throw compileError(ExitCode.NoBase, `${what}, can't be had: ${command}: ${said}`);
}
