import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Message } from "../../src/jsonrpc/message.ts";
import { discoverResult, inputRequired, modernAnswer } from "../../src/mcp/as_modern.ts";
import { resultTypeOf, withoutModernMembers } from "../../src/mcp/envelope.ts";
import { jsonText } from "../support/generators.ts";

const INFO = '{"name":"s","version":"1","x":1E400}';
const META = `"_meta":{"io.modelcontextprotocol/serverInfo":${INFO}}`;
const result = (text: string) => Message.fromText(`{"x":1E400,"jsonrpc":"2.0", "result":${text},"id":7}`);
const error = (text: string) => Message.fromText(`{"jsonrpc":"2.0","id":7,"error":${text}}`);

const HINTS = '"ttlMs":0,"cacheScope":"private",';
const hinted = ["tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read"];
for (const method of [...hinted, "tools/call", "prompts/get", "completion/complete", "x/y", "constructor"]) {
  Deno.test(`modernAnswer stamps a result of ${method}`, () => {
    const hints = hinted.includes(method) ? HINTS : "";
    strictEqual(
      modernAnswer(method, result('{ "b":1E400,"a":[ ]}'), INFO).text,
      result(`{ "b":1E400,"a":[ ],"resultType":"complete",${hints}${META}}`).text,
    );
  });
}

for (
  const [before, after] of [
    ["{}", `{"resultType":"complete",${META}}`],
    ['{"resultType":"other"}', `{"resultType":"complete",${META}}`],
    [
      '{"_meta":{"k":1E400}}',
      `{"_meta":{"k":1E400,"io.modelcontextprotocol/serverInfo":${INFO}},"resultType":"complete"}`,
    ],
    ['{"_meta":{"io.modelcontextprotocol/serverInfo":1}}', `{${META},"resultType":"complete"}`],
    ['{"_meta":null}', `{${META},"resultType":"complete"}`],
    ["null", `{"resultType":"complete",${META}}`],
    ["[1]", `{"resultType":"complete",${META}}`],
  ]
) {
  Deno.test(`modernAnswer makes ${after} of ${before}`, () => {
    strictEqual(modernAnswer("tools/call", result(before!), INFO).textOf("result"), after);
  });
}

Deno.test("A legacy result made modern and back is what it was, byte for byte", () => {
  const own = ["resultType", "ttlMs", "cacheScope", "_meta", "tools"];
  const members = fc.dictionary(fc.string().filter((name) => !own.includes(name)), jsonText);
  const meta = fc.dictionary(fc.string(), jsonText, { minKeys: 1 });
  const text = (it: Record<string, string>) =>
    Object.entries(it).map(([name, value]) => `${JSON.stringify(name)}:${value}`);
  fc.assert(
    fc.property(
      members,
      fc.option(meta, { nil: undefined }),
      fc.constantFrom(...hinted, "tools/call"),
      (some, its, method) => {
        const all = [...text(some), ...(its === undefined ? [] : [`"_meta":{${text(its).join(",")}}`])];
        const legacy = result(`{${all.join(",")}}`);
        const modern = modernAnswer(method, legacy, INFO);
        strictEqual(resultTypeOf(modern), "complete");
        strictEqual(withoutModernMembers(modern).text, legacy.text);
      },
    ),
  );
});

Deno.test("Tools lose what is of tasks, and those that only run as tasks are gone; the others keep their bytes", () => {
  const tools = [
    '{ "name":"a","n":1E400 }',
    '{"name":"b","execution":{"taskSupport":"optional"},"n":9007199254740993}',
    '{"name":"c","execution":{"taskSupport":"required"}}',
    '{"name":"d","execution":{"taskSupport":"forbidden"}}',
    '{"name":"e","inputSchema":{"properties":{"execution":{}}}}',
    '{"name":"f","execution":null}',
    "7",
  ];
  const after = JSON.parse(
    modernAnswer("tools/list", result(`{"tools":[${tools.join(" , ")}]}`), INFO).textOf("result")!
      .replaceAll("1E400", "1").replaceAll("9007199254740993", "2"),
  );
  deepStrictEqual(after.tools, [
    { name: "a", n: 1 },
    { name: "b", n: 2 },
    { name: "d" },
    { name: "e", inputSchema: { properties: { execution: {} } } },
    { name: "f" },
    7,
  ]);
  const text = modernAnswer("tools/list", result(`{"tools":[${tools.join(" , ")}]}`), INFO).text;
  strictEqual(text.includes(tools[0]!) && text.includes(tools[4]!), true);
  // Elsewhere a member of that name means something else.
  const other = result('{"tools":[{"execution":{"taskSupport":"required"}}]}');
  strictEqual(modernAnswer("tools/call", other, INFO).text.includes('"taskSupport":"required"'), true);
});

for (
  const [before, after] of [
    [
      '{"code":-32002,"message":"m","data":{"uri":"x","n":1E400}}',
      '{"code":-32602,"message":"m","data":{"uri":"x","n":1E400}}',
    ],
    ['{"message":"m","code":-32002.0}', '{"message":"m","code":-32602}'],
    ['{"code":-32602,"message":"m"}', '{"code":-32602,"message":"m"}'],
    ['{"code":-32001,"message":"m"}', '{"code":-32001,"message":"m"}'],
    ['{"code":-32042,"message":"m"}', '{"code":-32042,"message":"m"}'],
  ]
) {
  Deno.test(`modernAnswer makes ${after} of the error ${before}`, () => {
    strictEqual(modernAnswer("resources/read", error(before!), INFO).text, error(after!).text);
  });
}

for (
  const [initialized, discovered] of [
    [
      '{"capabilities":{ "tools":{},"x":1E400 },"instructions":"\\u00fc"}',
      '"capabilities":{ "tools":{},"x":1E400 },"instructions":"\\u00fc"',
    ],
    ['{"capabilities":{"tasks":{"list":{}},"tools":{}}}', '"capabilities":{"tools":{}}'],
    ['{"capabilities":7,"instructions":7}', '"capabilities":{}'],
    ["{}", '"capabilities":{}'],
  ]
) {
  Deno.test(`discoverResult makes ${discovered} of ${initialized}`, () => {
    strictEqual(
      discoverResult('"d"', result(initialized!), INFO).text,
      `{"jsonrpc":"2.0","id":"d","result":{"resultType":"complete","supportedVersions":["2026-07-28"],${discovered},` +
        `"ttlMs":0,"cacheScope":"private",${META}}}`,
    );
  });
}

Deno.test("inputRequired hands questions and state over as they are", () => {
  const it = inputRequired('"a"', [["one", '{"method":"roots/list" }'], ['"', "{}"]], '"s"', INFO);
  strictEqual(
    it.text,
    '{"jsonrpc":"2.0","id":"a","result":{"resultType":"input_required","inputRequests":{"one":{"method":"roots/list" },"\\"":{}},' +
      `"requestState":"s",${META}}}`,
  );
  strictEqual(resultTypeOf(it), "input_required");
});
