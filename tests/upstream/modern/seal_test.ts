import { deepStrictEqual, notStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { createSeal } from "../../../src/upstream/modern/seal.ts";

Deno.test("What was sealed can be opened, whatever it is, and says what it says in plain characters", async () => {
  const seal = createSeal();
  await fc.assert(fc.asyncProperty(fc.jsonValue(), async (value) => {
    const sealed = await seal.close(value);
    strictEqual(/^[\w-]+\.[\w-]{43}$/.test(sealed), true);
    deepStrictEqual(await seal.open(sealed), JSON.parse(JSON.stringify(value)));
  }));
});

Deno.test("What was changed in any place can't be opened", async () => {
  const seal = createSeal();
  const sealed = await seal.close({ call: 1, round: 1, text: "ü" });
  const chars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ é";
  const char = fc.constantFrom(...chars);
  await fc.assert(
    fc.asyncProperty(fc.nat(sealed.length - 1), char, async (at, other) => {
      const changed = sealed.slice(0, at) + other + sealed.slice(at + 1);
      if (changed !== sealed) strictEqual(await seal.open(changed), undefined);
      strictEqual(await seal.open(sealed.slice(0, at)), undefined);
      strictEqual(await seal.open(sealed.slice(0, at) + other + sealed.slice(at)), undefined);
    }),
    { numRuns: 300 },
  );
});

Deno.test("What nobody sealed can't be opened", async () => {
  const seal = createSeal();
  await fc.assert(
    fc.asyncProperty(fc.string(), async (text) => strictEqual(await seal.open(text), undefined)),
  );
  for (const text of ["", ".", "..", "e30.", ".AAAA", "e30.AAAA", "null", "e30=.AAAA"]) {
    strictEqual(await seal.open(text), undefined);
  }
});

Deno.test("What another sealed can't be opened, not even the same", async () => {
  const [one, other] = [createSeal(), createSeal()];
  const [a, b] = await Promise.all([one.close({ n: 1 }), other.close({ n: 1 })]);
  notStrictEqual(a, b);
  strictEqual(await one.open(b), undefined);
  strictEqual(await other.open(a), undefined);
  const [body] = a.split(".");
  const [, mark] = (await one.close({ n: 2 })).split(".");
  strictEqual(await one.open(`${body}.${mark}`), undefined);
});
