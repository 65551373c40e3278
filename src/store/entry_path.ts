/** Which value is meant, and where it is kept. */
export interface EntryPlace {
  /** The store's directory. */
  readonly directory: string;
  /** What kind of values it is among; a directory of its own: `verdicts`. */
  readonly kind: string;
  /** What it belongs to; may hold secrets, since no file shows it. */
  readonly key: string;
}

/** The file of an entry: its name is a hash of the key. */
export async function entryPath({ directory, kind, key }: EntryPlace): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key)));
  return `${directory}/${kind}/${hash.toHex()}.json`;
}

/** Whether a directory may be read or written, as far as Deno's permissions go; never prompts. */
export function isPermitted(access: "read" | "write", directory: string): boolean {
  return Deno.permissions.querySync({ name: access, path: directory }).state === "granted";
}
