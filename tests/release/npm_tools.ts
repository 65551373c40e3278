import { ok } from "node:assert/strict";

/** npm as it can be started on this system: on Windows it is a script, which needs a shell. */
export const NPM = Deno.build.os === "windows" ? ["cmd", "/c", "npm"] : ["npm"];

/** Runs a command to its end. @returns what it wrote to stdout @throws {AssertionError} when it fails */
export async function run(
  [file, ...args]: readonly string[],
  options: Pick<Deno.CommandOptions, "cwd" | "env"> = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(file!, { args, stdin: "null", ...options })
    .output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  ok(success, `${file} ${args.join(" ")}\n${text(stdout)}${text(stderr)}`);
  return text(stdout);
}

/** Installs packages into a directory, as they are, without running what they bring. */
export async function installPackages(directory: string, packages: readonly string[]): Promise<void> {
  await run(
    [
      ...NPM,
      "install",
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      "--no-save",
      "--prefer-offline",
      ...packages,
    ],
    { cwd: directory },
  );
}
