import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { crc32, inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { zip } from "../../scripts/release/zip.ts";

/** Reads an archive the way unpackers do: from its end; what stands twice must be the same. */
function unzip(archive: Uint8Array): { name: string; mode: number; data: Uint8Array }[] {
  const view = new DataView(archive.buffer);
  const u16 = (at: number) => view.getUint16(at, true);
  const u32 = (at: number) => view.getUint32(at, true);
  const end = archive.length - 22;
  strictEqual(u32(end), 0x06054b50);
  const [count, size, start] = [u16(end + 10), u32(end + 12), u32(end + 16)];
  strictEqual(start + size, end);
  const files = [];
  let at = start;
  for (let index = 0; index < count; index++) {
    strictEqual(u32(at), 0x02014b50);
    const [packed, length, nameLength, local] = [u32(at + 20), u32(at + 24), u16(at + 28), u32(at + 42)];
    strictEqual(u32(local), 0x04034b50);
    deepStrictEqual(archive.slice(local + 4, local + 30), archive.slice(at + 6, at + 32));
    const name = archive.slice(at + 46, at + 46 + nameLength);
    deepStrictEqual(archive.slice(local + 30, local + 30 + nameLength), name);
    const from = local + 30 + nameLength;
    const data = new Uint8Array(inflateRawSync(archive.subarray(from, from + packed)));
    strictEqual(data.length, length);
    strictEqual(crc32(data), u32(at + 16));
    files.push({ name: new TextDecoder().decode(name), mode: u32(at + 38) >>> 16, data });
    at += 46 + nameLength;
  }
  strictEqual(at, end);
  return files;
}

Deno.test("an archive has the files that were put into it, each with its checksum", () => {
  const entry = fc.record({
    name: fc.stringMatching(/^[\w.]+(?:\/[\w.é]+)?$/),
    data: fc.uint8Array({ maxLength: 300 }),
    executable: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(entry, { maxLength: 4 }), (entries) => {
    deepStrictEqual(
      unzip(zip(entries)),
      entries.map(({ name, data, executable }) => ({
        name,
        mode: executable ? 0o100755 : 0o100644,
        data: new Uint8Array(data),
      })),
    );
    deepStrictEqual(zip(entries), zip(entries));
  }));
});
