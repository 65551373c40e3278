/** A system that there is an executable for. */
export interface ReleaseTarget {
  /** As `deno compile --target` calls it. */
  readonly target: string;
  /** The system, as Node's `process.platform` has it. */
  readonly platform: "darwin" | "linux" | "win32";
  readonly cpu: "arm64" | "x64";
}

/** The systems that a release has executables for. */
export const RELEASE_TARGETS: readonly ReleaseTarget[] = [
  { target: "x86_64-unknown-linux-gnu", platform: "linux", cpu: "x64" },
  { target: "aarch64-unknown-linux-gnu", platform: "linux", cpu: "arm64" },
  { target: "x86_64-apple-darwin", platform: "darwin", cpu: "x64" },
  { target: "aarch64-apple-darwin", platform: "darwin", cpu: "arm64" },
  { target: "x86_64-pc-windows-msvc", platform: "win32", cpu: "x64" },
  { target: "aarch64-pc-windows-msvc", platform: "win32", cpu: "arm64" },
];

/** The file name of a target's executable in a release. */
export function executableName({ target, platform }: ReleaseTarget): string {
  return `mcp-connect-${target}${platform === "win32" ? ".exe" : ""}`;
}

/** The target for a system. @throws {Error} when there is none */
export function targetFor(platform: ReleaseTarget["platform"], cpu: ReleaseTarget["cpu"]): ReleaseTarget {
  const found = RELEASE_TARGETS.find((it) => it.platform === platform && it.cpu === cpu);
  if (found === undefined) throw new Error(`there is no executable for ${platform} on ${cpu}`);
  return found;
}
