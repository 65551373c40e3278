/** Several streams at once, the server's own stream, and who asks whom on them. */
import assert from "node:assert/strict";
import { startRawServer } from "../support/raw_server.ts";
import type { EventStream } from "../support/event_stream.ts";
import { proxied, startProxy } from "./proxied.ts";

const ROOTS = { roots: [{ uri: "file:///ü", name: "a \u2028 b" }] };

Deno.test("The server's own stream opens after initialized and carries what it says and asks", async () => {
  await using server = await startRawServer({ get: "open" });
  await using program = await proxied(server.url, { initialize: { capabilities: { roots: {} } } });
  const stream = await server.stream();
  const methods = server.requests.map(({ method, message }) => message.method ?? method);
  assert.deepEqual(methods, ["initialize", "notifications/initialized", "GET"]);
  await stream.notify("notifications/resources/updated", { uri: "file:///a" });
  assert.deepEqual((await program.nextMethod("notifications/resources/updated")).params, {
    uri: "file:///a",
  });
  program.respond("roots/list", () => ROOTS);
  assert.deepEqual((await stream.request("roots/list")).result, ROOTS);
  program.respond("sampling/createMessage", () => {
    throw { code: -1, message: "User rejected", data: { why: "no" } };
  });
  const { error } = await stream.request("sampling/createMessage", { messages: [], maxTokens: 1 });
  assert.deepEqual(error, { code: -1, message: "User rejected", data: { why: "no" } });
  // The server's ping is the client's to answer, and its unknown methods are the client's to refuse.
  program.respond("ping", () => ({}));
  assert.deepEqual((await stream.request("ping")).result, {});
});

Deno.test("The server's stream is opened again where it left off", async () => {
  await using server = await startRawServer({ get: "open" });
  await using program = await proxied(server.url);
  const first = await server.stream();
  await first.event({ id: "e-7", retry: 1 });
  await first.notify("x/one");
  await program.nextMethod("x/one");
  await first.end();
  const second = await server.stream();
  const [, again] = await server.receivedMany(2, ({ method }) => method === "GET");
  assert.equal(again?.headers.get("last-event-id"), "e-7");
  await second.notify("x/two");
  await program.nextMethod("x/two");
  second.reset();
  await server.stream();
});

Deno.test("A server with sessions, but no stream of its own, is taken at its word", async () => {
  await using server = await startRawServer({
    on: { GET: (_, reply) => reply.body("Cannot GET /mcp", { status: 404, contentType: "text/plain" }) },
  });
  await using program = await proxied(server.url, { args: ["--retry-delay", "1"] });
  await server.received(({ method }) => method === "GET");
  for (let i = 0; i < 5; i++) await program.request("ping");
  const methods = server.requests.map(({ method, message }) => message.method ?? method);
  assert.deepEqual(methods.slice(0, 3), ["initialize", "notifications/initialized", "GET"]);
  assert.deepEqual(new Set(methods.slice(3)), new Set(["ping"]));
});

Deno.test("Many calls stream at once, each with messages of its own, in whatever order they end", async () => {
  await using server = await startRawServer();
  const streams: { stream: EventStream; token: number }[] = [];
  const all = Promise.withResolvers<void>();
  const count = 20;
  server.on("tools/call", async ({ message }, reply) => {
    const stream = await reply.sse({ split: 7 });
    streams.push({ stream, token: message.params._meta.progressToken });
    if (streams.length === count) all.resolve();
  });
  await using program = await proxied(server.url);
  const calls = Array.from(
    { length: count },
    (_, token) => program.request("tools/call", { name: "slow", _meta: { progressToken: token } }),
  );
  await all.promise;
  for (const progress of [1, 2, 3]) {
    await Promise.all(
      streams.map(({ stream, token: progressToken }) =>
        stream.notify("notifications/progress", { progressToken, progress })
      ),
    );
  }
  for (const { stream, token } of streams.toReversed()) {
    await stream.result({ token });
    await stream.end();
  }
  for (const [token, call] of calls.entries()) assert.deepEqual((await call).result, { token });
  for (let token = 0; token < count; token++) {
    const progress = program.messages.filter(({ params }) => params?.progressToken === token);
    assert.deepEqual(progress.map(({ params }) => params.progress), [1, 2, 3]);
    const last = program.messages.indexOf(progress[2]!);
    const answer = program.messages.findIndex(({ result }) => result?.token === token);
    assert.ok(last < answer, "progress comes before the answer");
  }
});

Deno.test("A call's stream may ask the client, who answers by a POST of its own, before the call is answered", async () => {
  await using server = await startRawServer();
  server.on("tools/call", async (_request, reply) => {
    const stream = await reply.sse();
    const { result } = await stream.request("elicitation/create", { message: "who?", requestedSchema: {} });
    await stream.result({ got: result });
    await stream.end();
  });
  await using program = await proxied(server.url, { initialize: { capabilities: { elicitation: {} } } });
  program.respond("elicitation/create", (params) => ({ action: "accept", asked: params }));
  const { result } = await program.request("tools/call", { name: "ask" });
  const asked = { message: "who?", requestedSchema: {} };
  assert.deepEqual(result, { got: { action: "accept", asked } });
  const answer = server.requests.find(({ message }) => message.result?.action === "accept");
  assert.equal(answer?.headers.get("mcp-session-id"), server.sessions[0]);
  assert.equal(answer?.headers.get("mcp-protocol-version"), "2025-11-25");
  assert.equal(answer?.headers.has("mcp-method"), false, "an answer has no method");
});

Deno.test("A server may ping before it answers initialize", async () => {
  await using server = await startRawServer();
  server.on("initialize", async ({ message }, reply) => {
    const stream = await reply.sse();
    await stream.request("ping");
    const { protocolVersion } = message.params;
    await stream.result({ protocolVersion, capabilities: {}, serverInfo: { name: "pinger", version: "1" } });
    await stream.end();
  });
  await using program = startProxy(server.url);
  program.respond("ping", () => ({}));
  assert.deepEqual((await program.initialize()).serverInfo, { name: "pinger", version: "1" });
});

Deno.test("A server's request with the id of a client's request is another one, both ways", async () => {
  await using server = await startRawServer({ get: "open" });
  await using program = await proxied(server.url);
  const own = await server.stream();
  server.on("tools/call", async ({ message }, reply) => {
    const stream = await reply.sse();
    await stream.send({ jsonrpc: "2.0", id: message.id, method: "roots/list" });
    const { result } = await server.answer(message.id!);
    await stream.result({ got: result });
    await stream.end();
  });
  program.respond("roots/list", () => ROOTS);
  assert.deepEqual((await program.request("tools/call", { name: "ask" })).result, { got: ROOTS });
  await own.send({ jsonrpc: "2.0", id: 1, method: "roots/list" });
  assert.deepEqual((await server.answer(1)).result, ROOTS);
  assert.deepEqual((await program.request("ping")).result, {});
});

Deno.test("A question that the server takes back is no longer answered", async () => {
  await using server = await startRawServer({ get: "open" });
  await using program = await proxied(server.url);
  const stream = await server.stream();
  await stream.send({ jsonrpc: "2.0", id: "q", method: "sampling/createMessage", params: { messages: [] } });
  await program.nextMethod("sampling/createMessage");
  await stream.notify("notifications/cancelled", { requestId: "q" });
  await program.nextMethod("notifications/cancelled");
  await program.send({ jsonrpc: "2.0", id: "q", result: {} });
  await program.request("ping");
  assert.equal(server.requests.some(({ message }) => message.id === "q"), false);
});

Deno.test("Notifications of the client reach the server, unknown ones too", async () => {
  await using server = await startRawServer();
  await using program = await proxied(server.url);
  await program.send('{"jsonrpc":"2.0","method":"x-vendor/told","params":{"n":9007199254740993}}');
  const { body, headers } = await server.received(({ message }) => message.method === "x-vendor/told");
  assert.equal(body, '{"jsonrpc":"2.0","method":"x-vendor/told","params":{"n":9007199254740993}}');
  assert.equal(headers.get("mcp-method"), "x-vendor/told");
  await program.notify("notifications/progress", { progressToken: 1, progress: 1 });
  await server.received(({ message }) => message.method === "notifications/progress");
});

Deno.test("Nobody is told of a cancellation of what is not in flight, and initialize is not cancelled", async () => {
  await using server = await startRawServer();
  const go = Promise.withResolvers<void>();
  server.on("initialize", async () => {
    await go.promise;
    return "default";
  });
  await using program = startProxy(server.url);
  const ready = program.initialize();
  await server.received(({ message }) => message.method === "initialize");
  await program.notify("notifications/cancelled", { requestId: 1 });
  await program.notify("notifications/cancelled", { requestId: "never" });
  go.resolve();
  await ready;
  await program.request("ping");
  await program.notify("notifications/cancelled", { requestId: 2 });
  await program.request("ping");
  assert.equal(server.calls("notifications/cancelled").length, 0);
});

Deno.test("An unknown method gets the server's answer, and a logging level reaches it", async () => {
  await using server = await startRawServer();
  await using program = await proxied(server.url);
  const { error } = await program.request("x-vendor/do", { a: 1 });
  assert.deepEqual(error, { code: -32601, message: "Method not found: x-vendor/do" });
  assert.deepEqual((await program.request("logging/setLevel", { level: "debug" })).result, {});
  assert.deepEqual(server.calls("logging/setLevel")[0]?.message.params, { level: "debug" });
});

Deno.test("A stream that the server closes before the answer, with an event id, is polled until it comes", async () => {
  await using server = await startRawServer({
    on: {
      "tools/call": async (_request, reply) => {
        const events = await reply.sse();
        await events.raw("id: priming\nretry: 20\ndata:\n\n");
        await events.end();
      },
      GET: async (request, reply) => {
        if (request.headers.get("last-event-id") !== "priming") return await reply.status(405);
        const events = await reply.sse();
        const call = server.calls("tools/call")[0]!.message;
        await events.send({ jsonrpc: "2.0", id: call.id, result: { content: [] } });
        await events.end();
      },
    },
  });
  await using program = await proxied(server.url);
  assert.deepEqual((await program.request("tools/call", { name: "x" })).result, { content: [] });
});
