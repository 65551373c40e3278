import { deepStrictEqual, notStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { edit, filterElements, textAt, withId } from "../../src/jsonrpc/edit.ts";
import { InvalidMessage, Message } from "../../src/jsonrpc/message.ts";
import { jsonText, leafText, numberText, space, stringText } from "../support/generators.ts";
import { path, type PieceObject, pieceObject, pieceRequest, remove, render, set } from "./pieces.ts";

/** As a Message keeps text: its raw line breaks are spaces. */
const flat = (text: string) => text.replace(/[\r\n]/g, " ");

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

const isObject = (value: Json | undefined): value is { [name: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What an edit means for the value, whatever its text. */
function edited(value: Json | undefined, [name, ...rest]: readonly string[], to: Json | undefined): Json {
  const entries = isObject(value) ? Object.entries(value) : [];
  const old = entries.find(([other]) => other === name)?.[1];
  if (to === undefined) {
    const kept = rest.length === 0
      ? entries.filter(([other]) => other !== name)
      : entries.map(([other, it]) =>
        other === name && isObject(it) ? [other, edited(it, rest, to)] as const : [other, it] as const
      );
    return Object.fromEntries(kept);
  }
  const inner = rest.length === 0 ? to : edited(old, rest, to);
  const next = entries.map(([other, it]) => [other, other === name ? inner : it] as const);
  return Object.fromEntries(old === undefined ? [...next, [name!, inner] as const] : next);
}

/** Equal, the order of members included. */
function sameJson(actual: Json, expected: Json): void {
  deepStrictEqual(actual, expected);
  strictEqual(JSON.stringify(actual), JSON.stringify(expected));
}

Deno.test("edit sets members and leaves every other byte as it was", () => {
  fc.assert(
    fc.property(pieceRequest, path, jsonText, (request, names, value) => {
      const message = Message.fromText(render(request));
      const result = edit(message, [{ path: ["params", ...names], value }]);
      strictEqual(result.text, flat(render(set(request, ["params", ...names], value))));
    }),
    { numRuns: 1500 },
  );
});

Deno.test("edit removes members, each with one comma, and leaves every other byte as it was", () => {
  let removed = 0;
  fc.assert(
    fc.property(pieceRequest, path, (request, names) => {
      const message = Message.fromText(render(request));
      const result = edit(message, [{ path: ["params", ...names], value: undefined }]);
      strictEqual(result.text, flat(render(remove(request, ["params", ...names]))));
      if (result !== message) removed++;
    }),
    { numRuns: 1500 },
  );
  strictEqual(removed > 50, true, `only ${removed} runs removed anything`);
});

Deno.test("edit means what it would on the parsed value, the order of members included", () => {
  const value = fc.option(leafText, { nil: undefined });
  const edits = fc.array(fc.record({ path, value }), { maxLength: 4 });
  fc.assert(
    fc.property(pieceRequest, edits, (request, edits) => {
      const inParams = edits.map((it) => ({ ...it, path: ["params", ...it.path] }));
      const message = Message.fromText(render(request));
      const expected = inParams.reduce<Json>(
        (json, { path, value }) => edited(json, path, value === undefined ? undefined : JSON.parse(value)),
        JSON.parse(message.text),
      );
      sameJson(JSON.parse(edit(message, inParams).text), expected);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("edit is idempotent, and returns the message itself when nothing changes", () => {
  const value = fc.option(jsonText.map(flat), { nil: undefined });
  fc.assert(
    fc.property(pieceRequest, path, value, (request, names, value) => {
      const edits = [{ path: ["params", ...names], value }];
      const once = edit(Message.fromText(render(request)), edits);
      strictEqual(edit(once, edits), once);
      const present = textAt(once, ["params", ...names]);
      if (present !== undefined) {
        strictEqual(edit(once, [{ path: ["params", ...names], value: present }]), once);
      }
    }),
    { numRuns: 800 },
  );
  const message = Message.fromText('{"jsonrpc":"2.0","id":1,"method":"m"}');
  strictEqual(edit(message, []), message);
  strictEqual(edit(message, [{ path: [], value: "1" }]), message);
  strictEqual(edit(message, [{ path: ["params", "a"], value: undefined }]), message);
  strictEqual(edit(message, [{ path: ["method", "a"], value: undefined }]), message);
});

Deno.test("edit leaves the message it was given alone", () => {
  fc.assert(
    fc.property(pieceRequest, path, fc.option(leafText, { nil: undefined }), (request, names, value) => {
      const message = Message.fromText(render(request));
      const before = message.bytes.slice();
      edit(message, [{ path: ["params", ...names], value }]);
      deepStrictEqual(message.bytes, before);
    }),
    { numRuns: 300 },
  );
});

Deno.test("textAt gives the text of a member as it was written", () => {
  function at(piece: PieceObject | string, [name, ...rest]: readonly string[]): string | undefined {
    if (name === undefined) return render(piece);
    if (typeof piece === "string") return undefined;
    const member = piece.members.findLast((member) => JSON.parse(member.name) === name);
    return member && at(member.value, rest);
  }
  fc.assert(
    fc.property(pieceRequest, path, (request, names) => {
      const text = at(request, ["params", ...names]);
      const message = Message.fromText(render(request));
      strictEqual(textAt(message, ["params", ...names]), text && flat(text));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("textAt finds what edit has set", () => {
  fc.assert(
    fc.property(pieceRequest, path, jsonText, (request, names, value) => {
      const text = value.trim();
      const message = edit(Message.fromText(render(request)), [{ path: ["params", ...names], value: text }]);
      strictEqual(textAt(message, ["params", ...names]), flat(text));
    }),
    { numRuns: 500 },
  );
});

Deno.test("withId swaps the id and nothing else, and returns the message itself when the id stays", () => {
  const id = fc.oneof(numberText, stringText);
  fc.assert(
    fc.property(pieceRequest, id, (request, id) => {
      const message = Message.fromText(render(request));
      const swapped = withId(message, id);
      strictEqual(swapped.id, id);
      strictEqual(swapped.text, flat(render(set(request, ["id"], id))));
      strictEqual(withId(swapped, id), swapped);
      strictEqual(withId(swapped, message.id!).text, message.text);
    }),
    { numRuns: 500 },
  );
});

Deno.test("withId gives an error without an id the id of its request", () => {
  strictEqual(
    withId(Message.fromText('{"jsonrpc":"2.0","error":{"code":1} }'), '"a"').text,
    '{"jsonrpc":"2.0","error":{"code":1} ,"id":"a"}',
  );
  strictEqual(
    withId(Message.fromText('{"jsonrpc":"2.0","id":null,"error":{}}'), "7").text,
    '{"jsonrpc":"2.0","id":7,"error":{}}',
  );
});

Deno.test("filterElements takes elements out and leaves every other byte as it was", () => {
  const element = fc.record({ before: space, text: jsonText, after: space, keep: fc.boolean() });
  const elements = fc.array(element, { maxLength: 6 });
  fc.assert(
    fc.property(elements, space, pieceObject, (elements, inner, rest) => {
      const join = (items: readonly { before: string; text: string; after: string }[], empty: string) =>
        `[${items.length === 0 ? empty : items.map((it) => it.before + it.text + it.after).join(",")}]`;
      const whole = (list: string) =>
        `{"jsonrpc":"2.0","id":1,"result":{"rest":${render(rest)},"list":${list} } }`;
      const asked: string[] = [];
      const message = Message.fromText(whole(join(elements, inner)));
      const result = filterElements(message, ["result", "list"], (text) => {
        asked.push(text);
        return elements[asked.length - 1]!.keep;
      });
      // jsonText has white space of its own around neither end.
      deepStrictEqual(asked, elements.map(({ text }) => flat(text.trim())));

      const kept: { before: string; text: string; after: string }[] = [];
      let lead: string | undefined;
      for (const { before, text, after, keep } of elements) {
        const previous = kept.at(-1);
        if (keep) kept.push({ before: previous === undefined ? lead ?? before : before, text, after });
        else if (previous !== undefined) previous.after = after;
        else lead ??= before;
      }
      const empty = elements.length === 0 ? inner : (lead ?? "") + elements.at(-1)!.after;
      strictEqual(result.text, flat(whole(join(kept, empty))));
      strictEqual(result === message, elements.every(({ keep }) => keep));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("filterElements returns a message without the array as it is", () => {
  const none = () => false;
  for (const result of ["1", "{}", '{"list":{}}', '{"list":"[1]"}', "[1]", '{"list":[]}']) {
    const message = Message.fromText(`{"jsonrpc":"2.0","id":1,"result":${result}}`);
    strictEqual(filterElements(message, ["result", "list"], none), message, result);
  }
  const message = Message.fromText('{"jsonrpc":"2.0","id":1,"error":{}}');
  strictEqual(filterElements(message, ["result", "list"], none), message);
});

const REQUEST =
  '{ "jsonrpc":"2.0", "id":1E400 , "method":"m", "params":{"n":-0, "big":18446744073709551617 }, "x":[ ] }';

const TABLE: [what: string, path: string[], value: string | undefined, expected: string][] = [
  ["a number that no double holds", ["params", "n"], "1e999", REQUEST.replace("-0", "1e999")],
  ["the first member away", ["params", "n"], undefined, REQUEST.replace('"n":-0, ', "")],
  ["the last member away", ["params", "big"], undefined, REQUEST.replace(', "big":18446744073709551617', "")],
  ["a member of the envelope away", ["x"], undefined, REQUEST.replace(', "x":[ ]', "")],
  ["the id away", ["id"], undefined, REQUEST.replace(', "id":1E400', "")],
  ["a new member last", ["params", "_meta", "p"], '"t"', REQUEST.replace("617 }", '617 ,"_meta":{"p":"t"}}')],
  ["an object in place of a value", ["params", "n", "a"], "1", REQUEST.replace("-0", '{"a":1}')],
  ["an object in place of an array", ["x", "y"], "1", REQUEST.replace("[ ]", '{"y":1}')],
  ["a value of several lines, on one", ["x"], "[\n1\r\n]", REQUEST.replace("[ ]", "[ 1  ]")],
  ["a name that needs escapes", ["params", 'a"\n'], "1", REQUEST.replace("617 }", '617 ,"a\\"\\n":1}')],
];

for (const [what, path, value, expected] of TABLE) {
  Deno.test(`edit puts or takes ${what}`, () => {
    strictEqual(edit(Message.fromText(REQUEST), [{ path, value }]).text, expected);
  });
}

Deno.test("edit takes all members of one name away, and sets the last of them", () => {
  const message = Message.fromText(
    '{"jsonrpc":"2.0","method":"m","params":{"a":1,"b":2,"\\u0061":3,"c":4,"a":{"x":5}}}',
  );
  const at = (edits: Parameters<typeof edit>[1]) => edit(message, edits).textOf("params");
  strictEqual(at([{ path: ["params", "a"], value: undefined }]), '{"b":2,"c":4}');
  strictEqual(at([{ path: ["params", "a"], value: "0" }]), '{"a":1,"b":2,"\\u0061":3,"c":4,"a":0}');
  strictEqual(
    at([{ path: ["params", "a", "x"], value: "0" }]),
    '{"a":1,"b":2,"\\u0061":3,"c":4,"a":{"x":0}}',
  );
});

Deno.test("edit refuses to leave what is no message", () => {
  const message = Message.fromText('{"jsonrpc":"2.0","id":1,"method":"m"}');
  for (
    const [path, value] of [
      [["jsonrpc"], undefined],
      [["method"], undefined],
      [["id"], "null"],
      [["params"], "1"],
      [["params", "a"], "{"],
      [["params", "a"], ""],
      [["result"], "1"],
    ] as const
  ) {
    throws(() => edit(message, [{ path, value }]), InvalidMessage, `${path} = ${value}`);
  }
});

Deno.test("edit knows names by what they read, not by how they are spelled", () => {
  const message = Message.fromText('{"jsonrpc":"2.0","\\u0069d":1,"method":"m","params":{"\\u00e9":1}}');
  strictEqual(
    withId(message, "2").text,
    '{"jsonrpc":"2.0","\\u0069d":2,"method":"m","params":{"\\u00e9":1}}',
  );
  strictEqual(textAt(message, ["params", "é"]), "1");
  notStrictEqual(edit(message, [{ path: ["params", "é"], value: undefined }]), message);
});
