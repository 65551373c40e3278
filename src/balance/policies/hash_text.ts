import { mix32 } from "./mix32.ts";

/**
 * Hashes a text to 32 bits, for the keys and seeds of `hash`. It is fast and even, the same in every run and on
 * every machine, and no protection against somebody who looks for collisions.
 */
export function hashText(text: string): number {
  // FNV-1a over UTF-16 units; its low bits are weak, hence the mixing.
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  return mix32(state);
}
