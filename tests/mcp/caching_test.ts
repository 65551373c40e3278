import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { notification } from "../../src/jsonrpc/answers.ts";
import { Message } from "../../src/jsonrpc/message.ts";
import {
  agedAnswer,
  cacheKey,
  doubtfulAfter,
  isCacheable,
  isStale,
  staleAfter,
  ttlOf,
} from "../../src/mcp/caching.ts";
import { withEnvelope } from "../../src/mcp/envelope.ts";

const FACTS = { info: '{"name":"c"}', capabilities: "{}", logLevel: undefined };
const plain = (method: string, params: unknown = {}) => Message.of({ jsonrpc: "2.0", id: 1, method, params });
const modern = (method: string, params: unknown = {}, facts = {}) =>
  withEnvelope(plain(method, params), { ...FACTS, ...facts });
const keyOf = (method: string, params?: unknown, facts?: unknown) =>
  cacheKey(modern(method, params, facts as object))?.text;

const METHODS: [method: string, cacheable: boolean][] = [
  ["server/discover", true],
  ["tools/list", true],
  ["prompts/list", true],
  ["resources/list", true],
  ["resources/templates/list", true],
  ["resources/read", true],
  ["tools/call", false],
  ["prompts/get", false],
  ["completion/complete", false],
  ["subscriptions/listen", false],
  ["x/list", false],
  ["constructor", false],
];
for (const [method, cacheable] of METHODS) {
  Deno.test(`results of ${method} ${cacheable ? "may" : "must not"} be kept`, () => {
    strictEqual(isCacheable(method), cacheable);
    strictEqual(keyOf(method) !== undefined, cacheable);
  });
}

Deno.test("What only says how a request is carried does not tell requests apart", () => {
  const bare = keyOf("tools/list");
  for (
    const meta of [
      { progressToken: 7 },
      { traceparent: "00-1", tracestate: "a=b", baggage: "c=d" },
      { progressToken: "p", traceparent: "00-2" },
    ]
  ) strictEqual(keyOf("tools/list", { _meta: meta }), keyOf("tools/list", { _meta: {} }));
  strictEqual(keyOf("tools/list", {}, { logLevel: '"debug"' }), bare);
});

Deno.test("All else tells requests apart: parameters, the client, what it can do, keys nobody knows", () => {
  const keys = [
    keyOf("tools/list"),
    keyOf("prompts/list"),
    keyOf("tools/list", { cursor: "a" }),
    keyOf("tools/list", { cursor: "b" }),
    keyOf("tools/list", { x: 9007199254740992 }),
    cacheKey(withEnvelope(
      Message.fromText('{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"x":9007199254740993}}'),
      FACTS,
    ))?.text,
    keyOf("tools/list", {}, { capabilities: '{"roots":{}}' }),
    keyOf("tools/list", {}, { info: '{"name":"d"}' }),
    keyOf("tools/list", { _meta: { "com.example/tenant": "a" } }),
    keyOf("resources/read", { uri: "a:b" }),
    keyOf("resources/read", { uri: "a:c" }),
  ];
  ok(keys.every((key) => key !== undefined));
  strictEqual(new Set(keys).size, keys.length);
});

Deno.test("Later rounds of a request are not kept, however their members are written", () => {
  strictEqual(keyOf("resources/read", { uri: "a:b", inputResponses: {} }), undefined);
  strictEqual(keyOf("resources/read", { uri: "a:b", requestState: "s" }), undefined);
  const escaped =
    '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b","request\\u0053tate":"s"}}';
  strictEqual(cacheKey(Message.fromText(escaped)), undefined);
});

Deno.test("A resource is known by its URI, a request without one is still a request", () => {
  strictEqual(cacheKey(modern("resources/read", { uri: "a:\u00fc" }))?.uri, "a:ü");
  strictEqual(cacheKey(modern("resources/read", { uri: 7 }))?.uri, undefined);
  strictEqual(cacheKey(modern("resources/read"))?.uri, undefined);
  strictEqual(cacheKey(modern("tools/list", { uri: "a:b" }))?.uri, undefined);
});

const TTLS: [result: string, ttl: number][] = [
  ['{"resultType":"complete","ttlMs":1000,"cacheScope":"public"}', 1000],
  ['{"resultType":"complete","ttlMs":1000,"cacheScope":"private"}', 1000],
  ['{"resultType":"complete","ttlMs":1000,"cacheScope":"team"}', 1000],
  ['{"resultType":"complete","ttlMs":1000}', 1000],
  ['{"tools":[],"ttlMs":1000}', 1000],
  ['{"ttlMs":1e3}', 1000],
  ['{"ttlMs":1000.0}', 1000],
  ['{"ttl\\u004ds":1000}', 1000],
  ['{"ttlMs":0}', 0],
  ['{"ttlMs":-1}', 0],
  ['{"ttlMs":-0}', 0],
  ['{"ttlMs":1.5}', 0],
  ['{"ttlMs":1E400}', 0],
  ['{"ttlMs":"1000"}', 0],
  ['{"ttlMs":null}', 0],
  ['{"ttlMs":{"ttlMs":1000}}', 0],
  ['{"_meta":{"ttlMs":1000}}', 0],
  ["{}", 0],
  ["[]", 0],
  ["7", 0],
  ['{"resultType":"input_required","ttlMs":1000}', 0],
  ['{"resultType":"x","ttlMs":1000}', 0],
  ['{"resultType":null,"ttlMs":1000}', 0],
];
for (const [result, ttl] of TTLS) {
  Deno.test(`ttlOf reads ${ttl} in ${result}`, () => {
    strictEqual(ttlOf(Message.fromText(`{"jsonrpc":"2.0","id":1,"result":${result}}`)), ttl);
  });
}

Deno.test("ttlOf keeps no error", () => {
  strictEqual(
    ttlOf(Message.fromText('{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"","ttlMs":9}}')),
    0,
  );
});

Deno.test("agedAnswer changes the id and the time that is left, and not a byte else", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.string().filter((name) => name !== "ttlMs"), fc.jsonValue()), { maxLength: 5 }),
    fc.integer({ min: 1, max: 1e9 }),
    fc.double({ min: -10, max: 1e9, noNaN: true }),
    (members, ttl, left) => {
      const before = members.map(([name, value]) => `${JSON.stringify(name)} : ${JSON.stringify(value)},`)
        .join("");
      const text = (id: string, ms: number) =>
        `{"jsonrpc":"2.0", "result":{${before}"ttlMs":${ms} },"id":${id}}`;
      const aged = agedAnswer(Message.fromText(text('"a"', ttl)), "9007199254740993", left);
      strictEqual(aged.text, text("9007199254740993", Math.max(0, Math.floor(left))));
    },
  ));
});

const STALE: [method: string, params: unknown, stale: string[]][] = [
  ["notifications/tools/list_changed", undefined, ["tools/list"]],
  ["notifications/prompts/list_changed", {}, ["prompts/list"]],
  ["notifications/resources/list_changed", undefined, ["resources/list", "resources/templates/list"]],
  ["notifications/resources/updated", { uri: "file:///a" }, ["resources/read file:///a"]],
  ["notifications/resources/updated", { uri: "file:///a/b" }, ["resources/read file:///a"]],
  ["notifications/resources/updated", { uri: "file:///" }, []],
  ["notifications/resources/updated", { uri: 7 }, ["resources/read file:///a", "resources/read file:///c"]],
  ["notifications/resources/updated", {}, ["resources/read file:///a", "resources/read file:///c"]],
  ["notifications/progress", { progressToken: 1 }, []],
  ["notifications/message", {}, []],
];
const KEYS = [
  ...METHODS.filter(([method, may]) => may && method !== "resources/read").map(([method]) => ({
    method,
    uri: undefined,
  })),
  { method: "resources/read", uri: "file:///a" },
  { method: "resources/read", uri: "file:///c" },
];
for (const [method, params, expected] of STALE) {
  Deno.test(`${method} ${JSON.stringify(params)} makes stale: ${expected.join(", ") || "nothing"}`, () => {
    const stale = staleAfter(notification(method, params));
    const found = stale === undefined ? [] : KEYS.filter((key) => isStale(key, stale));
    deepStrictEqual(
      found.map(({ method, uri }) => uri === undefined ? method : `${method} ${uri}`),
      expected,
    );
  });
}

Deno.test("An error gives reason to doubt the list that it is about", () => {
  deepStrictEqual(doubtfulAfter("tools/list")?.methods, ["tools/list"]);
  deepStrictEqual(doubtfulAfter("tools/call")?.methods, ["tools/list"]);
  deepStrictEqual(doubtfulAfter("prompts/get")?.methods, ["prompts/list"]);
  notStrictEqual(doubtfulAfter("resources/read"), undefined);
  strictEqual(doubtfulAfter("completion/complete"), undefined);
  strictEqual(doubtfulAfter("server/discover"), undefined);
});
