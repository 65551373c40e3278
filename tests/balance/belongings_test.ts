import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { type BelongingKind, createBelongings, isOwnState } from "../../src/balance/belongings.ts";
import { spellings, stringText } from "../support/generators.ts";

const KINDS: readonly BelongingKind[] = ["cursor", "state", "task"];
const parsed = (text: string) => JSON.stringify(JSON.parse(text));

Deno.test("A text goes back to the upstream that made it, as it was written", () => {
  fc.assert(fc.property(fc.constantFrom(...KINDS), stringText, fc.nat(9), (kind, text, serial) => {
    const belongings = createBelongings();
    strictEqual(belongings.keep(kind, text, serial), text);
    deepStrictEqual(belongings.find(kind, text), { serial, text });
  }));
});

Deno.test("A client that spells it in another way is understood all the same", () => {
  const twoSpellings = fc.string({ maxLength: 8 }).chain((text) =>
    fc.tuple(spellings(text), spellings(text))
  );
  fc.assert(fc.property(twoSpellings, ([made, given]) => {
    const belongings = createBelongings();
    belongings.keep("cursor", made, 1);
    deepStrictEqual(belongings.find("cursor", given), { serial: 1, text: made });
  }));
  const belongings = createBelongings();
  belongings.keep("cursor", '"YQ\\/="', 0);
  deepStrictEqual(belongings.find("cursor", '"YQ/="'), { serial: 0, text: '"YQ\\/="' });
});

Deno.test("However many make the same, each is told from the others and gets its own back", () => {
  const makings = fc.array(
    fc.record({
      kind: fc.constantFrom(...KINDS),
      text: fc.constantFrom('"2"', '"\\u0032"', '"a"', "2"),
      serial: fc.nat(3),
    }),
    { maxLength: 40 },
  );
  fc.assert(fc.property(makings, (makings) => {
    const belongings = createBelongings();
    const shown = makings.map(({ kind, text, serial }) => belongings.keep(kind, text, serial));
    for (const [i, { kind, text, serial }] of makings.entries()) {
      const owner = belongings.find(kind, shown[i]!)!;
      strictEqual(owner.serial, serial);
      strictEqual(parsed(owner.text), parsed(text));
    }
    for (const kind of KINDS) {
      const owners = makings.flatMap((it, i) =>
        it.kind === kind ? [[parsed(shown[i]!), `${it.serial} ${parsed(it.text)}`] as const] : []
      );
      strictEqual(new Set(owners.map(([shown]) => shown)).size, new Set(owners.map(([, own]) => own)).size);
    }
  }));
});

Deno.test("What the same upstream makes again keeps the name that the client knows", () => {
  const belongings = createBelongings();
  belongings.keep("cursor", '"2"', 0);
  const renamed = belongings.keep("cursor", '"2"', 1);
  match(renamed, /^"mcp-connect-1-[-0-9a-f]{36}"$/);
  strictEqual(belongings.keep("cursor", '"2"', 1), renamed);
  strictEqual(belongings.keep("cursor", '"2"', 0), '"2"');
});

Deno.test("A cursor is no state, and a state no task", () => {
  const belongings = createBelongings();
  belongings.keep("cursor", '"2"', 0);
  strictEqual(belongings.find("state", '"2"'), undefined);
  strictEqual(belongings.keep("state", '"2"', 1), '"2"');
  deepStrictEqual(belongings.find("cursor", '"2"'), { serial: 0, text: '"2"' });
});

Deno.test("What was used last is remembered longest", () => {
  const belongings = createBelongings(3);
  for (const text of ["1", "2", "3"]) belongings.keep("cursor", text, 0);
  belongings.find("cursor", "1");
  belongings.keep("cursor", "4", 0);
  deepStrictEqual(["1", "2", "3", "4"].map((text) => belongings.find("cursor", text) !== undefined), [
    true,
    false,
    true,
    true,
  ]);
});

Deno.test("Space is bounded in number and in length, of each kind for itself", () => {
  const belongings = createBelongings(1000, 100);
  belongings.keep("task", '"t"', 0);
  for (let i = 10; i < 100; i++) belongings.keep("cursor", `"${"c".repeat(16)}${i}"`, 0);
  const left = Array.from({ length: 90 }, (_, i) => belongings.find("cursor", `"${"c".repeat(16)}${i + 10}"`))
    .filter((it) => it !== undefined);
  strictEqual(left.length, 2);
  ok(belongings.find("task", '"t"'));
  const long = `"${"l".repeat(500)}"`;
  strictEqual(belongings.keep("cursor", long, 1), long);
  deepStrictEqual(belongings.find("cursor", long), { serial: 1, text: long });
});

Deno.test("Of an upstream that is gone only a state remains that was renamed: it goes on as it was written", () => {
  const belongings = createBelongings();
  const shown = KINDS.map((kind) => {
    belongings.keep(kind, '"s"', 0);
    return belongings.keep(kind, '"s"', 1);
  });
  belongings.keep("state", '"other"', 1);
  belongings.forget(1);
  deepStrictEqual(KINDS.map((kind, i) => belongings.find(kind, shown[i]!)), [
    undefined,
    { serial: undefined, text: '"s"' },
    undefined,
  ]);
  strictEqual(belongings.find("state", '"other"'), undefined);
  deepStrictEqual(KINDS.map((kind) => belongings.find(kind, '"s"')?.serial), [0, 0, 0]);
  notStrictEqual(belongings.keep("state", '"s"', 2), shown[1]);
});

Deno.test("Who has made no state gets one that is told from all others, and survives its upstream to be taken out", () => {
  const belongings = createBelongings();
  const state = belongings.stateFor(3);
  deepStrictEqual(belongings.find("state", state)?.serial, 3);
  ok(isOwnState(state) && isOwnState(state.replace("mcp", "\\u006dcp")));
  ok(!isOwnState('"mcp-connect"') && !isOwnState(belongings.keep("state", '"s"', 0)));
  notStrictEqual(belongings.stateFor(3), state);
  belongings.forget(3);
  strictEqual(belongings.find("state", state)?.serial, undefined);
});
