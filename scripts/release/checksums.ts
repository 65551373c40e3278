/**
 * `deno run --allow-read=DIRECTORY --allow-write=DIRECTORY scripts/release/checksums.ts DIRECTORY`: writes
 * `DIRECTORY/SHA256SUMS`, the checksums of all its files, as `sha256sum --check` reads them.
 */
import { createHash } from "node:crypto";

/** The checksums of files, by name. */
export type Checksums = ReadonlyMap<string, string>;

/** The name of the file with the checksums. */
export const CHECKSUMS_FILE = "SHA256SUMS";

/** The SHA-256 checksum of a file, in hexadecimal. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  const buffer = new Uint8Array(1 << 20);
  for (let read = await file.read(buffer); read !== null; read = await file.read(buffer)) {
    hash.update(buffer.subarray(0, read));
  }
  return hash.digest("hex");
}

/** The text for checksums, sorted by name. */
export function checksumsText(checksums: Checksums): string {
  const names = [...checksums.keys()].sort();
  return names.map((name) => `${checksums.get(name)}  ${name}\n`).join("");
}

/**
 * Reads a text of checksums.
 *
 * @throws {Error} when a line is none, or a name is there twice
 */
export function parseChecksums(text: string): Checksums {
  const checksums = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    if (line === "") continue;
    const [, checksum, name] = line.match(/^([0-9a-f]{64}) [ *]([^/\\]+)$/) ?? [];
    if (checksum === undefined || name === undefined) throw new Error(`no checksum: ${line}`);
    if (checksums.has(name)) throw new Error(`${name} is there twice`);
    checksums.set(name, checksum);
  }
  return checksums;
}

/** The checksum of a file that must have one. @throws {Error} when it has none */
export function checksumOf(checksums: Checksums, name: string): string {
  const checksum = checksums.get(name);
  if (checksum === undefined) throw new Error(`there is no checksum of ${name}`);
  return checksum;
}

/** The checksums of the files in a directory, without that of the checksums themselves. */
export async function checksumsIn(directory: string): Promise<Checksums> {
  const checksums = new Map<string, string>();
  for await (const { name, isFile } of Deno.readDir(directory)) {
    if (isFile && name !== CHECKSUMS_FILE) checksums.set(name, await sha256Of(`${directory}/${name}`));
  }
  return checksums;
}

if (import.meta.main) {
  const [directory] = Deno.args;
  if (directory === undefined) throw new Error("checksums.ts takes a directory");
  await Deno.writeTextFile(`${directory}/${CHECKSUMS_FILE}`, checksumsText(await checksumsIn(directory)));
}
