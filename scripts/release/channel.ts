/**
 * `deno run scripts/release/channel.ts VERSION < TAGS`: prints the channel that a version is published on, given the tags that
 * the repository has, one a line.
 */
import { compareVersions, type ParsedVersion, parseVersion } from "../../src/cli/compare_versions.ts";

/** What npm and the registry of containers call a version. */
export type Channel =
  /** What one gets who asks for no version. */
  | "latest"
  /** What comes before a release. */
  | "next"
  /** A release of a line that is older than the latest. */
  | "previous";

/**
 * The channel of a version.
 *
 * @param tags those of the repository, `v1.2.3`; others are not looked at, nor are those of pre-releases
 * @throws {Error} when the version is none
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { channelOf } from "./channel.ts";
 *
 * strictEqual(channelOf("1.0.5", ["v1.0.4", "v2.0.0"]), "previous");
 * strictEqual(channelOf("2.0.1", ["v1.0.5", "v2.0.0", "v3.0.0-rc.1"]), "latest");
 * ```
 */
export function channelOf(version: string, tags: readonly string[]): Channel {
  const parsed = parseVersion(version);
  if (parsed === undefined) throw new Error(`a version is like 1.2.3, not ${JSON.stringify(version)}`);
  if (parsed.pre.length > 0) return "next";
  const releases = tags.flatMap((tag): ParsedVersion[] => {
    const it = tag.startsWith("v") ? parseVersion(tag.slice(1)) : undefined;
    return it === undefined || it.pre.length > 0 ? [] : [it];
  });
  return releases.some((it) => compareVersions(parsed, it) < 0) ? "previous" : "latest";
}

if (import.meta.main) {
  const [version = ""] = Deno.args;
  const tags = (await new Response(Deno.stdin.readable).text()).split("\n").map((line) => line.trim());
  Deno.stdout.writeSync(new TextEncoder().encode(`${channelOf(version.replace(/^v/, ""), tags)}\n`));
}
