import { entryPath, type EntryPlace, isPermitted } from "./entry_path.ts";

/** What the name of a file ends with that is not complete. */
export const UNFINISHED = ".tmp";

/**
 * Stores a value, for this user alone (mode 0600, directories 0700). It is there as a whole or not at all, whoever else
 * writes it, and whenever the program or the machine ends: the file is written under another name first.
 *
 * @param value what `JSON.stringify` takes
 * @returns whether Deno's permissions allow it; nothing prompts
 * @throws what the system says when it can't be written
 */
export async function writeEntry(place: EntryPlace, value: unknown): Promise<boolean> {
  const { directory, kind } = place;
  // Renaming reads.
  if (!isPermitted("write", directory) || !isPermitted("read", directory)) return false;
  const path = entryPath(place);
  await Deno.mkdir(`${directory}/${kind}`, { recursive: true, mode: 0o700 });
  const unfinished = `${path}.${crypto.randomUUID()}${UNFINISHED}`;
  try {
    await writeFile(unfinished, new TextEncoder().encode(`${JSON.stringify(value)}\n`));
    await Deno.rename(unfinished, path);
  } catch (error) {
    await Deno.remove(unfinished).catch(() => {});
    throw error;
  }
  return true;
}

async function writeFile(path: string, bytes: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  for (let from = 0; from < bytes.length;) from += await file.write(bytes.subarray(from));
  // Before it takes its name: a machine that loses power may keep the order of neither.
  await file.syncData();
}
