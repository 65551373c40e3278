/**
 * `deno task bundle [DIRECTORY]`: makes the program as it is shipped, by default in `dist`: one minified file, and beside it
 * what few sessions need, which then weighs nothing at the start.
 */
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/**
 * What is loaded from a file of its own: the modules, seen from `src`, each imported dynamically everywhere. They have copies
 * of what they share with the main file: no class of theirs may be told by `instanceof` there, nor the other way round.
 */
const PARTS = [
  "cli/completions_command.ts",
  "cli/help_text.ts",
  "cli/login_command.ts",
  "cli/logout_command.ts",
  "cli/notification_demo_command.ts",
  "cli/status_command.ts",
  "cli/test_command.ts",
  "cli/version_command.ts",
  "link/era/legacy_to_modern.ts",
  "oauth/open_account.ts",
  "upstream/modern/modern_client.ts",
] as const;

/** The directory of the parts, beside the main file. */
const FOLDER = "mcp-connect-parts";

/**
 * Bundles the program.
 *
 * @param source the program's entry
 * @param directory where the bundle goes
 * @returns the main file's path
 * @throws {Error} when it can't be bundled
 */
export async function bundleProgram(source: string, directory: string): Promise<string> {
  await Deno.mkdir(directory, { recursive: true });
  const main = `${directory}/mcp-connect.js`;
  const externals = PARTS.flatMap((part) => ["--external", `*/${fileOf(part)}`]);
  await bundle([...externals, "--output", main, source]);
  let text = await Deno.readTextFile(main);
  for (const part of PARTS) {
    const specifier = new RegExp(`"\\.\\.?/(?:[\\w./]*/)?${fileOf(part).replaceAll(".", "\\.")}"`, "g");
    const file = `"./${FOLDER}/${part.replace(/\.ts$/, ".js")}"`;
    if (text.match(specifier) === null) throw new Error(`nothing in the bundle loads ${part}`);
    if (new RegExp(`(?:from|import)${specifier.source}`).test(text)) {
      throw new Error(`${part} is loaded at the start: it must be imported dynamically everywhere`);
    }
    text = text.replace(specifier, file);
  }
  await Deno.writeTextFile(main, text);
  const sources = PARTS.map((part) => fileURLToPath(new URL(part, pathToFileURL(source))));
  const parts = `${directory}/${FOLDER}`;
  await Deno.remove(parts, { recursive: true }).catch(() => {});
  await bundle(["--code-splitting", "--outdir", parts, ...sources]);
  await dropUnused(main, parts);
  return main;
}

/** The bundler also writes what only code that it has left out would have loaded. */
async function dropUnused(main: string, parts: string): Promise<void> {
  const used = new Set<string>();
  const queue = [pathToFileURL(main).href];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (used.has(next)) continue;
    used.add(next);
    const text = await Deno.readTextFile(new URL(next));
    for (const [, specifier] of text.matchAll(/"(\.\.?\/[^"\s]+\.js)"/g)) {
      queue.push(new URL(specifier!, next).href);
    }
  }
  for await (const { name, isFile } of Deno.readDir(parts)) {
    const path = `${parts}/${name}`;
    if (isFile && !used.has(pathToFileURL(path).href)) await Deno.remove(path);
  }
}

/** No two modules of `src` that are parts, or like one, have the same name. */
function fileOf(part: string): string {
  return part.split("/").at(-1)!;
}

async function bundle(args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--minify", "--platform", "deno", ...args],
    cwd: ROOT,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`the program can't be bundled: ${new TextDecoder().decode(stderr)}`);
}

if (import.meta.main) {
  const [directory = `${ROOT}dist`] = Deno.args;
  await bundleProgram(`${ROOT}src/main.ts`, directory);
}
