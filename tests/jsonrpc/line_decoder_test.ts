import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { ByteRope } from "../../src/jsonrpc/byte_rope.ts";
import { type Line, LineDecoder, OVERLONG_HEAD } from "../../src/jsonrpc/line_decoder.ts";
import { assembled, chopped } from "../support/generators.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What a decoder makes of chunks, all of which come in one and the same buffer. */
function decode(chunks: readonly Uint8Array[], maxLength: number): Line[] {
  const lines = new LineDecoder(maxLength);
  const buffer = new Uint8Array(Math.max(0, ...chunks.map((chunk) => chunk.length)));
  const found: Line[] = [];
  for (const chunk of chunks) {
    buffer.fill(0x0a);
    buffer.set(chunk);
    found.push(...lines.push(buffer.subarray(0, chunk.length)));
  }
  buffer.fill(0x23);
  found.push(...lines.end());
  return found;
}

/** The lines of a whole text, bytes as characters; `undefined` for a blank one. */
function split(bytes: Uint8Array): string[] {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return text.split("\n").map((line, i) => {
    const bare = line.endsWith("\r") ? line.slice(0, -1) : line;
    return i === 0 ? bare.replace(/^\xef\xbb\xbf/, "") : bare;
  });
}

const binary = (bytes: Uint8Array) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");

/** Compares with the whole-text model: lines in full, over-long ones by the beginning that was kept. */
function check(found: readonly Line[], bytes: Uint8Array, maxLength: number): void {
  const expected = split(bytes).filter((line) => line.length > maxLength || /[^ \t\r]/.test(line));
  strictEqual(found.length, expected.length);
  found.forEach((line, i) => {
    const text = expected[i]!;
    if (line instanceof Uint8Array) {
      ok(text.length <= maxLength);
      strictEqual(binary(line), text);
    } else {
      ok(text.length > maxLength, `a line of ${text.length} bytes is not over ${maxLength}`);
      const head = binary(line.head);
      // The CR of a line break may be part of it, as long as nobody knew that the line would end.
      ok(`${text}\r`.startsWith(head), `${JSON.stringify(head)} is no beginning of ${JSON.stringify(text)}`);
      ok(
        head.length >= Math.min(maxLength, OVERLONG_HEAD) && head.length <= OVERLONG_HEAD,
        `head of ${head.length}`,
      );
    }
  });
}

const lineBytes = assembled(["\n", "\r", "\r\n", " ", "\t", "a", "é", "🐟", "\ufeff", "{}", [0xff], [0]], 60);

Deno.test("LineDecoder finds the lines of the whole text, however it is chopped", () => {
  fc.assert(
    fc.property(chopped(lineBytes), ({ bytes, chunks }) => check(decode(chunks, 1000), bytes, 1000)),
    { numRuns: 2000 },
  );
});

Deno.test("LineDecoder finds over-long lines wherever the chunks end", () => {
  let overlong = 0;
  fc.assert(
    fc.property(chopped(lineBytes), fc.integer({ min: 1, max: 8 }), ({ bytes, chunks }, maxLength) => {
      const found = decode(chunks, maxLength);
      overlong += found.filter((line) => !(line instanceof Uint8Array)).length;
      check(found, bytes, maxLength);
    }),
    { numRuns: 2000 },
  );
  ok(overlong > 100, `${overlong} over-long lines`);
});

Deno.test("LineDecoder finds the lines of any bytes", () => {
  const bytes = fc.uint8Array({ maxLength: 200 }).map((bytes) => new Uint8Array(bytes));
  fc.assert(fc.property(chopped(bytes), ({ bytes, chunks }) => check(decode(chunks, 20), bytes, 20)));
});

Deno.test("LineDecoder splits a multi-byte character across chunks", () => {
  const bytes = encoder.encode("é€🐟\n🐟\n");
  for (let cut = 0; cut <= bytes.length; cut++) {
    const found = decode([bytes.slice(0, cut), bytes.slice(cut)], 100);
    deepStrictEqual(found.map((line) => decoder.decode(line as Uint8Array)), ["é€🐟", "🐟"]);
  }
});

Deno.test("LineDecoder counts neither the line break nor a byte order mark, at any cut", () => {
  const limit = 10;
  for (const mark of ["", "\ufeff"]) {
    for (const end of ["\n", "\r\n", ""]) {
      for (const length of [limit - 1, limit, limit + 1]) {
        const text = "x".repeat(length);
        const bytes = encoder.encode(`${mark}${text}${end}`);
        for (let cut = 0; cut <= bytes.length; cut++) {
          const found = decode([bytes.slice(0, cut), bytes.slice(cut)], limit);
          const what = `${JSON.stringify(mark)} ${length} ${JSON.stringify(end)} cut at ${cut}`;
          strictEqual(found.length, 1, what);
          strictEqual(found[0] instanceof Uint8Array, length <= limit, what);
          check(found, bytes, limit);
        }
      }
    }
  }
});

Deno.test("LineDecoder keeps the beginning of an over-long line, and the lines around it whole", () => {
  const long = "0123456789".repeat(2000);
  const bytes = encoder.encode(`before\n${long}\r\nafter\n${long}`);
  for (const size of [1, 7, 4096, 65_536]) {
    const chunks: Uint8Array[] = [];
    for (let from = 0; from < bytes.length; from += size) chunks.push(bytes.slice(from, from + size));
    const found = decode(chunks, 10_000);
    deepStrictEqual(found.map((line) => decoder.decode(line instanceof Uint8Array ? line : line.head)), [
      "before",
      long.slice(0, OVERLONG_HEAD),
      "after",
      long.slice(0, OVERLONG_HEAD),
    ]);
    deepStrictEqual(found.map((line) => line instanceof Uint8Array), [true, false, true, false]);
  }
});

Deno.test("LineDecoder drops blank lines, and a byte order mark at the very start only", () => {
  deepStrictEqual(
    decode([encoder.encode("\n \t\r\n\r\n\ufeff\n")], 100).map((it) => decoder.decode(it as Uint8Array)),
    [
      "\ufeff",
    ],
  );
  deepStrictEqual(
    decode([encoder.encode("\ufeff\r\na\r\r\n")], 100).map((it) => decoder.decode(it as Uint8Array)),
    [
      "a\r",
    ],
  );
  deepStrictEqual(decode([], 100), []);
  deepStrictEqual(decode([new Uint8Array(0)], 100), []);
});

Deno.test("LineDecoder gives the last line without a line break at the end, once", () => {
  const lines = new LineDecoder(100);
  deepStrictEqual(lines.push(encoder.encode("a\nb")), [encoder.encode("a")]);
  deepStrictEqual(lines.end(), [encoder.encode("b")]);
  deepStrictEqual(lines.end(), []);
});

Deno.test("LineDecoder holds no more than one line", () => {
  const append = ByteRope.prototype.append;
  let held = 0;
  ByteRope.prototype.append = function (piece) {
    append.call(this, piece);
    held = Math.max(held, this.length);
  };
  try {
    const limit = 1000;
    const lines = new LineDecoder(limit);
    for (let i = 0; i < 3000; i++) deepStrictEqual(lines.push(new Uint8Array(100).fill(0x61)), []);
    // What was held before the line proved too long, and the piece that proved it.
    ok(held > limit && held <= limit + 4 + 100, `${held} bytes were held`);
    strictEqual(lines.push(encoder.encode("\n")).length, 1);
  } finally {
    ByteRope.prototype.append = append;
  }
});
