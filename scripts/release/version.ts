/**
 * `deno run --allow-read scripts/release/version.ts [TAG]`: checks that `deno.json`, `src/version.ts`, the changelog and,
 * where one is given, the tag name the same version, the first two the same package, and prints the version.
 */
import { parseVersion } from "../../src/cli/compare_versions.ts";
import { notesFor } from "./notes.ts";

/** The places that name the version. */
export interface VersionPlaces {
  /** The tag that is released, `v1.2.3`. */
  readonly tag?: string;
  /** The text of `deno.json`. */
  readonly manifest: string;
  /** The text of `src/version.ts`. */
  readonly source: string;
  /** The text of `CHANGELOG.md`. */
  readonly changelog: string;
}

/** What the places say: the version, and what is wrong, nothing when they agree. */
export interface VersionVerdict {
  readonly version: string;
  readonly problems: readonly string[];
}

/** Compares the places that name the version; that of `deno.json` is what the others are held against. */
export function judgeVersions({ tag, manifest, source, changelog }: VersionPlaces): VersionVerdict {
  const { name, version: written } = JSON.parse(manifest) as { name?: unknown; version?: unknown };
  const version = String(written);
  const problems: string[] = [];
  if (parseVersion(version) === undefined) problems.push(`deno.json: ${version} is no semantic version`);
  const inSource = source.match(/^export const VERSION = "([^"]*)";$/m)?.[1];
  if (inSource !== version) {
    problems.push(`src/version.ts has ${inSource ?? "no version"}, deno.json ${version}`);
  }
  const packageInSource = source.match(/^export const PACKAGE = "([^"]*)";$/m)?.[1];
  if (packageInSource !== name) {
    problems.push(`src/version.ts has ${packageInSource ?? "no package"}, deno.json ${name}`);
  }
  if (tag !== undefined && tag !== `v${version}`) {
    problems.push(`the tag is ${tag}, deno.json has ${version}`);
  }
  try {
    notesFor(changelog, version);
  } catch (error) {
    problems.push((error as Error).message);
  }
  return { version, problems };
}

if (import.meta.main) {
  const read = (path: string) => Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));
  const [tag] = Deno.args;
  const { version, problems } = judgeVersions({
    ...(tag === undefined ? {} : { tag }),
    manifest: read("deno.json"),
    source: read("src/version.ts"),
    changelog: read("CHANGELOG.md"),
  });
  const encoder = new TextEncoder();
  for (const problem of problems) Deno.stderr.writeSync(encoder.encode(`${problem}\n`));
  if (problems.length > 0) Deno.exit(1);
  Deno.stdout.writeSync(encoder.encode(`${version}\n`));
}
