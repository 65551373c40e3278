import { idsMeet } from "../jsonrpc/id.ts";

/**
 * Finds whose progress token `token` is. The one that is spelled alike wins; otherwise it is the one that a peer spells
 * so which reads JSON and writes it anew (`"\u00e9"` comes back as `"é"`, `9007199254740993` as `9007199254740992`).
 *
 * @param tokenOf the token of one as JSON text; `null` when it has none
 */
export function findByToken<T>(
  all: Iterable<T>,
  tokenOf: (one: T) => string | null,
  token: string,
): T | undefined {
  let met: T | undefined;
  for (const one of all) {
    const its = tokenOf(one);
    if (its === token) return one;
    if (met === undefined && its !== null && idsMeet(its, token)) met = one;
  }
  return met;
}
