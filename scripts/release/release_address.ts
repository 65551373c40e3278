import { parseVersion } from "../../src/cli/compare_versions.ts";

/** What release files say of where they are. */
export interface Release {
  /** The version, without `v`. */
  readonly version: string;
  /** `owner/name` on GitHub. */
  readonly repository: string;
}

/** The project's page. */
export function homepageOf({ repository }: Pick<Release, "repository">): string {
  return `https://github.com/${repository}`;
}

/** Where a file of a release is downloaded from. */
export function downloadAddress({ version, repository }: Release, file: string): string {
  return `${homepageOf({ repository })}/releases/download/v${version}/${file}`;
}

/**
 * Checks a release's version and repository before they go into files that other programs run.
 *
 * @throws {Error} when the version is none, such as a tag's with its `v`, or the repository is not `owner/name`
 */
export function checkRelease(version: string, repository: string): Release {
  if (parseVersion(version) === undefined) {
    throw new Error(`a version is like 1.2.3, not ${JSON.stringify(version)}`);
  }
  return { version, repository: checkRepository(repository) };
}

/**
 * Checks a repository's name before it goes into files that other programs run.
 *
 * @throws {Error} when it is not `owner/name`
 */
export function checkRepository(repository: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9-]*\/[A-Za-z0-9._-]+$/.test(repository)) {
    throw new Error(`a repository is owner/name, not ${JSON.stringify(repository)}`);
  }
  return repository;
}
