/** What each subject takes on the disk, without the runtime that runs it. */
import { CACHE, filePath, type Rival, ROOT } from "./rivals.ts";

/** Bytes and files. */
export interface DiskUse {
  readonly bytes: number;
  readonly files: number;
}

/** The part of npm's lockfile that is read: what is in `node_modules`, by path. */
export interface Lockfile {
  readonly packages: Readonly<
    Record<string, {
      readonly dependencies?: Readonly<Record<string, string>>;
      readonly optionalDependencies?: Readonly<Record<string, string>>;
      readonly peerDependencies?: Readonly<Record<string, string>>;
    }>
  >;
}

const NOTHING: DiskUse = { bytes: 0, files: 0 };
const sum = (a: DiskUse, b: DiskUse): DiskUse => ({ bytes: a.bytes + b.bytes, files: a.files + b.files });

/** The folders that a package is installed in with all it depends on, as Node would find them. */
export function installedFolders({ packages }: Lockfile, name: string): string[] {
  const found = new Set<string>();
  const queue = [`node_modules/${name}`];
  for (let folder = queue.pop(); folder !== undefined; folder = queue.pop()) {
    const entry = packages[folder];
    if (entry === undefined || found.has(folder)) continue;
    found.add(folder);
    const wanted = { ...entry.dependencies, ...entry.optionalDependencies, ...entry.peerDependencies };
    for (const dependency of Object.keys(wanted)) {
      const place = placesFrom(folder).map((it) => `${it}node_modules/${dependency}`).find((it) =>
        it in packages
      );
      if (place !== undefined) queue.push(place);
    }
  }
  return [...found].sort();
}

/** Where Node looks, from the package outwards. */
function placesFrom(folder: string): string[] {
  const parts = folder.split("node_modules/");
  return parts.map((_, i) => parts.slice(0, parts.length - i).join("node_modules/")).map((it) =>
    it === "" || it.endsWith("/") ? it : `${it}/`
  );
}

/** What a folder or a file takes; of nested `node_modules` nothing. */
export function diskUse(path: string): DiskUse {
  try {
    const info = Deno.statSync(path);
    if (!info.isDirectory) return { bytes: info.size, files: 1 };
    return [...Deno.readDirSync(path)].filter(({ name }) => name !== "node_modules")
      .map(({ name }) => diskUse(`${path}/${name}`)).reduce(sum, NOTHING);
  } catch {
    return NOTHING;
  }
}

/** What an installed rival takes, with all it depends on; undefined when npm has not installed it. */
export async function rivalUse({ name }: Rival): Promise<DiskUse | undefined> {
  let lock: Lockfile;
  try {
    lock = JSON.parse(await Deno.readTextFile(new URL("package-lock.json", CACHE)));
  } catch {
    return undefined;
  }
  const folders = installedFolders(lock, name);
  if (folders.length === 0) return undefined;
  return folders.map((folder) => diskUse(filePath(new URL(folder, CACHE)))).reduce(sum, NOTHING);
}

/** What the bundle takes: the main file and the one with its parts. */
export function bundleUse(): DiskUse {
  const folder = new URL("bundle/", CACHE);
  return ["mcp-connect.js", "mcp-connect-program.js", "mcp-connect-balance.js", "mcp-connect-parts.js"].map((
    name,
  ) => diskUse(filePath(new URL(name, folder))))
    .reduce(sum, NOTHING);
}

/** What the sources take, with the packages that they need at run time, as Deno keeps them. */
export async function sourceUse(): Promise<DiskUse> {
  const args = ["info", "--json", filePath(new URL("src/main.ts", ROOT))];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "null" }).output();
  const graph: ModuleGraph = JSON.parse(new TextDecoder().decode(stdout));
  const found = new Set<string>();
  const queue = graph.modules.flatMap(({ npmPackage }) => npmPackage ?? []);
  for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
    if (found.has(key)) continue;
    found.add(key);
    queue.push(...graph.npmPackages[key]?.dependencies ?? []);
  }
  const folders = [...found].flatMap((key) => graph.npmPackages[key]?.localPath ?? []);
  return [filePath(new URL("src", ROOT)), ...folders].map(diskUse).reduce(sum, NOTHING);
}

/** The part of `deno info --json` that is read. */
interface ModuleGraph {
  readonly modules: readonly { readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<
    Record<string, { readonly dependencies: readonly string[]; readonly localPath?: string }>
  >;
}
