// C0, DEL and C1 controls (so every ANSI and OSC sequence loses its introducer), the line and paragraph
// separators, the bidirectional controls of UAX #9 and the invisible characters that hide text.
// deno-lint-ignore no-control-regex
const HARMFUL = /[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/g;

/**
 * Makes the characters visible with which foreign text could forge a log line or drive a terminal: a newline
 * becomes `\n`, an escape `\x1b`, a right-to-left override `\u202e`. A tab becomes a space; all other text
 * stays as it is.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { neutralise } from "./neutralise.ts";
 *
 * assert.equal(neutralise("ok\n12:00 ERROR \x1b[31mforged"), "ok\\n12:00 ERROR \\x1b[31mforged");
 * ```
 */
export function neutralise(text: string): string {
  return text.replace(HARMFUL, visible);
}

function visible(char: string): string {
  if (char === "\t") return " ";
  if (char === "\n") return "\\n";
  if (char === "\r") return "\\r";
  const code = char.charCodeAt(0);
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}
