import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { textFinder } from "../../src/jsonrpc/includes.ts";
import { encodeUtf8 } from "../../src/jsonrpc/utf8.ts";

Deno.test("textFinder finds what includes() finds", () => {
  const few = fc.string({ unit: fc.constantFrom("a", "b", "-", "ü"), maxLength: 40 });
  const ascii = fc.string({ unit: fc.constantFrom("a", "b", "-"), minLength: 1, maxLength: 6 });
  fc.assert(fc.property(few, ascii, (where, text) => {
    strictEqual(textFinder(text)(encodeUtf8(where)), where.includes(text));
  }));
});

Deno.test("textFinder finds a text at both ends, and none that is cut off", () => {
  const find = textFinder("x-mcp-header");
  strictEqual(find(encodeUtf8("x-mcp-header")), true);
  strictEqual(find(encodeUtf8('{"x-mcp-header":"A"}')), true);
  strictEqual(find(encodeUtf8("x-mcp-heade")), false);
  strictEqual(find(encodeUtf8("x-mcp-x-mcp-header")), true);
  strictEqual(find(encodeUtf8("")), false);
});

Deno.test("textFinder takes a text longer than a step can be", () => {
  const text = `${"a".repeat(300)}b`;
  strictEqual(textFinder(text)(encodeUtf8(`${"c".repeat(50)}${"a".repeat(350)}b`)), true);
  strictEqual(textFinder(text)(encodeUtf8("a".repeat(700))), false);
});
