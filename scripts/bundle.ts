/**
 * `deno task bundle [DIRECTORY]`: makes the program as it is shipped, by default in `dist`: one minified file, and another
 * beside it for what few sessions need, which is not even looked into before that.
 */
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/**
 * What is in the other file: the modules, seen from `src`, each imported dynamically everywhere. They have copies of what they
 * share with the main file: no class of theirs may be told by `instanceof` there, nor the other way round. They are in one
 * file, because Deno finds and reads all files of a program before it starts it, and that takes longer for each.
 */
const PARTS = [
  "cli/completions_command.ts",
  "cli/help_text.ts",
  "cli/login_command.ts",
  "cli/logout_command.ts",
  "cli/notification_demo_command.ts",
  "cli/permissions_command.ts",
  "cli/status_command.ts",
  "cli/test_command.ts",
  "cli/version_command.ts",
  "link/era/legacy_to_modern.ts",
  "oauth/open_account.ts",
  "upstream/modern/modern_client.ts",
] as const;

/** The file of the parts, beside the main file. */
const PARTS_FILE = "mcp-connect-parts.js";

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
    const specifier = `"\\.\\.?/(?:[\\w./]*/)?${fileOf(part).replaceAll(".", "\\.")}"`;
    const loads = new RegExp(`import\\(${specifier}\\)`, "g");
    if (text.match(loads) === null) throw new Error(`nothing in the bundle loads ${part}`);
    if (new RegExp(`(?:from|import)${specifier}`).test(text)) {
      throw new Error(`${part} is loaded at the start: it must be imported dynamically everywhere`);
    }
    text = text.replace(loads, `import("./${PARTS_FILE}").then((parts)=>parts.load["${part}"]())`);
  }
  await Deno.writeTextFile(main, text);
  await bundleParts(source, directory);
  return main;
}

/** Dynamic imports within one file start what they name when they are reached. */
async function bundleParts(source: string, directory: string): Promise<void> {
  const entry = `${directory}/parts.ts`;
  const loaders = PARTS.map((part) => {
    const url = new URL(part, pathToFileURL(source)).href;
    return `${JSON.stringify(part)}: () => import(${JSON.stringify(url)})`;
  });
  await Deno.writeTextFile(entry, `export const load = { ${loaders.join(", ")} };\n`);
  try {
    await bundle(["--output", `${directory}/${PARTS_FILE}`, entry]);
  } finally {
    await Deno.remove(entry);
  }
}

/** No two modules of `src` that are parts, or like one, have the same name. */
function fileOf(part: string): string {
  return part.split("/").at(-1)!;
}

async function bundle(args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--config", `${ROOT}deno.json`, "--minify", "--platform", "deno", ...args],
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
