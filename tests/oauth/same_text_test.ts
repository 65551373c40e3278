import { strictEqual } from "node:assert/strict";
import { sameText } from "../../src/oauth/same_text.ts";

const table: [given: string, expected: string, same: boolean][] = [
  ["abc", "abc", true],
  ["", "", true],
  ["abd", "abc", false],
  ["Abc", "abc", false],
  ["ab", "abc", false],
  ["abcd", "abc", false],
  ["", "abc", false],
  ["abc", "", false],
  ["\0", "", false],
  ["", "\0", false],
];
for (const [given, expected, same] of table) {
  Deno.test(`sameText: ${JSON.stringify(given)} and ${JSON.stringify(expected)}`, () => {
    strictEqual(sameText(given, expected), same);
  });
}
