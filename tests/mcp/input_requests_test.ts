import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { legacyRequest, obstacleTo, readInputRequests } from "../../src/mcp/input_requests.ts";

Deno.test("readInputRequests keeps names and texts as they are written", () => {
  const found = readInputRequests(
    '{"\\u00fc" : { "method":"roots/list" }, "b":{"method":"elicitation/create","params":{"n":1E400}}}',
  );
  ok(!("why" in found));
  deepStrictEqual(found.map(({ key, text, method }) => [key, text, method]), [
    ['"\\u00fc"', '{ "method":"roots/list" }', "roots/list"],
    ['"b"', '{"method":"elicitation/create","params":{"n":1E400}}', "elicitation/create"],
  ]);
  deepStrictEqual(readInputRequests("{}"), []);
});

for (
  const [text, why] of [
    ["[]", /does not say which/],
    ['"x"', /does not say which/],
    ['{"a":{"method":"tools/call"}}', /tools\/call/],
    ['{"a":{"method":"toString"}}', /toString/],
    ['{"a":{}}', /without a method/],
    ['{"a":1}', /without a method/],
  ] as const
) {
  Deno.test(`readInputRequests refuses ${text}`, () => {
    const found = readInputRequests(text);
    ok("why" in found);
    match(found.why, why);
  });
}

const legacy: [string, string | undefined][] = [
  [
    '{ "method":"roots/list" , "x":1E400 }',
    '{"jsonrpc":"2.0","id":"q", "method":"roots/list" , "x":1E400 }',
  ],
  [
    '{"jsonrpc":"2.0","id":5,"method":"roots/list","params":{}}',
    '{"jsonrpc":"2.0","id":"q","method":"roots/list","params":{}}',
  ],
  ['{"method":"roots/list","params":7}', undefined],
  ['{"method":"x","method":"roots/list"}', undefined],
];
for (const [text, request] of legacy) {
  Deno.test(`legacyRequest makes ${request === undefined ? "nothing" : "a request"} of ${text}`, () => {
    const found = readInputRequests(`{"a":${text}}`);
    ok(!("why" in found));
    strictEqual(legacyRequest(found[0]!, '"q"')?.text, request);
  });
}

const FORM = { method: "elicitation/create", params: { message: "?" } };
const URL_MODE = { method: "elicitation/create", params: { mode: "url", url: "https://x" } };
const SAMPLE = { method: "sampling/createMessage", params: {} };
const WITH_TOOLS = { method: "sampling/createMessage", params: { tools: [] } };
const ROOTS = { method: "roots/list", params: {} };
const obstacles: [
  string,
  typeof FORM | typeof URL_MODE,
  Record<string, unknown>,
  string,
  RegExp | undefined,
][] = [
  ["a form, of a client with elicitation", FORM, { elicitation: {} }, "2025-06-18", undefined],
  ["a form, of one with forms", FORM, { elicitation: { form: {}, url: {} } }, "2025-11-25", undefined],
  ["a form, of one with URLs only", FORM, { elicitation: { url: {} } }, "2025-11-25", /elicitation\.form/],
  ["a form, of one without", FORM, {}, "2025-11-25", /no elicitation/],
  ["a URL, of one that shows them", URL_MODE, { elicitation: { url: {} } }, "2025-11-25", undefined],
  ["a URL, of one with forms", URL_MODE, { elicitation: {} }, "2025-11-25", /URL/],
  ["a URL, of an older one", URL_MODE, { elicitation: { url: {} } }, "2025-06-18", /URL/],
  ["sampling", SAMPLE as typeof FORM, { sampling: {} }, "2024-11-05", undefined],
  ["sampling, of one without", SAMPLE as typeof FORM, {}, "2025-11-25", /no sampling/],
  [
    "sampling with tools",
    WITH_TOOLS as unknown as typeof FORM,
    { sampling: { tools: {} } },
    "2025-11-25",
    undefined,
  ],
  [
    "sampling with tools, of one without",
    WITH_TOOLS as unknown as typeof FORM,
    { sampling: {} },
    "2025-11-25",
    /sampling\.tools/,
  ],
  ["roots", ROOTS as typeof FORM, { roots: {} }, "2024-11-05", undefined],
  ["roots, of one without", ROOTS as typeof FORM, { sampling: {} }, "2024-11-05", /no roots/],
];
for (const [what, asked, capabilities, revision, why] of obstacles) {
  Deno.test(`obstacleTo: ${what}`, () => {
    const found = obstacleTo(asked, capabilities, revision);
    if (why === undefined) strictEqual(found, undefined);
    else match(found ?? "", why);
  });
}
