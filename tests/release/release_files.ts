import { executableName, RELEASE_TARGETS } from "../../scripts/release/targets.ts";
import type { Checksums } from "../../scripts/release/checksums.ts";

/** A release as the tests make it. */
export const RELEASE = { version: "1.2.3", repository: "example/mcp-connect" } as const;

/** The checksums of its executables: each another one. */
export const CHECKSUMS: Checksums = new Map(
  RELEASE_TARGETS.map((target, index) => [executableName(target), `${index}`.repeat(64)]),
);

/** The checkout's directory, with a slash at its end. */
export const ROOT = new URL("../../", import.meta.url);

/** Reads a file of the checkout. */
export function readFile(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}
