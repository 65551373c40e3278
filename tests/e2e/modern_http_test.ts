/** Legacy clients at modern servers over HTTP that do what an SDK's never does. */
import assert from "node:assert/strict";
import type { EventStream } from "../support/event_stream.ts";
import { createInbox } from "../support/inbox.ts";
import { type RawHttpServer, type RawReply, type RawRequest, startRawHttp } from "../support/raw_http.ts";
import { proxied, startProxy } from "./proxied.ts";

const DISCOVERED = {
  resultType: "complete",
  supportedVersions: ["2026-07-28"],
  capabilities: { tools: { listChanged: true }, resources: { subscribe: true }, logging: {} },
  ttlMs: 0,
  cacheScope: "private",
  _meta: { "io.modelcontextprotocol/serverInfo": { name: "raw-modern", version: "1" } },
};

type Handler = (request: RawRequest, reply: RawReply) => unknown;

/** A stream of `subscriptions/listen`. */
type ListenStream = EventStream & { readonly listenId: unknown; readonly filter: unknown };

/** A modern server that a test scripts, by method. */
interface ModernRaw extends RawHttpServer {
  readonly url: string;
  /** The listening streams, in order; each is given out once. */
  listening(): Promise<ListenStream>;
  /** The requests of a method. */
  calls(method: string): RawRequest[];
}

async function startModern(on: Readonly<Record<string, Handler>> = {}): Promise<ModernRaw> {
  const streams = createInbox<ListenStream>((items) => `${items.length} listen`);
  const defaults: Record<string, Handler> = {
    "initialize": (_request, reply) =>
      reply.error(-32022, "Unsupported protocol version", { supported: ["2026-07-28"] }, { status: 400 }),
    "server/discover": (_request, reply) => reply.result(DISCOVERED),
    "subscriptions/listen": async ({ message }, reply) => {
      const stream = await reply.sse();
      const { notifications } = message.params;
      await stream.notify("notifications/subscriptions/acknowledged", {
        notifications,
        _meta: { "io.modelcontextprotocol/subscriptionId": message.id },
      });
      streams.push(Object.assign(stream, { listenId: message.id, filter: notifications }));
      await reply.hang();
    },
    "tools/call": ({ message }, reply) =>
      reply.result({
        resultType: "complete",
        content: [],
        structuredContent: message.params.arguments ?? {},
      }),
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

const ENVELOPE = '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",' +
  '"io.modelcontextprotocol/clientCapabilities":{},' +
  '"io.modelcontextprotocol/clientInfo":{"name":"test-client","version":"1.0.0"}}';

Deno.test("The handshake is one initialize and one server/discover, and nothing of the legacy era follows", async () => {
  await using server = await startModern();
  await using program = startProxy(server.url);
  const result = await program.initialize({ protocolVersion: "2025-06-18" });
  assert.deepEqual(result, {
    protocolVersion: "2025-06-18",
    capabilities: DISCOVERED.capabilities,
    serverInfo: { name: "raw-modern", version: "1" },
  });
  await server.listening();
  await program.request("tools/call", { name: "t" });
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
  assert.deepEqual(server.requests.map(({ method, message }) => [method, message.method]), [
    ["POST", "initialize"],
    ["POST", "server/discover"],
    ["POST", "subscriptions/listen"],
    ["POST", "tools/call"],
  ]);
  const [, discover, listen, call] = server.requests;
  for (const { headers, message } of [discover!, listen!, call!]) {
    assert.equal(headers.get("mcp-protocol-version"), "2026-07-28");
    assert.equal(headers.get("mcp-method"), message.method);
    assert.match(headers.get("accept")!, /application\/json.*text\/event-stream/);
    assert.equal(headers.has("mcp-session-id"), false);
  }
  assert.equal(call!.headers.get("mcp-name"), "t");
  assert.match(
    discover!.body,
    new RegExp(
      `^\\{"jsonrpc":"2.0","id":"mcp-connect-discover-[^"]+","method":"server/discover","params":\\{`,
    ),
  );
  assert.ok(discover!.body.endsWith(`"params":{${ENVELOPE}}}`), discover!.body);
  assert.equal(
    call!.body,
    `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t",${ENVELOPE}}}`,
  );
  assert.ok(listen!.body.endsWith(`"params":{"notifications":{"toolsListChanged":true},${ENVELOPE}}}`));
  assert.deepEqual(program.stderr(), "");
});

Deno.test("Numbers, order and unknown members survive the crossing, both ways", async () => {
  const result =
    '{"b":9007199254740993,"a":1E400,"content":[ ],"\\u00fc":-0.0,"structuredContent":{"z":1,"a":12345678901234567890}}';
  await using server = await startModern({
    "tools/call": ({ message }, reply) =>
      reply.body(
        `{"x-member":1E400,"jsonrpc":"2.0","result":${result.slice(0, -1)},"resultType":"complete"},"id":${
          JSON.stringify(message.id)
        }}`,
      ),
  });
  await using program = await proxied(server.url);
  const params =
    '{"arguments":{"z":9007199254740993,"a":1E400,"\\u00fc":[ 1.50 ]},"name":"t","x-\\u2028":{"n":-0.0}}';
  await program.send(
    `{"x":1E400,"method":"tools/call", "params":${params},"jsonrpc":"2.0","id":9007199254740993}`,
  );
  await program.next(({ result }) => result?.content !== undefined);
  assert.equal(
    server.calls("tools/call")[0]!.body,
    `{"x":1E400,"method":"tools/call", "params":${
      params.slice(0, -1)
    },${ENVELOPE}},"jsonrpc":"2.0","id":9007199254740993}`,
  );
  assert.equal(
    program.lines.at(-1),
    `{"x-member":1E400,"jsonrpc":"2.0","result":${result},"id":9007199254740993}`,
  );
});

Deno.test("A 404 with -32601 is that error, and no word of a wrong path", async () => {
  await using server = await startModern();
  await using program = await proxied(server.url);
  const { error } = await program.request("x/unknown");
  assert.deepEqual(error, { code: -32601, message: "Method not found" });
  await program.closeStdin();
  await program.status;
  assert.equal(program.stderr(), "");
});

Deno.test("Giving a call up closes its stream, and no notice is posted", async () => {
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  await using server = await startModern({
    "tools/call": async (_request, reply) => {
      const stream = await reply.sse();
      await stream.notify("notifications/progress", { progressToken: "p", progress: 1 });
      await reply.hang();
      resolve();
    },
  });
  await using program = await proxied(server.url);
  await program.send({
    jsonrpc: "2.0",
    id: "c",
    method: "tools/call",
    params: { name: "t", _meta: { progressToken: "p" } },
  });
  await program.nextMethod("notifications/progress");
  await program.notify("notifications/cancelled", { requestId: "c" });
  await gone;
  assert.equal(server.calls("notifications/cancelled").length, 0);
});

Deno.test("Giving a call up while the client is asked ends the question there", async () => {
  await using server = await startModern({
    "tools/call": (_request, reply) =>
      reply.result({
        resultType: "input_required",
        inputRequests: { a: { method: "elicitation/create", params: { message: "?", requestedSchema: {} } } },
        requestState: "s",
      }),
  });
  await using program = await proxied(server.url, { initialize: { capabilities: { elicitation: {} } } });
  await program.send({ jsonrpc: "2.0", id: "c", method: "tools/call", params: { name: "t" } });
  const question = await program.nextMethod("elicitation/create");
  await program.notify("notifications/cancelled", { requestId: "c" });
  const { params } = await program.nextMethod("notifications/cancelled");
  assert.equal(params.requestId, question.id);
  await program.send({ jsonrpc: "2.0", id: question.id, result: { action: "accept", content: {} } });
  await program.request("ping");
  assert.equal(server.calls("tools/call").length, 1);
});

Deno.test("State, escapes and all, goes back byte for byte; progress goes on over the rounds", async () => {
  const state = '"\\u00fc\\/\\ud83d\\ude00 ü\\\\"';
  let round = 0;
  await using server = await startModern({
    "tools/call": async ({ message }, reply) => {
      const stream = await reply.sse();
      await stream.notify("notifications/progress", { progressToken: 5, progress: ++round });
      const asked =
        '{"q":{"method":"elicitation/create","params":{"message":"?","requestedSchema":{"x":1E400}}}}';
      await stream.send(
        round === 1
          ? `{"jsonrpc":"2.0","id":${
            JSON.stringify(message.id)
          },"result":{"resultType":"input_required","inputRequests":${asked},"requestState":${state}}}`
          : { jsonrpc: "2.0", id: message.id, result: { resultType: "complete", content: [] } },
      );
      await stream.end();
    },
  });
  await using program = await proxied(server.url, { initialize: { capabilities: { elicitation: {} } } });
  await program.send({
    jsonrpc: "2.0",
    id: "c",
    method: "tools/call",
    params: { name: "t", _meta: { progressToken: 5 } },
  });
  const question = await program.nextMethod("elicitation/create");
  assert.ok(
    program.lines.some((line) => line.includes('"params":{"message":"?","requestedSchema":{"x":1E400}}')),
  );
  await program.send(
    `{"jsonrpc":"2.0","id":${
      JSON.stringify(question.id)
    },"result":{"action":"accept","content":{"n":9007199254740993}}}`,
  );
  const { result } = await program.response("c");
  assert.deepEqual(result, { content: [] });
  const [first, second] = server.calls("tools/call");
  assert.notEqual(first!.message.id, second!.message.id);
  assert.ok(second!.body.includes(`"requestState":${state}`), second!.body);
  assert.ok(
    second!.body.includes('"inputResponses":{"q":{"action":"accept","content":{"n":9007199254740993}}}'),
  );
  assert.deepEqual(
    program.messages.filter(({ method }) => method === "notifications/progress").map(({ params }) =>
      params.progress
    ),
    [1, 2],
  );
});

Deno.test("A stream that breaks is not resumed; what is safe is sent again under another id", async () => {
  let times = 0;
  await using server = await startModern({
    "tools/list": async (_request, reply) => {
      if (times++ > 0) return reply.result({ resultType: "complete", tools: [] });
      const stream = await reply.sse();
      await stream.event({ id: "1", data: "" });
      stream.drop();
    },
  });
  await using program = await proxied(server.url, { args: ["--retry-delay", "1"] });
  const { result } = await program.request("tools/list");
  assert.deepEqual(result, { tools: [] });
  const [first, second] = server.calls("tools/list");
  assert.notEqual(first!.message.id, second!.message.id);
  assert.equal(server.requests.some(({ method }) => method === "GET"), false);
});

Deno.test("A call whose stream breaks is not sent again", async () => {
  await using server = await startModern({
    "tools/call": async (_request, reply) => {
      const stream = await reply.sse();
      await stream.event({ id: "1", data: "" });
      stream.drop();
    },
  });
  await using program = await proxied(server.url, { args: ["--retry-delay", "1"] });
  const { error } = await program.request("tools/call", { name: "t" });
  assert.equal(error?.data.code, "CONNECTION_LOST");
  assert.equal(error?.data.outcome, "unknown");
  assert.equal(server.calls("tools/call").length, 1);
});

Deno.test("Subscriptions are listened for by one stream, the next before the last is given up", async () => {
  await using server = await startModern();
  await using program = await proxied(server.url);
  const first = await server.listening();
  assert.deepEqual(first.filter, { toolsListChanged: true });
  assert.deepEqual((await program.request("resources/subscribe", { uri: "x://ü" })).result, {});
  const second = await server.listening();
  assert.deepEqual(second.filter, { toolsListChanged: true, resourceSubscriptions: ["x://ü"] });
  await first.gone;
  await second.notify("notifications/resources/updated", {
    uri: "x://ü",
    _meta: { "io.modelcontextprotocol/subscriptionId": second.listenId, "k": 1 },
  });
  const { params } = await program.nextMethod("notifications/resources/updated");
  assert.deepEqual(params, { uri: "x://ü", _meta: { k: 1 } });
  await program.request("resources/unsubscribe", { uri: "x://ü" });
  const third = await server.listening();
  assert.deepEqual(third.filter, { toolsListChanged: true });
  await second.gone;
});

Deno.test("A listening that ends is opened again, and the client hears that it may have missed something", async () => {
  await using server = await startModern();
  await using program = await proxied(server.url);
  const first = await server.listening();
  first.drop();
  const second = await server.listening();
  await program.nextMethod("notifications/tools/list_changed");
  await second.notify("notifications/tools/list_changed");
  await program.nextMethod("notifications/tools/list_changed");
  assert.equal(server.calls("subscriptions/listen").length, 2);
});

Deno.test("A server that knows no listening is left alone with it", async () => {
  await using server = await startModern({
    "subscriptions/listen": (_request, reply) => reply.error(-32601, "no", undefined, { status: 404 }),
  });
  await using program = await proxied(server.url);
  await server.received(({ message }) => message.method === "subscriptions/listen");
  const { error } = await program.request("resources/subscribe", { uri: "x://y" });
  assert.equal(error?.code, -32601);
  assert.equal(server.calls("subscriptions/listen").length, 2);
});

Deno.test("A batch of a client of 2025-03-26 becomes requests, one by one, and a batch again", async () => {
  await using server = await startModern();
  await using program = await proxied(server.url, { initialize: { protocolVersion: "2025-03-26" } });
  await program.send([
    { jsonrpc: "2.0", id: "a", method: "tools/call", params: { name: "t", arguments: { n: 1 } } },
    { jsonrpc: "2.0", id: "b", method: "ping" },
    { jsonrpc: "2.0", method: "notifications/roots/list_changed" },
    { jsonrpc: "2.0", id: "c", method: "x/y" },
  ]);
  await program.response("a");
  const answers: { id: string; result?: unknown; error?: { code: number } }[] = JSON.parse(
    program.lines.at(-1)!,
  );
  const byId = new Map(answers.map((it) => [it.id, it.result ?? it.error?.code]));
  assert.deepEqual(byId.get("a"), { content: [], structuredContent: { n: 1 } });
  assert.deepEqual([byId.get("b"), byId.get("c")], [{}, -32601]);
  assert.ok(server.requests.every(({ body }) => !body.startsWith("[")));
  assert.equal(server.calls("ping").length + server.calls("notifications/roots/list_changed").length, 0);
});

Deno.test("A header that the server misses is found by listing the tools, and the call is sent once more", async () => {
  const tool = {
    name: "t",
    inputSchema: { type: "object", properties: { r: { type: "string", "x-mcp-header": "Region" } } },
  };
  await using server = await startModern({
    "tools/list": (_request, reply) => reply.result({ resultType: "complete", tools: [tool] }),
    "tools/call": ({ headers, message }, reply) =>
      headers.get("mcp-param-region") === null
        ? reply.error(-32020, "Header mismatch", undefined, { status: 400 })
        : reply.result({
          content: [],
          structuredContent: { id: message.id, r: headers.get("mcp-param-region") },
        }),
  });
  await using program = await proxied(server.url);
  const { result, id } = await program.request("tools/call", { name: "t", arguments: { r: "Zürich" } });
  assert.equal(result.structuredContent.r, "=?base64?WsO8cmljaA==?=");
  assert.notEqual(result.structuredContent.id, id);
  await program.request("tools/call", { name: "t", arguments: { r: "eu" } });
  assert.equal(server.calls("tools/call").length, 3);
});

Deno.test("A server that speaks only the legacy era from now on is greeted so, and the call goes on there", async () => {
  let modern = true;
  await using server = await startModern({
    "initialize": ({ message }, reply) =>
      modern ? reply.error(-32022, "no", undefined, { status: 400 }) : reply.result({
        protocolVersion: message.params.protocolVersion,
        capabilities: DISCOVERED.capabilities,
        serverInfo: { name: "legacy", version: "1" },
      }),
    "server/discover": (_request, reply) =>
      modern ? reply.result(DISCOVERED) : reply.error(-32601, "no", undefined, { status: 404 }),
    "notifications/initialized": (_request, reply) => reply.status(202),
    "tools/call": ({ message }, reply) => {
      const enveloped = message.params._meta !== undefined;
      return enveloped === modern
        ? reply.result({ content: [], structuredContent: { modern } })
        : reply.error(-32022, "no", { supported: ["2025-11-25"] }, { status: 400 });
    },
  });
  await using program = await proxied(server.url, { args: ["--retry-delay", "1"] });
  const stream = await server.listening();
  modern = false;
  const { result, error } = await program.request("tools/call", { name: "t" });
  assert.equal(error, undefined);
  assert.deepEqual(result.structuredContent, { modern: false });
  await stream.gone;
});

Deno.test("Credentials, patience and trouble are asked for before anything is said of the era", async () => {
  for (const [status, code] of [[401, "UNAUTHORIZED"], [429, "RETRY_LATER"], [500, "REFUSED"]] as const) {
    await using server = await startModern({
      "initialize": (_request, reply) =>
        reply.error(-32022, "no", undefined, { status, headers: { "retry-after": "0" } }),
    });
    await using program = startProxy(server.url, { args: ["--retry-attempts", "0"] });
    await assert.rejects(program.initialize());
    assert.equal(server.calls("server/discover").length, 0, code);
  }
});

Deno.test("A session that a modern server has begun all the same is not spoken of again", async () => {
  await using server = await startModern({
    "initialize": (_request, reply) =>
      reply.result({ protocolVersion: "2026-07-28", capabilities: {} }, {
        headers: { "mcp-session-id": "s-1" },
      }),
    "tools/call": (_request, reply) => reply.error(-32000, "Session not found", undefined, { status: 404 }),
  });
  await using program = await proxied(server.url);
  const { error } = await program.request("tools/call", { name: "t" });
  assert.deepEqual(error, { code: -32000, message: "Session not found" });
  assert.equal(server.calls("tools/call").length, 1);
  for (const { method, headers } of server.requests) {
    assert.equal(headers.has("mcp-session-id"), method === "DELETE");
  }
});

Deno.test("A modern server that has moved is found once, and spoken to where it is", async () => {
  await using server = await startModern();
  await using front = await startRawHttp((_request, reply) => reply.redirect(server.url));
  await using program = await proxied(`${front.origin}/mcp`);
  await server.listening();
  for (let i = 0; i < 3; i++) await program.request("tools/call", { name: "t" });
  assert.deepEqual(front.requests.map(({ message }) => message.method), ["initialize", "server/discover"]);
});
