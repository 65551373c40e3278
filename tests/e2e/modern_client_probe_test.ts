/** How a modern client's first request finds out which era a server is of, request by request. */
import assert from "node:assert/strict";
import type { EventStream } from "../support/event_stream.ts";
import type { RawReply } from "../support/raw_http.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { type RawServer, startRawServer } from "../support/raw_server.ts";
import { startRawSseServer } from "../support/raw_sse_server.ts";
import type { WireMessage } from "../support/wire_message.ts";
import { ask, ENVELOPE, envelope, listenFor, nextFor } from "./modern_requests.ts";
import { startProxy } from "./proxied.ts";
import { scriptedChild } from "./scripted_child.ts";

const DISCOVERED = {
  resultType: "complete",
  supportedVersions: ["2026-07-28"],
  capabilities: { tools: {} },
  ttlMs: 0,
  cacheScope: "private",
};
const ONCE = ["--retry-attempts", "0"];

/** What has come to a server: HTTP methods and those of JSON-RPC. */
function came({ requests }: RawServer): string[] {
  // Those by which the program looks for a place to sign in are none of this.
  return requests.filter(({ path }) => !/^\/(?:\.well-known\/|register$)/.test(path)).map((
    { method, message },
  ) => method === "POST" ? message.method ?? "an answer" : `${method} stream`).filter((it) =>
    it !== "GET stream" && it !== "DELETE stream"
  );
}

const supported = (...list: string[]) => ({ supported: list, requested: "2026-07-28" });
type Reply = (reply: RawReply) => unknown;

// HTTP ------------------------------------------------------------------------------------------------------------

const MODERN: Record<string, Reply> = {
  "a result": (reply) => reply.result(DISCOVERED),
  "a result that names more": (reply) =>
    reply.result({ ...DISCOVERED, supportedVersions: ["2027-01-01", "2026-07-28"] }),
  "-32022 that names it": (reply) => reply.error(-32022, "m", supported("2026-07-28"), { status: 400 }),
  "-32022 that names it, with status 200": (reply) => reply.error(-32022, "m", supported("2026-07-28")),
  "-32020": (reply) => reply.error(-32020, "m", undefined, { status: 400 }),
  "-32021": (reply) => reply.error(-32021, "m", undefined, { status: 400 }),
};

const LEGACY: Record<string, Reply> = {
  "-32022 that names legacy revisions": (reply) =>
    reply.error(-32022, "m", supported("2025-11-25"), { status: 400 }),
  "-32022 without a list": (reply) => reply.error(-32022, "m", undefined, { status: 400 }),
  "-32601": (reply) => reply.error(-32601, "m"),
  "-32601 with status 404": (reply) => reply.error(-32601, "m", undefined, { status: 404 }),
  "-32601 with status 500": (reply) => reply.error(-32601, "m", undefined, { status: 500 }),
  "-32600 with status 400": (reply) => reply.error(-32600, "m", undefined, { status: 400 }),
  "-32000 with status 400": (reply) =>
    reply.error(-32000, "Server not initialized", undefined, { status: 400 }),
  "a result without revisions": (reply) => reply.result({}),
  "a result of later revisions only": (reply) =>
    reply.result({ ...DISCOVERED, supportedVersions: ["2027-01-01"] }),
  "a page": (reply) => reply.body("<html></html>", { status: 400, contentType: "text/html" }),
  ...Object.fromEntries(
    [400, 404, 405, 406, 415, 422].map((
      status,
    ) => [`${status}`, (reply: RawReply) => reply.status(status)]),
  ),
};

const SILENT: Record<string, Reply> = {
  "an end": (reply) => reply.drop(),
  "a break": (reply) => reply.reset(),
  ...Object.fromEntries(
    [401, 403, 408, 425, 429, 500, 501, 502, 503, 504].map((status) => [
      `${status}`,
      (reply: RawReply) => reply.status(status),
    ]),
  ),
  "-32601 with status 401": (reply) => reply.error(-32601, "m", undefined, { status: 401 }),
};

for (const [what, answer] of Object.entries(MODERN)) {
  Deno.test(`A server over HTTP that answers server/discover with ${what} is modern`, async () => {
    let asked = 0;
    await using server = await startRawServer({
      on: {
        "server/discover": (_request, reply) => ++asked === 1 ? answer(reply) : reply.result(DISCOVERED),
      },
    });
    await using program = startProxy(server.url);
    const { result } = await ask(program, 1, "tools/list");
    assert.equal(result.tools.length, 1);
    await ask(program, 2, "server/discover");
    assert.deepEqual(came(server), ["server/discover", "tools/list", "server/discover"]);
    assert.equal(
      server.requests[1]!.body,
      `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{${ENVELOPE}}}`,
    );
  });
}

for (const [what, answer] of Object.entries(LEGACY)) {
  Deno.test(`A server over HTTP that answers server/discover with ${what} is legacy`, async () => {
    await using server = await startRawServer({
      on: { "server/discover": (_request, reply) => answer(reply) },
    });
    await using program = startProxy(server.url);
    const { result } = await ask(program, 1, "server/discover");
    assert.deepEqual(result, {
      resultType: "complete",
      supportedVersions: ["2026-07-28"],
      capabilities: { tools: {}, logging: {} },
      ttlMs: 0,
      cacheScope: "private",
      _meta: { "io.modelcontextprotocol/serverInfo": { name: "raw-server", version: "1.0.0" } },
    });
    assert.equal((await ask(program, 2, "tools/list")).result.resultType, "complete");
    await ask(program, 3, "server/discover");
    assert.deepEqual(came(server), [
      "server/discover",
      "initialize",
      "notifications/initialized",
      "tools/list",
    ]);
  });
}

for (const [what, answer] of Object.entries(SILENT)) {
  Deno.test(`${what} in answer to server/discover says nothing of the era of a server over HTTP`, async () => {
    let silent = true;
    await using server = await startRawServer({
      on: {
        "server/discover": (_request, reply) => silent ? answer(reply) : reply.result(DISCOVERED),
        "initialize": () => assert.fail("initialize was sent"),
      },
    });
    await using program = startProxy(server.url, { args: ONCE });
    for (const [id, method] of [[1, "server/discover"], [2, "tools/list"]] as const) {
      assert.notEqual((await ask(program, id, method)).error, undefined);
    }
    assert.deepEqual(came(server), ["server/discover", "server/discover"]);
    silent = false;
    assert.equal((await ask(program, 3, "tools/list")).result.tools.length, 1);
    assert.deepEqual(came(server).slice(2), ["server/discover", "tools/list"]);
  });
}

Deno.test("A server over HTTP that does not answer server/discover in time says nothing of its era", async () => {
  let silent = true;
  await using server = await startRawServer({
    on: { "server/discover": (_request, reply) => silent ? reply.hang() : reply.result(DISCOVERED) },
  });
  await using program = startProxy(server.url, { args: [...ONCE, "--timeout", "0.3"] });
  const { error } = await ask(program, 1, "tools/list");
  assert.equal(error?.data.code, "CONNECT_TIMEOUT");
  silent = false;
  assert.equal((await ask(program, 2, "tools/list")).result.tools.length, 1);
  assert.deepEqual(came(server), ["server/discover", "server/discover", "tools/list"]);
});

Deno.test("What passes is tried again: a server that is busy at first is found to be modern", async () => {
  let times = 0;
  await using server = await startRawServer({
    on: {
      "server/discover": (_request, reply) => times++ < 2 ? reply.status(503) : reply.result(DISCOVERED),
    },
  });
  await using program = startProxy(server.url, { args: ["--retry-delay", "1"] });
  assert.equal((await ask(program, 1, "tools/list")).result.tools.length, 1);
  assert.deepEqual((await ask(program, 2, "server/discover")).result, DISCOVERED);
});

Deno.test("The client's own server/discover is the question for the era, byte for byte, and its answer the client's", async () => {
  const result =
    '{"supportedVersions":["2026-07-28"],"capabilities":{"x":{"n":9007199254740993,"e":1E400}},"ttlMs":5,"b":[ ],"a":1}';
  await using server = await startRawServer({
    on: {
      "server/discover": ({ message }, reply) =>
        reply.body(`{"jsonrpc":"2.0", "result":${result},"id":${JSON.stringify(message.id)}}`),
    },
  });
  await using program = startProxy(server.url);
  const sent =
    `{"method":"server/discover","x":1E400,"params":{"y":9007199254740993,${ENVELOPE}},"jsonrpc":"2.0","id":"\\u0061"}`;
  await program.send(sent);
  await program.response("a");
  assert.equal(program.lines[0], `{"jsonrpc":"2.0", "result":${result},"id":"\\u0061"}`);
  await ask(program, 2, "tools/list");
  assert.deepEqual(came(server), ["server/discover", "tools/list"]);
  const [probe] = server.requests;
  assert.equal(probe!.body, sent);
  assert.equal(probe!.headers.get("mcp-protocol-version"), "2026-07-28");
  assert.equal(probe!.headers.get("mcp-method"), "server/discover");
  assert.equal(probe!.headers.has("mcp-session-id"), false);
});

Deno.test("Our own server/discover says what the client's request says of it, without its log level", async () => {
  await using server = await startRawServer({
    on: { "server/discover": (_request, reply) => reply.result(DISCOVERED) },
  });
  await using program = startProxy(server.url);
  await ask(program, 1, "tools/list", {}, { capabilities: { roots: {}, x: { y: 1 } }, logLevel: "debug" });
  const [probe] = server.requests;
  const { id, ...rest } = probe!.message;
  assert.match(String(id), /^mcp-connect-/);
  assert.deepEqual(rest, {
    jsonrpc: "2.0",
    method: "server/discover",
    params: { _meta: envelope({ capabilities: { roots: {}, x: { y: 1 } } }) },
  });
});

Deno.test("Requests that come while the era is asked for wait for it, and keep their order", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = await startRawServer({
    on: {
      "server/discover": async (_request, reply) => {
        await promise;
        await reply.result(DISCOVERED);
      },
    },
  });
  await using program = startProxy(server.url, { args: ["--max-in-flight", "1"] });
  const all = [1, 2, 3, 4].map((n) => ask(program, n, "tools/call", { name: "echo", arguments: { n } }));
  await server.received(({ message }) => message.method === "server/discover");
  await program.notify("notifications/cancelled", { requestId: 2 });
  // Read behind the cancellation.
  assert.equal((await ask(program, "p", "tools/call", {}, { revision: "" })).error?.code, -32602);
  resolve();
  await Promise.all([all[0], all[2], all[3]]);
  assert.deepEqual(
    server.calls("tools/call").map(({ message }) => message.params.arguments.n),
    [1, 3, 4],
  );
  assert.equal(server.calls("server/discover").length, 1);
  all[1]!.catch(() => {});
  assert.equal(program.messages.some(({ id }) => id === 2), false);
});

Deno.test("A legacy server over HTTP+SSE is found behind a refused server/discover and a refused initialize", async () => {
  await using server = await startRawSseServer();
  await using program = startProxy(server.url);
  assert.equal((await ask(program, 1, "tools/list")).result.resultType, "complete");
  assert.equal((await ask(program, 2, "server/discover")).result.supportedVersions[0], "2026-07-28");
});

Deno.test("A server that refuses both eras is said to, and asked again the next time", async () => {
  await using server = await startRawServer({
    on: {
      "server/discover": (_request, reply) => reply.status(404),
      "initialize": (_request, reply) => reply.status(404),
    },
  });
  await using program = startProxy(server.url, { args: ONCE });
  const { error } = await ask(program, 1, "tools/list");
  assert.equal(error?.data.code, "REFUSED");
  assert.equal(error?.data.outcome, "not_run");
  server.on("server/discover", (_request, reply) => reply.result(DISCOVERED));
  assert.equal((await ask(program, 2, "tools/list")).result.tools.length, 1);
});

// Told which ------------------------------------------------------------------------------------------------------

Deno.test("--protocol legacy asks for no era: modern clients are spoken for in the legacy one at once", async () => {
  await using server = await startRawServer({
    on: { "server/discover": () => assert.fail("server/discover was sent") },
  });
  await using program = startProxy(server.url, { args: ["--protocol", "legacy"] });
  assert.equal((await ask(program, 1, "server/discover")).result.supportedVersions[0], "2026-07-28");
  assert.equal((await ask(program, 2, "tools/list")).result.resultType, "complete");
  assert.deepEqual(came(server), ["initialize", "notifications/initialized", "tools/list"]);
});

Deno.test("--protocol modern sends the client's first request at once over HTTP, and nothing of the other era", async () => {
  await using server = await startRawServer({
    on: { "initialize": () => assert.fail("initialize was sent") },
  });
  await using program = startProxy(server.url, { args: ["--protocol", "modern"] });
  assert.equal((await ask(program, 1, "tools/list")).result.tools.length, 1);
  const { error } = await ask(program, 2, "server/discover");
  assert.equal(error?.code, -32601);
  assert.deepEqual(came(server), ["tools/list", "server/discover"]);
});

// One connection ------------------------------------------------------------------------------------------------------

const lines = (server: { received: readonly { messages: readonly WireMessage[] }[] }) =>
  server.received.map(({ messages }) => messages[0]?.method);

for (
  const [what, error] of Object.entries({
    "-32601": [-32601, "m"],
    "-32602": [-32602, "m"],
    "-32000": [-32000, "m"],
    "-32022 that names legacy revisions": [-32022, "m", supported("2025-06-18")],
  } as Record<string, [number, string, unknown?]>)
) {
  Deno.test(`A server on TCP that answers server/discover with ${what} is legacy`, async () => {
    await using server = await startRawLineServer({
      on: { "server/discover": (message, peer) => peer.error(message, ...error) },
    });
    await using program = startProxy(server.endpoint);
    assert.equal((await ask(program, 1, "tools/list")).result.resultType, "complete");
    assert.deepEqual(lines(server), [
      "server/discover",
      "initialize",
      "notifications/initialized",
      "tools/list",
    ]);
    assert.equal(server.accepted(), 1);
  });
}

Deno.test("A server on TCP that is modern gets the client's bytes, and answers with its own", async () => {
  await using server = await startRawLineServer({
    on: {
      "server/discover": (message, peer) => peer.result(message, DISCOVERED),
      "x/y": (message, peer) =>
        peer.send(`{"id":${JSON.stringify(message.id)},"result":{"b":1E400,"a":[ ]},"jsonrpc":"2.0"}`),
    },
  });
  await using program = startProxy(server.endpoint);
  const sent =
    `{"x":9007199254740993,"id":"\\u0061","method":"x/y","params":{"n":1E400,${ENVELOPE}},"jsonrpc":"2.0"}`;
  await program.send(sent);
  await program.response("a");
  assert.equal(server.received[1]!.text, sent);
  assert.equal(program.lines.at(-1), '{"id":"\\u0061","result":{"b":1E400,"a":[ ]},"jsonrpc":"2.0"}');
});

Deno.test("A server on TCP that says nothing to server/discover is greeted as well after five seconds", async () => {
  await using server = await startRawLineServer({ on: { "server/discover": () => undefined } });
  await using program = startProxy(server.endpoint);
  assert.equal((await ask(program, 1, "tools/list")).result.resultType, "complete");
  assert.deepEqual(lines(server), [
    "server/discover",
    "initialize",
    "notifications/initialized",
    "tools/list",
  ]);
});

Deno.test("A slow modern server on TCP that answers server/discover after that is modern all the same", async () => {
  let discover: WireMessage | undefined;
  await using server = await startRawLineServer({
    on: {
      "server/discover": (message) => void (discover = message),
      // It does not know that, and takes its time.
      "initialize": (_message, peer) => peer.result(discover!, DISCOVERED),
    },
  });
  await using program = startProxy(server.endpoint);
  const { result } = await ask(program, 1, "tools/list");
  assert.equal(result.tools.length, 1);
  assert.equal("resultType" in result, false, "it is the server's own");
});

Deno.test("A connection that ends of server/discover is followed by another, for initialize", async () => {
  await using server = await startRawLineServer({
    on: { "server/discover": (_message, peer) => peer.end() },
  });
  await using program = startProxy(server.endpoint);
  assert.equal((await ask(program, 1, "tools/list")).result.resultType, "complete");
  assert.equal(server.accepted(), 2);
});

Deno.test("A child that ends of server/discover is started again for initialize, and not asked that a second time", async () => {
  await using child = scriptedChild({ "start": "note('started')", "server/discover": "Deno.exit(3);" });
  await using program = startProxy(child.command);
  assert.equal((await ask(program, 1, "tools/list")).result.resultType, "complete");
  await ask(program, 2, "server/discover");
  assert.equal(child.lines.filter((line) => line === "started").length, 2);
  assert.equal(child.lines.filter((line) => line.includes("server/discover")).length, 1);
  assert.doesNotMatch(program.stderr(), /ERROR/);
});

Deno.test("--protocol modern is not talked out of it by a server on TCP that is not", async () => {
  await using server = await startRawLineServer();
  await using program = startProxy(server.endpoint, { args: ["--protocol", "modern"] });
  const { error } = await ask(program, 1, "tools/list");
  assert.equal(error?.data.code, "NOT_MCP");
  assert.match(error!.message, /2026-07-28/);
  assert.deepEqual(lines(server), ["server/discover"]);
});

// What is known is not for ever -----------------------------------------------------------------------------------------

/** A server over HTTP that is of one era now and of the other then; it announces changes of its tools in both. */
async function startChanging(): Promise<{ server: RawServer; modern: boolean; streams: EventStream[] }> {
  const state = { modern: true, streams: [] as EventStream[] };
  const server = await startRawServer({
    get: "open",
    capabilities: { tools: { listChanged: true } },
    on: {
      "POST": async ({ message, headers }, reply) => {
        const isModern = message.params?._meta?.["io.modelcontextprotocol/protocolVersion"] !== undefined;
        const refuse = (code: number, why: string, data?: unknown) =>
          reply.error(code, why, data, { status: 400 });
        if (!state.modern) {
          return isModern ? refuse(-32000, "Bad Request: Server not initialized") : "default";
        }
        if (headers.has("mcp-session-id")) return await reply.status(404);
        if (!isModern) return refuse(-32022, "Unsupported protocol version", supported("2026-07-28"));
        if (message.method !== "subscriptions/listen") {
          return reply.result(message.method === "server/discover" ? DISCOVERED : { tools: [], content: [] });
        }
        const stream = await reply.sse();
        const { notifications } = message.params;
        const _meta = { "io.modelcontextprotocol/subscriptionId": message.id };
        await stream.notify("notifications/subscriptions/acknowledged", { notifications, _meta });
        state.streams.push(stream);
        return await reply.hang();
      },
    },
  });
  return Object.assign(state, { server });
}

const LISTEN = { toolsListChanged: true };

Deno.test("A server over HTTP that is modern no more is found out about, and what the client does goes on in the other era", async () => {
  const state = await startChanging();
  await using server = state.server;
  await using program = startProxy(server.url, { args: ["--retry-delay", "1"] });
  assert.equal("resultType" in (await ask(program, 1, "tools/list")).result, false);
  assert.deepEqual(await listenFor(program, "L", LISTEN), LISTEN);
  state.modern = false;
  const { result, error } = await ask(program, 2, "tools/call", { name: "echo", arguments: { n: 1 } });
  assert.equal(error, undefined, JSON.stringify(error));
  assert.equal(result.resultType, "complete");
  state.streams[0]!.drop();
  await nextFor(program, "L", "notifications/tools/list_changed");
  await server.push({ jsonrpc: "2.0", method: "notifications/tools/list_changed" });
  await nextFor(program, "L", "notifications/tools/list_changed");
  const all = came(server);
  assert.deepEqual(all.slice(0, 3), ["server/discover", "tools/list", "subscriptions/listen"]);
  assert.deepEqual(all.slice(3), [
    "tools/call",
    "server/discover",
    "initialize",
    "notifications/initialized",
    "tools/call",
  ]);
});

Deno.test("A server over HTTP that is legacy no more is found out about, and what the client does goes on in the other era", async () => {
  const state = await startChanging();
  await using server = state.server;
  state.modern = false;
  await using program = startProxy(server.url, { args: ["--retry-delay", "1"] });
  assert.equal((await ask(program, 1, "tools/list")).result.tools.length, 1);
  assert.deepEqual(await listenFor(program, "L", LISTEN), LISTEN);
  state.modern = true;
  const { result, error } = await ask(program, 2, "tools/list");
  assert.equal(error, undefined, JSON.stringify(error));
  assert.deepEqual(result, { tools: [], content: [] });
  await nextFor(program, "L", "notifications/tools/list_changed");
  assert.equal(state.streams.length, 1);
  assert.equal(program.messages.some(({ id }) => id === "L"), false);
});

Deno.test("A modern server that uses a code of the other era's is asked once more, and its error is the answer", async () => {
  await using server = await startRawServer({
    on: {
      "server/discover": (_request, reply) => reply.result(DISCOVERED),
      "tools/call": (_request, reply) => reply.error(-32000, "mine", { x: 1 }, { status: 400 }),
    },
  });
  await using program = startProxy(server.url);
  const { error } = await ask(program, 1, "tools/call", { name: "t" });
  assert.deepEqual(error, { code: -32000, message: "mine", data: { x: 1 } });
  assert.deepEqual(came(server), ["server/discover", "tools/call", "server/discover"]);
  await program.closeStdin();
  await program.status;
  assert.equal(program.stderr(), "");
});

Deno.test("-32022 that still names the modern revision is the answer, and nothing is asked anew", async () => {
  await using server = await startRawServer({
    on: {
      "server/discover": (_request, reply) => reply.result(DISCOVERED),
      "tools/list": (_request, reply) => reply.error(-32022, "m", supported("2026-07-28"), { status: 400 }),
    },
  });
  await using program = startProxy(server.url);
  const { error } = await ask(program, 1, "tools/list", {}, { revision: "2031-01-01" });
  assert.deepEqual(error, { code: -32022, message: "m", data: supported("2026-07-28") });
  assert.deepEqual(came(server), ["server/discover", "tools/list"]);
});

Deno.test("A server on TCP that never says anything is given up after --timeout, and asked once", async () => {
  await using server = await startRawLineServer({
    on: { "server/discover": () => undefined, "initialize": () => undefined },
  });
  await using program = startProxy(server.endpoint, { args: ["--timeout", "2"] });
  const start = performance.now();
  const { error } = await ask(program, 1, "tools/list");
  assert.equal(error?.data.code, "CONNECT_TIMEOUT");
  const ms = performance.now() - start;
  assert.ok(ms < 8000, `${ms} ms`);
  assert.deepEqual(lines(server), ["server/discover", "initialize"]);
});
