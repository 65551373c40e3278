import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Message } from "../../src/jsonrpc/message.ts";
import { encodeHeaderValue, modernHeaders, readHeaderParams } from "../../src/mcp/mcp_headers.ts";

const values: [string, string][] = [
  ["us-west", "us-west"],
  ["a b", "a b"],
  [" a", "=?base64?IGE=?="],
  ["a\t", "=?base64?YQk=?="],
  ["", "=?base64??="],
  ["ü", "=?base64?w7w=?="],
  ["a\nb", "=?base64?YQpi?="],
  ["=?base64?YQ==?=", "=?base64?PT9iYXNlNjQ/WVE9PT89?="],
  ["=?BASE64?x?=", "=?base64?PT9CQVNFNjQ/eD89?="],
  ["=?x?=", "=?x?="],
];
for (const [value, shown] of values) {
  Deno.test(`encodeHeaderValue writes ${JSON.stringify(value)} as ${shown}`, () => {
    strictEqual(encodeHeaderValue(value), shown);
  });
}

Deno.test("encodeHeaderValue writes what a header takes and a server reads back", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (value) => {
    const shown = encodeHeaderValue(value);
    new Headers({ "x": shown });
    const inner = /^=\?base64\?(.*)\?=$/.exec(shown)?.[1];
    const read = inner === undefined ? shown : new TextDecoder("utf-8", { ignoreBOM: true }).decode(
      Uint8Array.from(atob(inner), (it) => it.charCodeAt(0)),
    );
    strictEqual(read, value.toWellFormed());
  }));
});

Deno.test("modernHeaders says what the body says", () => {
  const headers = (method: string, params: unknown) =>
    modernHeaders(Message.of({ jsonrpc: "2.0", id: 1, method, params }));
  deepStrictEqual(headers("tools/call", { name: "grüße" }), {
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": "=?base64?Z3LDvMOfZQ==?=",
  });
  strictEqual(headers("resources/read", { uri: "file:///a b" })["mcp-name"], "file:///a b");
  strictEqual(headers("prompts/get", { name: "p" })["mcp-name"], "p");
  strictEqual(headers("tools/call", { name: 1 })["mcp-name"], undefined);
  strictEqual(headers("constructor", { name: "x" })["mcp-name"], undefined);
  strictEqual(headers("x/ü", {})["mcp-method"], "=?base64?eC/DvA==?=");
});

const shown: [string, string | undefined][] = [
  ['"a"', "a"],
  ['"\\u00fc"', "=?base64?w7w=?="],
  ["42", "42"],
  ["-7", "-7"],
  ["9007199254740993", "9007199254740993"],
  ["1.0", "1"],
  ["1e3", "1000"],
  ["-0", "0"],
  ["1E400", "1E400"],
  ["true", "true"],
  ["false", "false"],
  ["null", undefined],
  ['{"a":1}', undefined],
  ["[1]", undefined],
];
for (const [value, header] of shown) {
  Deno.test(`modernHeaders mirrors the argument ${value} as ${header}`, () => {
    const call = Message.fromText(
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"a":{"b":${value}}}}}`,
    );
    strictEqual(
      modernHeaders(call, [{ path: ["a", "b"], header: "Deep" }, {
        path: ["c"],
        header: "C",
      }])["mcp-param-deep"],
      header,
    );
  });
}

const at = (property: unknown, more: Record<string, unknown> = {}) => ({
  type: "object",
  properties: { a: property },
  ...more,
});
const named = (type: unknown, header: unknown = "A") => ({ type, "x-mcp-header": header });

Deno.test("readHeaderParams finds annotations through properties, however deep", () => {
  deepStrictEqual(
    readHeaderParams({
      type: "object",
      properties: {
        "a": named("string"),
        "b": at(named("integer", "B-2")),
        "c": named("boolean", "c"),
        "x-mcp-header": { type: "string" },
        "properties": at({ type: "string" }),
      },
    }),
    [{ path: ["a"], header: "A" }, { path: ["b", "a"], header: "B-2" }, { path: ["c"], header: "c" }],
  );
  deepStrictEqual(readHeaderParams(at({ type: "string" })), []);
  deepStrictEqual(readHeaderParams(undefined), []);
});

const invalid: Record<string, unknown> = {
  "a number": at(named("number")),
  "an object": at(named("object")),
  "an array": at(named("array")),
  "several types": at(named(["string", "null"])),
  "no type": at(named(undefined)),
  "an empty name": at(named("string", "")),
  "a name with a space": at(named("string", "a b")),
  "a name with a line break": at(named("string", "a\r\nX: y")),
  "a name that is no text": at(named("string", 1)),
  "the same name in another case": {
    properties: { a: named("string", "Region"), b: named("string", "region") },
  },
  "the root": { type: "string", "x-mcp-header": "A" },
  ...Object.fromEntries(
    [
      "items",
      "contains",
      "not",
      "if",
      "then",
      "else",
      "additionalProperties",
      "unevaluatedItems",
      "propertyNames",
    ]
      .map((name) => [`what is under ${name}`, at({ [name]: named("string") })]),
  ),
  ...Object.fromEntries(
    ["oneOf", "anyOf", "allOf", "prefixItems"].map((
      name,
    ) => [`what is under ${name}`, at({}, { [name]: [at(named("string"))] })]),
  ),
  ...Object.fromEntries(
    ["$defs", "definitions", "patternProperties", "dependentSchemas"].map((
      name,
    ) => [`what is under ${name}`, at({}, { [name]: { x: named("string") } })]),
  ),
};
for (const [what, schema] of Object.entries(invalid)) {
  Deno.test(`readHeaderParams takes no annotation of ${what}`, () => {
    const found = readHeaderParams(schema);
    ok("invalid" in found);
    match(found.invalid, /header/);
  });
}

Deno.test("readHeaderParams does not follow a schema without end", () => {
  let schema: Record<string, unknown> = named("string");
  for (let i = 0; i < 100_000; i++) schema = { properties: { a: schema } };
  ok("invalid" in readHeaderParams(schema));
});
