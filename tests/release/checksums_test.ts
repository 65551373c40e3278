import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { checksumOf, checksumsIn, checksumsText, parseChecksums } from "../../scripts/release/checksums.ts";
import { ROOT } from "./release_files.ts";

const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

Deno.test("the checksums of a release are those of its files, and not of their list", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/b`, "abc");
    await Deno.writeTextFile(`${directory}/a.exe`, "");
    await Deno.mkdir(`${directory}/folder`);
    const text = `${EMPTY}  a.exe\n${ABC}  b\n`;
    const command = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        `--allow-read=${directory}`,
        `--allow-write=${directory}`,
        new URL("scripts/release/checksums.ts", ROOT).href,
        directory,
      ],
    });
    for (const _ of ["first", "again"]) {
      strictEqual((await command.output()).success, true);
      strictEqual(await Deno.readTextFile(`${directory}/SHA256SUMS`), text);
    }
    deepStrictEqual(parseChecksums(text), await checksumsIn(directory));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("checksums are read as they were written", () => {
  const checksum = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 64, maxLength: 64 });
  const name = fc.stringMatching(/^[\w.-]+$/);
  fc.assert(fc.property(fc.array(fc.tuple(name, checksum)), (pairs) => {
    const checksums = new Map(pairs);
    deepStrictEqual(parseChecksums(checksumsText(checksums)), checksums);
  }));
});

Deno.test("what is no list of checksums is refused, and so is a file that has none", () => {
  for (
    const text of ["<html>", `${ABC} b`, `${ABC.toUpperCase()}  b`, `${ABC}  ../b`, `${ABC}  b\n${EMPTY}  b`]
  ) {
    throws(() => parseChecksums(text), Error, text);
  }
  throws(() => checksumOf(parseChecksums(`${ABC}  b\n`), "a"), /no checksum of a/);
});
