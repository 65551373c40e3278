import { entryPath, type EntryPlace, isPermitted } from "./entry_path.ts";

/**
 * Removes a value that was stored, where it is there and Deno's permissions allow it.
 *
 * @throws what the system says when it can't be removed
 */
export async function removeEntry(place: EntryPlace): Promise<void> {
  if (!isPermitted("write", place.directory)) return;
  try {
    await Deno.remove(await entryPath(place));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
