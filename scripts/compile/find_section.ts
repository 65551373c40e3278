import { Buffer } from "node:buffer";
import { executableTarget } from "./executable.ts";
import { readResources } from "./resources.ts";

/** The name of what `deno compile` puts into an executable. */
export const SECTION = "d3n0l4nd";

/**
 * Finds what `deno compile` has put into an executable, at the place where the executable's runtime looks for it: a note of
 * ELF, a resource of Windows, a section of Mach-O; on Intel Macs it lies behind all else.
 *
 * @returns `undefined` when nothing is there
 * @throws {Error} when the file is cut off or makes no sense
 */
export function findSection(executable: Uint8Array): Uint8Array | undefined {
  const bytes = Buffer.from(executable.buffer, executable.byteOffset, executable.byteLength);
  const target = executableTarget(executable);
  switch (target?.os) {
    case "linux":
      return inNote(bytes);
    case "windows":
      return readResources(executable).find(({ path: [kind, name] }) =>
        kind === RCDATA && name === SECTION.toUpperCase()
      )?.bytes;
    case "darwin":
      return target.arch === "aarch64" ? inSegment(bytes) : behindAll(bytes);
    default:
      return undefined;
  }
}

/** Data of the program's own. */
const RCDATA = 10;

const NOTE_SEGMENT = 4;
const NOTE_OWNER = "SUI\0";
const NOTE_TYPE = 0x53554901;

function inNote(bytes: Buffer): Uint8Array | undefined {
  const table = Number(bytes.readBigUInt64LE(32));
  const size = bytes.readUInt16LE(54);
  for (let i = 0; i < bytes.readUInt16LE(56); i++) {
    const header = table + size * i;
    if (bytes.readUInt32LE(header) !== NOTE_SEGMENT) continue;
    let at = Number(bytes.readBigUInt64LE(header + 8));
    const end = at + Number(bytes.readBigUInt64LE(header + 32));
    while (at + 12 <= end) {
      const owner = bytes.readUInt32LE(at);
      const length = bytes.readUInt32LE(at + 4);
      const text = at + 12 + padded(owner);
      if (
        bytes.readUInt32LE(at + 8) === NOTE_TYPE &&
        bytes.toString("latin1", at + 12, at + 12 + owner) === NOTE_OWNER
      ) {
        const name = text + 2 + bytes.readUInt16LE(text);
        if (bytes.toString("latin1", text + 2, name) === SECTION) return whole(bytes, name, text + length);
      }
      at = text + padded(length);
    }
  }
  return undefined;
}

/** Notes begin at every fourth byte. */
function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}

const SEGMENT_COMMAND = 0x19;

function inSegment(bytes: Buffer): Uint8Array | undefined {
  let at = 32;
  for (let i = 0; i < bytes.readUInt32LE(16); i++) {
    if (bytes.readUInt32LE(at) === SEGMENT_COMMAND && nameAt(bytes, at + 8) === "__SUI") {
      for (let j = 0; j < bytes.readUInt32LE(at + 64); j++) {
        const section = at + 72 + 80 * j;
        if (nameAt(bytes, section) !== SECTION) continue;
        const start = bytes.readUInt32LE(section + 48);
        return whole(bytes, start, start + Number(bytes.readBigUInt64LE(section + 40)));
      }
    }
    at += bytes.readUInt32LE(at + 4);
  }
  return undefined;
}

function nameAt(bytes: Buffer, at: number): string {
  return bytes.toString("latin1", at, at + 16).replace(/\0+$/, "");
}

/** What stands before the section on Intel Macs. */
const SENTINEL = Buffer.concat([Buffer.from("<~sui-data~>"), Buffer.from([0xef, 0xbe, 0xad, 0xde])]);

function behindAll(bytes: Buffer): Uint8Array | undefined {
  const at = bytes.lastIndexOf(SENTINEL);
  if (at < 0) return undefined;
  const start = at + SENTINEL.length + 8;
  return whole(bytes, start, start + Number(bytes.readBigUInt64LE(start - 8)));
}

function whole(bytes: Buffer, start: number, end: number): Uint8Array {
  if (end > bytes.length) throw new Error("the payload is cut off");
  return bytes.subarray(start, end);
}
