import { strictEqual } from "node:assert/strict";
import { findByToken } from "../../src/mcp/find_by_token.ts";

const TABLE: readonly [tokens: readonly (string | null)[], token: string, found: string | undefined][] = [
  [['"a"', '"b"'], '"b"', '"b"'],
  [['"\\u00e9"'], '"é"', '"\\u00e9"'],
  [['"é"'], '"\\u00e9"', '"é"'],
  [["9007199254740993"], "9007199254740992", "9007199254740993"],
  [["9007199254740993", "9007199254740992"], "9007199254740992", "9007199254740992"],
  [["1"], "1.0", "1"],
  [["1e0"], "1", "1e0"],
  [["1"], '"1"', undefined],
  [[null, "1"], "null", undefined],
  [[null], "1", undefined],
  [['"a"'], "{}", undefined],
  [[], "1", undefined],
];

for (const [tokens, token, found] of TABLE) {
  Deno.test(`findByToken finds ${found} for ${token} among ${tokens.join(" ")}`, () => {
    strictEqual(findByToken(tokens, (it) => it, token), found);
  });
}
