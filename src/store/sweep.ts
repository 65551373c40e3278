import { isPermitted } from "./entry_path.ts";
import { UNFINISHED } from "./write_entry.ts";

/** What {@linkcode sweep} needs. */
export interface SweepOptions {
  /** The store's directory. */
  readonly directory: string;
  /** Which values: `verdicts`. */
  readonly kind: string;
  /** What was stored longer ago is of no use, in milliseconds. */
  readonly ageMs: number;
}

/** So long a file may take to be written, in milliseconds. */
const WRITING_MS = 60 * 60 * 1000;

/**
 * Removes what is too old to be of use, and what programs have left that were ended while they wrote.
 *
 * @throws what the system says when that can't be done
 */
export async function sweep({ directory, kind, ageMs }: SweepOptions): Promise<void> {
  if (!isPermitted("write", directory) || !isPermitted("read", directory)) return;
  const folder = `${directory}/${kind}`;
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile) continue;
    const path = `${folder}/${name}`;
    const least = name.endsWith(UNFINISHED) ? WRITING_MS : ageMs;
    try {
      const { mtime } = await Deno.stat(path);
      if (mtime !== null && Date.now() - mtime.getTime() > least) await Deno.remove(path);
    } catch (error) {
      // Another sweeps at the same time.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
