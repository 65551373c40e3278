import { entryPath, type EntryPlace, isPermitted } from "./entry_path.ts";

/**
 * Tries to be the only one, of all copies of this program, who does something about an entry. The system keeps the lock, and
 * lets go of it when the process ends, however it ends.
 *
 * @param what what is done: `renew`
 * @returns what lets go of it; `undefined` when another has it; what locks nothing where Deno's permissions allow no file
 * @throws what the system says when the file can't be made
 */
export async function tryLock(place: EntryPlace, what: string): Promise<Disposable | undefined> {
  const { directory, kind } = place;
  if (!isPermitted("write", directory) || !isPermitted("read", directory)) return { [Symbol.dispose]() {} };
  await Deno.mkdir(`${directory}/${kind}`, { recursive: true, mode: 0o700 });
  const file = await Deno.open(`${entryPath(place)}.${what}.lock`, {
    create: true,
    write: true,
    mode: 0o600,
  });
  try {
    if (await file.tryLock(true)) return { [Symbol.dispose]: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  return undefined;
}
