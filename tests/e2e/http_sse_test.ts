/** The HTTP+SSE transport of 2024-11-05, and how it is found. */
import assert from "node:assert/strict";
import { startRawServer } from "../support/raw_server.ts";
import { type RawSseServerOptions, startRawSseServer } from "../support/raw_sse_server.ts";
import { proxied, type ProxiedOptions, startProxy } from "./proxied.ts";

/** What a call gives over such a server. */
async function echoOver(server: RawSseServerOptions, options: ProxiedOptions = {}): Promise<void> {
  await using sse = await startRawSseServer(server);
  await using program = await proxied(sse.url, options);
  const { result } = await program.request("tools/call", { name: "echo", arguments: { text: "ü" } });
  assert.deepEqual(result.structuredContent, { text: "ü" });
}

for (const postStatus of [400, 404, 405]) {
  Deno.test(`HTTP+SSE is found by itself when a POST gets ${postStatus}`, async () => {
    await using sse = await startRawSseServer({ postStatus });
    await using program = await proxied(sse.url, { args: ["--debug"] });
    await program.request("tools/call", { name: "echo" });
    assert.deepEqual(
      sse.requests.map(({ method, path, message }) => [method, path.split("?")[0], message.method]),
      [
        ["POST", "/sse", "initialize"],
        ["POST", "/sse", "server/discover"],
        ["GET", "/sse", undefined],
        ["POST", "/messages", "initialize"],
        ["POST", "/messages", "notifications/initialized"],
        ["POST", "/messages", "tools/call"],
      ],
    );
    await program.waitStderr(new RegExp(`transport: sse.*${postStatus}`));
  });
}

for (const postStatus of [401, 403, 500]) {
  Deno.test(`HTTP+SSE is not tried when a POST gets ${postStatus}`, async () => {
    await using sse = await startRawSseServer({ postStatus });
    await using program = startProxy(sse.url);
    await assert.rejects(program.initialize(), new RegExp(`HTTP ${postStatus}`));
    // After a 401 the program also looks for a place to sign in.
    const asked = sse.requests.filter(({ path }) => !/^\/(?:\.well-known\/|register$)/.test(path));
    assert.deepEqual(asked.map(({ method }) => method), ["POST"]);
  });
}

Deno.test("HTTP+SSE is found also when the refusal of the POST is a JSON-RPC error", async () => {
  const refusal = { jsonrpc: "2.0", id: null, error: { code: -32000, message: "no POST here" } };
  await using sse = await startRawSseServer({
    onHttp: { "POST /sse": (_request, reply) => reply.body(refusal, { status: 400 }) },
  });
  await using program = await proxied(sse.url);
  assert.equal(
    (await program.request("tools/call", { name: "echo", arguments: { text: "a" } })).error,
    undefined,
  );
});

Deno.test("A server that knows neither transport is reported with its first refusal", async () => {
  await using server = await startRawServer({
    on: { POST: (_request, reply) => reply.status(404, "no such page") },
  });
  await using program = startProxy(server.url);
  await assert.rejects(program.initialize(), /HTTP 404: no such page/);
  assert.deepEqual(server.requests.map(({ method }) => method), ["POST", "POST", "GET"]);
  assert.match(program.messages[0]?.error?.data.hint, /\/mcp or \/sse/);
});

Deno.test("A server's own error with HTTP 400 is what the client gets, whatever a GET would give", async () => {
  for (const get of ["refuse", "open"] as const) {
    await using server = await startRawServer({ get });
    server.on(
      "initialize",
      (_request, reply) =>
        reply.error(-32602, "Unsupported protocol version", { supported: ["2025-06-18"] }, { status: 400 }),
    );
    await using program = startProxy(server.url, { args: ["--timeout", "3"] });
    await assert.rejects(program.initialize(), /-32602 Unsupported protocol version/);
    assert.deepEqual(program.messages[0]?.error?.data, { supported: ["2025-06-18"] });
  }
});

Deno.test("--transport sse opens the stream at once", async () => {
  await using sse = await startRawSseServer();
  await using program = await proxied(sse.url, { args: ["--transport", "sse"] });
  await program.request("ping");
  assert.deepEqual(sse.requests.map(({ method }) => method), ["GET", "POST", "POST", "POST"]);
});

Deno.test("--transport http never opens the stream of the other transport", async () => {
  await using sse = await startRawSseServer();
  await using program = startProxy(sse.url, { args: ["--transport", "http"] });
  await assert.rejects(program.initialize(), /HTTP 405/);
  assert.deepEqual(sse.requests.map(({ method }) => method), ["POST", "POST"]);
});

const endpoints: Record<string, RawSseServerOptions["endpoint"]> = {
  "absolute": (session, origin) => `${origin}/messages?sessionId=${session}`,
  "a path": (session) => `/messages?sessionId=${session}`,
  "relative": (session) => `messages?sessionId=${session}`,
  "without a scheme": (session, origin) => `${origin.replace("http:", "")}/messages?sessionId=${session}`,
};
for (const [what, endpoint] of Object.entries(endpoints)) {
  Deno.test(`The endpoint event may be ${what}`, () => echoOver({ endpoint: endpoint! }));
}

Deno.test("Messages are not posted to another origin, and neither are credentials", async () => {
  await using other = await startRawServer();
  for (
    const address of [other.url, "https://127.0.0.1/messages", "//elsewhere.test/x", "javascript:alert(1)"]
  ) {
    await using sse = await startRawSseServer({ endpoint: () => address });
    const args = ["--transport", "sse", "--auth-token", "token-abc"];
    await using program = startProxy(sse.url, { args });
    await assert.rejects(program.initialize(), /-31012 .*another origin/);
    assert.deepEqual(sse.requests.map(({ method }) => method), ["GET"]);
  }
  assert.equal(other.requests.length, 0);
});

Deno.test("A stream without an endpoint event ends the attempt after --timeout", async () => {
  await using sse = await startRawSseServer({ endpoint: () => undefined });
  await using program = startProxy(sse.url, { args: ["--transport", "sse", "--timeout", "1"] });
  await assert.rejects(program.initialize(), /-31005 /);
  assert.equal(program.messages[0]?.error?.data.code, "CONNECT_TIMEOUT");
});

Deno.test("Credentials, and the revision once it is known, go with the stream and every message", async () => {
  await using sse = await startRawSseServer();
  const args = ["--transport", "sse", "--auth-token", "token-abc"];
  await using program = await proxied(sse.url, { args, initialize: { protocolVersion: "2025-06-18" } });
  await program.request("ping");
  for (const { headers } of sse.requests) assert.equal(headers.get("authorization"), "Bearer token-abc");
  assert.equal(sse.requests[0]?.headers.get("accept"), "text/event-stream");
  assert.equal(sse.requests.at(-1)?.headers.get("mcp-protocol-version"), "2025-06-18");
});

Deno.test("Everything crosses one stream: questions, notifications, cancellations, answers out of order", async () => {
  await using sse = await startRawSseServer();
  await using program = await proxied(sse.url);
  const peer = await sse.peer();
  program.respond("roots/list", () => ({ roots: [] }));
  assert.deepEqual((await peer.request("roots/list")).result, { roots: [] });
  await peer.notify("x/hello", { a: 1 });
  assert.deepEqual((await program.nextMethod("x/hello")).params, { a: 1 });

  sse.on("tools/call", () => {});
  const [one, two] = ["one", "two"].map((name) => program.request("tools/call", { name }));
  const calls = await sse.receivedMany(2, ({ message }) => message.method === "tools/call");
  for (const { message } of calls.toReversed()) {
    await peer.send({ jsonrpc: "2.0", id: message.id, result: { name: message.params.name } });
  }
  assert.deepEqual((await one)?.result, { name: "one" });
  assert.deepEqual((await two)?.result, { name: "two" });

  await program.send({ jsonrpc: "2.0", id: "slow", method: "tools/call", params: { name: "slow" } });
  await sse.received(({ message }) => message.id === "slow");
  await program.notify("notifications/cancelled", { requestId: "slow" });
  const told = await sse.received(({ message }) => message.method === "notifications/cancelled");
  assert.deepEqual(told.message.params, { requestId: "slow" });
});

Deno.test("A server may ping on the stream before it answers initialize", async () => {
  await using sse = await startRawSseServer();
  const served = Promise.withResolvers<void>();
  // Not awaited by the server, which would read nothing more on this connection.
  sse.on("initialize", (message, peer) => {
    const { protocolVersion } = message.params;
    const serverInfo = { name: "pinger", version: "1" };
    peer.request("ping")
      .then(() => peer.result(message, { protocolVersion, capabilities: {}, serverInfo }))
      .then(served.resolve, served.reject);
  });
  await using program = startProxy(sse.url);
  program.respond("ping", () => ({}));
  assert.deepEqual((await program.initialize()).serverInfo, { name: "pinger", version: "1" });
  await served.promise;
});

Deno.test("When the stream ends, calls in flight are told that their outcome is unknown, later ones get another", async () => {
  for (const how of ["end", "reset"] as const) {
    await using sse = await startRawSseServer();
    sse.on("tools/call", (_message, peer) => peer[how]());
    await using program = await proxied(sse.url);
    const greetings = () => sse.requests.filter(({ message }) => message.method === "initialize").length;
    const before = greetings();
    const lost = await program.request("tools/call", { name: "echo" });
    assert.equal(lost.error?.data.code, "CONNECTION_LOST");
    assert.deepEqual((await program.request("ping")).result, {});
    assert.equal(greetings(), before + 1);
  }
});

Deno.test("A refused POST answers its request, and the session goes on", async () => {
  await using sse = await startRawSseServer();
  await using program = await proxied(sse.url);
  sse.onHttp(
    "POST /messages",
    ({ message }, reply) => message.method === "tools/call" ? reply.status(413, "too much") : "default",
  );
  const { error } = await program.request("tools/call", { name: "echo" });
  assert.deepEqual([error?.data.code, error?.data.status], ["REFUSED", 413]);
  assert.deepEqual((await program.request("ping")).result, {});
});

Deno.test("An event over --max-message-size is refused", async () => {
  await using sse = await startRawSseServer();
  sse.on("tools/call", (message, peer) => peer.result(message, { text: "a".repeat(30_000) }));
  await using program = await proxied(sse.url, { args: ["--max-message-size", "20000"] });
  const { error } = await program.request("tools/call", { name: "big" });
  assert.equal(error?.data.code, "TOO_LARGE");
});

Deno.test("The stream is closed when the client goes", async () => {
  await using sse = await startRawSseServer();
  await using program = await proxied(sse.url);
  const peer = await sse.peer();
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
  await peer.gone;
});
