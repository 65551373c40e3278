/** A semantic version's parts; what follows `+` counts for nothing. */
export interface ParsedVersion {
  readonly numbers: readonly [major: number, minor: number, patch: number];
  /** What follows the `-`, split at dots; empty for a release. */
  readonly pre: readonly string[];
}

const IDENTIFIER = "(?:0|[1-9]\\d*|\\d*[a-zA-Z-][\\da-zA-Z-]*)";
const SEMVER = new RegExp(
  `^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-(${IDENTIFIER}(?:\\.${IDENTIFIER})*))?` +
    "(?:\\+[\\da-zA-Z-]+(?:\\.[\\da-zA-Z-]+)*)?$",
);

/** Reads a version (semver 2.0.0); undefined when it is none. */
export function parseVersion(text: string): ParsedVersion | undefined {
  const [, major, minor, patch, pre] = text.match(SEMVER) ?? [];
  if (major === undefined) return undefined;
  return {
    numbers: [Number(major), Number(minor), Number(patch)],
    pre: pre === undefined ? [] : pre.split("."),
  };
}

/**
 * Orders two versions (semver 2.0.0, section 11).
 *
 * @returns below 0 when `a` comes before `b`, 0 when neither does
 */
export function compareVersions(a: ParsedVersion, b: ParsedVersion): number {
  for (const [index, number] of a.numbers.entries()) {
    if (number !== b.numbers[index]) return number - b.numbers[index]!;
  }
  // What comes before a release has something behind its numbers.
  if (a.pre.length === 0 || b.pre.length === 0) return b.pre.length - a.pre.length;
  for (let index = 0; index < Math.min(a.pre.length, b.pre.length); index++) {
    const order = compareIdentifiers(a.pre[index]!, b.pre[index]!);
    if (order !== 0) return order;
  }
  return a.pre.length - b.pre.length;
}

/** Numbers come before words. */
function compareIdentifiers(a: string, b: string): number {
  const [first, second] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (first && second) return Number(a) - Number(b);
  if (first !== second) return first ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
