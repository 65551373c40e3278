import { isPermitted } from "./entry_path.ts";

/**
 * Reads all values of a kind, in no order; those that are damaged are left out.
 *
 * @throws what the system says when they can't be read
 */
export async function readEntries(directory: string, kind: string): Promise<unknown[]> {
  if (!isPermitted("read", directory)) return [];
  const found: unknown[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(`${directory}/${kind}`)) {
      if (!isFile || !name.endsWith(".json")) continue;
      try {
        found.push(JSON.parse(await Deno.readTextFile(`${directory}/${kind}/${name}`)));
      } catch (error) {
        // Another removes it at the same time, or it is damaged.
        if (!(error instanceof Deno.errors.NotFound) && !(error instanceof SyntaxError)) throw error;
      }
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}
