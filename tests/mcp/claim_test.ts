import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Message } from "../../src/jsonrpc/message.ts";
import { claimOf } from "../../src/mcp/claim.ts";
import { META } from "../../src/mcp/modern.ts";

const request = (params: string) =>
  Message.fromText(`{"jsonrpc":"2.0","id":1,"method":"m","params":${params}}`);
const withMeta = (meta: Record<string, unknown>) => request(JSON.stringify({ a: 1, _meta: meta }));
const GOOD = { [META.protocolVersion]: "2026-07-28", [META.clientCapabilities]: {} };

const table: [what: string, params: string, kind: string][] = [
  ["no _meta", '{"a":1}', "none"],
  ["an empty _meta", '{"_meta":{}}', "none"],
  ["a _meta that is no object", '{"_meta":"io.modelcontextprotocol/protocolVersion"}', "none"],
  ["a _meta that is a list", '{"_meta":["io.modelcontextprotocol/protocolVersion"]}', "none"],
  ["a progress token", '{"_meta":{"progressToken":1}}', "none"],
  [
    "an older key of that prefix",
    '{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"}}}',
    "none",
  ],
  ["the keys beside _meta", JSON.stringify(GOOD), "none"],
  ["the keys deeper in _meta", JSON.stringify({ _meta: { x: GOOD } }), "none"],
  ["both that must be", JSON.stringify({ _meta: GOOD }), "modern"],
  ["all", JSON.stringify({ _meta: { ...GOOD, [META.clientInfo]: {}, [META.logLevel]: "info" } }), "modern"],
  [
    "a key spelt with escapes",
    JSON.stringify({ _meta: GOOD }).replace(/\/protocol/, "\\/pr\\u006ftocol"),
    "modern",
  ],
  ["no capabilities", JSON.stringify({ _meta: { [META.protocolVersion]: "2026-07-28" } }), "malformed"],
  ["no revision", JSON.stringify({ _meta: { [META.clientCapabilities]: {} } }), "malformed"],
  ["a name alone", JSON.stringify({ _meta: { [META.clientInfo]: {} } }), "malformed"],
  ["a level alone", JSON.stringify({ _meta: { [META.logLevel]: "info" } }), "malformed"],
];
for (const [what, params, kind] of table) {
  Deno.test(`claimOf: ${what} means ${kind}`, () => strictEqual(claimOf(request(params)).kind, kind));
}

for (const revision of [null, 1, "", [], {}, true]) {
  Deno.test(`claimOf: the revision ${JSON.stringify(revision)} is malformed, and the answer names the key`, () => {
    const claim = claimOf(withMeta({ ...GOOD, [META.protocolVersion]: revision }));
    strictEqual(claim.kind, "malformed");
    strictEqual("why" in claim && claim.why.includes(META.protocolVersion), true);
  });
}

for (const capabilities of [null, 1, "", [], true]) {
  Deno.test(`claimOf: the capabilities ${JSON.stringify(capabilities)} are malformed, and the answer names the key`, () => {
    const claim = claimOf(withMeta({ ...GOOD, [META.clientCapabilities]: capabilities }));
    strictEqual(claim.kind, "malformed");
    strictEqual("why" in claim && claim.why.includes(META.clientCapabilities), true);
  });
}

for (
  const [key, value] of [
    [META.clientInfo, "x"],
    [META.clientInfo, null],
    [META.clientInfo, []],
    [META.logLevel, "loud"],
    [META.logLevel, 3],
    [META.logLevel, null],
  ] as const
) {
  Deno.test(`claimOf: ${JSON.stringify(value)} as ${key} is malformed, and the answer names the key`, () => {
    const claim = claimOf(withMeta({ ...GOOD, [key]: value }));
    strictEqual(claim.kind, "malformed");
    strictEqual("why" in claim && claim.why.includes(key), true);
  });
}

Deno.test("claimOf reads whatever revision is claimed", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.dictionary(fc.string(), fc.jsonValue()), (revision, x) => {
      deepStrictEqual(
        claimOf(withMeta({ ...GOOD, [META.protocolVersion]: revision, [META.clientCapabilities]: x })),
        { kind: "modern", revision: JSON.parse(JSON.stringify(revision)) },
      );
    }),
  );
});

Deno.test("claimOf takes requests without params, and notifications", () => {
  strictEqual(claimOf(Message.fromText('{"jsonrpc":"2.0","id":1,"method":"m"}')).kind, "none");
  strictEqual(
    claimOf(Message.of({ jsonrpc: "2.0", method: "m", params: { _meta: GOOD } })).kind,
    "modern",
  );
});
