import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { JsonSyntaxError, newNotes, scanArray, scanObject, skipValue } from "../../src/jsonrpc/scan.ts";
import { damaged, jsonText, space, stringText } from "../support/generators.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

Deno.test("skipValue goes behind the value and no further", () => {
  const behind = fc.constantFrom("", ",1", "]", "}", " x", '"', "\n");
  fc.assert(
    fc.property(space, jsonText, behind, (before, value, behind) => {
      const bytes = encoder.encode(before + value + behind);
      const end = skipValue(bytes, 0, bytes.length, newNotes());
      strictEqual(decoder.decode(bytes.subarray(0, end)), before + value);
    }),
    { numRuns: 500 },
  );
});

Deno.test("skipValue looks at nothing behind its end", () => {
  fc.assert(
    fc.property(jsonText, fc.constantFrom("1", "e5", '"', "]", "}", ".5"), (value, behind) => {
      const bytes = encoder.encode(value + behind);
      const end = bytes.length - behind.length;
      strictEqual(skipValue(bytes, 0, end, newNotes()), end);
      // Cut anywhere, only a number can still be whole.
      if (/[\]}"el]$/.test(value)) throws(() => skipValue(bytes, 0, end - 1, newNotes()), JsonSyntaxError);
    }),
    { numRuns: 500 },
  );
});

Deno.test("a scan takes what JSON.parse takes, and throws nothing but JsonSyntaxError", () => {
  fc.assert(
    fc.property(damaged(jsonText), (bytes) => {
      // Lossy decoding replaces bytes inside strings only by characters that may stand there.
      const valid = (() => {
        try {
          return JSON.parse(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)), true;
        } catch {
          return false;
        }
      })();
      const scanned = (() => {
        try {
          const end = skipValue(bytes, 0, bytes.length, newNotes());
          return /^[ \t\r\n]*$/.test(decoder.decode(bytes.subarray(end)));
        } catch (error) {
          if (!(error instanceof JsonSyntaxError)) throw error;
          strictEqual(error.at >= 0 && error.at <= bytes.length, true, `at ${error.at} of ${bytes.length}`);
          return false;
        }
      })();
      strictEqual(scanned, valid, JSON.stringify(decoder.decode(bytes)));
    }),
    { numRuns: 3000 },
  );
});

Deno.test("scanArray and scanObject visit each part in order, and go behind the closing bracket", () => {
  const items = fc.array(fc.tuple(space, stringText, space, space, jsonText, space), { maxLength: 6 });
  fc.assert(
    fc.property(space, items, (inner, items) => {
      const list = `[${items.map(([a, , , b, value, c]) => a + b + value + c).join(",") || inner}]`;
      const visited: string[] = [];
      const bytes = encoder.encode(`${list}]`);
      const end = scanArray(bytes, 0, bytes.length, newNotes(), (from, to) => {
        visited.push(decoder.decode(bytes.subarray(from, to)));
      });
      deepStrictEqual(visited, items.map(([, , , , value]) => value));
      strictEqual(end, bytes.length - 1);

      const object = `{${
        items.map(([a, name, b, c, value, d]) => `${a}${name}${b}:${c}${value}${d}`).join(",") || inner
      }}`;
      const members: [string, string][] = [];
      const text = encoder.encode(`${object}}`);
      const behind = scanObject(text, 0, text.length, newNotes(), (nameStart, nameEnd, start, end) => {
        members.push([
          decoder.decode(text.subarray(nameStart, nameEnd)),
          decoder.decode(text.subarray(start, end)),
        ]);
      });
      deepStrictEqual(members, items.map(([, name, , , value]) => [name, value]));
      strictEqual(behind, text.length - 1);
    }),
    { numRuns: 500 },
  );
});

Deno.test("a scan notes raw line breaks and what is not ASCII, and nothing that is escaped", () => {
  const table: [text: string, lineBreak: boolean, ascii: boolean][] = [
    ['{"a":"\\n\\u00e9"}', false, true],
    ['{"a":\n1}', true, true],
    ["[\r]", true, true],
    ['["é"]', false, false],
    ['{"é":1}', false, false],
    ['{"a":{"é":[]}}', false, false],
  ];
  for (const [text, lineBreak, ascii] of table) {
    const notes = newNotes();
    const bytes = encoder.encode(text);
    skipValue(bytes, 0, bytes.length, notes);
    deepStrictEqual([notes.lineBreak, (notes.bits & 0x80) === 0], [lineBreak, ascii], text);
  }
});
