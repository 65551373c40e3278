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

/** Knows nothing. */
export function newEraMemory(): EraMemory {
  return { legacy: undefined, modern: undefined };
}
