/** Which value is meant, and where it is kept. */
export interface EntryPlace {
  /** The store's directory. */
  readonly directory: string;
  /** What kind of values it is among; a directory of its own: `verdicts`. */
  readonly kind: string;
  /** What it belongs to; may hold secrets, since no file shows it. */
  readonly key: string;
}

/** The file of an entry. */
export function entryPath({ directory, kind, key }: EntryPlace): string {
  return `${directory}/${kind}/${entryName(key)}`;
}

/** The name of an entry's file: a hash of the key. */
export function entryName(key: string): string {
  return `${hashName(key)}.json`;
}

/** Where the four parts of a name begin. */
const SEEDS = [0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35] as const;

/**
 * 128 bits of a text in hexadecimal digits: FNV-1a, with other beginnings. It shows nobody the key, and tells keys apart that
 * nobody has made to meet; WebCrypto's digests cost 1.5 MiB at the start.
 */
function hashName(key: string): string {
  const bytes = new TextEncoder().encode(key);
  return SEEDS.map((seed) => {
    let hash = seed as number;
    for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
    // The last bytes have their say in all bits.
    hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
    return ((hash ^ (hash >>> 16)) >>> 0).toString(16).padStart(8, "0");
  }).join("");
}

/** Tells whether an entry is there, as far as Deno's permissions show it; never prompts. */
export function hasEntry(place: EntryPlace): boolean {
  if (!isPermitted("read", place.directory)) return false;
  try {
    return Deno.statSync(entryPath(place)).isFile;
  } catch {
    return false;
  }
}

/** What Deno has to be run with for a directory to be read and written; `undefined` where it is. Never prompts. */
export function missingFlags(directory: string): string | undefined {
  const missing = (["read", "write"] as const).filter((access) => !isPermitted(access, directory));
  return missing.length === 0 ? undefined : missing.map((it) => `--allow-${it}=${directory}`).join(" ");
}

/** Whether a directory may be read or written, as far as Deno's permissions go; never prompts. */
export function isPermitted(access: "read" | "write", directory: string): boolean {
  return Deno.permissions.querySync({ name: access, path: directory }).state === "granted";
}
