import { Buffer } from "node:buffer";
import { crc32, deflateSync } from "node:zlib";

/** How many points wide the icon is. `deno compile` makes the smaller ones of it. */
const SIZE = 256;
/** Points across a pixel that are looked at, for smooth edges. */
const SAMPLES = 4;

/** Makes the icon of the Windows executables, as the bytes of an `.ico` file: two ends and the bridge between them. */
export function makeIcon(): Uint8Array {
  const image = png(SIZE, drawIcon());
  const head = Buffer.alloc(22);
  head.writeUInt16LE(1, 2); // an icon
  head.writeUInt16LE(1, 4); // of one size, 256 by 256, which is written as 0
  head.writeUInt16LE(1, 10);
  head.writeUInt16LE(32, 12);
  head.writeUInt32LE(image.length, 14);
  head.writeUInt32LE(head.length, 18);
  return Buffer.concat([head, image]);
}

/** The icon's pixels: red, green, blue, and how much of it, row by row from the top. */
export function drawIcon(): Uint8Array {
  const size = SIZE;
  const pixels = new Uint8Array(size * size * 4);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const sum = [0, 0, 0, 0];
      for (let i = 0; i < SAMPLES * SAMPLES; i++) {
        const u = (x + (i % SAMPLES + 0.5) / SAMPLES) / size;
        const v = (y + (Math.floor(i / SAMPLES) + 0.5) / SAMPLES) / size;
        const [red, green, blue, solid] = colourAt(u, v);
        sum[0]! += red * solid;
        sum[1]! += green * solid;
        sum[2]! += blue * solid;
        sum[3]! += solid;
      }
      const at = (y * size + x) * 4;
      const solid = sum[3]!;
      for (let c = 0; c < 3; c++) pixels[at + c] = solid === 0 ? 0 : Math.round(sum[c]! / solid);
      pixels[at + 3] = Math.round(solid / (SAMPLES * SAMPLES) * 255);
    }
  }
  return pixels;
}

type Colour = readonly [red: number, green: number, blue: number, solid: 0 | 1];
const GROUND: Colour = [24, 46, 84, 1];
const FIGURE: Colour = [255, 255, 255, 1];
const NOTHING: Colour = [0, 0, 0, 0];

/** The colour of a point; both coordinates go from 0 to 1. */
function colourAt(u: number, v: number): Colour {
  const corner = 0.2;
  const outX = Math.max(corner - u, u - 1 + corner, 0);
  const outY = Math.max(corner - v, v - 1 + corner, 0);
  if (Math.hypot(outX, outY) > corner) return NOTHING;
  const end = Math.min(Math.hypot(u - 0.24, v - 0.66), Math.hypot(u - 0.76, v - 0.66));
  if (end < 0.13) return FIGURE;
  // The arch: a half circle from end to end.
  const arch = Math.abs(Math.hypot(u - 0.5, v - 0.66) - 0.26);
  return v < 0.66 && arch < 0.05 ? FIGURE : GROUND;
}

function png(size: number, pixels: Uint8Array): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header[8] = 8;
  header[9] = 6;
  const rows = Buffer.alloc(size * (size * 4 + 1));
  for (let y = 0; y < size; y++) {
    rows.set(pixels.subarray(y * size * 4, (y + 1) * size * 4), y * (size * 4 + 1) + 1);
  }
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(name: string, data: Uint8Array): Uint8Array {
  const out = Buffer.alloc(data.length + 12);
  out.writeUInt32BE(data.length, 0);
  out.write(name, 4, "latin1");
  out.set(data, 8);
  out.writeUInt32BE(crc32(out.subarray(4, data.length + 8)), data.length + 8);
  return out;
}
