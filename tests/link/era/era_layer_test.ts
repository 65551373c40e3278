import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { errorAnswer, notification, request, resultAnswer } from "../../../src/jsonrpc/answers.ts";
import { withId } from "../../../src/jsonrpc/edit.ts";
import { Message } from "../../../src/jsonrpc/message.ts";
import { eraLayer, type EraOptions } from "../../../src/link/era/era_layer.ts";
import { newEraMemory } from "../../../src/link/era/era_memory.ts";
import { type Failure, failure, type FailureName } from "../../../src/link/failure.ts";
import type { Exchange, Outcome } from "../../../src/link/peer.ts";
import { collectedLog } from "../../support/collected_log.ts";
import { fakePeer, type FakeRequest } from "../../support/fake_peer.ts";
import { turn, until } from "../../support/until.ts";

const INITIALIZED = notification("notifications/initialized");
const DISCOVERED = {
  resultType: "complete",
  supportedVersions: ["2026-07-28"],
  capabilities: { tools: { listChanged: true }, resources: { subscribe: true }, logging: {} },
  ttlMs: 0,
  cacheScope: "private",
  _meta: { "io.modelcontextprotocol/serverInfo": { name: "s", version: "1" } },
};

function greeting(capabilities: unknown = {}, protocolVersion = "2025-11-25"): Message {
  return request("0", "initialize", {
    protocolVersion,
    capabilities,
    clientInfo: { name: "c", version: "1" },
  });
}

function refused(status: number, code?: number, data?: unknown): Outcome {
  const answer = code === undefined ? undefined : errorAnswer("0", code, "no", data);
  return { kind: "refused", failure: failure("REFUSED", "E", "refused", undefined, status), status, answer };
}

function lost(code: FailureName = "CONNECTION_LOST"): Outcome {
  return { kind: "lost", failure: failure(code, "E", "lost"), lastEventId: undefined };
}

interface SetUp extends Partial<EraOptions> {
  /** What the server does with requests by itself; without it `server/discover` is answered, and `initialize` refused. */
  readonly serve?: (it: FakeRequest) => void;
}

function serveModern(it: FakeRequest): void {
  const { message, exchange } = it;
  if (message.method === "initialize") exchange.settle(refused(400, -32022));
  else if (message.method === "server/discover") it.answer(DISCOVERED);
  else if (message.method === "subscriptions/listen") acknowledge(it);
}

/** Acknowledges a listening, whole or in part. */
function acknowledge({ message, options }: FakeRequest, honoured?: unknown): void {
  const { notifications } = JSON.parse(message.textOf("params")!);
  void options!.receive!(notification("notifications/subscriptions/acknowledged", {
    notifications: honoured ?? notifications,
    _meta: { "io.modelcontextprotocol/subscriptionId": JSON.parse(message.id!) },
  }));
}

function setUp({ serve = serveModern, ...options }: SetUp = {}) {
  const fake = fakePeer();
  const { logger, messages } = collectedLog();
  const server = {
    ...fake,
    get requests() {
      return fake.requests;
    },
    get listener() {
      return fake.listener;
    },
    request(...given: Parameters<typeof fake.request>): Exchange {
      const exchange = fake.request(...given);
      serve(fake.requests.at(-1)!);
      return exchange;
    },
  };
  const peer = eraLayer({ endpoint: "E", host: "host", duplex: false, logger, ...options })(server);
  const received: Message[] = [];
  const closed: Failure[] = [];
  const receive = (message: Message) => void received.push(message);
  peer.listen({ receive, closed: (why) => closed.push(why) });
  return {
    fake,
    peer,
    received,
    closed,
    messages,
    logger,
    /** The methods that have left. */
    sent: () => fake.requests.map(({ message }) => message.method),
    last: () => fake.requests.at(-1)!,
    ask: (message: Message) => peer.request(message, { receive }),
    async begin(capabilities: unknown = {}, protocolVersion?: string) {
      const outcome = await peer.request(greeting(capabilities, protocolVersion), { receive }).outcome;
      strictEqual(outcome.kind, "answered");
      void peer.notify(INITIALIZED);
      await turn();
      return outcome;
    },
  };
}

function answerOf(outcome: Outcome): Message {
  strictEqual(outcome.kind, "answered");
  return (outcome as Extract<Outcome, { kind: "answered" }>).message;
}

const call = (id = "1", name = "t", args: unknown = {}) =>
  request(id, "tools/call", { name, arguments: args });

// Whose era -------------------------------------------------------------------------------------------------------

Deno.test("eraLayer lets everything of a legacy server's pass as the very same objects", async () => {
  const { peer, fake, received, ask } = setUp({ serve: () => {} });
  const initialize = greeting();
  const exchange = ask(initialize);
  strictEqual(fake.requests[0]!.message, initialize);
  fake.requests[0]!.answer({ protocolVersion: "2025-06-18", capabilities: {} });
  strictEqual(answerOf(await exchange.outcome).id, "0");
  void peer.notify(INITIALIZED);
  strictEqual(fake.notified[0], INITIALIZED);
  const message = call();
  const receive = () => {};
  const sent = peer.request(message, { receive });
  strictEqual(sent, fake.requests[1]!.exchange, "no exchange of ours in between");
  strictEqual(fake.requests[1]!.message, message);
  strictEqual(fake.requests[1]!.options!.receive, receive);
  strictEqual(fake.requests[1]!.options!.headers, undefined);
  const said = notification("x");
  void fake.listener!.receive(said);
  deepStrictEqual(received, [said]);
  strictEqual(fake.requests.length, 2);
});

const refusals: [string, Outcome][] = [
  ["400 with -32022", refused(400, -32022, { supported: ["2026-07-28"] })],
  ["404 with -32601", refused(404, -32601)],
  ["a bare 405", refused(405)],
  ["a JSON-RPC error", { kind: "answered", message: errorAnswer("0", -32600, "no") }],
  ["the modern revision", {
    kind: "answered",
    message: resultAnswer("0", { protocolVersion: "2026-07-28", capabilities: {} }),
  }],
];
for (const [what, outcome] of refusals) {
  Deno.test(`eraLayer asks once for the modern era when initialize gets ${what}`, async () => {
    const { begin, sent } = setUp({
      serve(it) {
        if (it.message.method === "initialize") it.exchange.settle(outcome);
        else serveModern(it);
      },
    });
    const answer = answerOf(await begin());
    deepStrictEqual(sent().slice(0, 2), ["initialize", "server/discover"]);
    const { protocolVersion, serverInfo } = JSON.parse(answer.textOf("result")!);
    deepStrictEqual([protocolVersion, serverInfo], ["2025-11-25", { name: "s", version: "1" }]);
  });

  Deno.test(`eraLayer shows what initialize got when the server is not modern either: ${what}`, async () => {
    const { ask, sent } = setUp({
      serve: (it) => it.exchange.settle(it.message.method === "initialize" ? outcome : refused(404, -32601)),
    });
    strictEqual(await ask(greeting()).outcome, outcome);
    deepStrictEqual(sent(), ["initialize", "server/discover"]);
  });
}

const silent: [string, Outcome][] = [
  ["500", refused(500)],
  ["a connection that broke", lost()],
  ["a connection that was not made", { kind: "not_sent", failure: failure("UNREACHABLE", "E", "x") }],
  ["401", {
    kind: "unauthorized",
    challenge: "Bearer",
    failure: failure("UNAUTHORIZED", "E", "x"),
    status: 401,
    answer: undefined,
  }],
  ["429", {
    kind: "retry_later",
    afterMs: 5,
    failure: failure("RETRY_LATER", "E", "x"),
    status: 429,
    answer: undefined,
  }],
  ["a page in place of an answer", {
    kind: "refused",
    failure: failure("NOT_MCP", "E", "x"),
    status: undefined,
    answer: undefined,
  }],
];
for (const [what, outcome] of silent) {
  Deno.test(`eraLayer asks nothing when initialize gets ${what}`, async () => {
    const { ask, sent } = setUp({ serve: (it) => it.exchange.settle(outcome) });
    strictEqual(await ask(greeting()).outcome, outcome);
    deepStrictEqual(sent(), ["initialize"]);
  });
}

Deno.test("eraLayer takes what stands in the way of server/discover over HTTP for no verdict", async () => {
  for (
    const [, outcome] of silent.filter(([what]) => !["a page in place of an answer", "500"].includes(what))
  ) {
    const { ask } = setUp({
      serve: (it) => it.exchange.settle(it.message.method === "initialize" ? refused(400) : outcome),
    });
    strictEqual((await ask(greeting()).outcome).kind, outcome.kind);
  }
});

Deno.test("eraLayer gives server/discover only so much time", async () => {
  const { ask, last } = setUp({
    discoverMs: 10,
    serve(it) {
      if (it.message.method === "initialize") it.exchange.settle(refused(400, -32600));
    },
  });
  const outcome = await ask(greeting()).outcome;
  strictEqual(outcome.kind, "refused");
  deepStrictEqual(last().cancelled, [undefined]);
});

Deno.test("eraLayer forgives a process that ends of server/discover, and shows what it said before", async () => {
  const said: Outcome = { kind: "answered", message: errorAnswer("0", -32602, "its own words") };
  const { ask, closed, fake, sent } = setUp({
    duplex: true,
    serve(it) {
      if (it.message.method === "initialize") return it.exchange.settle(said);
      queueMicrotask(() => {
        it.exchange.settle(lost());
        fake.listener!.closed!(failure("CONNECTION_LOST", "E", "exited"));
      });
    },
  });
  strictEqual(await ask(greeting()).outcome, said);
  deepStrictEqual(closed, []);
  // The next is sent to another process.
  strictEqual(await ask(greeting()).outcome, said);
  deepStrictEqual(sent(), ["initialize", "server/discover", "initialize", "server/discover"]);
});

Deno.test("eraLayer remembers that a server is modern, and doubts it when the server contradicts", async () => {
  let modern = true;
  const { begin, ask, sent } = setUp({
    serve(it) {
      if (modern) return serveModern(it);
      if (it.message.method === "initialize") it.answer({ protocolVersion: "2025-06-18", capabilities: {} });
      else it.exchange.settle(refused(404, -32601));
    },
  });
  await begin();
  const before = sent().length;
  await begin();
  deepStrictEqual(sent().slice(before, before + 2), ["server/discover", "subscriptions/listen"]);
  modern = false;
  const answer = answerOf(await ask(greeting()).outcome);
  strictEqual(JSON.parse(answer.textOf("result")!).protocolVersion, "2025-06-18");
  deepStrictEqual(sent().slice(-2), ["server/discover", "initialize"]);
  const message = call();
  ask(message);
  strictEqual(sent().at(-1), "tools/call");
});

Deno.test("eraLayer remembers for the next layer of the same endpoint", async () => {
  const memory = newEraMemory();
  await setUp({ memory }).begin();
  const next = setUp({ memory });
  await next.begin();
  deepStrictEqual(next.sent(), ["server/discover", "subscriptions/listen"]);
});

Deno.test("eraLayer asks a process that does not answer as the modern server it was for the legacy era, too", async () => {
  const memory = { modern: true, legacy: false };
  const { ask, sent, fake } = setUp({
    duplex: true,
    discoverMs: 10,
    memory,
    serve(it) {
      if (it.message.method === "initialize") it.answer({ protocolVersion: "2025-06-18", capabilities: {} });
    },
  });
  const answer = answerOf(await ask(greeting()).outcome);
  strictEqual(JSON.parse(answer.textOf("result")!).protocolVersion, "2025-06-18");
  deepStrictEqual(sent(), ["server/discover", "initialize"]);
  strictEqual(fake.requests[0]!.cancelled.length, 1);
  deepStrictEqual(memory, { modern: false, legacy: true });
});

Deno.test("eraLayer waits for a modern server over one connection that is slow to start", async () => {
  const memory = { modern: true, legacy: false };
  const { ask, sent, fake } = setUp({ duplex: true, discoverMs: 10, memory, serve: () => {} });
  const { outcome } = ask(greeting());
  await until(() => sent().length === 2);
  fake.requests[1]!.exchange.settle({ kind: "answered", message: errorAnswer("0", -32022, "no") });
  fake.requests[0]!.answer(DISCOVERED);
  strictEqual(answerOf(await outcome).kind, "result");
  deepStrictEqual(sent(), ["server/discover", "initialize"]);
  deepStrictEqual(memory, { modern: true, legacy: false });
});

Deno.test("eraLayer does not take a passing failure of a modern server for another era", async () => {
  let failing = false;
  const { begin, ask, sent } = setUp({
    serve: (it) => failing ? it.exchange.settle(refused(503)) : serveModern(it),
  });
  await begin();
  failing = true;
  strictEqual((await ask(greeting()).outcome).kind, "refused");
  failing = false;
  await begin();
  strictEqual(sent().filter((method) => method === "initialize").length, 1);
});

Deno.test("eraLayer asks a legacy server over one connection for the other era once, and again over another", async () => {
  let legacy = true;
  const { ask, sent, fake } = setUp({
    duplex: true,
    serve(it) {
      if (legacy && it.message.method === "initialize") {
        it.answer({ protocolVersion: "2025-06-18", capabilities: {} });
      } else it.exchange.settle({ kind: "answered", message: errorAnswer("0", -32600, "no") });
    },
  });
  await ask(greeting()).outcome;
  legacy = false;
  strictEqual(answerOf(await ask(greeting()).outcome).kind, "error");
  deepStrictEqual(sent(), ["initialize", "initialize"]);
  fake.listener!.closed!(failure("CONNECTION_LOST", "E", "x"));
  await ask(greeting()).outcome;
  deepStrictEqual(sent().slice(2), ["initialize", "server/discover"]);
});

Deno.test("eraLayer holds what a client says before its greeting is answered, in its order", async () => {
  const { peer, fake, sent, ask } = setUp({
    duplex: true,
    serve: (it) => void (it.message.method === "subscriptions/listen" && acknowledge(it)),
  });
  const greeted = ask(greeting());
  void peer.notify(INITIALIZED);
  const listed = ask(request("1", "tools/list"));
  const pinged = ask(request("2", "ping"));
  deepStrictEqual(sent(), ["initialize"]);
  fake.requests[0]!.exchange.settle({ kind: "answered", message: errorAnswer("0", -32022, "no") });
  await until(() => sent().length === 2);
  fake.requests[1]!.answer(DISCOVERED);
  await greeted.outcome;
  await until(() => sent().length === 4);
  strictEqual(answerOf(await pinged.outcome).text, '{"jsonrpc":"2.0","id":2,"result":{}}');
  deepStrictEqual(fake.notified, []);
  const sentList = fake.requests.find(({ message }) => message.method === "tools/list")!;
  match(sentList.message.text, /"_meta":\{"io\.modelcontextprotocol\/protocolVersion":"2026-07-28"/);
  sentList.answer({ resultType: "complete", tools: [] });
  strictEqual(answerOf(await listed.outcome).text, '{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}');
});

Deno.test("eraLayer sends what was held as it is to a legacy server, and nothing of what was given up", async () => {
  const { peer, fake, sent, ask } = setUp({ duplex: true, serve: () => {} });
  ask(greeting());
  const given = ask(request("1", "tools/list"));
  const kept = request("2", "tools/list");
  ask(kept);
  const told = notification("x/y");
  void peer.notify(told);
  given.cancel();
  // An answer to the server waits for nothing.
  void peer.notify(resultAnswer("9", {}));
  deepStrictEqual(fake.notified.map(({ id }) => id), ["9"]);
  fake.requests[0]!.answer({ protocolVersion: "2025-06-18", capabilities: {} });
  await turn();
  deepStrictEqual(sent(), ["initialize", "tools/list"]);
  strictEqual(fake.requests[1]!.message, kept);
  strictEqual(fake.notified[1], told);
});

Deno.test("eraLayer with --protocol legacy is not there", () => {
  const fake = fakePeer();
  const { logger } = collectedLog();
  strictEqual(eraLayer({ endpoint: "E", host: "h", duplex: true, logger, protocol: "legacy" })(fake), fake);
});

Deno.test("eraLayer with --protocol modern never greets, and says so where nobody is modern", async () => {
  const { begin, sent } = setUp({ protocol: "modern" });
  await begin();
  deepStrictEqual(sent(), ["server/discover", "subscriptions/listen"]);
  const other = setUp({
    protocol: "modern",
    serve: (it) => it.exchange.settle({ kind: "answered", message: errorAnswer("0", -32601, "what?") }),
  });
  const outcome = await other.ask(greeting()).outcome;
  ok(outcome.kind === "refused");
  match(outcome.failure.message, /does not speak revision 2026-07-28.*what\?/);
  strictEqual(outcome.answer, undefined);
});

// Golden requests -------------------------------------------------------------------------------------------------

const ENVELOPE = '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",' +
  '"io.modelcontextprotocol/clientCapabilities":{"roots":{}},' +
  '"io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"}}';
const HEADERS = { "mcp-protocol-version": "2026-07-28" };

const golden: [string, string, string | undefined, Record<string, string>][] = [
  ["tools/list", "", `{${ENVELOPE}}`, {}],
  ["tools/list", '{"cursor":"a"}', `{"cursor":"a",${ENVELOPE}}`, {}],
  ["prompts/list", "", `{${ENVELOPE}}`, {}],
  ["resources/list", "", `{${ENVELOPE}}`, {}],
  ["resources/templates/list", "", `{${ENVELOPE}}`, {}],
  [
    "completion/complete",
    '{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":"ü"}}',
    `{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":"ü"},${ENVELOPE}}`,
    {},
  ],
  ["prompts/get", '{"name":"p"}', `{"name":"p",${ENVELOPE}}`, { "mcp-name": "p" }],
  ["resources/read", '{"uri":"x://ü"}', `{"uri":"x://ü",${ENVELOPE}}`, { "mcp-name": "=?base64?eDovL8O8?=" }],
  [
    "tools/call",
    '{"name":"t","arguments":{"b":9007199254740993,"a":1E400},"task":{"ttl":1},"x":null}',
    `{"name":"t","arguments":{"b":9007199254740993,"a":1E400},"x":null,${ENVELOPE}}`,
    { "mcp-name": "t" },
  ],
  [
    "tools/call",
    '{"name":"t","_meta":{"progressToken":9007199254740993,"traceparent":"00"}}',
    `{"name":"t","_meta":{"progressToken":9007199254740993,"traceparent":"00",${ENVELOPE.slice(9)}}`,
    { "mcp-name": "t" },
  ],
  ["x-vendor/y", '{"task":1}', `{"task":1,${ENVELOPE}}`, {}],
];
for (const [method, before, after, headers] of golden) {
  Deno.test(`A legacy ${method} ${before} leaves as a modern server wants it`, async () => {
    const { begin, ask, last } = setUp();
    await begin({ roots: { listChanged: true }, tasks: {} });
    const params = before === "" ? "" : `,"params":${before}`;
    ask(Message.fromText(`{"jsonrpc":"2.0","id":5,"method":"${method}"${params}}`));
    strictEqual(last().message.text, `{"jsonrpc":"2.0","id":5,"method":"${method}","params":${after}}`);
    deepStrictEqual(last().options!.headers, { ...HEADERS, "mcp-method": method, ...headers });
  });
}

const here: [string, Message, unknown][] = [
  ["ping", request("1", "ping"), {}],
  ["a log level", request("1", "logging/setLevel", { level: "info" }), {}],
  ["a log level that is none", request("1", "logging/setLevel", { level: "loud" }), -32602],
  ["no log level", request("1", "logging/setLevel"), -32602],
  ["tasks", request("1", "tasks/list"), -32601],
  ["one task", request("1", "tasks/get", { taskId: "x" }), -32601],
  ["a subscription to nothing", request("1", "resources/subscribe", {}), -32602],
  ["an unknown subscription that ends", request("1", "resources/unsubscribe", { uri: "x://y" }), {}],
  ["params by position", request("1", "tools/call", [1]), -32602],
];
for (const [what, message, expected] of here) {
  Deno.test(`A modern server is not asked for what it has no method for: ${what}`, async () => {
    const { begin, ask, sent } = setUp();
    await begin();
    const before = sent().length;
    const answer = JSON.parse(answerOf(await ask(message).outcome).text);
    deepStrictEqual(answer.result ?? answer.error.code, expected);
    strictEqual(answer.id, 1);
    strictEqual(sent().length, before);
  });
}

Deno.test("A server without resources or logging is not listened to for them", async () => {
  const { begin, ask, sent } = setUp({
    serve(it) {
      if (it.message.method === "initialize") it.exchange.settle(refused(400));
      else it.answer({ ...DISCOVERED, capabilities: { tools: {} } });
    },
  });
  await begin();
  for (
    const [method, params] of [["resources/subscribe", { uri: "x" }], ["logging/setLevel", {
      level: "info",
    }]] as const
  ) {
    strictEqual(
      JSON.parse(answerOf(await ask(request("1", method, params)).outcome).text).error.code,
      -32601,
    );
  }
  deepStrictEqual(sent(), ["initialize", "server/discover"]);
});

Deno.test("The log level goes with every request from then on", async () => {
  const { begin, ask, last } = setUp();
  await begin();
  ask(call("1"));
  strictEqual(last().message.text.includes("logLevel"), false);
  await ask(request("2", "logging/setLevel", { level: "debug" })).outcome;
  ask(call("3"));
  match(last().message.text, /"io\.modelcontextprotocol\/logLevel":"debug"/);
});

Deno.test("Notifications without a modern form don't leave, others do", async () => {
  const { begin, peer, fake } = setUp();
  await begin();
  for (const method of ["roots/list_changed", "progress", "cancelled"]) {
    strictEqual(await peer.notify(notification(`notifications/${method}`)), undefined);
  }
  deepStrictEqual(fake.notified, []);
  const other = notification("x/told");
  await peer.notify(other);
  strictEqual(fake.notified[0], other);
});

// Answers ---------------------------------------------------------------------------------------------------------

const answers: [string, string, string][] = [
  [
    "tools/call",
    '{"resultType":"complete","content":[],"n":1E400,"_meta":{"io.modelcontextprotocol/serverInfo":{},"k":1}}',
    '{"content":[],"n":1E400,"_meta":{"k":1}}',
  ],
  [
    "resources/read",
    '{"contents":[{"n":9007199254740993}],"ttlMs":5,"cacheScope":"public"}',
    '{"contents":[{"n":9007199254740993}]}',
  ],
  ["x/y", '{ "a":1 }', '{ "a":1 }'],
];
for (const [method, before, after] of answers) {
  Deno.test(`A modern answer to ${method} comes back as ${after}`, async () => {
    const { begin, ask, last } = setUp();
    await begin();
    const exchange = ask(request('"a"', method, { name: "t", uri: "u" }));
    last().exchange.settle({
      kind: "answered",
      message: Message.fromText(`{"jsonrpc":"2.0","id":"a","result":${before}}`),
    });
    strictEqual(answerOf(await exchange.outcome).text, `{"jsonrpc":"2.0","id":"a","result":${after}}`);
  });
}

Deno.test("An error in a 404 or a 400 is the answer, and no failure", async () => {
  const { begin, ask, last } = setUp();
  await begin();
  for (const [status, code] of [[404, -32601], [400, -32602], [400, -32000]] as const) {
    const exchange = ask(call("7"));
    last().exchange.settle(refused(status, code));
    const { id, error } = JSON.parse(answerOf(await exchange.outcome).text);
    deepStrictEqual([id, error.code], [7, code]);
  }
});

Deno.test("An error in a 5xx stays a failure, whose answer has the client's id", async () => {
  const { begin, ask, last } = setUp();
  await begin();
  const exchange = ask(call("7"));
  last().exchange.settle(refused(503, -32603));
  const outcome = await exchange.outcome;
  ok(outcome.kind === "refused");
  strictEqual(outcome.answer?.id, "7");
});

Deno.test("A result of an unknown kind is an error that is not sent again", async () => {
  const { begin, ask, last, sent } = setUp();
  await begin();
  const exchange = ask(call());
  const before = sent().length;
  last().answer({ resultType: "task", task: {} });
  const { error } = JSON.parse(answerOf(await exchange.outcome).text);
  deepStrictEqual([error.code, error.data.code, error.data.outcome], [-31012, "NOT_MCP", "unknown"]);
  strictEqual(sent().length, before);
});

Deno.test("A capability that the server misses is told in words: to the model for a call, else as an error", async () => {
  const { begin, ask, last } = setUp();
  await begin();
  const missing = refused(400, -32021, { requiredCapabilities: { elicitation: { url: {} }, sampling: {} } });
  const called = ask(call());
  last().exchange.settle(missing);
  const { result } = JSON.parse(answerOf(await called.outcome).text);
  strictEqual(result.isError, true);
  match(result.content[0].text, /elicitation\.url, sampling/);
  const read = ask(request("2", "resources/read", { uri: "x" }));
  last().exchange.settle(missing);
  const { error, id } = JSON.parse(answerOf(await read.outcome).text);
  deepStrictEqual([id, error.code], [2, -32603]);
  match(error.message, /elicitation\.url/);
});

Deno.test("A request that is sent again has another id", async () => {
  const { begin, ask, last } = setUp();
  await begin();
  const message = call("7");
  ask(message);
  strictEqual(last().message.id, "7");
  last().exchange.settle(lost());
  const again = ask(message);
  match(last().message.id!, /^"mcp-connect-again-/);
  last().answer({ content: [] });
  strictEqual(answerOf(await again.outcome).id, "7");
});

// Headers, versions -----------------------------------------------------------------------------------------------

const REGION = {
  name: "t",
  inputSchema: { type: "object", properties: { r: { type: "string", "x-mcp-header": "Region" } } },
};

Deno.test("Listed tools have their arguments mirrored; a list that says otherwise is believed", async () => {
  const { begin, ask, last } = setUp();
  await begin();
  const list = async (...tools: unknown[]) => {
    const exchange = ask(request("1", "tools/list"));
    last().answer({ tools });
    return JSON.parse(answerOf(await exchange.outcome).textOf("result")!).tools;
  };
  deepStrictEqual(await list(REGION), [REGION]);
  ask(call("2", "t", { r: "ü" }));
  strictEqual(last().options!.headers!["mcp-param-region"], "=?base64?w7w=?=");
  ask(call("3", "t", { r: null }));
  strictEqual(last().options!.headers!["mcp-param-region"], undefined);
  await list({ name: "t", inputSchema: {} });
  ask(call("4", "t", { r: "ü" }));
  strictEqual(last().options!.headers!["mcp-param-region"], undefined);
});

Deno.test("A tool with an annotation that is not valid is left out, with one warning", async () => {
  const { begin, ask, last, messages } = setUp();
  await begin();
  const broken = {
    name: "b",
    inputSchema: { type: "object", properties: { n: { type: "number", "x-mcp-header": "N" } } },
  };
  for (let i = 0; i < 2; i++) {
    const exchange = ask(request("1", "tools/list"));
    last().answer({ tools: [broken, REGION], nextCursor: "x" });
    const result = JSON.parse(answerOf(await exchange.outcome).textOf("result")!);
    deepStrictEqual(result, { tools: [REGION], nextCursor: "x" });
  }
  strictEqual(messages("warn").length, 1);
  match(messages("warn")[0]!, /"b" is left out.*string, integer or boolean/);
});

Deno.test("A wire without headers has nothing mirrored and no tool left out", async () => {
  const { begin, ask, last } = setUp({ duplex: true });
  await begin();
  const tool = { name: "b", inputSchema: { "x-mcp-header": "N" } };
  const exchange = ask(request("1", "tools/list"));
  last().answer({ tools: [tool] });
  deepStrictEqual(JSON.parse(answerOf(await exchange.outcome).textOf("result")!).tools, [tool]);
  ask(call("2", "t"));
  strictEqual(last().options!.headers, undefined);
});

Deno.test("A header that misses has the tools listed, page by page, and the call sent once more", async () => {
  const pages = [{ tools: [], nextCursor: "2" }, { tools: [REGION] }];
  const { begin, ask, last, sent } = setUp({
    serve(it) {
      if (it.message.method === "tools/list") it.answer({ resultType: "complete", ...pages.shift()! });
      else serveModern(it);
    },
  });
  await begin();
  const before = sent().length;
  const exchange = ask(call("7", "t", { r: "eu" }));
  last().exchange.settle(refused(400, -32020));
  await until(() => sent().length === before + 4);
  deepStrictEqual(sent().slice(before), ["tools/call", "tools/list", "tools/list", "tools/call"]);
  strictEqual(last().options!.headers!["mcp-param-region"], "eu");
  match(last().message.id!, /^"mcp-connect-again-/);
  last().answer({ content: [] });
  deepStrictEqual(JSON.parse(answerOf(await exchange.outcome).text), {
    jsonrpc: "2.0",
    id: 7,
    result: { content: [] },
  });
});

Deno.test("A header that misses twice is the answer", async () => {
  const { begin, ask, last, sent } = setUp({
    serve(it) {
      if (it.message.method === "tools/list") it.answer({ tools: [] });
      else if (it.message.method === "tools/call") it.exchange.settle(refused(400, -32020));
      else serveModern(it);
    },
  });
  await begin();
  const before = sent().length;
  const { error } = JSON.parse(answerOf(await ask(call()).outcome).text);
  strictEqual(error.code, -32020);
  deepStrictEqual(sent().slice(before), ["tools/call", "tools/list", "tools/call"]);
  strictEqual(last().message.method, "tools/call");
});

Deno.test("A revision that the server does not know any more is asked for once, for all who meet it", async () => {
  const { begin, ask, sent, fake } = setUp();
  await begin();
  const before = sent().length;
  const exchanges = [ask(call("1")), ask(call("2"))];
  for (const it of fake.requests.slice(before)) it.exchange.settle(refused(400, -32022));
  await until(() => sent().length === before + 5);
  deepStrictEqual(sent().slice(before + 2), ["server/discover", "tools/call", "tools/call"]);
  for (const it of fake.requests.slice(-2)) it.answer({ content: [] });
  for (const it of exchanges) strictEqual((await it.outcome).kind, "answered");
});

Deno.test("A server that has become a legacy one is a session lost, which is established by another greeting", async () => {
  let modern = true;
  const { begin, ask, sent } = setUp({
    serve(it) {
      if (modern) return serveModern(it);
      if (it.message.method === "initialize") it.answer({ protocolVersion: "2025-06-18", capabilities: {} });
      else it.exchange.settle(refused(400, -32022, { supported: ["2025-06-18"] }));
    },
  });
  await begin();
  modern = false;
  const outcome = await ask(call()).outcome;
  ok(outcome.kind === "session_unknown");
  match(outcome.failure.message, /2026-07-28 any more/);
  await ask(greeting()).outcome;
  strictEqual(sent().at(-1), "initialize");
});

// Rounds ----------------------------------------------------------------------------------------------------------

const FORM = { method: "elicitation/create", params: { message: "who?", requestedSchema: {} } };
const SAMPLE = { method: "sampling/createMessage", params: { messages: [], maxTokens: 1 } };
const ABLE = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };

function asks(inputRequests: unknown, requestState?: string): Message {
  const state = requestState === undefined ? "" : `,"requestState":${requestState}`;
  const requests = inputRequests === undefined ? "" : `,"inputRequests":${JSON.stringify(inputRequests)}`;
  return Message.fromText(
    `{"jsonrpc":"2.0","id":0,"result":{"resultType":"input_required"${requests}${state}}}`,
  );
}

function settle(it: FakeRequest, answer: Message): void {
  it.exchange.settle({ kind: "answered", message: withId(answer, it.message.id!) });
}

Deno.test("What a server asks is put to the client all at once, and goes back with the state byte for byte", async () => {
  const { begin, ask, last, received, peer, sent } = setUp();
  await begin(ABLE);
  const exchange = ask(Message.fromText(
    '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t","arguments":{"n":1E400},"_meta":{"progressToken":"p"}}}',
  ));
  const state = '"\\u00fc\\/ü\\ud83d\\ude00 \\u2028"';
  settle(last(), asks({ "ä": FORM, "b": SAMPLE, "c": { method: "roots/list" } }, state));
  await until(() => received.length === 3);
  deepStrictEqual(received.map(({ method }) => method), [
    "elicitation/create",
    "sampling/createMessage",
    "roots/list",
  ]);
  deepStrictEqual(JSON.parse(received[0]!.textOf("params")!), FORM.params);
  strictEqual(new Set(received.map(({ id }) => id)).size, 3);
  const before = sent().length;
  void peer.notify(resultAnswer(received[2]!.id!, { roots: [] }));
  void peer.notify(
    Message.fromText(
      `{"jsonrpc":"2.0","id":${
        received[0]!.id
      },"result":{"action":"accept","content":{"n":9007199254740993}}}`,
    ),
  );
  await turn();
  strictEqual(sent().length, before);
  void peer.notify(resultAnswer(received[1]!.id!, { role: "assistant" }));
  await until(() => sent().length > before);
  const { message, options } = last();
  match(message.id!, /^"mcp-connect-round-/);
  const text = message.text;
  ok(text.includes('"arguments":{"n":1E400}') && text.includes('"progressToken":"p"'));
  ok(text.includes(`"requestState":${state}`), text);
  ok(
    text.includes(
      '"inputResponses":{"ä":{"action":"accept","content":{"n":9007199254740993}},"b":{"role":"assistant"},"c":{"roots":[]}}',
    ),
    text,
  );
  strictEqual(options!.headers!["mcp-name"], "t");
  last().answer({ resultType: "complete", content: [] });
  strictEqual(answerOf(await exchange.outcome).text, '{"jsonrpc":"2.0","id":7,"result":{"content":[]}}');
});

Deno.test("A later round has its own state, or none", async () => {
  const { begin, ask, last, received, peer, sent } = setUp();
  await begin(ABLE);
  const exchange = ask(request("1", "prompts/get", { name: "p" }));
  settle(last(), asks({ a: FORM }, '"1"'));
  await until(() => received.length === 1);
  void peer.notify(resultAnswer(received[0]!.id!, { action: "decline" }));
  await until(() => sent().at(-1) === "prompts/get" && last().message.text.includes("inputResponses"));
  settle(last(), asks({ b: FORM }));
  await until(() => received.length === 2);
  const before = sent().length;
  void peer.notify(resultAnswer(received[1]!.id!, { action: "decline" }));
  await until(() => sent().length > before);
  ok(last().message.text.includes('"inputResponses":{"b":{"action":"decline"}}'));
  strictEqual(last().message.text.includes("requestState"), false);
  last().answer({ messages: [] });
  strictEqual((await exchange.outcome).kind, "answered");
});

Deno.test("A server that asks only for patience is given some, up to a number of rounds", async () => {
  const { begin, ask, sent } = setUp({
    serve(it) {
      if (it.message.method === "tools/call") settle(it, asks(undefined, '"s"'));
      else serveModern(it);
    },
  });
  await begin();
  const start = performance.now();
  const { result } = JSON.parse(answerOf(await ask(call()).outcome).text);
  strictEqual(result.isError, true);
  match(result.content[0].text, /more than 10 times/);
  strictEqual(sent().filter((method) => method === "tools/call").length, 11);
  ok(performance.now() - start > 2000, "paced");
});

const unable: [string, unknown, unknown, RegExp][] = [
  ["elicitation", {}, { a: FORM }, /elicitation/],
  ["one of two", { elicitation: {} }, { a: FORM, b: SAMPLE }, /sampling/],
  ["URLs", { elicitation: {} }, { a: { method: "elicitation/create", params: { mode: "url" } } }, /URL/],
  ["an unknown method", ABLE, { a: { method: "x/y" } }, /x\/y/],
  ["no method", ABLE, { a: {} }, /method/],
];
for (const [what, capabilities, asked, why] of unable) {
  Deno.test(`A client is asked nothing when it can't answer all: ${what}`, async () => {
    const { begin, ask, last, received, sent } = setUp();
    await begin(capabilities);
    const exchange = ask(call());
    const before = sent().length;
    settle(last(), asks(asked, '"s"'));
    const { result } = JSON.parse(answerOf(await exchange.outcome).text);
    strictEqual(result.isError, true);
    match(result.content[0].text, why);
    deepStrictEqual(received, []);
    strictEqual(sent().length, before);
  });
}

for (
  const [method, result] of [["tools/list", asks({ a: FORM })], ["tools/call", asks(undefined)]] as const
) {
  Deno.test(`A question that the protocol does not allow is an error: ${method}`, async () => {
    const { begin, ask, last, received } = setUp();
    await begin(ABLE);
    const exchange = ask(request("1", method, { name: "t" }));
    settle(last(), result);
    strictEqual(JSON.parse(answerOf(await exchange.outcome).text).error.data.code, "NOT_MCP");
    deepStrictEqual(received, []);
  });
}

Deno.test("A form that the client answers with an error counts as given up", async () => {
  const { begin, ask, last, received, peer } = setUp();
  await begin(ABLE);
  ask(call());
  settle(last(), asks({ a: FORM }));
  await until(() => received.length === 1);
  void peer.notify(errorAnswer(received[0]!.id!, -1, "no"));
  await until(() => last().message.text.includes('"inputResponses":{"a":{"action":"cancel"}}'));
});

Deno.test("Sampling that the client answers with an error fails the call, and ends the other questions", async () => {
  const { begin, ask, last, received, peer } = setUp();
  await begin(ABLE);
  const exchange = ask(call());
  settle(last(), asks({ a: FORM, b: SAMPLE }));
  await until(() => received.length === 2);
  void peer.notify(errorAnswer(received[1]!.id!, -1, "the user said no"));
  const { result } = JSON.parse(answerOf(await exchange.outcome).text);
  match(result.content[0].text, /sampling\/createMessage: the user said no/);
  strictEqual(received[2]!.method, "notifications/cancelled");
  deepStrictEqual(JSON.parse(received[2]!.textOf("params")!), { requestId: JSON.parse(received[0]!.id!) });
});

Deno.test("Giving a request up in a round ends its questions at the client, and nothing goes on", async () => {
  const { begin, ask, last, received, peer, sent } = setUp();
  await begin(ABLE);
  const exchange = ask(call());
  settle(last(), asks({ a: FORM }));
  await until(() => received.length === 1);
  exchange.cancel(notification("notifications/cancelled", { requestId: 1 }));
  strictEqual(received[1]!.method, "notifications/cancelled");
  const before = sent().length;
  void peer.notify(resultAnswer(received[0]!.id!, { action: "accept" }));
  await turn();
  strictEqual(sent().length, before);
  strictEqual((await exchange.outcome).kind, "cancelled");
});

Deno.test("A form behind a URL gets the id that legacy clients demand", async () => {
  const { begin, ask, last, received } = setUp();
  await begin(ABLE);
  ask(call());
  settle(
    last(),
    asks({ a: { method: "elicitation/create", params: { mode: "url", url: "https://x", message: "m" } } }),
  );
  await until(() => received.length === 1);
  const { elicitationId, ...rest } = JSON.parse(received[0]!.textOf("params")!);
  deepStrictEqual(rest, { mode: "url", url: "https://x", message: "m" });
  ok(typeof elicitationId === "string" && elicitationId.length > 8);
});

Deno.test("The end of the connection ends what waits for the client's answer", async () => {
  const { begin, ask, last, received, fake, closed } = setUp({ duplex: true });
  await begin(ABLE);
  const exchange = ask(call());
  settle(last(), asks({ a: FORM }));
  await until(() => received.length === 1);
  fake.listener!.closed!(failure("CONNECTION_LOST", "E", "gone"));
  strictEqual((await exchange.outcome).kind, "lost");
  strictEqual(closed.length, 1);
  strictEqual(received[1]!.method, "notifications/cancelled");
});

// Cancelling ------------------------------------------------------------------------------------------------------

Deno.test("Over HTTP the end of the stream is the cancellation, elsewhere a notice with the id in flight", async () => {
  const notice = notification("notifications/cancelled", { requestId: 7, reason: "r" });
  const http = setUp();
  await http.begin();
  http.ask(call("7")).cancel(notice);
  deepStrictEqual(http.last().cancelled, [undefined]);

  const tcp = setUp({ duplex: true });
  await tcp.begin(ABLE);
  const message = call("7");
  tcp.ask(message).cancel(notice);
  strictEqual(tcp.last().cancelled[0]!.text, notice.text);
  tcp.ask(message).cancel(notice);
  const params = JSON.parse(tcp.last().cancelled[0]!.textOf("params")!);
  deepStrictEqual(params, { requestId: JSON.parse(tcp.last().message.id!), reason: "r" });
  ok(String(params.requestId).startsWith("mcp-connect-again-"));
});

Deno.test("A request of the server's is dropped with a warning, on a stream and on a shared wire", async () => {
  const { begin, ask, last, received, messages, fake } = setUp({ duplex: true });
  await begin();
  ask(call());
  void last().options!.receive!(request("1", "sampling/createMessage"));
  void fake.listener!.receive(request("2", "ping"));
  deepStrictEqual(received, []);
  strictEqual(messages("warn").filter((it) => it.includes("dropped a request")).length, 2);
});

Deno.test("A sign of life that is asked for is asked of the server", async () => {
  const { begin, peer, last } = setUp();
  await begin();
  const exchange = peer.request(request("9", "ping"), { probe: true });
  strictEqual(last().message.method, "server/discover");
  last().exchange.settle({ kind: "answered", message: errorAnswer(last().message.id!, -32603, "busy") });
  strictEqual(answerOf(await exchange.outcome).text, '{"jsonrpc":"2.0","id":9,"result":{}}');
  const silent = peer.request(request("10", "ping"), { probe: true });
  silent.cancel();
  strictEqual(last().exchange.settled, true);
});

// Listening -------------------------------------------------------------------------------------------------------

const filters = (requests: readonly FakeRequest[]) =>
  requests.filter(({ message }) => message.method === "subscriptions/listen")
    .map(({ message }) => JSON.parse(message.textOf("params")!).notifications);

Deno.test("A subscription is a listening for one thing more, which begins before the other ends", async () => {
  const { begin, ask, fake, received } = setUp();
  await begin();
  deepStrictEqual(filters(fake.requests), [{ toolsListChanged: true }]);
  const first = fake.requests.at(-1)!;
  const answers = ["x://1", "x://2", "x://1"].map((uri, i) =>
    ask(request(String(i), "resources/subscribe", { uri })).outcome
  );
  for (const it of answers) match(answerOf(await it).text, /"result":\{\}/);
  deepStrictEqual(filters(fake.requests).slice(1), [
    { toolsListChanged: true, resourceSubscriptions: ["x://1", "x://2"] },
  ]);
  const second = fake.requests.at(-1)!;
  strictEqual(first.cancelled.length, 1);
  strictEqual(second.cancelled.length, 0);
  const subscriptionId = JSON.parse(second.message.id!);
  const updated = notification("notifications/resources/updated", {
    uri: "x://1",
    _meta: { "io.modelcontextprotocol/subscriptionId": subscriptionId },
  });
  void second.options!.receive!(updated);
  void first.options!.receive!(updated);
  deepStrictEqual(received.map(({ text }) => text), [
    '{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"x://1"}}',
  ]);
  await ask(request("5", "resources/unsubscribe", { uri: "x://1" })).outcome;
  await turn();
  deepStrictEqual(filters(fake.requests).at(-1), {
    toolsListChanged: true,
    resourceSubscriptions: ["x://2"],
  });
});

Deno.test("A subscription that the server does not acknowledge is refused, others are not", async () => {
  const { begin, ask } = setUp({
    serve(it) {
      if (it.message.method === "subscriptions/listen") {
        acknowledge(it, { resourceSubscriptions: ["x://good"] });
      } else serveModern(it);
    },
  });
  await begin();
  const [good, bad] = await Promise.all(
    ["x://good", "x://bad"].map((uri) => ask(request("1", "resources/subscribe", { uri })).outcome),
  );
  strictEqual(answerOf(good!).kind, "result");
  const { error } = JSON.parse(answerOf(bad!).text);
  strictEqual(error.code, -32602);
  match(error.message, /x:\/\/bad/);
});

const failures: [string, Outcome, string, number | undefined][] = [
  ["an error", { kind: "answered", message: errorAnswer("0", -32603, "limit") }, "answered", -32603],
  ["a refusal with an error", refused(400, -32602), "answered", -32602],
  ["a broken connection", lost(), "lost", undefined],
  ["trouble", refused(503), "refused", undefined],
];
for (const [what, outcome, kind, code] of failures) {
  Deno.test(`A subscription whose listening ends in ${what} has failed, and the one before goes on`, async () => {
    let broken = false;
    const { begin, ask, fake } = setUp({
      serve: (it) => broken ? it.exchange.settle(outcome) : serveModern(it),
    });
    await begin();
    const first = fake.requests.at(-1)!;
    broken = true;
    const got = await ask(request("7", "resources/subscribe", { uri: "x://1" })).outcome;
    strictEqual(got.kind, kind);
    if (code !== undefined) {
      const answer = JSON.parse(answerOf(got).text);
      deepStrictEqual([answer.id, answer.error.code], [7, code]);
    }
    strictEqual(first.cancelled.length, 0);
  });
}

Deno.test("A subscription that waits when the connection ends was not sent, and can be repeated", async () => {
  const { begin, ask, fake } = setUp({
    duplex: true,
    serve: (it) => void (it.message.method === "subscriptions/listen" || serveModern(it)),
  });
  await begin();
  const waiting = ask(request("1", "resources/subscribe", { uri: "x://1" }));
  await turn();
  fake.listener!.closed!(failure("CONNECTION_LOST", "E", "gone"));
  for (const it of [waiting, ask(request("2", "resources/subscribe", { uri: "x://1" }))]) {
    const outcome = await it.outcome;
    ok(outcome.kind === "not_sent");
    strictEqual(outcome.failure.code, "CONNECTION_LOST");
  }
});

Deno.test("What a shared wire brings finds its listening, and what is no one's is passed on", async () => {
  const { begin, fake, received, ask } = setUp({
    duplex: true,
    serve: (it) => {
      if (it.message.method !== "subscriptions/listen") return serveModern(it);
      const { notifications } = JSON.parse(it.message.textOf("params")!);
      void fake.listener!.receive(notification("notifications/subscriptions/acknowledged", {
        notifications,
        _meta: { "io.modelcontextprotocol/subscriptionId": JSON.parse(it.message.id!) },
      }));
    },
  });
  await begin();
  await ask(request("1", "resources/subscribe", { uri: "x://1" })).outcome;
  const [first, second] = fake.requests.filter(({ message }) => message.method === "subscriptions/listen");
  match(
    first!.cancelled[0]!.text,
    /"method":"notifications\/cancelled","params":\{"requestId":"mcp-connect-listen-/,
  );
  const changed = (id: unknown) =>
    notification("notifications/tools/list_changed", {
      _meta: { "io.modelcontextprotocol/subscriptionId": id },
    });
  void fake.listener!.receive(changed(JSON.parse(second!.message.id!)));
  void fake.listener!.receive(changed(JSON.parse(first!.message.id!)));
  void fake.listener!.receive(changed("foreign"));
  void fake.listener!.receive(notification("notifications/progress", { progressToken: 1, progress: 1 }));
  deepStrictEqual(received.map(({ text }) => text), [
    '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}',
    '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}',
  ]);
});

Deno.test("A new greeting ends the listening of the one before, and close ends the last", async () => {
  const { begin, peer, fake } = setUp();
  await begin();
  await begin();
  const listens = fake.requests.filter(({ message }) => message.method === "subscriptions/listen");
  deepStrictEqual(listens.map(({ cancelled }) => cancelled.length), [1, 0]);
  await peer.close();
  deepStrictEqual(listens.map(({ cancelled }) => cancelled.length), [1, 1]);
  strictEqual(fake.closed, 0 + 1);
});

Deno.test("Waking up opens the listening anew", async () => {
  const { begin, peer, fake } = setUp();
  await begin();
  peer.wake!();
  await turn();
  const listens = fake.requests.filter(({ message }) => message.method === "subscriptions/listen");
  deepStrictEqual(listens.map(({ cancelled }) => cancelled.length), [1, 0]);
});

Deno.test("Ids of ours are never a client's, and never come twice", async () => {
  const { begin, ask, fake } = setUp();
  await begin();
  await begin();
  for (let i = 0; i < 3; i++) {
    const message = call(String(i));
    ask(message);
    ask(message);
  }
  const ids = fake.requests.map(({ message }) => message.id!).filter((id) => id.startsWith('"mcp-connect'));
  strictEqual(new Set(ids).size, ids.length);
  const other = setUp();
  await other.begin();
  const theirs = other.fake.requests.map(({ message }) => message.id!);
  strictEqual(ids.some((id) => theirs.includes(id)), false);
});
