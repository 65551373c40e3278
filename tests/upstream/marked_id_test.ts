import { deepStrictEqual, notStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { markedId, readMarkedId } from "../../src/upstream/marked_id.ts";
import { numberText, spellings, stringText } from "../support/generators.ts";

const serial = fc.nat(5);
const anId = fc.oneof(
  numberText,
  stringText,
  fc.tuple(fc.nat(5), stringText).map(([serial, id]) => markedId(serial, id)),
  fc.tuple(fc.nat(5), fc.nat(9)).chain(([serial, id]) => spellings(`mcp-connect-from-${serial}-${id}`)),
  fc.constantFrom('"mcp-connect-from-"', '"mcp-connect-from-x-1"', '"mcp-connect-from-1"'),
);

Deno.test("What was marked is read back, with the server and its own spelling", () => {
  fc.assert(fc.property(serial, anId, (serial, id) => {
    deepStrictEqual(readMarkedId(markedId(serial, id)), { serial, id });
  }));
});

Deno.test("Ids of two servers never meet, not even when one imitates the other's mark", () => {
  fc.assert(fc.property(serial, anId, serial, anId, (a, idA, b, idB) => {
    if (a === b) return;
    const spelled = (id: string) => id.startsWith('"') ? JSON.stringify(JSON.parse(id)) : id;
    notStrictEqual(spelled(markedId(a, idA)), spelled(markedId(b, idB)));
  }));
});

Deno.test("Whoever spells a marked id in another way still names its server", () => {
  const id = markedId(3, '"a/b"');
  for (const spelled of [id.replace("mcp", "\\u006dcp"), id.replace("a/b", "a\\/b")]) {
    deepStrictEqual(readMarkedId(spelled), { serial: 3, id: '"a/b"' });
  }
});

Deno.test("What the first server says keeps its spelling", () => {
  for (const id of ["1", "-0", '"a"', '"\\u0061"', "9007199254740993"]) strictEqual(markedId(0, id), id);
});

Deno.test("A mark can be marked again, and each reader takes off its own", () => {
  const inner = markedId(2, "7");
  const outer = readMarkedId(markedId(0, inner));
  deepStrictEqual(outer, { serial: 0, id: inner });
  deepStrictEqual(readMarkedId(outer.id), { serial: 2, id: "7" });
});
