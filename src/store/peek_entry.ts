import { entryPath, type EntryPlace, isPermitted } from "./entry_path.ts";

/**
 * Reads a value that was stored, at once: for whoever can't wait. One that is not there, may not be read by Deno's permissions
 * (nothing prompts), or is damaged, is `undefined`.
 */
export function peekEntry(place: EntryPlace): unknown {
  try {
    if (!isPermitted("read", place.directory)) return undefined;
    return JSON.parse(Deno.readTextFileSync(entryPath(place)));
  } catch {
    return undefined;
  }
}
