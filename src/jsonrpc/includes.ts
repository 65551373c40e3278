/**
 * Makes a function that tells whether bytes hold `text`, which is ASCII. It looks at one byte in as many as the text is long
 * (Horspool), so that searching a large message costs a fraction of decoding it.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { textFinder } from "./includes.ts";
 * import { encodeUtf8 } from "./utf8.ts";
 *
 * const holdsName = textFinder("x-y");
 * strictEqual(holdsName(encodeUtf8('{"x-y":1}')), true);
 * strictEqual(holdsName(encodeUtf8('{"x":"y"}')), false);
 * ```
 */
export function textFinder(text: string): (bytes: Uint8Array) => boolean {
  const wanted = Uint8Array.from(text, (char) => char.charCodeAt(0));
  const last = wanted.length - 1;
  /** How far to go on from a byte under the text's last one. */
  const steps = new Uint8Array(256).fill(Math.min(wanted.length, 255));
  for (let i = Math.max(0, last - 254); i < last; i++) steps[wanted[i]!] = last - i;
  return (bytes) => {
    for (let at = last; at < bytes.length; at += steps[bytes[at]!]!) {
      let back = 0;
      while (back <= last && bytes[at - back] === wanted[last - back]) back++;
      if (back > last) return true;
    }
    return false;
  };
}
