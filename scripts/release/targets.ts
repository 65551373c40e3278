import { executableName as compiledName, type Target, TARGETS } from "../compile/targets.ts";

/** A system that there is an executable for. */
export interface ReleaseTarget {
  /** As `deno compile --target` calls it. */
  readonly target: string;
  /** The system, as Node's `process.platform` has it. */
  readonly platform: "darwin" | "linux" | "win32";
  readonly cpu: "arm64" | "x64";
}

/** The systems that a release has executables for: those that they are compiled for. */
export const RELEASE_TARGETS: readonly ReleaseTarget[] = TARGETS.map(({ triple, os, arch }) => ({
  target: triple,
  platform: os === "windows" ? "win32" : os,
  cpu: arch === "aarch64" ? "arm64" : "x64",
}));

/** The file name of a target's executable in a release, which is that of the compiled one. */
export function executableName({ target }: ReleaseTarget): string {
  return compiledName("mcp-connect", TARGETS.find(({ triple }) => triple === target) as Target);
}

/** The target for a system. @throws {Error} when there is none */
export function targetFor(platform: ReleaseTarget["platform"], cpu: ReleaseTarget["cpu"]): ReleaseTarget {
  const found = RELEASE_TARGETS.find((it) => it.platform === platform && it.cpu === cpu);
  if (found === undefined) throw new Error(`there is no executable for ${platform} on ${cpu}`);
  return found;
}
