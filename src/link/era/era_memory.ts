/**
 * What is known of the eras that an endpoint speaks; shared by all who open it. `undefined` means that nobody has found out.
 * A failure that passes changes nothing of it.
 */
export interface EraMemory {
  /** It takes a legacy `initialize`. */
  legacy: boolean | undefined;
  /** It answers `server/discover` with the modern revision. */
  modern: boolean | undefined;
}

/**
 * Knows nothing.
 *
 * @param noted called after something has been found out, be it what was known before
 */
export function newEraMemory(noted?: () => void): EraMemory {
  const known: EraMemory = { legacy: undefined, modern: undefined };
  if (noted === undefined) return known;
  return {
    get legacy() {
      return known.legacy;
    },
    set legacy(value) {
      known.legacy = value;
      noted();
    },
    get modern() {
      return known.modern;
    },
    set modern(value) {
      known.modern = value;
      noted();
    },
  };
}
