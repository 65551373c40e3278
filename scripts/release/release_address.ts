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
