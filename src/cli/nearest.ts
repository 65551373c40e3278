import { editDistance } from "../link/edit_distance.ts";

/** What users of other programs type for an option of ours. */
const SYNONYMS: Readonly<Record<string, string>> = {
  "bearer": "auth-token",
  "token": "auth-token",
  "certificate": "ca-cert",
  "cacert": "ca-cert",
  "server": "endpoint",
  "uri": "endpoint",
  "url": "endpoint",
  "verbose": "debug",
  "directory": "cwd",
  "dir": "cwd",
  "workdir": "cwd",
};

/** Fewer letters tell nothing of what was meant. */
const SHORTEST = 3;

/**
 * The candidate that was most likely meant by `word`: the one that begins so, one that differs by few letters, or has it as a part
 * between dashes, or that other programs call so. `undefined` when none is near.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const target = word.toLowerCase().replaceAll("_", "-");
  if (target.length > 60) return undefined;
  const synonym = Object.hasOwn(SYNONYMS, target) ? SYNONYMS[target] : undefined;
  if (synonym !== undefined && candidates.includes(synonym)) return synonym;
  const begun = candidates.filter((candidate) => candidate.startsWith(target));
  const [shortest] = begun.toSorted((a, b) => a.length - b.length);
  if (
    shortest !== undefined && target.length >= SHORTEST &&
    begun.every((candidate) => candidate.startsWith(shortest))
  ) {
    return shortest;
  }
  let best: string | undefined;
  let bestDistance = 1 + Math.floor(target.length / 4);
  for (const candidate of candidates) {
    const distance = editDistance(target, candidate);
    if (distance < bestDistance || (distance === bestDistance && best === undefined)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  if (best !== undefined && bestDistance < target.length) return best;
  if (target.length < SHORTEST) return undefined;
  return candidates.find((candidate) =>
    candidate.startsWith(target) || `-${candidate}-`.includes(`-${target}-`) ||
    target.startsWith(`${candidate}-`)
  );
}
