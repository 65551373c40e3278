import assert from "node:assert/strict";
import fc from "fast-check";
import { neutralise } from "../../src/telemetry/neutralise.ts";

const TABLE: readonly [name: string, text: string, expected: string][] = [
  ["plain text", 'naïve "日本" \\ ok', 'naïve "日本" \\ ok'],
  ["a tab", "a\tb", "a b"],
  ["line ends", "a\r\nb", "a\\r\\nb"],
  ["a colour", "\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"],
  ["an OSC title with BEL", "\x1b]0;title\x07", "\\x1b]0;title\\x07"],
  ["NUL, backspace and DEL", "\0\b\x7f", "\\x00\\x08\\x7f"],
  ["C1 controls (8-bit CSI, NEL)", "\x9b31m\x85", "\\x9b31m\\x85"],
  ["bidirectional overrides and isolates", "\u202eabc\u2066\u2069", "\\u202eabc\\u2066\\u2069"],
  ["line and paragraph separators", "a\u2028b\u2029c", "a\\u2028b\\u2029c"],
  ["zero-width characters", "a\u200bb\ufeff", "a\\u200bb\\ufeff"],
  ["an emoji with a joiner", "👩\u200d💻", "👩\u200d💻"],
];

for (const [name, text, expected] of TABLE) {
  Deno.test(`neutralise: ${name}`, () => assert.equal(neutralise(text), expected));
}

Deno.test("neutralise leaves no control character in any text, and is done after one pass", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
    const out = neutralise(text);
    assert.doesNotMatch(out, /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
    assert.equal(neutralise(out), out);
  }));
});
