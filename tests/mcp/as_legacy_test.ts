import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { textAt } from "../../src/jsonrpc/edit.ts";
import { Message } from "../../src/jsonrpc/message.ts";
import { initializeFor, legacyCancellation, legacyForm } from "../../src/mcp/as_legacy.ts";
import { withEnvelope } from "../../src/mcp/envelope.ts";
import { jsonText } from "../support/generators.ts";

const V = '"io.modelcontextprotocol/protocolVersion":"2026-07-28"';
const C = '"io.modelcontextprotocol/clientCapabilities":{ "x":1E400}';
const I = '"io.modelcontextprotocol/clientInfo":{"name":"c"}';
const L = '"io.modelcontextprotocol/logLevel":"info"';

const request = (params: string, id = '"a"') =>
  Message.fromText(`{"x":1E400,"jsonrpc":"2.0", "id":${id},"method":"m","params":${params}}`);

const forms: [modern: string, legacy: string][] = [
  [`{"_meta":{${V},${C}}}`, "{}"],
  [`{"a":1,"_meta":{${V},${C},${I},${L}},"b":1E400}`, '{"a":1,"b":1E400}'],
  [`{"_meta":{"k":9007199254740993,${V},${C}, "l":{}}}`, '{"_meta":{"k":9007199254740993, "l":{}}}'],
  [`{"_meta":{${V},"progressToken":"mine",${C}}}`, '{"_meta":{"progressToken":8}}'],
  [
    `{"_meta":{${V},${C},"traceparent":"00","tracestate":"","baggage":"b"}}`,
    '{"_meta":{"traceparent":"00","tracestate":"","baggage":"b"}}',
  ],
  // Others of that prefix are not the envelope's.
  [
    `{"_meta":{${V},${C},"io.modelcontextprotocol/related-task":{}}}`,
    '{"_meta":{"io.modelcontextprotocol/related-task":{}}}',
  ],
  [`{"inputResponses":{"a":{}},"name":"n","requestState":"s","_meta":{${V},${C}}}`, '{"name":"n"}'],
  [
    `{"arguments":{"requestState":1,"_meta":{${V}}},"_meta":{${V},${C}}}`,
    `{"arguments":{"requestState":1,"_meta":{${V}}}}`,
  ],
];
for (const [modern, legacy] of forms) {
  Deno.test(`legacyForm makes ${legacy} of ${modern}`, () => {
    strictEqual(legacyForm(request(modern), "7", "8").text, request(legacy, "7").text);
  });
}

Deno.test("A legacy request made modern and back is what it was, byte for byte", () => {
  const facts = { info: '{"name":"c"}', capabilities: '{ "roots":{} }', logLevel: '"info"' };
  const members = fc.dictionary(
    fc.string().filter((name) => !["_meta", "inputResponses", "requestState"].includes(name)),
    jsonText,
  ).map((it) => Object.entries(it).map(([name, value]) => `${JSON.stringify(name)}:${value}`));
  const meta = fc.dictionary(
    fc.string().filter((name) => name !== "progressToken" && !name.startsWith("io.modelcontextprotocol/")),
    jsonText,
    { minKeys: 1 },
  ).map((it) =>
    `"_meta":{${Object.entries(it).map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`
  );
  fc.assert(fc.property(members, fc.option(meta, { nil: undefined }), fc.nat(), (some, own, at) => {
    const all = own === undefined ? some : some.toSpliced(at % (some.length + 1), 0, own);
    const legacy = request(`{${all.join(",")}}`);
    strictEqual(legacyForm(withEnvelope(legacy, facts), '"a"', "8").text, legacy.text);
  }));
});

Deno.test("legacyForm leaves the client's ids and tokens behind, and no trace of the envelope", () => {
  fc.assert(fc.property(jsonText, fc.string(), (value, name) => {
    const params = `{${JSON.stringify(`x${name}`)}:${value},"_meta":{${V},${C},"progressToken":"t"}}`;
    const it = legacyForm(request(params), "7", "8");
    strictEqual(it.id, "7");
    strictEqual(textAt(it, ["params", "_meta"]), '{"progressToken":8}');
    strictEqual(textAt(it, ["params", `x${name}`]), value.trim().replace(/[\r\n]/g, " "));
  }));
});

const notice = (params: string) =>
  Message.fromText(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":${params}}`);
for (
  const [modern, legacy] of [
    ['{"requestId":"a"}', '{"requestId":7}'],
    [`{"reason":"\\u00fc","requestId":"a","_meta":{${V},${C}}}`, '{"reason":"\\u00fc","requestId":7}'],
    [`{"_meta":{"k":1E400,${V}},"requestId":"a"}`, '{"_meta":{"k":1E400},"requestId":7}'],
    ['{"requestId":"a","_meta":{}}', '{"requestId":7,"_meta":{}}'],
  ]
) {
  Deno.test(`legacyCancellation makes ${legacy} of ${modern}`, () => {
    strictEqual(legacyCancellation(notice(modern!), "7").text, notice(legacy!).text);
  });
}

Deno.test("initializeFor declares the client's capabilities and name byte for byte", () => {
  const info = '{ "name":"c","version":"1","x":9007199254740993}';
  strictEqual(
    initializeFor('"i"', '{ "roots":{"n":1E400} }', info, "{}").text,
    '{"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"2025-11-25",' +
      `"capabilities":{ "roots":{"n":1E400} },"clientInfo":${info}}}`,
  );
});

for (const info of [undefined, "{}", '{"name":"c"}', '{"version":"1"}', '{"name":1,"version":"1"}']) {
  Deno.test(`initializeFor introduces who says ${info} of itself as this program`, () => {
    const own = '{"name":"own","version":"2"}';
    match(initializeFor("1", "{}", info, own).text, /"clientInfo":\{"name":"own","version":"2"\}/);
    deepStrictEqual(JSON.parse(initializeFor("1", "{}", info, own).text).params.clientInfo, JSON.parse(own));
  });
}
