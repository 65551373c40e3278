import { deepEqual, equal, ok } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { drawIcon, makeIcon } from "../../scripts/compile/icon.ts";
import { pngPixels } from "../../scripts/compile/png_pixels.ts";

Deno.test("the icon's file holds the icon, in colours and with see-through corners", () => {
  const file = Buffer.from(makeIcon());
  deepEqual([...file.subarray(0, 8)], [0, 0, 1, 0, 1, 0, 0, 0]);
  const [length, start] = [file.readUInt32LE(14), file.readUInt32LE(18)];
  equal(start + length, file.length);
  const pixels = pngPixels(file.subarray(start));
  ok(pixels !== undefined);
  deepEqual(pixels, drawIcon());
  equal(pixels[3], 0);
  equal(pixels[(128 * 256 + 128) * 4 + 3], 255);
  ok(new Set(pixels).size > 20);
});

Deno.test("the pixels of an image are read, whichever filters its rows have", () => {
  const image = fc.record({ width: fc.integer({ min: 1, max: 9 }), height: fc.integer({ min: 1, max: 9 }) })
    .chain(({ width, height }) =>
      fc.record({
        width: fc.constant(width),
        pixels: fc.uint8Array({ minLength: 4 * width * height, maxLength: 4 * width * height }),
        filters: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: height, maxLength: height }),
      })
    );
  fc.assert(fc.property(image, ({ width, pixels, filters }) => {
    deepEqual(pngPixels(filtered(width, pixels, filters)), pixels);
  }));
});

Deno.test("of what is no such image no pixels are read", () => {
  for (const bytes of [new Uint8Array(), new Uint8Array(100), new TextEncoder().encode("BM".repeat(50))]) {
    equal(pngPixels(bytes), undefined);
  }
});

/** A PNG image whose rows have these filters, written as the specification says, section 9.2. */
function filtered(width: number, pixels: Uint8Array, filters: readonly number[]): Uint8Array {
  const length = 4 * width;
  const at = (x: number, y: number) => x < 0 || y < 0 ? 0 : pixels[y * length + x]!;
  const rows = filters.flatMap((filter, y) => [
    filter,
    ...Array.from({ length }, (_, x) => {
      const [a, b, c] = [at(x - 4, y), at(x, y - 1), at(x - 4, y - 1)];
      const p = a + b - c;
      const nearest = [a, b, c].toSorted((m, n) => Math.abs(p - m) - Math.abs(p - n))[0]!;
      return (at(x, y) - [0, a, b, Math.floor((a + b) / 2), nearest][filter]!) & 255;
    }),
  ]);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(filters.length, 4);
  header.set([8, 6], 8);
  const chunk = (name: string, data: Uint8Array) => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(data.length, 0);
    head.write(name, 4, "latin1");
    return Buffer.concat([head, data, Buffer.alloc(4)]);
  };
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Uint8Array.from(rows))),
    chunk("IEND", new Uint8Array()),
  ]);
}
