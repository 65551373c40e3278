/** Makes the program the file and its parts in which it is shipped. */
import { bundleProgram as bundle } from "../../scripts/bundle.ts";
import { CACHE, filePath } from "./rivals.ts";

/**
 * Bundles `source` into the cache folder.
 *
 * @returns the main file's path
 * @throws {Error} when it can't be bundled
 */
export async function bundleProgram(source: string): Promise<string> {
  // What is measured may be bundled already.
  if (!source.endsWith(".ts")) return source;
  return await bundle(source, filePath(new URL("bundle", CACHE)));
}
