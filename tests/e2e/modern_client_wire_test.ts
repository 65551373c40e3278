/** Modern clients at modern servers: the exact requests that leave, and the exact bytes that come back. */
import assert from "node:assert/strict";
import type { EventStream } from "../support/event_stream.ts";
import { createInbox } from "../support/inbox.ts";
import { type RawHttpServer, type RawReply, type RawRequest, startRawHttp } from "../support/raw_http.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { ABLE, ask, ENVELOPE, envelope, listenFor, modernRequest, nextFor } from "./modern_requests.ts";
import { startProxy } from "./proxied.ts";
import { scriptedChild } from "./scripted_child.ts";

const DISCOVERED = {
  resultType: "complete",
  supportedVersions: ["2026-07-28"],
  capabilities: { tools: { listChanged: true }, resources: { subscribe: true } },
  ttlMs: 0,
  cacheScope: "private",
};
const SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";

type Handler = (request: RawRequest, reply: RawReply) => unknown;
type ListenStream = EventStream & { readonly listenId: string | number };

/** A modern server over HTTP that a test scripts, by method. */
interface ModernRaw extends RawHttpServer {
  readonly url: string;
  /** The streams that are listened to, in order; each is given out once. */
  listening(): Promise<ListenStream>;
  /** The requests of a method. */
  calls(method: string): RawRequest[];
}

async function startModern(on: Readonly<Record<string, Handler>> = {}): Promise<ModernRaw> {
  const streams = createInbox<ListenStream>((items) => `${items.length} listen`);
  const defaults: Record<string, Handler> = {
    "server/discover": (_request, reply) => reply.result(DISCOVERED),
    "tools/list": (_request, reply) => reply.result({ resultType: "complete", tools: [] }),
    "tools/call": (_request, reply) => reply.result({ resultType: "complete", content: [] }),
    "tools/hang": (_request, reply) => reply.hang(),
    "subscriptions/listen": async ({ message }, reply) => {
      const stream = await reply.sse();
      const { notifications } = message.params;
      await stream.notify("notifications/subscriptions/acknowledged", {
        notifications,
        _meta: { [SUBSCRIPTION]: message.id },
      });
      streams.push(Object.assign(stream, { listenId: message.id! }));
      await reply.hang();
    },
  };
  const server = await startRawHttp((request, reply) => {
    const { method } = request.message;
    const handler = request.method === "POST" && method !== undefined
      ? on[method] ?? defaults[method]
      : undefined;
    if (handler !== undefined) return handler(request, reply);
    return request.method === "POST"
      ? reply.error(-32601, "Method not found", undefined, { status: 404 })
      : reply.status(405);
  });
  return {
    ...server,
    url: `${server.origin}/mcp`,
    requests: server.requests,
    listening: () => streams.take(() => true),
    calls: (method) => server.requests.filter(({ message }) => message.method === method),
    [Symbol.asyncDispose]: server[Symbol.asyncDispose],
  };
}

/** The headers that are of the protocol, in no order. */
function protocolHeaders({ headers }: RawRequest): Record<string, string> {
  const ours = [...headers].filter(([name]) => /^(mcp-|accept$|content-type$|last-event-id$)/.test(name));
  return Object.fromEntries(ours);
}

const PLAIN = { "accept": "application/json, text/event-stream", "content-type": "application/json" };

// Headers from the body -------------------------------------------------------------------------------------------

const sentinel = (text: string) =>
  `=?base64?${btoa(String.fromCharCode(...new TextEncoder().encode(text)))}?=`;

const leaving: [
  what: string,
  method: string,
  params: Record<string, unknown>,
  headers: Record<string, string>,
][] = [
  ["a list", "tools/list", {}, {}],
  ["a call", "tools/call", { name: "echo", arguments: {} }, { "mcp-name": "echo" }],
  ["a call with a name that is no header", "tools/call", { name: "ü" }, { "mcp-name": sentinel("ü") }],
  ["a name with a space at its end", "tools/call", { name: "a b " }, { "mcp-name": sentinel("a b ") }],
  ["a name that looks like base64", "tools/call", { name: "=?base64?eA==?=" }, {
    "mcp-name": sentinel("=?base64?eA==?="),
  }],
  ["a prompt", "prompts/get", { name: "greet" }, { "mcp-name": "greet" }],
  ["a resource", "resources/read", { uri: "test://a b" }, { "mcp-name": "test://a b" }],
  ["a resource's name is none", "resources/read", { name: "x", uri: "test://a" }, { "mcp-name": "test://a" }],
  ["a completion", "completion/complete", { name: "x" }, {}],
  ["a method of a vendor's", "x-vendor/do", { name: "x" }, {}],
];

for (const [what, method, params, headers] of leaving) {
  Deno.test(`${what} leaves over HTTP as the client wrote it, with the headers that say what it says`, async () => {
    await using server = await startModern({
      [method]: (_request, reply) => reply.result({ resultType: "complete" }),
    });
    await using program = startProxy(server.url);
    await ask(program, 1, "server/discover");
    const message = JSON.stringify(
      modernRequest("id", method, params, { capabilities: ABLE, logLevel: "info" }),
    );
    await program.send(message);
    await program.response("id");
    const [, request, ...more] = server.requests;
    assert.deepEqual(more, []);
    assert.equal(request!.method, "POST");
    assert.equal(request!.path, "/mcp");
    assert.equal(request!.body, message);
    assert.deepEqual(protocolHeaders(request!), {
      ...PLAIN,
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      ...headers,
    });
  });
}

Deno.test("A revision that is not known here goes to a modern server as it is, in body and header", async () => {
  await using server = await startModern();
  await using program = startProxy(server.url);
  await ask(program, 1, "server/discover");
  await ask(program, 2, "tools/list", {}, { revision: "2031-01-01" });
  const request = server.requests.at(-1)!;
  assert.equal(request.headers.get("mcp-protocol-version"), "2031-01-01");
  assert.deepEqual(request.message.params._meta, envelope({ revision: "2031-01-01" }));
});

Deno.test("A first request in a revision that is not known here finds a modern server too", async () => {
  await using server = await startModern();
  await using program = startProxy(server.url);
  await ask(program, 1, "tools/list", {}, { revision: "2031-01-01" });
  assert.deepEqual(
    server.requests.map(({ headers, message }) => [message.method, headers.get("mcp-protocol-version")]),
    [["server/discover", "2026-07-28"], ["tools/list", "2031-01-01"]],
  );
});

// Mirrored arguments ------------------------------------------------------------------------------------------------

const schema = (properties: Record<string, unknown>) => ({ type: "object", properties });
const TOOLS = [
  {
    name: "region",
    inputSchema: schema({
      region: { type: "string", "x-mcp-header": "Region" },
      inner: schema({ count: { type: "integer", "x-mcp-header": "Count" } }),
      dry: { type: "boolean", "x-mcp-header": "Dry-Run" },
      text: { type: "string" },
    }),
  },
  { name: "bad-number", inputSchema: schema({ n: { type: "number", "x-mcp-header": "N" } }) },
  {
    name: "bad-twice",
    inputSchema: schema({
      a: { type: "string", "x-mcp-header": "A" },
      b: { type: "string", "x-mcp-header": "a" },
    }),
  },
  { name: "plain", inputSchema: { type: "object" }, outputSchema: { type: "array", "x": 9 } },
];
const listTools: Handler = (_request, reply) =>
  reply.result({ resultType: "complete", tools: TOOLS, ttlMs: 1000, cacheScope: "public" });

Deno.test("Arguments that a listed tool wants mirrored go into headers; tools that say it wrongly are not shown", async () => {
  await using server = await startModern({ "tools/list": listTools });
  await using program = startProxy(server.url);
  const { result } = await ask(program, 1, "tools/list");
  assert.deepEqual(result, {
    resultType: "complete",
    tools: [TOOLS[0], TOOLS[3]],
    ttlMs: 1000,
    cacheScope: "public",
  });
  const args = { region: "Zürich ", inner: { count: 7 }, dry: false, text: "x" };
  await ask(program, 2, "tools/call", { name: "region", arguments: args });
  assert.deepEqual(protocolHeaders(server.requests.at(-1)!), {
    ...PLAIN,
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": "region",
    "mcp-param-region": sentinel("Zürich "),
    "mcp-param-count": "7",
    "mcp-param-dry-run": "false",
  });
  await ask(program, 3, "tools/call", { name: "region", arguments: { region: null, inner: {} } });
  assert.equal(server.requests.at(-1)!.headers.has("mcp-param-region"), false);
  const warnings = program.stderr().match(/is left out/g) ?? [];
  assert.equal(warnings.length, 2);
});

Deno.test("-32020 makes the tools be listed and the call be sent once more, under another id", async () => {
  let strict = true;
  await using server = await startModern({
    "tools/list": listTools,
    "tools/call": ({ headers }, reply) =>
      strict && !headers.has("mcp-param-region")
        ? reply.error(-32020, "Header mismatch", undefined, { status: 400 })
        : reply.result({ resultType: "complete", content: [], region: headers.get("mcp-param-region") }),
  });
  await using program = startProxy(server.url);
  await ask(program, 1, "server/discover");
  const call = { name: "region", arguments: { region: "eu" } };
  const { result } = await ask(program, "c", "tools/call", call, { capabilities: ABLE });
  assert.equal(result.region, "eu");
  assert.deepEqual(server.requests.map(({ message }) => message.method), [
    "server/discover",
    "tools/call",
    "tools/list",
    "tools/call",
  ]);
  const [first, second] = server.calls("tools/call");
  assert.notEqual(first!.message.id, second!.message.id);
  assert.deepEqual(second!.message.params, first!.message.params);
  assert.deepEqual(server.calls("tools/list")[0]!.message.params, {
    _meta: envelope({ capabilities: ABLE }),
  });
  // It is not asked for ever.
  strict = true;
  const { error } = await ask(program, 3, "tools/call", { name: "region", arguments: {} });
  assert.equal(error?.code, -32020);
  assert.equal(server.calls("tools/call").length, 4);
});

// Answers -------------------------------------------------------------------------------------------------------------

Deno.test("Bytes pass both ways as they are: numbers, order, unknown members, escapes", async () => {
  const result =
    '{"b":9007199254740993,"resultType":"complete","a":1E400,"content":[ ],"\\u00fc":-0.0,"_meta":{"z":1, "a":{}}}';
  await using server = await startModern({
    "tools/call": ({ message }, reply) =>
      reply.body(`{"x-member":1E400,"jsonrpc":"2.0","result":${result},"id":${JSON.stringify(message.id)}}`),
  });
  await using program = startProxy(server.url);
  await ask(program, 1, "server/discover");
  const line =
    `{"x":1E400,"method":"tools/call", "params":{"arguments":{"z":9007199254740993,"a":1E400,"\\u00fc":[ 1.50 ]},` +
    `${
      ENVELOPE.replace("{", '{"progressToken": 9007199254740993,"traceparent":"00-x","v/k":{ },')
    },"name":"t","x-\\u2028":{"n":-0.0}},` +
    `"jsonrpc":"2.0","id":9007199254740993}`;
  await program.send(line);
  await program.next(({ result }) => result?.content !== undefined);
  assert.equal(server.requests.at(-1)!.body, line);
  assert.equal(
    program.lines.at(-1),
    `{"x-member":1E400,"jsonrpc":"2.0","result":${result},"id":9007199254740993}`,
  );
});

Deno.test("input_required and the retry pass as they are, whatever the state", async () => {
  const state = '"\\u00fc\\/\\ud83d\\ude00 ü\\\\"';
  const asked =
    `{"requestState":${state},"inputRequests":{"q":{"method":"elicitation/create","params":{"x":1E400}}},"resultType":"input_required"}`;
  await using server = await startModern({
    "tools/call": ({ message, body }, reply) =>
      reply.body(
        `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":${
          body.includes("requestState") ? '{"resultType":"complete","content":[]}' : asked
        }}`,
      ),
  });
  await using program = startProxy(server.url);
  await program.send(modernRequest(1, "tools/call", { name: "t" }, { capabilities: ABLE }));
  await program.response(1);
  assert.equal(program.lines.at(-1), `{"jsonrpc":"2.0","id":1,"result":${asked}}`);
  const retry =
    `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t","requestState":${state},"inputResponses":{"q":{"action":"accept","content":{"n":1E400}}},${ENVELOPE}}}`;
  await program.send(retry);
  await program.response(2);
  assert.equal(server.requests.at(-1)!.body, retry);
});

for (
  const [what, status, error] of [
    ["404 and -32601", 404, { code: -32601, message: "Method not found" }],
    ["400 and -32602", 400, { code: -32602, message: "Invalid", data: { x: 1 } }],
    ["400 and -32021", 400, { code: -32021, message: "m", data: { requiredCapabilities: { sampling: {} } } }],
    ["400 and a code of its own", 400, { code: 7, message: "m" }],
    ["200 and -32603", 200, { code: -32603, message: "m" }],
  ] as const
) {
  Deno.test(`An error with ${what} is that error, and no word of ours`, async () => {
    await using server = await startModern({
      "x/y": ({ message }, reply) => reply.body({ jsonrpc: "2.0", id: message.id, error }, { status }),
    });
    await using program = startProxy(server.url);
    await ask(program, 1, "server/discover");
    assert.deepEqual(await ask(program, 2, "x/y"), { jsonrpc: "2.0", id: 2, error });
    await program.closeStdin();
    await program.status;
    assert.equal(program.stderr(), "");
    assert.equal(server.requests.length, 2);
  });
}

Deno.test("Progress and log messages on the stream of a request pass as they are, a request of the server's does not", async () => {
  const notices = [
    '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":1E2,"x":1E400}}',
    '{"method":"notifications/message","jsonrpc":"2.0","params":{"level":"info","data":9007199254740993}}',
  ];
  await using server = await startModern({
    "tools/call": async (_request, reply) => {
      const stream = await reply.sse();
      await stream.comment("keep alive");
      await stream.send(notices[0]);
      await stream.send({ jsonrpc: "2.0", id: "q", method: "roots/list" });
      await stream.send(notices[1]);
      await stream.result({ resultType: "complete", content: [] });
      await stream.end();
    },
  });
  await using program = startProxy(server.url);
  await ask(program, 1, "tools/call", { name: "t" }, { logLevel: "info", more: { progressToken: "p" } });
  assert.deepEqual(program.lines.slice(0, 2), notices);
  assert.equal(program.lines.length, 3);
  await program.waitStderr(/dropped a request of the server's/);
});

Deno.test("A notification of a modern client's goes to the server with headers that say what it says", async () => {
  await using server = await startModern({
    "notifications/x-vendor": (_request, reply) => reply.status(202),
  });
  await using program = startProxy(server.url);
  await ask(program, 1, "server/discover");
  const notice = `{"jsonrpc":"2.0", "method":"notifications/x-vendor","params":{"n":1E400,${
    ENVELOPE.replace("2026-07-28", "2031-01-01")
  }}}`;
  await program.send(notice);
  const request = await server.received(({ message }) => message.method === "notifications/x-vendor");
  assert.equal(request.body, notice);
  assert.deepEqual(protocolHeaders(request), {
    ...PLAIN,
    "mcp-protocol-version": "2031-01-01",
    "mcp-method": "notifications/x-vendor",
  });
});

// Cancellation, breaks --------------------------------------------------------------------------------------------------

Deno.test("notifications/cancelled closes the request's stream, and is not posted", async () => {
  const begun = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  await using server = await startModern({
    "tools/call": async (_request, reply) => {
      await reply.sse();
      begun.resolve();
      await reply.hang();
      gone.resolve();
    },
  });
  await using program = startProxy(server.url);
  await program.send(modernRequest("c", "tools/call", { name: "t" }));
  await begun.promise;
  await program.notify("notifications/cancelled", { requestId: "c", reason: "enough" });
  await gone.promise;
  await ask(program, 2, "tools/list");
  assert.equal(server.calls("notifications/cancelled").length, 0);
  assert.equal(program.messages.some(({ id }) => id === "c"), false);
});

Deno.test("A stream that breaks is not resumed: what is safe is sent again under another id, a call is not", async () => {
  let lists = 0;
  const broken: Handler = async (_request, reply) => {
    const stream = await reply.sse();
    await stream.event({ id: "1", data: "" });
    stream.drop();
  };
  await using server = await startModern({
    "tools/list": (request, reply) =>
      lists++ === 0 ? broken(request, reply) : reply.result({ resultType: "complete", tools: [] }),
    "tools/call": broken,
  });
  await using program = startProxy(server.url, { args: ["--retry-delay", "1"] });
  assert.deepEqual((await ask(program, "a", "tools/list")).result.tools, []);
  const [first, second] = server.calls("tools/list");
  assert.equal(first!.message.id, "a");
  assert.notEqual(second!.message.id, "a");
  assert.deepEqual(second!.message.params, first!.message.params);
  const { error } = await ask(program, "b", "tools/call", { name: "t" });
  assert.equal(error?.data.outcome, "unknown");
  assert.equal(server.calls("tools/call").length, 1);
  assert.equal(server.requests.some(({ method }) => method === "GET"), false);
});

// Listening -------------------------------------------------------------------------------------------------------------

Deno.test("Listening passes as it is, each stream under its own id, and ends with the client's cancellation", async () => {
  await using server = await startModern();
  await using program = startProxy(server.url);
  const line = JSON.stringify(
    modernRequest(7, "subscriptions/listen", { notifications: { toolsListChanged: true, x: 1 } }),
  );
  await program.send(line);
  const first = await server.listening();
  assert.equal(server.requests.at(-1)!.body, line);
  assert.deepEqual(protocolHeaders(server.requests.at(-1)!), {
    ...PLAIN,
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "subscriptions/listen",
  });
  await program.nextMethod("notifications/subscriptions/acknowledged");
  await listenFor(program, "7", { resourceSubscriptions: ["x://y"] });
  const second = await server.listening();
  const said =
    `{"params":{"uri":"x://y","n":1E400,"_meta":{"${SUBSCRIPTION}":"7","k":1}},"method":"notifications/resources/updated","jsonrpc":"2.0"}`;
  await second.send(said);
  await nextFor(program, "7", "notifications/resources/updated");
  assert.equal(program.lines.at(-1), said);
  await first.notify("notifications/tools/list_changed", { _meta: { [SUBSCRIPTION]: 7 } });
  await nextFor(program, 7, "notifications/tools/list_changed");
  await program.notify("notifications/cancelled", { requestId: 7 });
  await first.gone;
  assert.equal(second.open(), true);
  assert.equal(server.calls("notifications/cancelled").length, 0);
  assert.equal(program.messages.some(({ id }) => id === 7), false);
});

Deno.test("A stream of listening that breaks is opened again under another id, which the client does not see", async () => {
  await using server = await startModern();
  await using program = startProxy(server.url);
  const wanted = { toolsListChanged: true, resourceSubscriptions: ["x://y"] };
  await listenFor(program, "L", wanted);
  const first = await server.listening();
  first.drop();
  const second = await server.listening();
  assert.notEqual(second.listenId, "L");
  const [one, two] = server.calls("subscriptions/listen");
  assert.deepEqual(two!.message.params, one!.message.params);
  // Both may have changed meanwhile.
  await nextFor(program, "L", "notifications/tools/list_changed");
  await nextFor(program, "L", "notifications/resources/updated");
  await second.notify("notifications/tools/list_changed", { _meta: { [SUBSCRIPTION]: second.listenId } });
  await nextFor(program, "L", "notifications/tools/list_changed");
  // A server that ends it in good order ends it.
  await second.result({ resultType: "complete", _meta: { [SUBSCRIPTION]: second.listenId } });
  await second.end();
  assert.deepEqual((await program.response("L")).result, {
    resultType: "complete",
    _meta: { [SUBSCRIPTION]: "L" },
  });
  assert.equal(program.messages.filter(({ method }) => method?.endsWith("acknowledged")).length, 1);
  assert.equal(server.calls("subscriptions/listen").length, 2);
});

Deno.test("Listening whose connection breaks before it is acknowledged is sent again; one that is refused is not", async () => {
  let times = 0;
  await using server = await startModern({
    "subscriptions/listen": async ({ message }, reply) => {
      if (++times === 1) return reply.drop();
      if (message.id === "no") return await reply.error(-32601, "no", undefined, { status: 404 });
      const stream = await reply.sse();
      const { notifications } = message.params;
      const _meta = { [SUBSCRIPTION]: message.id };
      await stream.notify("notifications/subscriptions/acknowledged", { notifications, _meta });
      return await reply.hang();
    },
  });
  await using program = startProxy(server.url, { args: ["--retry-delay", "1"] });
  await listenFor(program, "L", { toolsListChanged: true });
  assert.equal(times, 2);
  const { error } = await ask(program, "no", "subscriptions/listen", { notifications: {} });
  assert.equal(error?.code, -32601);
  assert.equal(times, 3);
});

Deno.test("No deadline of ours ends listening", async () => {
  await using server = await startModern();
  await using program = startProxy(server.url, {
    args: ["--request-timeout", "0.2", "--max-request-time", "0.2"],
  });
  await listenFor(program, "L", { toolsListChanged: true });
  const stream = await server.listening();
  await program.send(modernRequest("hang", "tools/hang"));
  await server.received(({ message }) => message.method === "tools/hang");
  assert.equal((await program.response("hang")).error?.data.code, "REQUEST_TIMEOUT");
  await stream.notify("notifications/tools/list_changed", { _meta: { [SUBSCRIPTION]: "L" } });
  await nextFor(program, "L", "notifications/tools/list_changed");
  assert.equal(stream.open(), true);
});

// What a client must not do -----------------------------------------------------------------------------------------------

for (
  const [what, meta] of Object.entries({
    "no revision": { "io.modelcontextprotocol/clientCapabilities": {} },
    "a revision that is no text": {
      "io.modelcontextprotocol/protocolVersion": 7,
      "io.modelcontextprotocol/clientCapabilities": {},
    },
    "no capabilities": { "io.modelcontextprotocol/protocolVersion": "2026-07-28" },
    "capabilities that are a list": {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": [],
    },
    "a name and nothing else": { "io.modelcontextprotocol/clientInfo": { name: "x", version: "1" } },
    "a log level and nothing else": { "io.modelcontextprotocol/logLevel": "info" },
  })
) {
  Deno.test(`An envelope with ${what} is answered with -32602, and nothing leaves`, async () => {
    await using server = await startModern();
    await using program = startProxy(server.url);
    for (const method of ["tools/list", "server/discover"]) {
      const { error } = await program.request(method, { _meta: meta });
      assert.equal(error?.code, -32602);
    }
    assert.equal(server.requests.length, 0);
    await ask(program, "good", "tools/list");
    assert.equal((await program.request("tools/list", { _meta: meta })).error?.code, -32602);
    assert.equal((await program.request("tools/list")).error?.code, -32602, "no envelope at all");
    assert.deepEqual((await program.request("ping")).result, {});
    assert.equal(server.calls("tools/list").length, 1);
  });
}

// One connection ------------------------------------------------------------------------------------------------------------

Deno.test("Over TCP a cancellation passes as it is, and requests have no headers' headaches: nothing is listed or left out", async () => {
  await using server = await startRawLineServer({
    tools: TOOLS,
    on: {
      "server/discover": (message, peer) => peer.result(message, DISCOVERED),
      "x/slow": () => undefined,
    },
  });
  await using program = startProxy(server.endpoint);
  assert.equal((await ask(program, 1, "tools/list")).result.tools.length, TOOLS.length);
  await program.send(modernRequest("\\u0061", "x/slow"));
  await server.message(({ method }) => method === "x/slow");
  const notice =
    '{"jsonrpc":"2.0", "method":"notifications/cancelled","params":{"reason":"ü","requestId":"\\\\u0061"}}';
  await program.send(notice);
  await server.message(({ method }) => method === "notifications/cancelled");
  assert.equal(server.received.at(-1)!.text, notice);
});

Deno.test("Over TCP a server ends listening with a cancellation, which the client gets under its own id", async () => {
  let ids: (string | number)[] = [];
  await using server = await startRawLineServer({
    on: {
      "server/discover": (message, peer) => peer.result(message, DISCOVERED),
      "subscriptions/listen": async (message, peer) => {
        ids = [...ids, message.id!];
        const { notifications } = message.params;
        const _meta = { [SUBSCRIPTION]: message.id };
        await peer.notify("notifications/subscriptions/acknowledged", { notifications, _meta });
        await peer.notify("notifications/tools/list_changed", { _meta });
      },
    },
  });
  await using program = startProxy(server.endpoint, { args: ["--retry-delay", "1"] });
  await listenFor(program, "L", { toolsListChanged: true });
  await nextFor(program, "L", "notifications/tools/list_changed");
  server.peers[0]!.reset();
  await server.peer();
  await server.peer();
  await nextFor(program, "L", "notifications/tools/list_changed");
  await nextFor(program, "L", "notifications/tools/list_changed");
  assert.equal(ids.length, 2);
  await server.peers[1]!.notify("notifications/cancelled", { requestId: ids[1], reason: "enough" });
  const { params } = await program.nextMethod("notifications/cancelled");
  assert.deepEqual(params, { requestId: "L", reason: "enough" });
  await ask(program, 2, "tools/list");
  assert.equal(ids.length, 2);
});

Deno.test("A modern child that dies is started again by the next request, and listened to again", async () => {
  const acknowledge =
    `say(JSON.stringify({ jsonrpc: "2.0", method: "notifications/subscriptions/acknowledged", params: { notifications: message.params.notifications, _meta: { "${SUBSCRIPTION}": message.id } } }));`;
  await using child = scriptedChild({
    "start": "note('started')",
    "server/discover": `reply(${JSON.stringify(DISCOVERED)});`,
    "subscriptions/listen": acknowledge,
    "x/die": "Deno.exit(1);",
  });
  await using program = startProxy(child.command, { args: ["--retry-delay", "1"] });
  await listenFor(program, 1, { toolsListChanged: true });
  const { error } = await ask(program, 2, "x/die");
  assert.equal(error?.data.code, "CONNECTION_LOST");
  await nextFor(program, 1, "notifications/tools/list_changed");
  assert.deepEqual((await ask(program, 3, "tools/list")).result, {});
  assert.equal(child.lines.filter((line) => line === "started").length, 2);
  assert.equal(child.lines.some((line) => line.includes('"initialize"')), false);
});

Deno.test("Ids of the client's that equal those of our own never meet, however they are written", async () => {
  await using server = await startRawLineServer({
    on: { "server/discover": (message, peer) => peer.result(message, { ...DISCOVERED, asked: message.id }) },
  });
  await using program = startProxy(server.endpoint);
  const echo = (id: string | number, n: number) =>
    ask(program, id, "tools/call", { name: "echo", arguments: { n } });
  await echo("first", 0);
  const ours = String(server.received[0]!.messages[0]!.id);
  const next = ours.replace(/\d+$/, (n) => String(Number(n) + 1));
  const all = await Promise.all([
    echo(ours, 1),
    echo(next, 2),
    echo(1, 3),
    echo("1", 4),
    ask(program, "d", "server/discover"),
  ]);
  assert.deepEqual(all.slice(0, 4).map(({ result }) => result.structuredContent.n), [1, 2, 3, 4]);
  assert.equal(all[4]!.result.asked, "d");
});
