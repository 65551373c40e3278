import { deepStrictEqual, notStrictEqual, strictEqual } from "node:assert/strict";
import { bondOf, isList, keyOf, kindOf, resourceOf } from "../../src/balance/route.ts";
import { request } from "../../src/jsonrpc/answers.ts";
import { Message } from "../../src/jsonrpc/message.ts";

const ask = (method: string, params: Record<string, unknown> = {}) => request("1", method, params);
const modern = (method: string, params: Record<string, unknown>) =>
  ask(method, { ...params, _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } });

const BONDS: readonly [Message, string | undefined, string?][] = [
  [ask("tools/list"), undefined],
  [ask("tools/list", { cursor: "2" }), "cursor", '"2"'],
  [ask("prompts/list", { cursor: "2" }), "cursor", '"2"'],
  [ask("resources/list", { cursor: "2" }), "cursor", '"2"'],
  [ask("resources/templates/list", { cursor: "2" }), "cursor", '"2"'],
  [ask("tasks/list", { cursor: "2" }), "cursor", '"2"'],
  [modern("tools/list", { cursor: "2" }), "cursor", '"2"'],
  [ask("tools/call", { cursor: "2", name: "x" }), undefined],
  [ask("tasks/list", { taskId: "t" }), undefined],
  [ask("tasks/get", { taskId: "t" }), "task", '"t"'],
  [ask("tasks/result", { taskId: "t" }), "task", '"t"'],
  [ask("tasks/cancel", { taskId: "t" }), "task", '"t"'],
  [ask("tasks/get"), undefined],
  [ask("tools/call", { name: "x", taskId: "t" }), undefined],
  [ask("tools/call", { name: "x", requestState: "s" }), undefined],
  [modern("tools/call", { name: "x", requestState: "s" }), "state", '"s"'],
  [modern("prompts/get", { name: "x", requestState: "s" }), "state", '"s"'],
  [modern("resources/read", { uri: "x", requestState: "s" }), "state", '"s"'],
  [modern("tools/call", { name: "x" }), undefined],
  [ask("ping"), undefined],
];

Deno.test("What binds a request to the upstream that has answered before", () => {
  for (const [message, kind, text] of BONDS) {
    const bond = bondOf(message);
    deepStrictEqual(bond && { kind: bond.kind, text: bond.text }, kind && { kind, text }, message.text);
  }
});

Deno.test("A bond is the text as the client has written it", () => {
  const message = Message.fromText(
    '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"\\u0032\\/" }}',
  );
  deepStrictEqual(bondOf(message), { kind: "cursor", path: ["params", "cursor"], text: '"\\u0032\\/"' });
});

Deno.test("Lists are what has pages", () => {
  const lists = ["tools/list", "prompts/list", "resources/list", "resources/templates/list", "tasks/list"];
  for (const method of lists) strictEqual(isList(method), true, method);
  for (const method of ["roots/list", "tools/call", "toString", "tasks/get"]) {
    strictEqual(isList(method), false);
  }
});

Deno.test("The resource that a request is about", () => {
  const table: [Message, string | undefined][] = [
    [ask("resources/read", { uri: "x://a" }), '"x://a"'],
    [ask("resources/subscribe", { uri: "x://a" }), '"x://a"'],
    [ask("resources/unsubscribe", { uri: "x://a" }), '"x://a"'],
    [ask("resources/list"), undefined],
    [ask("completion/complete", { ref: { type: "ref/resource", uri: "x://{b}" } }), '"x://{b}"'],
    [ask("completion/complete", { ref: { type: "ref/prompt", name: "p" } }), undefined],
    [ask("tools/call", { name: "t", uri: "x://a" }), undefined],
  ];
  for (const [message, expected] of table) strictEqual(resourceOf(message), expected, message.text);
});

Deno.test("Requests for the same tool, prompt or resource have the same key, whatever else is in them", () => {
  const alike: [Message, Message][] = [
    [ask("tools/call", { name: "a", arguments: { x: 1 } }), ask("tools/call", { name: "a" })],
    [ask("prompts/get", { name: "a", arguments: {} }), modern("prompts/get", { name: "a" })],
    [ask("resources/read", { uri: "u" }), request('"other"', "resources/read", { uri: "u" })],
    [ask("tools/list"), ask("tools/list", { x: 1 })],
  ];
  for (const [a, b] of alike) strictEqual(keyOf(a), keyOf(b), a.text);
  const different = [
    ask("tools/call", { name: "a" }),
    ask("tools/call", { name: "b" }),
    ask("prompts/get", { name: "a" }),
    ask("resources/read", { uri: "a" }),
    ask("resources/read", { uri: "b" }),
    ask("completion/complete", { ref: { type: "ref/prompt", name: "a" } }),
    ask("completion/complete", { ref: { type: "ref/prompt", name: "b" } }),
    ask("tools/list"),
    ask("prompts/list"),
  ];
  for (const a of different) for (const b of different) if (a !== b) notStrictEqual(keyOf(a), keyOf(b));
});

Deno.test("Requests of a kind take about as long: calls of one tool, and the rest by method", () => {
  strictEqual(kindOf(ask("tools/call", { name: "a", arguments: { n: 1 } })), 'tools/call "a"');
  strictEqual(kindOf(ask("prompts/get", { name: "a" })), 'prompts/get "a"');
  strictEqual(kindOf(ask("tools/call")), "tools/call ");
  strictEqual(kindOf(ask("resources/read", { uri: "a" })), "resources/read");
});
