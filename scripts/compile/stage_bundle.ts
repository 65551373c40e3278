import { fileURLToPath } from "node:url";
import { bundleProgram } from "../bundle.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The bundled program, ready to be put into executables. */
export interface StagedBundle {
  /** The main file. */
  readonly main: string;
  /** The main file's path among the files. */
  readonly entry: string;
  /** All files by their paths, with `/` between folders. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** What all files' times are set to: executables hold them, and the same source must give the same bytes. */
const TIME = new Date("2020-01-01T00:00:00Z");

/** Bundles the program into a directory that has nothing else in it. */
export async function stageBundle(directory: string): Promise<StagedBundle> {
  const main = await bundleProgram(`${ROOT}src/main.ts`, directory);
  const files = new Map<string, Uint8Array>();
  await collect(directory, "", files);
  return { main, entry: main.slice(directory.length + 1), files };
}

async function collect(directory: string, folder: string, files: Map<string, Uint8Array>): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(`${directory}/${folder}`)) {
    const path = `${directory}/${folder}${name}`;
    if (isDirectory) await collect(directory, `${folder}${name}/`, files);
    else {
      await Deno.utime(path, TIME, TIME);
      files.set(folder + name, await Deno.readFile(path));
    }
  }
}
