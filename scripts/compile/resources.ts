import { Buffer } from "node:buffer";

/** Something that a Windows executable carries beside its code. */
export interface Resource {
  /** What it is, what it is called and in which language, each a number or a name. */
  readonly path: readonly (number | string)[];
  readonly bytes: Uint8Array;
}

/** The directory of resources is the third of the file's tables. */
const RESOURCE_TABLE = 2;
/** What says that an entry leads to a table, or that its name is a text. */
const HIGH_BIT = 0x80000000;

/**
 * Reads the resources of a Windows executable, as Windows finds them.
 *
 * @see https://learn.microsoft.com/windows/win32/debug/pe-format#the-rsrc-section
 * @throws {Error} when the file is cut off or makes no sense
 */
export function readResources(executable: Uint8Array): Resource[] {
  const bytes = Buffer.from(executable.buffer, executable.byteOffset, executable.byteLength);
  const coff = bytes.readUInt32LE(60) + 4;
  const optional = coff + 20;
  const sections = optional + bytes.readUInt16LE(coff + 16);
  const table = optional + 112 + 8 * RESOURCE_TABLE;
  if (bytes.readUInt32LE(optional + 108) <= RESOURCE_TABLE) return [];
  const root = bytes.readUInt32LE(table);
  if (root === 0 || bytes.readUInt32LE(table + 4) === 0) return [];

  /** Where in the file something is that will be at an address in memory. */
  const offsetOf = (address: number): number => {
    for (let i = 0; i < bytes.readUInt16LE(coff + 2); i++) {
      const section = sections + 40 * i;
      const start = bytes.readUInt32LE(section + 12);
      const length = bytes.readUInt32LE(section + 16);
      if (address >= start && address < start + length) {
        return address - start + bytes.readUInt32LE(section + 20);
      }
    }
    throw new Error("a resource lies outside of the file");
  };
  const start = offsetOf(root);
  const nameAt = (at: number) => bytes.toString("utf16le", at + 2, at + 2 + 2 * bytes.readUInt16LE(at));
  const read = (at: number, path: readonly (number | string)[]): Resource[] => {
    if (path.length > 3) throw new Error("the resources lead in a circle");
    const count = bytes.readUInt16LE(at + 12) + bytes.readUInt16LE(at + 14);
    return Array.from({ length: count }, (_, i) => at + 16 + 8 * i).flatMap((entry): Resource[] => {
      const name = bytes.readUInt32LE(entry);
      const to = bytes.readUInt32LE(entry + 4);
      const below = [...path, name >= HIGH_BIT ? nameAt(start + name - HIGH_BIT) : name];
      if (to >= HIGH_BIT) return read(start + to - HIGH_BIT, below);
      const from = offsetOf(bytes.readUInt32LE(start + to));
      const end = from + bytes.readUInt32LE(start + to + 4);
      if (end > bytes.length) throw new Error("a resource is cut off");
      return [{ path: below, bytes: bytes.subarray(from, end) }];
    });
  };
  return read(start, []);
}
