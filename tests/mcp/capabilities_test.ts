import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { coversCapabilities, joinCapabilities } from "../../src/mcp/capabilities.ts";

type Members = Record<string, unknown>;

const covered: [declared: Members, wanted: Members, covers: boolean][] = [
  [{}, {}, true],
  [{ roots: {} }, {}, true],
  [{}, { roots: {} }, false],
  [{ roots: {} }, { roots: {} }, true],
  [{ roots: {} }, { roots: { listChanged: true } }, false],
  [{ roots: { listChanged: true } }, { roots: {} }, true],
  [{ roots: { listChanged: true } }, { roots: { listChanged: false } }, false],
  [{ sampling: { tools: {} } }, { sampling: {} }, true],
  [{ sampling: {} }, { sampling: { tools: {} } }, false],
  // `{}` means forms.
  [{ elicitation: {} }, { elicitation: { form: {} } }, true],
  [{ elicitation: { form: {} } }, { elicitation: {} }, true],
  [{ elicitation: { url: {} } }, { elicitation: {} }, false],
  [{ elicitation: {} }, { elicitation: { url: {} } }, false],
  [{ elicitation: { form: {}, url: {} } }, { elicitation: {} }, true],
  [{ x: [1, 2] }, { x: [1, 2] }, true],
  [{ x: [1, 2] }, { x: [2, 1] }, false],
  [{ x: {} }, { x: null }, false],
  [{ x: null }, { x: {} }, false],
  [{}, { constructor: {} }, false],
];
for (const [declared, wanted, covers] of covered) {
  Deno.test(`coversCapabilities: ${JSON.stringify(declared)} ${covers ? "covers" : "does not cover"} ${JSON.stringify(wanted)}`, () => {
    strictEqual(coversCapabilities(declared, wanted), covers);
  });
}

const joined: [a: Members, b: Members, both: Members][] = [
  [{}, {}, {}],
  [{ roots: {} }, { sampling: { tools: {} } }, { roots: {}, sampling: { tools: {} } }],
  [{ elicitation: {} }, { elicitation: { url: {} } }, { elicitation: { form: {}, url: {} } }],
  [{ elicitation: { url: {} } }, { elicitation: {} }, { elicitation: { url: {}, form: {} } }],
  [{ x: { a: 1, b: [1] } }, { x: { b: [2], c: null } }, { x: { a: 1, b: [2], c: null } }],
  [{ x: 1 }, { x: {} }, { x: {} }],
];
for (const [a, b, both] of joined) {
  Deno.test(`joinCapabilities makes ${JSON.stringify(both)} of ${JSON.stringify(a)} and ${JSON.stringify(b)}`, () => {
    deepStrictEqual(joinCapabilities(a, b), both);
  });
}

/** Capabilities as clients declare them: objects in objects, which don't contradict each other. */
const { capabilities } = fc.letrec<{ node: Members; capabilities: Members }>((tie) => ({
  node: fc.dictionary(
    fc.oneof(
      fc.constantFrom("elicitation", "form", "url", "tools", "__proto__", "constructor"),
      fc.string({ maxLength: 3 }),
    ),
    fc.oneof({ depthSize: "small", withCrossShrink: true }, fc.constant({}), tie("node")),
    { maxKeys: 4, noNullPrototype: true },
  ),
  capabilities: tie("node"),
}));

Deno.test("A session covers what it was begun with, and one for both covers both", () => {
  fc.assert(fc.property(capabilities, capabilities, (a, b) => {
    strictEqual(coversCapabilities(a, a), true);
    const both = joinCapabilities(a, b);
    strictEqual(coversCapabilities(both, a), true);
    strictEqual(coversCapabilities(both, b), true);
  }));
});

Deno.test("Joining what is covered changes nothing, and the order of joining does not matter", () => {
  fc.assert(fc.property(capabilities, capabilities, capabilities, (a, b, c) => {
    const both = joinCapabilities(a, b);
    deepStrictEqual(joinCapabilities(both, a), both);
    deepStrictEqual(joinCapabilities(b, a), both);
    deepStrictEqual(joinCapabilities(both, c), joinCapabilities(a, joinCapabilities(b, c)));
  }));
});

Deno.test("Whatever a client declares last is in the joined ones, contradictions or not", () => {
  const any = fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }) as fc.Arbitrary<Members>;
  fc.assert(
    fc.property(any, any, (a, b) => strictEqual(coversCapabilities(joinCapabilities(a, b), b), true)),
  );
});

Deno.test("Covering is passed on: what covers more covers less", () => {
  fc.assert(fc.property(capabilities, capabilities, capabilities, (a, b, c) => {
    if (coversCapabilities(a, b) && coversCapabilities(b, c)) strictEqual(coversCapabilities(a, c), true);
    strictEqual(
      coversCapabilities(joinCapabilities(joinCapabilities(a, b), c), joinCapabilities(a, b)),
      true,
    );
  }));
});
