import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Message } from "../../src/jsonrpc/message.ts";
import { legacyOutputSchema, legacyToolResult } from "../../src/mcp/structured_output.ts";

const schemas: [string, string, string][] = [
  ["an object's", '{ "type":"object","x":1E400}', '{ "type":"object","x":1E400}'],
  [
    "an array's",
    '{"type":"array","maxItems":9007199254740993}',
    '{"type":"object","properties":{"result":{"type":"array","maxItems":9007199254740993}},"required":["result"]}',
  ],
  [
    "one with pointers into itself",
    '{"$ref":"#/$defs/a","$defs":{"a":{"$dynamicRef" : "#"},"b":{"$ref":"other#/x"},"c":{"const":"\\"$ref\\":\\"#/"}}}',
    '{"type":"object","properties":{"result":{"$ref":"#/properties/result/$defs/a","$defs":{"a":{"$dynamicRef" : "#/properties/result"},"b":{"$ref":"other#/x"},"c":{"const":"\\"$ref\\":\\"#/"}}}},"required":["result"]}',
  ],
  [
    "one with an address",
    '{"$id":"http://x/","$ref":"#/$defs/a"}',
    '{"type":"object","properties":{"result":{"$id":"http://x/","$ref":"#/$defs/a"}},"required":["result"]}',
  ],
  [
    "one that names its dialect",
    '{"$schema":"http://json-schema.org/draft-07/schema#","type":"string"}',
    '{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"result":{"$schema":"http://json-schema.org/draft-07/schema#","type":"string"}},"required":["result"]}',
  ],
  [
    "one of several types",
    '{"type":["object","null"]}',
    '{"type":"object","properties":{"result":{"type":["object","null"]}},"required":["result"]}',
  ],
];
for (const [what, before, after] of schemas) {
  Deno.test(`legacyOutputSchema: ${what}`, () => strictEqual(legacyOutputSchema(before), after));
}

const TEXT = '"content":[{"type":"text","text":"t"}]';
const results: [string, string, boolean, string][] = [
  ["none", `{${TEXT}}`, false, `{${TEXT}}`],
  [
    "an object",
    `{${TEXT},"structuredContent":{"n":1E400}}`,
    false,
    `{${TEXT},"structuredContent":{"n":1E400}}`,
  ],
  [
    "an object of a tool whose schema was wrapped",
    `{${TEXT},"structuredContent":{"n":1}}`,
    true,
    `{${TEXT},"structuredContent":{"result":{"n":1}}}`,
  ],
  [
    "an array, with a text",
    `{${TEXT},"structuredContent":[9007199254740993]}`,
    true,
    `{${TEXT},"structuredContent":{"result":[9007199254740993]}}`,
  ],
  [
    "an array, without a text",
    '{"content":[],"structuredContent":[1]}',
    true,
    '{"content":[{"type":"text","text":"[1]"}],"structuredContent":{"result":[1]}}',
  ],
  [
    "a text, beside an image",
    '{"content":[{"type":"image"} ],"structuredContent":"a"}',
    false,
    '{"content":[{"type":"image"} ,{"type":"text","text":"\\"a\\""}],"structuredContent":{"result":"a"}}',
  ],
  [
    "null, without content",
    '{"structuredContent":null}',
    false,
    '{"structuredContent":{"result":null},"content":[{"type":"text","text":"null"}]}',
  ],
];
for (const [what, before, wrapped, after] of results) {
  Deno.test(`legacyToolResult: ${what}`, () => {
    const answer = legacyToolResult(Message.fromText(`{"jsonrpc":"2.0","id":1,"result":${before}}`), wrapped);
    strictEqual(answer.textOf("result"), after);
    deepStrictEqual(typeof JSON.parse(answer.text), "object");
  });
}
