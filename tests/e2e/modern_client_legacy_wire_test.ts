/** Modern clients at legacy servers: the exact requests that leave, and the exact bytes that come back. */
import assert from "node:assert/strict";
import type { RawRequest } from "../support/raw_http.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { type RawServer, type RawServerOptions, startRawServer } from "../support/raw_server.ts";
import { until } from "../support/until.ts";
import { ABLE, ask, ENVELOPE, listenFor, modernRequest, nextFor } from "./modern_requests.ts";
import { startProxy } from "./proxied.ts";

const PLAIN = { "accept": "application/json, text/event-stream", "content-type": "application/json" };
const SERVER_INFO = '"io.modelcontextprotocol/serverInfo":{"name":"raw-server","version":"1.0.0"}';

/** A legacy server that is asked for no era, so that what leaves is all of one kind. */
const LEGACY = { args: ["--protocol", "legacy"] };

/** The headers that are of the protocol, in no order. */
function protocolHeaders({ headers }: RawRequest): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => /^(mcp-|accept$|content-type$)/.test(name)));
}

/** What has come to a server after its session was begun: bodies. */
function bodies({ requests }: RawServer): string[] {
  const all = requests.filter(({ method }) => method === "POST").map(({ body }) => body);
  return all.slice(all.findIndex((body) => body.includes("notifications/initialized")) + 1);
}

/** A server that answers a method with this result, as it stands. */
function answering(method: string, result: string, more: RawServerOptions = {}): Promise<RawServer> {
  return startRawServer({
    ...more,
    on: {
      ...more.on,
      [method]: ({ message }, reply) =>
        reply.body(`{"x":1E400,"result":${result},"jsonrpc":"2.0","id":${JSON.stringify(message.id)}}`),
    },
  });
}

// The session of our own ----------------------------------------------------------------------------------------------

Deno.test("The first request begins a session with what the client declares, byte for byte", async () => {
  await using server = await startRawServer({ get: "open" });
  await using program = startProxy(server.url, LEGACY);
  const capabilities = '{ "elicitation":{},"x-vendor":{"n":9007199254740993,"e":1E400},"roots":{ } }';
  const info = '{"name":"c","version":"1","title":"\\u00fc","x":1E400}';
  await program.send(
    `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",` +
      `"io.modelcontextprotocol/clientCapabilities":${capabilities},"io.modelcontextprotocol/clientInfo":${info}}}}`,
  );
  await program.response(1);
  await server.stream();
  const [initialize, initialized, list] = server.requests.filter(({ method }) => method === "POST");
  assert.match(
    initialize!.body,
    /^\{"jsonrpc":"2.0","id":"mcp-connect-initialize-\d+","method":"initialize","params":\{"protocolVersion":"2025-11-25",/,
  );
  assert.ok(
    initialize!.body.endsWith(`"capabilities":${capabilities},"clientInfo":${info}}}`),
    initialize!.body,
  );
  assert.deepEqual(protocolHeaders(initialize!), { ...PLAIN, "mcp-method": "initialize" });
  assert.equal(initialized!.body, '{"jsonrpc":"2.0","method":"notifications/initialized"}');
  const session = { "mcp-session-id": server.sessions[0]!, "mcp-protocol-version": "2025-11-25" };
  assert.deepEqual(protocolHeaders(initialized!), {
    ...PLAIN,
    ...session,
    "mcp-method": "notifications/initialized",
  });
  assert.equal(list!.body, '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}');
  assert.deepEqual(protocolHeaders(list!), { ...PLAIN, ...session, "mcp-method": "tools/list" });
  await program.closeStdin();
  await program.status;
  assert.equal(server.requests.at(-1)!.method, "DELETE");
  assert.deepEqual(server.violations, []);
});

Deno.test("A client that says nothing of itself is introduced as this program", async () => {
  await using server = await startRawServer();
  await using program = startProxy(server.url, LEGACY);
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  await program.request("tools/list", { _meta });
  const { params } = server.calls("initialize")[0]!.message;
  assert.equal(params.clientInfo.name, "mcp-connect");
  assert.deepEqual(params.capabilities, {});
});

Deno.test("A client that can do more gets another session, in which both are declared; the first ends when it is idle", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = await startRawServer({
    on: {
      "x/slow": async (_request, reply) => {
        await promise;
        await reply.result({});
      },
    },
  });
  await using program = startProxy(server.url, LEGACY);
  const with_ = (id: number, capabilities: Record<string, unknown>, method = "tools/list") =>
    ask(program, id, method, {}, { capabilities });
  await with_(1, { roots: {} });
  await with_(2, {});
  const slow = with_(3, { roots: {} }, "x/slow");
  await server.received(({ message }) => message.method === "x/slow");
  await with_(4, { elicitation: { url: {} } });
  await with_(5, { roots: {}, elicitation: {} });
  await with_(6, { roots: {}, elicitation: { url: {}, form: {} } });
  assert.deepEqual(server.calls("initialize").map(({ message }) => message.params.capabilities), [
    { roots: {} },
    { roots: {}, elicitation: { url: {} } },
    { roots: {}, elicitation: { url: {}, form: {} } },
  ]);
  assert.deepEqual(
    server.requests.filter(({ method }) => method === "DELETE").map(({ headers }) =>
      headers.get("mcp-session-id")
    ),
    [server.sessions[1]],
  );
  resolve();
  assert.equal((await slow).result.resultType, "complete");
  await server.received(({ method, headers }) =>
    method === "DELETE" && headers.get("mcp-session-id") === server.sessions[0]
  );
  assert.deepEqual(server.violations, []);
});

Deno.test("A request that waits for its session is served although another that can do more comes meanwhile", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = await startRawServer({
    on: {
      "initialize": async () => {
        await promise;
        return "default";
      },
    },
  });
  await using program = startProxy(server.url, { args: [...LEGACY.args, "--retry-attempts", "0"] });
  const all = [{ roots: {} }, { elicitation: {} }, { sampling: {} }, {}].map((capabilities, i) =>
    ask(program, i, "tools/call", { name: "echo", arguments: { i } }, { capabilities })
  );
  await server.received(({ message }) => message.method === "initialize");
  // Read behind them.
  assert.equal((await ask(program, "bad", "x", {}, { revision: "" })).error?.code, -32602);
  resolve();
  for (const [i, { result, error }] of (await Promise.all(all)).entries()) {
    assert.equal(error, undefined, JSON.stringify(error));
    assert.deepEqual(result.structuredContent, { i });
  }
});

Deno.test("A lost session is begun again as it was, with its log level and its subscriptions, and the request is sent again", async () => {
  await using server = await startRawServer({
    capabilities: { tools: {}, logging: {}, resources: { subscribe: true } },
    on: { "resources/subscribe": (_request, reply) => reply.result({}) },
  });
  await using program = startProxy(server.url, LEGACY);
  await ask(program, 1, "tools/list", {}, { capabilities: ABLE, logLevel: "info" });
  await listenFor(program, "L", { resourceSubscriptions: ["x://y"] });
  server.forgetSessions();
  const { result } = await ask(program, 2, "tools/call", { name: "echo", arguments: { n: 1 } });
  assert.deepEqual(result.structuredContent, { n: 1 });
  await nextFor(program, "L", "notifications/resources/updated");
  const [first, second] = server.calls("initialize").map(({ message }) => message.params);
  assert.deepEqual(second, first);
  const again = server.requests.slice(server.requests.indexOf(server.calls("initialize")[1]!));
  assert.deepEqual(
    again.map(({ message }) => [message.method, message.params?.level ?? message.params?.uri]).filter((
      [method],
    ) => method !== undefined).map(([method, what]) => what === undefined ? method : `${method} ${what}`)
      .sort(),
    [
      "initialize",
      "logging/setLevel info",
      "notifications/initialized",
      "resources/subscribe x://y",
      "tools/call",
    ],
  );
  assert.equal(server.calls("tools/call").length, 2, "the one that the server did not take, and the other");
});

Deno.test("A server that chooses a revision that is not known is no server for modern clients", async () => {
  await using server = await startRawServer({ revision: "2031-01-01" });
  await using program = startProxy(server.url, LEGACY);
  const { error } = await ask(program, 1, "tools/list");
  assert.equal(error?.data.code, "NOT_MCP");
  assert.match(error!.message, /2031-01-01/);
});

for (const revision of ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]) {
  Deno.test(`A server of ${revision} serves modern clients`, async () => {
    await using server = await startRawServer({ revision, mode: "sse" });
    await using program = startProxy(server.url, LEGACY);
    const { result } = await ask(program, 1, "tools/call", { name: "echo", arguments: { n: 1 } });
    assert.deepEqual(result.structuredContent, { n: 1 });
    assert.equal(result.resultType, "complete");
    assert.deepEqual(server.violations, []);
  });
}

// Answered here -------------------------------------------------------------------------------------------------------

Deno.test("server/discover is answered with what the server said to initialize, byte for byte but for tasks", async () => {
  const capabilities = '{ "tools":{"listChanged":true},"x":{"n":9007199254740993,"e":1E400}}';
  await using server = await startRawServer({
    on: {
      "initialize": ({ message }, reply) =>
        reply.body(
          `{"jsonrpc":"2.0","id":${
            JSON.stringify(message.id)
          },"result":{"instructions":"\\u00fc","protocolVersion":"2025-11-25","serverInfo":{"version":"1","name":"s","x":1E400},` +
            `"capabilities":${capabilities.replace("{ ", '{ "tasks":{"list":{}},')}}}`,
        ),
    },
  });
  await using program = startProxy(server.url, LEGACY);
  await program.send(modernRequest("d", "server/discover"));
  await program.response("d");
  assert.equal(
    program.lines[0],
    `{"jsonrpc":"2.0","id":"d","result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":${capabilities},` +
      '"instructions":"\\u00fc","ttlMs":0,"cacheScope":"private",' +
      '"_meta":{"io.modelcontextprotocol/serverInfo":{"version":"1","name":"s","x":1E400}}}}',
  );
  assert.deepEqual(
    server.requests.filter(({ message }) => message.method !== undefined)
      .map(({ message }) => message.method),
    [
      "initialize",
      "notifications/initialized",
    ],
  );
});

for (
  const method of [
    "ping",
    "initialize",
    "logging/setLevel",
    "resources/subscribe",
    "resources/unsubscribe",
    "tasks/list",
    "tasks/get",
    "tasks/result",
    "tasks/cancel",
  ]
) {
  Deno.test(`${method} with an envelope is not found, and not sent`, async () => {
    await using server = await startRawServer();
    await using program = startProxy(server.url, LEGACY);
    await ask(program, 1, "tools/list");
    const { error } = await ask(program, 2, method, { uri: "x://y", level: "info" });
    assert.equal(error?.code, -32601);
    assert.equal(server.requests.filter(({ method }) => method === "POST").length, 3);
  });
}

Deno.test("Another revision is answered with -32022 and what is supported, and nothing is sent", async () => {
  await using server = await startRawServer();
  await using program = startProxy(server.url, LEGACY);
  for (const revision of ["2031-01-01", "2025-11-25", "x"]) {
    for (const method of ["tools/list", "server/discover", "subscriptions/listen"]) {
      const { error } = await ask(program, `${revision}${method}`, method, {}, { revision });
      assert.equal(error?.code, -32022);
      assert.deepEqual(error?.data, { supported: ["2026-07-28"], requested: revision });
    }
  }
  await ask(program, "good", "tools/list");
  const posts = server.requests.filter(({ method }) => method === "POST").map(({ message }) =>
    message.method
  );
  assert.deepEqual(posts, ["initialize", "notifications/initialized", "tools/list"]);
});

// What leaves and what comes back ---------------------------------------------------------------------------------------

const VENDOR = '"v/k":{"n":9007199254740993},"traceparent":"00-1","tracestate":"a=b","baggage":"c=d"';

const crossing: [what: string, method: string, params: string, leaves: string][] = [
  ["a list", "tools/list", `{${ENVELOPE}}`, "{}"],
  ["a page", "prompts/list", `{"cursor":"\\u00fc",${ENVELOPE}}`, '{"cursor":"\\u00fc"}'],
  [
    "a call with a vendor's keys",
    "tools/call",
    `{"x":1E400,${
      ENVELOPE.replace("{", `{${VENDOR},`)
    },"name":"t","arguments":{"z":9007199254740993,"a":[ 1.50 ]}}`,
    `{"x":1E400,"_meta":{${VENDOR}},"name":"t","arguments":{"z":9007199254740993,"a":[ 1.50 ]}}`,
  ],
  [
    "what belongs to a retry",
    "completion/complete",
    `{"inputResponses":{"a":{}},"ref":{},"requestState":"s",${ENVELOPE}}`,
    '{"ref":{}}',
  ],
  ["a method of a vendor's", "x-vendor/do", `{${ENVELOPE},"a":1}`, '{"a":1}'],
];

for (const [what, method, params, leaves] of crossing) {
  Deno.test(`${what} leaves without its envelope, and otherwise as the client wrote it`, async () => {
    await using server = await answering(method, "{}");
    await using program = startProxy(server.url, LEGACY);
    await program.send(`{"x":1E400,"method":"${method}", "params":${params},"jsonrpc":"2.0","id":"\\u0061"}`);
    await program.response("a");
    const [body] = bodies(server);
    assert.equal(body, `{"x":1E400,"method":"${method}", "params":${leaves},"jsonrpc":"2.0","id":1}`);
  });
}

const stamp = '"resultType":"complete"';
const hints = '"ttlMs":0,"cacheScope":"private"';
const RESULT = '{ "b":9007199254740993,"a":1E400,"\\u00fc":[ -0.0 ]';

for (
  const [method, stamped] of [
    ["tools/list", `${stamp},${hints}`],
    ["prompts/list", `${stamp},${hints}`],
    ["resources/list", `${stamp},${hints}`],
    ["resources/templates/list", `${stamp},${hints}`],
    ["resources/read", `${stamp},${hints}`],
    ["tools/call", stamp],
    ["prompts/get", stamp],
    ["completion/complete", stamp],
    ["x-vendor/do", stamp],
  ] as const
) {
  Deno.test(`The result of ${method} comes back with what the modern era demands, and otherwise as the server wrote it`, async () => {
    await using server = await answering(method, `${RESULT}}`);
    await using program = startProxy(server.url, LEGACY);
    await program.send(modernRequest("r", method));
    await program.response("r");
    assert.equal(
      program.lines[0],
      `{"x":1E400,"result":${RESULT},${stamped},"_meta":{${SERVER_INFO}}},"jsonrpc":"2.0","id":"r"}`,
    );
  });
}

Deno.test("A server's own _meta, result type and hints stay or give way as they must", async () => {
  await using server = await answering(
    "tools/list",
    '{"ttlMs":5,"tools":[],"_meta":{"v/k":1E400},"resultType":"other","cacheScope":"public"}',
  );
  await using program = startProxy(server.url, LEGACY);
  const { result } = await ask(program, 1, "tools/list");
  assert.equal(result.resultType, "complete");
  assert.ok(program.lines[0]!.includes(`"_meta":{"v/k":1E400,${SERVER_INFO}}`), program.lines[0]);
});

Deno.test("Tools lose what is of tasks, and those that run as tasks only are left out", async () => {
  const tool = (name: string, more = "") => `{"name":"${name}"${more},"inputSchema":{"n":1E400}}`;
  await using server = await answering(
    "tools/list",
    `{"tools":[${tool("a")},${tool("b", ',"execution":{"taskSupport":"optional"}')},${
      tool("c", ',"execution":{"taskSupport":"required"}')
    },${tool("d", ',"outputSchema":{"execution":1}')}]}`,
  );
  await using program = startProxy(server.url, LEGACY);
  await ask(program, 1, "tools/list");
  assert.ok(
    program.lines[0]!.includes(
      `"tools":[${tool("a")},${tool("b")},${tool("d", ',"outputSchema":{"execution":1}')}]`,
    ),
    program.lines[0],
  );
});

for (
  const [given, shown] of [
    [
      '{"code":-32002,"message":"gone","data":{"uri":"x"}}',
      '{"code":-32602,"message":"gone","data":{"uri":"x"}}',
    ],
    ['{"data":1E400,"message":"m","code":-32603}', '{"data":1E400,"message":"m","code":-32603}'],
    ['{"code":7,"message":"m"}', '{"code":7,"message":"m"}'],
  ]
) {
  Deno.test(`The error ${given} comes back as ${shown}`, async () => {
    await using server = await startRawServer({
      on: {
        "resources/read": ({ message }, reply) =>
          reply.body(`{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"error":${given}}`),
      },
    });
    await using program = startProxy(server.url, LEGACY);
    await program.send(modernRequest("e", "resources/read", { uri: "x" }));
    await program.response("e");
    assert.equal(program.lines[0], `{"jsonrpc":"2.0","id":"e","error":${shown}}`);
  });
}

// Progress, logs, cancellation ------------------------------------------------------------------------------------------

Deno.test("Two calls with one progress token have tokens of their own at the server, and the client's again on the way back", async () => {
  await using server = await startRawLineServer({
    on: {
      "tools/call": async (message, peer) => {
        const { progressToken } = message.params._meta;
        await peer.notify("notifications/progress", { progressToken, progress: message.params.arguments.n });
        await peer.result(message, { content: [] });
      },
    },
  });
  await using program = startProxy(server.endpoint, LEGACY);
  await Promise.all(
    [1, 2].map((n) =>
      ask(program, n, "tools/call", { name: "t", arguments: { n } }, { more: { progressToken: "same" } })
    ),
  );
  const tokens = server.received.map(({ messages }) => messages[0]?.params?._meta?.progressToken)
    .filter((it) => it !== undefined);
  assert.equal(new Set(tokens).size, 2);
  const progress = program.messages.filter(({ method }) => method === "notifications/progress");
  assert.deepEqual(progress.map(({ params }) => params), [
    { progressToken: "same", progress: 1 },
    { progressToken: "same", progress: 2 },
  ]);
});

Deno.test("A log level is asked for when the session's says too little, and what nobody wants is kept from the client", async () => {
  /** Settle when what was said before has been read. */
  const read: Promise<unknown>[] = [];
  await using server = await startRawLineServer({
    capabilities: { tools: {}, logging: {} },
    on: {
      "tools/call": async (message, peer) => {
        for (const level of ["debug", "info", "error"]) {
          await peer.notify("notifications/message", { level, data: `${message.params.name} ${level}` });
        }
        await peer.result(message, { content: [] });
        await peer.notify("notifications/message", { level: "emergency", data: "late" });
        read.push(peer.request("ping"));
      },
    },
  });
  await using program = startProxy(server.endpoint, LEGACY);
  const call = async (id: number, name: string, logLevel?: string) => {
    await ask(program, id, "tools/call", { name }, logLevel === undefined ? {} : { logLevel });
    await until(() => read.length === id);
    await Promise.all(read);
  };
  await call(1, "none");
  await call(2, "first", "error");
  await call(3, "second", "info");
  await call(4, "third", "error");
  const levels = server.received.flatMap(({ messages }) => messages)
    .filter(({ method }) => method === "logging/setLevel").map(({ params }) => params.level);
  assert.deepEqual(levels, ["error", "info"]);
  assert.deepEqual(
    program.messages.filter(({ method }) => method === "notifications/message").map(({ params }) =>
      params.data
    ),
    ["first error", "second info", "second error", "third error"],
  );
});

Deno.test("A server that has not declared logging is not asked for a level", async () => {
  await using server = await startRawServer({ capabilities: { tools: {} } });
  await using program = startProxy(server.url, LEGACY);
  assert.equal(
    (await ask(program, 1, "tools/list", {}, { logLevel: "debug" })).result.resultType,
    "complete",
  );
  assert.equal(server.calls("logging/setLevel").length, 0);
});

Deno.test("A cancellation reaches the server under the id that the request has there, reason and all", async () => {
  await using server = await startRawServer({ on: { "tools/call": (_request, reply) => reply.hang() } });
  await using program = startProxy(server.url, LEGACY);
  await ask(program, 1, "tools/list");
  await program.send(modernRequest("c", "tools/call", { name: "t" }));
  const { message: call } = await server.received(({ message }) => message.method === "tools/call");
  await program.send(
    '{"jsonrpc":"2.0", "method":"notifications/cancelled","params":{"reason":"\\u00fc","requestId":"c","x":1E400}}',
  );
  const { body } = await server.received(({ message }) => message.method === "notifications/cancelled");
  assert.equal(
    body,
    `{"jsonrpc":"2.0", "method":"notifications/cancelled","params":{"reason":"\\u00fc","requestId":${call.id},"x":1E400}}`,
  );
  await ask(program, 2, "tools/list");
  assert.equal(program.messages.some(({ id }) => id === "c"), false);
});

Deno.test("A cancellation reaches the server without the envelope that the client gives it", async () => {
  await using server = await startRawServer({ on: { "tools/call": (_request, reply) => reply.hang() } });
  await using program = startProxy(server.url, LEGACY);
  for (
    const [id, meta, left] of [["a", ENVELOPE, ""], [
      "b",
      ENVELOPE.replace("{", '{"v/k":1,'),
      ',"_meta":{"v/k":1}',
    ]]
  ) {
    await program.send(modernRequest(id!, "tools/call", { name: id }));
    const { message: call } = await server.received(({ message }) => message.params?.name === id);
    await program.send(
      `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"${id}",${meta}}}`,
    );
    const { body } = await server.received(({ body, message }) =>
      message.method === "notifications/cancelled" && body.includes(`"requestId":${call.id}`)
    );
    assert.equal(
      body,
      `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${call.id}${left}}}`,
    );
  }
});

Deno.test("Notifications of a modern client's that a legacy server would not know are not sent", async () => {
  await using server = await startRawServer();
  await using program = startProxy(server.url, LEGACY);
  await ask(program, 1, "tools/list");
  await program.notify("notifications/x-vendor", { a: 1 });
  await program.notify("notifications/cancelled", { requestId: "none" });
  await ask(program, 2, "tools/list");
  assert.equal(bodies(server).length, 2);
});

// Listening -------------------------------------------------------------------------------------------------------------

const LISTENED = {
  tools: { listChanged: true },
  prompts: {},
  resources: { subscribe: true, listChanged: true },
};
const ALL = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };

Deno.test("What is listened for is subscribed to once, told to each under its own id, and given up with the last", async () => {
  await using server = await startRawServer({
    get: "open",
    capabilities: LISTENED,
    on: {
      "resources/subscribe": ({ message }, reply) =>
        message.params.uri === "x://refused" ? reply.error(-32002, "no") : reply.result({}),
      "resources/unsubscribe": (_request, reply) => reply.result({}),
    },
  });
  await using program = startProxy(server.url, LEGACY);
  const one = await listenFor(program, 1, {
    ...ALL,
    resourceSubscriptions: ["x://a", "x://refused", "x://b"],
  });
  assert.deepEqual(one, {
    toolsListChanged: true,
    resourcesListChanged: true,
    resourceSubscriptions: ["x://a", "x://b"],
  });
  const two = await listenFor(program, "1", { promptsListChanged: true, resourceSubscriptions: ["x://a"] });
  assert.deepEqual(two, { resourceSubscriptions: ["x://a"] });
  const uris = (method: string) => server.calls(method).map(({ message }) => message.params.uri);
  assert.deepEqual(uris("resources/subscribe").sort(), ["x://a", "x://b", "x://refused"]);

  await server.push(
    '{"jsonrpc":"2.0","params":{"uri":"x://a","n":1E400},"method":"notifications/resources/updated"}',
  );
  await nextFor(program, 1, "notifications/resources/updated");
  await nextFor(program, "1", "notifications/resources/updated");
  const tagged = (id: string) =>
    `{"jsonrpc":"2.0","params":{"uri":"x://a","n":1E400,"_meta":{"io.modelcontextprotocol/subscriptionId":${id}}},` +
    `"method":"notifications/resources/updated"}`;
  assert.deepEqual(program.lines.slice(-2), [tagged("1"), tagged('"1"')]);
  await server.push({ jsonrpc: "2.0", method: "notifications/tools/list_changed" });
  await nextFor(program, 1, "notifications/tools/list_changed");
  // Nobody listens for these.
  await server.push({ jsonrpc: "2.0", method: "notifications/prompts/list_changed" });
  await server.push({ jsonrpc: "2.0", method: "notifications/resources/updated", params: { uri: "x://c" } });
  await server.push({
    jsonrpc: "2.0",
    method: "notifications/elicitation/complete",
    params: { elicitationId: "e" },
  });
  await server.push({ jsonrpc: "2.0", method: "notifications/resources/list_changed" });
  await nextFor(program, 1, "notifications/resources/list_changed");
  assert.equal(program.messages.filter(({ method }) => method?.startsWith("notifications/")).length, 6);

  await program.notify("notifications/cancelled", { requestId: "1" });
  await program.notify("notifications/cancelled", { requestId: 1 });
  await server.received(({ message }) =>
    message.params?.uri === "x://a" && message.method === "resources/unsubscribe"
  );
  await server.received(({ message }) =>
    message.params?.uri === "x://b" && message.method === "resources/unsubscribe"
  );
  assert.deepEqual(uris("resources/unsubscribe").sort(), ["x://a", "x://b"]);
  assert.equal(program.messages.some(({ id }) => id === 1 || id === "1"), false);
});

Deno.test("A resource that is listened for again while it is being given up is subscribed to after that", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = await startRawServer({
    capabilities: LISTENED,
    on: {
      "resources/subscribe": (_request, reply) => reply.result({}),
      "resources/unsubscribe": async (_request, reply) => {
        await promise;
        await reply.result({});
      },
    },
  });
  await using program = startProxy(server.url, LEGACY);
  await listenFor(program, 1, { resourceSubscriptions: ["x://a"] });
  await program.notify("notifications/cancelled", { requestId: 1 });
  await server.received(({ message }) => message.method === "resources/unsubscribe");
  const again = listenFor(program, 2, { resourceSubscriptions: ["x://a"] });
  await ask(program, 3, "tools/list");
  // Had it been sent at once, it could be carried out before the other.
  assert.equal(server.calls("resources/subscribe").length, 1);
  resolve();
  assert.deepEqual(await again, { resourceSubscriptions: ["x://a"] });
  assert.equal(server.calls("resources/subscribe").length, 2);
});

Deno.test("Listening goes on when another session is begun for a client that can do more", async () => {
  await using server = await startRawServer({
    get: "open",
    capabilities: LISTENED,
    on: {
      "resources/subscribe": (_request, reply) => reply.result({}),
      "resources/unsubscribe": (_request, reply) => reply.result({}),
    },
  });
  await using program = startProxy(server.url, LEGACY);
  await listenFor(program, "L", { toolsListChanged: true, resourceSubscriptions: ["x://a"] });
  await server.stream();
  await ask(program, 1, "tools/list", {}, { capabilities: ABLE });
  const stream = await server.stream();
  await nextFor(program, "L", "notifications/tools/list_changed");
  await nextFor(program, "L", "notifications/resources/updated");
  await server.received(({ message, headers }) =>
    message.method === "resources/subscribe" && headers.get("mcp-session-id") === server.sessions[1]
  );
  await stream.notify("notifications/tools/list_changed");
  await nextFor(program, "L", "notifications/tools/list_changed");
  await program.notify("notifications/cancelled", { requestId: "L" });
  const { headers } = await server.received(({ message }) => message.method === "resources/unsubscribe");
  assert.equal(headers.get("mcp-session-id"), server.sessions[1]);
  assert.deepEqual(server.violations, []);
});
