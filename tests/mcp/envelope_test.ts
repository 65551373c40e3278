import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Message } from "../../src/jsonrpc/message.ts";
import { initializeResult } from "../../src/mcp/discover.ts";
import { readClientFacts, resultTypeOf, withEnvelope, withoutModernMembers } from "../../src/mcp/envelope.ts";

const request = (params: string) =>
  Message.fromText(
    `{"jsonrpc":"2.0","id":1,"method":"tools/call"${params === "" ? "" : `,"params":${params}`}}`,
  );
const result = (text: string) => Message.fromText(`{"jsonrpc":"2.0","id":1,"result":${text}}`);
const FACTS = { info: '{"name":"c"}', capabilities: '{"roots":{}}', logLevel: undefined };
const ENVELOPE = '"io.modelcontextprotocol/protocolVersion":"2026-07-28",' +
  '"io.modelcontextprotocol/clientCapabilities":{"roots":{}},' +
  '"io.modelcontextprotocol/clientInfo":{"name":"c"}';

const envelopes: [string, string][] = [
  ["", `{"_meta":{${ENVELOPE}}}`],
  ["{}", `{"_meta":{${ENVELOPE}}}`],
  ['{ "n" : 9007199254740993 }', `{ "n" : 9007199254740993 ,"_meta":{${ENVELOPE}}}`],
  ['{"_meta":{}}', `{"_meta":{${ENVELOPE}}}`],
  ['{"_meta":{"progressToken":1E400},"b":2}', `{"_meta":{"progressToken":1E400,${ENVELOPE}},"b":2}`],
  ['{"_meta":null}', `{"_meta":{${ENVELOPE}}}`],
];
for (const [before, after] of envelopes) {
  Deno.test(`withEnvelope makes of ${before || "no params"} what a modern server reads`, () => {
    strictEqual(withEnvelope(request(before), FACTS).textOf("params"), after);
  });
}

Deno.test("withEnvelope replaces what claims to be an envelope, and adds the log level", () => {
  const claimed = request('{"_meta":{"io.modelcontextprotocol/clientInfo":{"name":"liar"}}}');
  const meta = JSON.parse(withEnvelope(claimed, { ...FACTS, logLevel: '"info"' }).textOf("params")!)._meta;
  deepStrictEqual(meta["io.modelcontextprotocol/clientInfo"], { name: "c" });
  strictEqual(meta["io.modelcontextprotocol/logLevel"], "info");
});

Deno.test("readClientFacts keeps every byte but tasks and roots.listChanged", () => {
  const capabilities =
    '{"roots":{"listChanged":true,"x":1E400},"tasks":{"list":{}},"experimental":{"n":9007199254740993},"y": null}';
  const facts = readClientFacts(request(`{"capabilities":${capabilities},"clientInfo":{"name":"c" }}`));
  strictEqual(facts.capabilities, '{"roots":{"x":1E400},"experimental":{"n":9007199254740993},"y": null}');
  strictEqual(facts.info, '{"name":"c" }');
  deepStrictEqual(readClientFacts(request("")), { info: undefined, capabilities: "{}", logLevel: undefined });
});

const plain: [string, string][] = [
  ['{"resultType":"complete","tools":[],"ttlMs":0,"cacheScope":"private"}', '{"tools":[]}'],
  [
    '{"a":1E400,"_meta":{"io.modelcontextprotocol/serverInfo":{},"k":9007199254740993}}',
    '{"a":1E400,"_meta":{"k":9007199254740993}}',
  ],
  ['{"_meta":{"io.modelcontextprotocol/serverInfo":{}},"resultType":"complete"}', "{}"],
  ['{ "b" : 1 }', '{ "b" : 1 }'],
  ['{"_meta":{}}', '{"_meta":{}}'],
  ["[]", "[]"],
];
for (const [before, after] of plain) {
  Deno.test(`withoutModernMembers makes ${after} of ${before}`, () => {
    strictEqual(withoutModernMembers(result(before)).textOf("result"), after);
  });
}

Deno.test("resultTypeOf knows two kinds, and takes an absent one for complete", () => {
  strictEqual(resultTypeOf(result("{}")), "complete");
  strictEqual(resultTypeOf(result('{"resultType":"complete"}')), "complete");
  strictEqual(resultTypeOf(result('{"resultType":"input_required"}')), "input_required");
  for (const other of ['"task"', "null", "1", '"Complete"']) {
    strictEqual(resultTypeOf(result(`{"resultType":${other}}`)), "unknown");
  }
});

Deno.test("Crossing and coming back loses nothing of a request's params", () => {
  const ours = /^io\.modelcontextprotocol\//;
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.json()), (members) => {
    const text = `{${
      Object.entries(members).filter(([name]) => name !== "_meta").map(([name, value]) =>
        `${JSON.stringify(name)}:${value}`
      ).join(",")
    }}`;
    const crossed = withEnvelope(request(text), FACTS).textOf("params")!;
    strictEqual(crossed.startsWith(text.slice(0, -1)), true);
    const { _meta, ...rest } = JSON.parse(crossed);
    deepStrictEqual(rest, JSON.parse(text));
    strictEqual(Object.keys(_meta).every((key) => ours.test(key)), true);
  }));
});

// What a legacy client is told -----------------------------------------------------------------------------------

const greeting = (protocolVersion: unknown, id = "7") =>
  Message.fromText(
    `{"jsonrpc":"2.0","id":${id},"method":"initialize","params":{"protocolVersion":${
      JSON.stringify(protocolVersion ?? null)
    }}}`,
  );
const INFO = '"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"}}';

for (
  const [asked, told] of [
    ["2024-11-05", "2024-11-05"],
    ["2025-03-26", "2025-03-26"],
    ["2025-06-18", "2025-06-18"],
    ["2025-11-25", "2025-11-25"],
    ["2026-07-28", "2025-11-25"],
    ["1999-01-01", "2025-11-25"],
    [undefined, "2025-11-25"],
  ]
) {
  Deno.test(`initializeResult tells a client that asks for ${asked} of ${told}`, () => {
    const { protocolVersion } = JSON.parse(
      initializeResult(greeting(asked), result(`{"capabilities":{},${INFO}}`), "host").textOf("result")!,
    );
    strictEqual(protocolVersion, told);
  });
}

Deno.test("initializeResult keeps the bytes of capabilities but for tasks, and all of the rest", () => {
  const capabilities =
    '{ "tasks":{},"extensions":{"x":9007199254740993},"experimental":{"n":1E400},"other":[1 ,2],"tools":{"listChanged":true}}';
  const found = result(`{"instructions":"\\u00fc","capabilities":${capabilities},${INFO}}`);
  strictEqual(
    initializeResult(greeting("2025-06-18", '"a\\u0062"'), found, "host").text,
    '{"jsonrpc":"2.0","id":"a\\u0062","result":{"protocolVersion":"2025-06-18","capabilities":' +
      '{ "extensions":{"x":9007199254740993},"experimental":{"n":1E400},"other":[1 ,2],"tools":{"listChanged":true}}' +
      ',"serverInfo":{"name":"s","version":"1"},"instructions":"\\u00fc"}}',
  );
});

const infos: [string, string, string][] = [
  ["at the top", '"serverInfo":{"name":"s","version":"1"}', '{"name":"s","version":"1"}'],
  ["nowhere", '"x":1', '{"name":"host","version":""}'],
  ["without a version", '"serverInfo":{"name":"s","title":"T"}', '{"name":"s","title":"T","version":""}'],
  ["as no object", '"serverInfo":"s"', '{"name":"host","version":""}'],
];
for (const [where, text, info] of infos) {
  Deno.test(`initializeResult: server info ${where}`, () => {
    const answer = initializeResult(greeting("2025-11-25"), result(`{${text}}`), "host");
    const told = JSON.parse(answer.textOf("result")!);
    deepStrictEqual(told.serverInfo, JSON.parse(info));
    deepStrictEqual(told.capabilities, {});
  });
}
