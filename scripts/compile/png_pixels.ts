import { Buffer } from "node:buffer";
import { inflateSync } from "node:zlib";

/**
 * Reads the pixels of a PNG image with 8 bits for each of red, green, blue and alpha.
 *
 * @see https://www.w3.org/TR/png-3/#9Filters
 * @returns `undefined` for any other image
 */
export function pngPixels(image: Uint8Array): Uint8Array | undefined {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
  if (bytes.length < 29 || bytes.readUInt32BE(0) !== 0x89504e47) return undefined;
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  if (bytes[24] !== 8 || bytes[25] !== 6 || bytes[28] !== 0) return undefined;
  const data: Buffer[] = [];
  for (let at = 8; at + 12 <= bytes.length; at += 12 + bytes.readUInt32BE(at)) {
    const isData = bytes.toString("latin1", at + 4, at + 8) === "IDAT";
    if (isData) data.push(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at)));
  }
  return unfiltered(inflateSync(Buffer.concat(data)), 4 * width, height);
}

function unfiltered(rows: Uint8Array, length: number, height: number): Uint8Array {
  const out = new Uint8Array(length * height);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (length + 1)];
    for (let x = 0; x < length; x++) {
      const at = y * length + x;
      const left = x < 4 ? 0 : out[at - 4]!;
      const above = y === 0 ? 0 : out[at - length]!;
      const corner = x < 4 || y === 0 ? 0 : out[at - length - 4]!;
      out[at] = rows[y * (length + 1) + 1 + x]! + foretold(filter, left, above, corner);
    }
  }
  return out;
}

function foretold(filter: number | undefined, left: number, above: number, corner: number): number {
  switch (filter) {
    case 1:
      return left;
    case 2:
      return above;
    case 3:
      return (left + above) >> 1;
    case 4:
      return paeth(left, above, corner);
    default:
      return 0;
  }
}

/** The neighbour that is nearest to what all three suggest. */
function paeth(left: number, above: number, corner: number): number {
  const [a, b, c] = [left, above, corner].map((it) => Math.abs(left + above - corner - it)) as [
    number,
    number,
    number,
  ];
  return a <= b && a <= c ? left : b <= c ? above : corner;
}
