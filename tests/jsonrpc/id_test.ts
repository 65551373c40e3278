import { notStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { idKey, idsMeet, isRequestId } from "../../src/jsonrpc/id.ts";
import { leafText, numberText, spellings, stringText } from "../support/generators.ts";

const safe = fc.bigInt({ min: -(2n ** 53n - 1n), max: 2n ** 53n - 1n });

/** The JSON texts of an integer. */
function integerSpellings(value: bigint): string[] {
  const trimmed = /^(-?\d+?)(0*)$/.exec(String(value))!;
  return [
    String(value),
    `${value}.0`,
    `${value}.000`,
    `${value}e0`,
    `${value}E+00`,
    `${value}0e-1`,
    ...(value === 0n ? ["-0", "0.0e5", "-0.0"] : [`${trimmed[1]}e${trimmed[2]!.length}`]),
  ];
}

Deno.test("idKey is the same for every spelling of an integer that a double holds", () => {
  fc.assert(fc.property(safe, (value) => {
    for (const text of integerSpellings(value)) {
      strictEqual(Number(text) === Number(value), true);
      strictEqual(idKey(text), idKey(String(value)), text);
    }
  }));
  for (const text of integerSpellings(0n)) strictEqual(idKey(text), "0", text);
});

Deno.test("idKey tells integers apart, however large", () => {
  const any = fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n });
  const near = fc.bigInt({ min: 2n ** 53n - 5n, max: 2n ** 53n + 5n });
  fc.assert(fc.property(fc.oneof(any, near), fc.oneof(any, near), (a, b) => {
    strictEqual(idKey(String(a)) === idKey(String(b)), a === b);
    strictEqual(idKey(`${a}.0`) === idKey(`${b}.0`), a === b);
  }));
  notStrictEqual(idKey("9007199254740993"), idKey("9007199254740992"));
});

Deno.test("idKey is the same for every spelling of a string, and for no other string or number", () => {
  const text = fc.string({ unit: "binary", maxLength: 8 });
  fc.assert(
    fc.property(
      text.chain((text) => fc.tuple(fc.constant(text), spellings(text), spellings(text))),
      ([text, a, b]) => {
        strictEqual(JSON.parse(a), text);
        strictEqual(idKey(a), idKey(b));
        strictEqual(idsMeet(a, b), true);
      },
    ),
    { numRuns: 500 },
  );
  fc.assert(fc.property(stringText, stringText, (a, b) => {
    strictEqual(idKey(a) === idKey(b), JSON.parse(a) === JSON.parse(b));
  }));
  fc.assert(
    fc.property(numberText, (number) => notStrictEqual(idKey(number), idKey(JSON.stringify(number)))),
  );
});

Deno.test("idsMeet meets what a peer that reads doubles would send back", () => {
  fc.assert(
    fc.property(numberText, (sent) => {
      const echoed = JSON.stringify(Number(sent));
      strictEqual(idsMeet(sent, sent), true);
      if (echoed !== "null") strictEqual(idsMeet(sent, echoed), true, `${sent} as ${echoed}`);
    }),
    { numRuns: 500 },
  );
});

Deno.test("idsMeet is as strict as idKey between strings, and never meets across kinds", () => {
  fc.assert(
    fc.property(leafText.filter(isRequestId), leafText.filter(isRequestId), (a, b) => {
      const [stringA, stringB] = [a.startsWith('"'), b.startsWith('"')];
      if (stringA !== stringB) strictEqual(idsMeet(a, b), false, `${a} and ${b}`);
      if (stringA && stringB) strictEqual(idsMeet(a, b), JSON.parse(a) === JSON.parse(b), `${a} and ${b}`);
      strictEqual(idsMeet(a, b), idsMeet(b, a));
      if (idKey(a) === idKey(b)) strictEqual(idsMeet(a, b), true);
    }),
    { numRuns: 500 },
  );
  for (const other of ["null", '""', '"0"', '"null"']) strictEqual(idsMeet("0", other), false, other);
});

Deno.test("isRequestId takes strings and numbers, and nothing else", () => {
  fc.assert(fc.property(leafText, (text) => {
    strictEqual(isRequestId(text), ["string", "number"].includes(typeof JSON.parse(text)), text);
  }));
});
