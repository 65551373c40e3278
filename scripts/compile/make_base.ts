import { Buffer } from "node:buffer";
import type { Target } from "./targets.ts";

/**
 * Makes what can stand in for the base executable of a target: a file of its format that has all which `deno compile` looks
 * at, and no program. What is made with it can be read, not run.
 */
export function makeBase({ os, arch }: Target): Uint8Array {
  switch (os) {
    case "linux":
      return elf(arch === "x86_64" ? 62 : 183);
    case "darwin":
      return machO(arch === "x86_64" ? 0x01000007 : 0x0100000c);
    case "windows":
      return portableExecutable(arch === "x86_64" ? 0x8664 : 0xaa64);
  }
}

/** One segment, which is the whole file. */
function elf(machine: number): Uint8Array {
  const bytes = Buffer.alloc(64 + 56);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.writeUInt16LE(2, 16); // an executable
  bytes.writeUInt16LE(machine, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(64n, 32); // where the segments are listed
  bytes.writeUInt16LE(64, 52);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(1, 64); // a segment to load
  bytes.writeUInt32LE(4, 68); // to be read
  bytes.writeBigUInt64LE(BigInt(bytes.length), 64 + 32);
  bytes.writeBigUInt64LE(BigInt(bytes.length), 64 + 40);
  bytes.writeBigUInt64LE(4096n, 64 + 48);
  return bytes;
}

/** Where the last segment of Mach-O begins; the commands need some room before. */
const LINKEDIT = 0x4000;

/** The segments `__TEXT` and `__LINKEDIT`, and the place of the signature in it, which `deno compile` writes. */
function machO(cpu: number): Uint8Array {
  const bytes = Buffer.alloc(LINKEDIT + 16);
  const commands = 72 + 72 + 16;
  for (const [i, value] of [0xfeedfacf, cpu, 0, 2, 3, commands, 0, 0].entries()) {
    bytes.writeUInt32LE(value, 4 * i);
  }
  const segment = (at: number, name: string, offset: number, length: number) => {
    bytes.writeUInt32LE(0x19, at);
    bytes.writeUInt32LE(72, at + 4);
    bytes.write(name, at + 8, "latin1");
    bytes.writeBigUInt64LE(BigInt(offset), at + 24); // the address
    bytes.writeBigUInt64LE(BigInt(length), at + 32);
    bytes.writeBigUInt64LE(BigInt(offset), at + 40);
    bytes.writeBigUInt64LE(BigInt(length), at + 48);
  };
  segment(32, "__TEXT", 0, LINKEDIT);
  segment(32 + 72, "__LINKEDIT", LINKEDIT, 16);
  for (const [i, value] of [0x1d, 16, LINKEDIT, 16].entries()) {
    bytes.writeUInt32LE(value, 32 + 144 + 4 * i);
  }
  return bytes;
}

/** One section, and room in the headers for that of the resources. */
function portableExecutable(machine: number): Uint8Array {
  const bytes = Buffer.alloc(1024);
  bytes.write("MZ", 0, "latin1");
  bytes.writeUInt32LE(64, 60);
  bytes.write("PE\0\0", 64, "latin1");
  bytes.writeUInt16LE(machine, 68);
  bytes.writeUInt16LE(1, 70); // sections
  bytes.writeUInt16LE(240, 84); // the length of the headers that follow
  bytes.writeUInt16LE(0x22, 86); // an executable of 64 bits
  const optional = 88;
  bytes.writeUInt16LE(0x20b, optional);
  bytes.writeUInt32LE(4096, optional + 32); // what sections are aligned to in memory
  bytes.writeUInt32LE(512, optional + 36); // and in the file
  bytes.writeUInt16LE(6, optional + 48);
  bytes.writeUInt32LE(8192, optional + 56); // the size in memory
  bytes.writeUInt32LE(512, optional + 60); // and that of the headers
  bytes.writeUInt16LE(3, optional + 68); // a program of the console
  bytes.writeUInt32LE(16, optional + 108); // tables, all of them empty
  const section = optional + 240;
  bytes.write(".text", section, "latin1");
  bytes.writeUInt32LE(512, section + 8);
  bytes.writeUInt32LE(4096, section + 12);
  bytes.writeUInt32LE(512, section + 16);
  bytes.writeUInt32LE(512, section + 20);
  bytes.writeUInt32LE(0x60000020, section + 36); // code
  return bytes;
}
