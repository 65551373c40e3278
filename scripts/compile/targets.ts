/** A system and processor that an executable is made for. */
export interface Target {
  /** As `deno compile --target` takes it. */
  readonly triple: string;
  /** As `Deno.build.os` names it. */
  readonly os: "linux" | "darwin" | "windows";
  /** As `Deno.build.arch` names it. */
  readonly arch: "x86_64" | "aarch64";
  /** The package of the registry that has Deno itself for this target, whose program stands in for the base in checks. */
  readonly denoPackage: string;
}

/** All targets. */
export const TARGETS: readonly Target[] = [
  {
    triple: "x86_64-unknown-linux-gnu",
    os: "linux",
    arch: "x86_64",
    denoPackage: "@deno/linux-x64-glibc",
  },
  {
    triple: "aarch64-unknown-linux-gnu",
    os: "linux",
    arch: "aarch64",
    denoPackage: "@deno/linux-arm64-glibc",
  },
  { triple: "x86_64-apple-darwin", os: "darwin", arch: "x86_64", denoPackage: "@deno/darwin-x64" },
  { triple: "aarch64-apple-darwin", os: "darwin", arch: "aarch64", denoPackage: "@deno/darwin-arm64" },
  { triple: "x86_64-pc-windows-msvc", os: "windows", arch: "x86_64", denoPackage: "@deno/win32-x64" },
  { triple: "aarch64-pc-windows-msvc", os: "windows", arch: "aarch64", denoPackage: "@deno/win32-arm64" },
];

/** The target of this machine; `undefined` where none is made for it. */
export function hostTarget(
  { os, arch }: { readonly os: string; readonly arch: string } = Deno.build,
): Target | undefined {
  return TARGETS.find((it) => it.os === os && it.arch === arch);
}

/** The name of a target's executable. */
export function executableName(name: string, target: Target): string {
  return `${name}-${target.triple}${target.os === "windows" ? ".exe" : ""}`;
}
