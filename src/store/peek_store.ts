import { entryName, isPermitted } from "./entry_path.ts";

/** A look at what is stored, for whoever can't wait. What may not be read by Deno's permissions is not there (nothing prompts). */
export interface StorePeek {
  /** Tells whether something is stored under a key, among the values of a kind. */
  has(kind: string, key: string): boolean;
  /** Reads a value. One that is not there, or is damaged, is `undefined`. */
  read(kind: string, key: string): unknown;
}

/**
 * Looks into the store of a directory, at once. It asks for the names that are there, and not for a file that may not be: an error
 * takes four times as long.
 */
export function peekStore(directory: string): StorePeek {
  const kinds = isPermitted("read", directory) ? namesIn(directory) : [];
  const has = (kind: string, key: string) =>
    kinds.includes(kind) && namesIn(`${directory}/${kind}`).includes(entryName(key));
  return {
    has,
    read(kind, key) {
      try {
        return has(kind, key)
          ? JSON.parse(Deno.readTextFileSync(`${directory}/${kind}/${entryName(key)}`))
          : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

function namesIn(directory: string): string[] {
  try {
    return Array.from(Deno.readDirSync(directory), ({ name }) => name);
  } catch {
    return [];
  }
}
