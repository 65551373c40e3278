import type { Target } from "./targets.ts";

/** What an executable is made for, as far as its first bytes say; `undefined` for what is none of ours. */
export function executableTarget(bytes: Uint8Array): Pick<Target, "os" | "arch"> | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 64) return undefined;
  const magic = view.getUint32(0);
  if (magic === 0x7f454c46) return withArch("linux", ELF_MACHINES[view.getUint16(18, true)]);
  if (magic === 0xcffaedfe) return withArch("darwin", MACH_CPUS[view.getUint32(4, true)]);
  if (view.getUint16(0) !== 0x4d5a) return undefined;
  const header = view.getUint32(60, true);
  if (header + 6 > bytes.length || view.getUint32(header) !== 0x50450000) return undefined;
  return withArch("windows", PE_MACHINES[view.getUint16(header + 4, true)]);
}

const ELF_MACHINES: Readonly<Record<number, Target["arch"]>> = { 62: "x86_64", 183: "aarch64" };
const MACH_CPUS: Readonly<Record<number, Target["arch"]>> = {
  0x01000007: "x86_64",
  0x0100000c: "aarch64",
};
const PE_MACHINES: Readonly<Record<number, Target["arch"]>> = { 0x8664: "x86_64", 0xaa64: "aarch64" };

function withArch(
  os: Target["os"],
  arch: Target["arch"] | undefined,
): Pick<Target, "os" | "arch"> | undefined {
  return arch === undefined ? undefined : { os, arch };
}
