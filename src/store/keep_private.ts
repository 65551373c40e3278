import { entryPath, type EntryPlace, isPermitted } from "./entry_path.ts";

/**
 * Takes from others what they may do with an entry's file and its directories, where that is more than nothing (the file is
 * to have mode 0600, directories 0700). Windows keeps to the user's folder what is in it.
 *
 * @returns what had been laxer; empty when all was as it should be, nothing is there, or Deno's permissions show nothing
 * @throws what the system says when it can't be mended
 */
export async function keepPrivate(place: EntryPlace): Promise<string[]> {
  if (Deno.build.os === "windows") return [];
  const { directory, kind } = place;
  // Nothing may prompt.
  if (!isPermitted("read", directory)) return [];
  const mended: string[] = [];
  for (const path of [directory, `${directory}/${kind}`, entryPath(place)]) {
    try {
      const { mode, isDirectory } = await Deno.stat(path);
      if (mode === null || (mode & 0o077) === 0 || !isPermitted("write", directory)) continue;
      await Deno.chmod(path, isDirectory ? 0o700 : 0o600);
      mended.push(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return mended;
}
