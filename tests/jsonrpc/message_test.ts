import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { InvalidMessage, Message } from "../../src/jsonrpc/message.ts";
import { damaged, deepText, jsonText, messageText } from "../support/generators.ts";
import { read, type Reading, topMembers } from "./reference.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What {@linkcode Message.parse} makes of bytes; anything thrown but InvalidMessage fails the test. */
function parsed(bytes: Uint8Array<ArrayBuffer>): Reading {
  try {
    const { kind, id, method } = Message.parse(bytes.slice());
    return { kind, ...(id === undefined ? {} : { id }), ...(method === undefined ? {} : { method }) };
  } catch (error) {
    if (!(error instanceof InvalidMessage)) throw error;
    return { kind: "invalid", code: error.code as -32700 | -32600, id: error.id };
  }
}

/** The bytes a message keeps: raw line breaks, which only stand between tokens in valid JSON, become spaces. */
function onOneLine(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) => byte === 0x0a || byte === 0x0d ? 0x20 : byte);
}

Deno.test("Message.parse agrees with JSON.parse and the rules of JSON-RPC on what a text is", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(messageText, (text) => {
      const bytes = encoder.encode(text);
      const expected = read(bytes);
      seen.add(expected.kind === "invalid" ? `invalid ${expected.code}` : expected.kind);
      deepStrictEqual(parsed(bytes), expected);
    }),
    { numRuns: 3000 },
  );
  deepStrictEqual([...seen].sort(), ["error", "invalid -32600", "notification", "request", "result"]);
});

Deno.test("Message.parse agrees with JSON.parse on damaged texts", () => {
  const codes: Record<string, number> = {};
  fc.assert(
    fc.property(damaged(fc.oneof(messageText, jsonText)), (bytes) => {
      const expected = read(bytes);
      const kind = expected.kind === "invalid" ? String(expected.code) : "valid";
      codes[kind] = (codes[kind] ?? 0) + 1;
      deepStrictEqual(parsed(bytes), expected);
    }),
    { numRuns: 4000 },
  );
  for (const kind of ["-32700", "-32600", "valid"]) ok((codes[kind] ?? 0) > 20, JSON.stringify(codes));
});

Deno.test("Message.parse takes any bytes without throwing anything but InvalidMessage", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      deepStrictEqual(parsed(new Uint8Array(bytes)), read(bytes));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("Message.parse takes values nested to any depth, and refuses them when one bracket is missing", () => {
  fc.assert(
    fc.property(deepText, fc.boolean(), (deep, whole) => {
      const text = `{"jsonrpc":"2.0","id":1,"result":{"deep":${whole ? deep : deep.slice(0, -1)}}}`;
      const bytes = encoder.encode(text);
      deepStrictEqual(parsed(bytes), read(bytes));
    }),
    { numRuns: 100 },
  );
  const depth = 300_000;
  const text = `{"jsonrpc":"2.0","method":"x","params":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  strictEqual(Message.fromText(text).kind, "notification");
});

Deno.test("Message.parse keeps the bytes it was given, line breaks between tokens excepted", () => {
  fc.assert(
    fc.property(messageText, (text) => {
      const bytes = encoder.encode(text);
      fc.pre(read(bytes).kind !== "invalid");
      const before = bytes.slice();
      const message = Message.parse(bytes);
      strictEqual(message.bytes, bytes);
      deepStrictEqual(message.bytes, onOneLine(before));
      deepStrictEqual(JSON.parse(message.text), JSON.parse(text));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("Message.parse puts a message of several lines on one, and escaped line breaks stay", () => {
  const message = Message.fromText('\r\n{\n"jsonrpc":\t"2.0",\r"method" :"a\\nb"\n}\n');
  strictEqual(message.text, '  { "jsonrpc":\t"2.0", "method" :"a\\nb" } ');
  strictEqual(message.method, "a\nb");
});

Deno.test("a Message's spans are where its members stand", () => {
  fc.assert(
    fc.property(messageText, (text) => {
      const bytes = encoder.encode(text);
      fc.pre(read(bytes).kind !== "invalid");
      const message = Message.parse(bytes);
      const members = new Map(topMembers(decoder.decode(onOneLine(encoder.encode(text)))));
      for (const name of ["params", "result", "error"] as const) {
        strictEqual(message.textOf(name), members.get(name));
        const value = members.get(name);
        deepStrictEqual(message.parsed(name), value === undefined ? undefined : JSON.parse(value));
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("Message.parse refuses invalid UTF-8 as no JSON, wherever it stands", () => {
  const broken: number[][] = [
    [0xff], // no lead byte at all
    [0x80], // a continuation on its own
    [0xc3], // cut off
    [0xc0, 0xaf], // overlong
    [0xed, 0xa0, 0x80], // a surrogate
    [0xf4, 0x90, 0x80, 0x80], // beyond U+10FFFF
    [0xe2, 0x82], // cut off
  ];
  const places = [
    ['{"jsonrpc":"2.0","id":1,"method":"', '"}'],
    ['{"jsonrpc":"2.0","id":"', '","method":"x"}'],
    ['{"jsonrpc":"2.0","id":1,"', '":1,"method":"x"}'],
    ['{"jsonrpc":"2.0","id":1,"result":{"a":["', '"]}}'],
    ['{"jsonrpc":"2.0","method":"x"}', ""],
    ["", '{"jsonrpc":"2.0","method":"x"}'],
    ['["', '"]'],
    ['"', '"'],
    [`{"jsonrpc":"2.0","method":"${"x".repeat(65_530)}`, '"}'],
  ] as const;
  for (const [before, after] of places) {
    for (const bytes of broken) {
      const whole = new Uint8Array([...encoder.encode(before), ...bytes, ...encoder.encode(after)]);
      deepStrictEqual(
        parsed(whole),
        { kind: "invalid", code: -32700, id: null },
        `${before}${bytes}${after}`,
      );
    }
  }
});

Deno.test("Message.parse takes multi-byte characters across the window of its UTF-8 check", () => {
  for (const char of ["é", "€", "🐟"]) {
    for (let pad = 0; pad < 4; pad++) {
      const text = `{"jsonrpc":"2.0","method":"${"x".repeat(65_500 + pad)}${char.repeat(20)}"}`;
      strictEqual(Message.fromText(text).method?.endsWith(char), true);
    }
  }
});

const TABLE: [what: string, text: string, expected: Reading][] = [
  ["a request", '{"jsonrpc":"2.0","id":7,"method":"a"}', { kind: "request", id: "7", method: "a" }],
  ["an id as it was written", '{"jsonrpc":"2.0","id":1.50e0,"method":"a"}', {
    kind: "request",
    id: "1.50e0",
    method: "a",
  }],
  ["an empty id", '{"jsonrpc":"2.0","id":"","method":"a"}', { kind: "request", id: '""', method: "a" }],
  ["escaped names", '{"\\u006asonrpc":"2.0","\\u0069d":1,"meth\\u006fd":"\\u0061"}', {
    kind: "request",
    id: "1",
    method: "a",
  }],
  ["a notification", '{"jsonrpc":"2.0","method":"a","params":[]}', { kind: "notification", method: "a" }],
  ["a result of null", '{"jsonrpc":"2.0","id":1,"result":null}', { kind: "result", id: "1" }],
  ["an error", '{"jsonrpc":"2.0","id":"x","error":{}}', { kind: "error", id: '"x"' }],
  ["an error without an id", '{"jsonrpc":"2.0","error":{}}', { kind: "error", id: "null" }],
  ["an error with the id null", '{"jsonrpc":"2.0","id":null,"error":{}}', { kind: "error", id: "null" }],
  ["unknown members", '{"x":1,"x":2,"jsonrpc":"2.0","method":"a"}', { kind: "notification", method: "a" }],
  ["nothing", "", { kind: "invalid", code: -32700, id: null }],
  ["white space", " \t\r\n", { kind: "invalid", code: -32700, id: null }],
  ["garbage", "hello", { kind: "invalid", code: -32700, id: null }],
  ["a byte order mark", '\ufeff{"jsonrpc":"2.0","method":"a"}', { kind: "invalid", code: -32700, id: null }],
  ["two messages", '{"jsonrpc":"2.0","method":"a"}{}', { kind: "invalid", code: -32700, id: null }],
  ["a trailing comma", '{"jsonrpc":"2.0","method":"a",}', { kind: "invalid", code: -32700, id: null }],
  ["a raw tab in a string", '{"jsonrpc":"2.0","method":"a\tb"}', { kind: "invalid", code: -32700, id: null }],
  ["a form feed", '{"jsonrpc":"2.0",\f"method":"a"}', { kind: "invalid", code: -32700, id: null }],
  ["a leading zero", '{"jsonrpc":"2.0","id":01,"method":"a"}', { kind: "invalid", code: -32700, id: null }],
  ["an array", "[]", { kind: "invalid", code: -32600, id: null }],
  ["a number", " 1 ", { kind: "invalid", code: -32600, id: null }],
  ["an array that is no JSON", "[1,]", { kind: "invalid", code: -32700, id: null }],
  ["no jsonrpc", '{"id":1,"method":"a"}', { kind: "invalid", code: -32600, id: "1" }],
  ["another jsonrpc", '{"jsonrpc":"1.0","id":"q","method":"a"}', {
    kind: "invalid",
    code: -32600,
    id: '"q"',
  }],
  ["the id null", '{"jsonrpc":"2.0","id":null,"method":"a"}', { kind: "invalid", code: -32600, id: null }],
  ["the id true", '{"jsonrpc":"2.0","id":true,"method":"a"}', { kind: "invalid", code: -32600, id: null }],
  ["an id that is an object", '{"jsonrpc":"2.0","id":{},"result":1}', {
    kind: "invalid",
    code: -32600,
    id: null,
  }],
  ["no string for a method", '{"jsonrpc":"2.0","id":1,"method":1}', {
    kind: "invalid",
    code: -32600,
    id: "1",
  }],
  ["params that are null", '{"jsonrpc":"2.0","id":1,"method":"a","params":null}', {
    kind: "invalid",
    code: -32600,
    id: "1",
  }],
  ["a result without an id", '{"jsonrpc":"2.0","result":1}', { kind: "invalid", code: -32600, id: null }],
  ["both a result and an error", '{"jsonrpc":"2.0","id":1,"result":1,"error":{}}', {
    kind: "invalid",
    code: -32600,
    id: "1",
  }],
  ["both a request and an answer", '{"jsonrpc":"2.0","id":1,"method":"a","result":1}', {
    kind: "invalid",
    code: -32600,
    id: "1",
  }],
  ["an error that is no object", '{"jsonrpc":"2.0","id":1,"error":"no"}', {
    kind: "invalid",
    code: -32600,
    id: "1",
  }],
  ["a method that is there twice", '{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}', {
    kind: "invalid",
    code: -32600,
    id: "1",
  }],
  ["a method twice, once escaped", '{"jsonrpc":"2.0","id":1,"method":"a","\\u006dethod":"b"}', {
    kind: "invalid",
    code: -32600,
    id: "1",
  }],
  ["an id that is there twice", '{"jsonrpc":"2.0","id":1,"id":2,"method":"a"}', {
    kind: "invalid",
    code: -32600,
    id: null,
  }],
  ["an id and a method twice", '{"jsonrpc":"2.0","id":1,"id":2,"method":"a","method":"a"}', {
    kind: "invalid",
    code: -32600,
    id: null,
  }],
];

for (const [what, text, expected] of TABLE) {
  const verb = expected.kind === "invalid" ? `refuses with ${expected.code}` : `reads as a ${expected.kind}`;
  Deno.test(`Message.parse ${verb}: ${what}`, () => {
    const bytes = encoder.encode(text);
    deepStrictEqual(parsed(bytes), expected);
    deepStrictEqual(read(bytes), expected);
  });
}

Deno.test("Message.of and Message.fromText make the message they were given", () => {
  strictEqual(Message.of({ jsonrpc: "2.0", method: "é" }).text, '{"jsonrpc":"2.0","method":"é"}');
  throws(() => Message.of({ method: "x" }), InvalidMessage);
  throws(() => Message.fromText("{"), InvalidMessage);
});

Deno.test("a message tells whether a member in it has a name that begins with io., in whatever spelling", () => {
  const has = (params: string) =>
    Message.fromText(`{"jsonrpc":"2.0","id":1,"method":"m","params":${params}}`).hasIoName;
  for (
    const params of [
      '{"io.x":1}',
      '{"_meta":{"a":1,"io.modelcontextprotocol/protocolVersion":"1"}}',
      '{"a":[{"b":{ "io.x" :1}}]}',
      '{"\\u0069o.x":1}',
      '{"i\\u006f.x":1}',
      '{"io\\u002ex":1}',
    ]
  ) strictEqual(has(params), true, params);
  for (const params of ["{}", '{"i":1,"io":2,"iox":3}', '{"a":"io.x"}', '["io.x"]', '{"":1,"o.":2}']) {
    strictEqual(has(params), false, params);
  }
});
