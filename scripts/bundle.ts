/**
 * `deno task bundle [DIRECTORY]`: makes the program as it is shipped, by default in `dist`: four minified files. The first is
 * small, and sends a client's first message on; the second is the program, the others what not every session needs of it.
 */
import { fileURLToPath, pathToFileURL } from "node:url";
import { eagerFunctions } from "./eager_functions.ts";
import { loadedLater, loadedWith, moduleGraph } from "./module_graph.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** What the first file begins with; seen from `src`, as are the others. */
const START = "start/head_start.ts";

/** What the first file loads: the program. */
const PROGRAM = "cli/run_program.ts";

/**
 * What else is in the second file, of what is imported dynamically: all that a session with one legacy server loads. The rest is
 * in others, which would take memory in each session. They have copies of what they share, but for what is in the first file: a
 * class that one makes and another tells is told by its name, not by `instanceof`. They are few, because Deno finds and reads all
 * files of a program before it starts it, and that takes longer for each.
 */
const PROGRAM_TOO: readonly string[] = [
  "cli/parse_options.ts",
  "cli/proxy_command.ts",
  "bridge/run_proxy.ts",
  "link/http/http_peer.ts",
  "link/duplex_peer.ts",
  "link/child/open_child.ts",
  "link/socket/open_socket.ts",
  "link/explain_link.ts",
  "link/socket/bounded_open.ts",
  "upstream/clock_jump.ts",
  "upstream/stored_era.ts",
  "store/write_entry.ts",
  "store/sweep.ts",
  "bridge/stdout_gone.ts",
];

/** What is in the third file: what spreads requests over several servers. */
const BALANCE: readonly string[] = ["balance/open_pool.ts", "config/resolve_balance.ts"];

const [MAIN_FILE, PROGRAM_FILE, BALANCE_FILE, PARTS_FILE] = [
  "mcp-connect.js",
  "mcp-connect-program.js",
  "mcp-connect-balance.js",
  "mcp-connect-parts.js",
] as const;

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
  const main = pathToFileURL(source).href;
  const urlOf = (module: string) => new URL(module, main).href;
  const graph = await moduleGraph(main);
  const shared = loadedWith(graph, urlOf(START));
  const inProgram = [PROGRAM, ...PROGRAM_TOO].map(urlOf);
  const balance = BALANCE.map(urlOf);
  const parts = loadedLater(graph).filter((it) => ![...inProgram, ...balance].includes(it));
  checkNames(shared, graph.keys());
  checkNames([...shared, ...balance, ...parts], inProgram.flatMap((it) => loadedWith(graph, it)));
  const make = async (file: string, entry: string, replace: readonly Replaced[]) => {
    const path = `${directory}/${file.replace(/js$/, "entry.ts")}`;
    await Deno.writeTextFile(path, entry);
    try {
      const externals = replace.flatMap((it) => ["--external", `*/${fileOf(it.module)}`]);
      await bundle([...externals, "--output", `${directory}/${file}`, path]);
    } finally {
      await Deno.remove(path);
    }
    const text = replaced(await Deno.readTextFile(`${directory}/${file}`), replace);
    if (/(?:from|import\(?)\s*["'][^"']*\.ts["']/.test(text)) {
      throw new Error(`${file} still imports a module of the source`);
    }
    // Of a text with one such character, V8 keeps a copy of twice the length; else it uses what Deno has read.
    const wide = /.{0,40}[^\0-\x7f]/.exec(text);
    if (wide !== null) {
      throw new Error(`${file} has a character that is not ASCII; write it as \\u…: ${wide[0]}`);
    }
    return text;
  };

  // Only the entry is told that it is the main module.
  const text = (await Deno.readTextFile(source)).replaceAll('"./', `"${urlOf("./")}`);
  const first = await make(MAIN_FILE, `${text}\n${await exportsOf(shared)}`, [
    { module: PROGRAM, load: `import("./${PROGRAM_FILE}")` },
  ]);
  await Deno.writeTextFile(`${directory}/${MAIN_FILE}`, eagerFunctions(first));

  const fromFirst = shared.map((module): Replaced => ({ module, from: `./${MAIN_FILE}` }));
  const program = await make(PROGRAM_FILE, `export * from "${urlOf(PROGRAM)}";\n`, [
    ...fromFirst,
    ...replacedBy(BALANCE_FILE, balance),
    ...replacedBy(PARTS_FILE, parts),
  ]);
  await Deno.writeTextFile(`${directory}/${PROGRAM_FILE}`, program);

  for (const [file, modules] of [[BALANCE_FILE, balance], [PARTS_FILE, parts]] as const) {
    // Dynamic imports within one file start what they name when they are reached.
    const loaders = modules.map((it) => `() => import("${it}")`);
    const text = await make(file, `export const load = [${loaders.join(", ")}];\n`, fromFirst);
    await Deno.writeTextFile(`${directory}/${file}`, text);
  }
  return `${directory}/${MAIN_FILE}`;
}

/** A module that a file has not in itself: it is loaded by an expression, or what is imported of it is in another file. */
interface Replaced {
  readonly module: string;
  readonly load?: string;
  readonly from?: string;
}

/** The modules of another file, each of which is loaded by a function there. */
function replacedBy(file: string, modules: readonly string[]): Replaced[] {
  return modules.map((module, i) => ({
    module,
    load: `import("./${file}").then((parts)=>parts.load[${i}]())`,
  }));
}

/** Puts what stands for the modules into a bundle without them. @throws {Error} where one is imported in another way */
function replaced(text: string, modules: readonly Replaced[]): string {
  for (const { module, load, from } of modules) {
    const specifier = `"[^"]*/${fileOf(module).replaceAll(".", "\\.")}"`;
    const dynamic = new RegExp(`import\\(${specifier}\\)`, "g");
    const fixed = new RegExp(`(from|import)${specifier}`, "g");
    if (load !== undefined) {
      if (fixed.test(text)) {
        throw new Error(`${module} is loaded at the start: it must be imported dynamically everywhere`);
      }
      text = text.replace(dynamic, () => load);
    } else {
      text = text.replace(fixed, (_all, word) => `${word}"${from}"`);
    }
  }
  return text;
}

/** Exports all that modules do, as if they were one. @throws {Error} where a name is not the only one of its kind */
async function exportsOf(modules: readonly string[]): Promise<string> {
  const owners = new Map<string, string>();
  const lines: string[] = [];
  for (const url of modules) {
    const names = Object.keys(await import(url));
    for (const name of names) {
      if (owners.has(name)) throw new Error(`both ${owners.get(name)} and ${url} export ${name}`);
      owners.set(name, url);
    }
    lines.push(`export { ${names.join(", ")} } from "${url}";\n`);
  }
  return lines.join("");
}

/**
 * Checks that modules that are replaced are told from the others of a bundle by their names alone.
 *
 * @throws {Error} where another has the same, which is not replaced
 */
function checkNames(modules: readonly string[], among: Iterable<string>): void {
  const replaced = new Set(modules);
  const names = new Set(modules.map(fileOf));
  for (const url of among) {
    if (names.has(fileOf(url)) && !replaced.has(url)) {
      throw new Error(`${url} has the name of a module that is in another file`);
    }
  }
}

/** A module's name without its folders. */
function fileOf(module: string): string {
  return module.split("/").at(-1)!;
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
