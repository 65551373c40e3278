import { entryPath, type EntryPlace, isPermitted } from "./entry_path.ts";

/**
 * Reads a value that was stored. One that is not there, may not be read by Deno's permissions (nothing prompts), or is
 * damaged, is `undefined`.
 *
 * @throws what the system says when the file can't be read
 */
export async function readEntry(place: EntryPlace): Promise<unknown> {
  if (!isPermitted("read", place.directory)) return undefined;
  let text: string;
  try {
    text = await Deno.readTextFile(entryPath(place));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
