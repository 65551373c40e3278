import { crc32, deflateRawSync } from "node:zlib";

/** A file that goes into an archive. */
export interface ZipEntry {
  /** The path within it, with `/`. */
  readonly name: string;
  readonly data: Uint8Array;
  /** Whether it may be run on Unix. @default false */
  readonly executable?: boolean;
}

/** 1980-01-01, the format's first day: the same files make the same archive, whenever it is made. */
const DOS_DATE = 0x0021;
/** Names are UTF-8. */
const FLAGS = 0x0800;
const DEFLATE = 8;
const VERSION = 20;
/** Made on Unix, so that the upper half of the attributes is a file mode. */
const MADE_ON_UNIX = 3 << 8;

/**
 * Makes a zip archive, always the same from the same entries.
 *
 * @throws {RangeError} for an archive that would need the format's 64-bit extension
 */
export function zip(entries: readonly ZipEntry[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { name, data, executable = false } of entries) {
    const path = new TextEncoder().encode(name);
    const packed = deflateRawSync(data, { level: 9 });
    const shared = [
      [2, FLAGS],
      [2, DEFLATE],
      [2, 0],
      [2, DOS_DATE],
      [4, crc32(data)],
      [4, packed.length],
      [4, data.length],
      [2, path.length],
      [2, 0],
    ] as const;
    const local = record([[4, 0x04034b50], [2, VERSION], ...shared]);
    const mode = (0o100000 | (executable ? 0o755 : 0o644)) * 0x10000;
    directory.push(
      record([
        [4, 0x02014b50],
        [2, MADE_ON_UNIX | VERSION],
        [2, VERSION],
        ...shared,
        [2, 0],
        [2, 0],
        [2, 0],
        [4, mode],
        [4, offset],
      ]),
      path,
    );
    parts.push(local, path, packed);
    offset += local.length + path.length + packed.length;
    if (offset > 0xfffffffe || data.length > 0xfffffffe) throw new RangeError("the archive is too large");
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = record([
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, entries.length],
    [2, entries.length],
    [4, size],
    [4, offset],
    [2, 0],
  ]);
  return joined([...parts, ...directory, end]);
}

/** Fields of two or four bytes, little-endian. */
function record(fields: readonly (readonly [size: 2 | 4, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
