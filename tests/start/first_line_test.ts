/** What is read of a client before the program is loaded, and that nothing of it is lost. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { firstLine } from "../../src/start/first_line.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Gives pieces to whoever reads, one each time as far as there is room; `null` at the end. */
function reading(pieces: readonly Uint8Array[]) {
  const left = pieces.filter((it) => it.length > 0).map((it) => new Uint8Array(it));
  return (buffer: Uint8Array): Promise<number | null> => {
    const piece = left[0];
    if (piece === undefined) return Promise.resolve(null);
    const taken = piece.subarray(0, buffer.length);
    buffer.set(taken);
    if (taken.length === piece.length) left.shift();
    else left[0] = piece.subarray(taken.length);
    return Promise.resolve(taken.length);
  };
}

async function rest(read: (buffer: Uint8Array) => Promise<number | null>, size: number): Promise<string> {
  const buffer = new Uint8Array(size);
  let text = "";
  for (let count = await read(buffer); count !== null; count = await read(buffer)) {
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text;
}

const TABLE: readonly [what: string, pieces: string[], line: string | undefined][] = [
  ["a line", ['{"a":1}\n'], '{"a":1}'],
  ["a line and more", ['{"a":1}\n{"b":2}\n'], '{"a":1}'],
  ["a line in pieces", ['{"a"', ":1}", "\n", "x"], '{"a":1}'],
  ["a line of Windows", ['{"a":1}\r\n'], '{"a":1}'],
  ["no line break", ['{"a":1}'], undefined],
  ["nothing", [], undefined],
  ["a blank line first", ["\n", '{"a":1}\n'], undefined],
  ["a batch", ["[{}]\n"], undefined],
  ["a byte order mark", ['\ufeff{"a":1}\n'], undefined],
  ["the longest line", [`{${"a".repeat(65_534)}\n`], `{${"a".repeat(65_534)}`],
  ["a line that is too long", [`{${"a".repeat(65_535)}\n`], undefined],
];

for (const [what, pieces, line] of TABLE) {
  Deno.test(`firstLine and ${what}`, async () => {
    const first = firstLine(reading(pieces.map((it) => encoder.encode(it))));
    const found = await first.found;
    strictEqual(found && decoder.decode(found), line);
    strictEqual(await rest(first.read, 100), pieces.join(""));
  });
}

Deno.test("firstLine gives on all it has read, and what comes behind it, however it comes and is read", async () => {
  const piece = fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.constant(encoder.encode('{"a":1}\n')));
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 6 }),
      fc.integer({ min: 1, max: 40 }),
      async (pieces, size) => {
        const first = firstLine(reading(pieces));
        const buffer = new Uint8Array(size);
        const read: number[] = [];
        for (let count = await first.read(buffer); count !== null; count = await first.read(buffer)) {
          read.push(...buffer.subarray(0, count));
        }
        deepStrictEqual(read, pieces.flatMap((it) => [...it]));
      },
    ),
  );
});

Deno.test("firstLine hands on that reading fails", async () => {
  const first = firstLine(() => Promise.reject(new Error("gone")));
  strictEqual(await first.found, undefined);
  strictEqual(await first.read(new Uint8Array(1)).catch((error: Error) => error.message), "gone");
});
