import assert from "node:assert/strict";
// @ts-types="@modelcontextprotocol/sdk/client/index"
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
// @ts-types="@modelcontextprotocol/sdk/client/streamableHttp"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import {
  CreateMessageRequestSchema,
  ResourceListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { resultPieces } from "./raw_http.ts";
import { startRawServer } from "./raw_server.ts";

/** Sends one message by a plain fetch and gives the answer's text. */
async function post(url: string, message: unknown, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...headers,
    },
    body: JSON.stringify(message),
  });
  return await response.text();
}

const CALL = { jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "echo", arguments: { a: 1 } } };

for (const mode of ["json", "sse"] as const) {
  Deno.test(`RawServer serves the official client with ${mode} answers and no violation`, async () => {
    await using server = await startRawServer({ mode, get: "open" });
    const client = new Client({ name: "test", version: "1" }, { capabilities: { sampling: {} } });
    client.setRequestHandler(CreateMessageRequestSchema, () => ({
      model: "test",
      role: "assistant",
      content: { type: "text", text: "hi" },
    }));
    const changed = Promise.withResolvers<void>();
    client.setNotificationHandler(ResourceListChangedNotificationSchema, () => changed.resolve());
    const transport = new StreamableHTTPClientTransport(new URL(server.url));
    await client.connect(transport);
    assert.equal((await client.listTools()).tools[0]?.name, "echo");
    const { structuredContent } = await client.callTool({ name: "echo", arguments: { a: [1, "ü"] } });
    assert.deepEqual(structuredContent, { a: [1, "ü"] });
    await server.push({ jsonrpc: "2.0", method: "notifications/resources/list_changed" });
    await changed.promise;
    const answer = await server.ask("sampling/createMessage", { messages: [], maxTokens: 1 });
    assert.equal(answer.result.content.text, "hi");
    await transport.terminateSession();
    await client.close();
    assert.equal((await server.received(({ method }) => method === "DELETE")).method, "DELETE");
    assert.deepEqual(server.violations, []);
  });
}

Deno.test("RawServer records what a careless client does wrong", async () => {
  await using server = await startRawServer();
  await post(server.url, {
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: { protocolVersion: "2025-06-18" },
  });
  const refused = JSON.parse(await post(server.url, CALL));
  assert.equal(refused.error.message, "Mcp-Session-Id is required");
  assert.deepEqual(server.violations, [
    "request 2 (POST): MCP-Protocol-Version is null, negotiated 2025-06-18",
    "request 2 (POST): no session id",
  ]);
});

Deno.test("RawServer splits an event stream into single bytes", async () => {
  await using server = await startRawServer();
  server.on("tools/call", async (_request, reply) => {
    const stream = await reply.sse({ split: 1, newline: "\r\n" });
    await stream.comment(" keep");
    await stream.result({ text: "ü€😀" }, { id: "e1" });
    await stream.end();
  });
  assert.equal(
    await post(server.url, CALL),
    ': keep\r\nevent: message\r\nid: e1\r\ndata: {"jsonrpc":"2.0","id":7,"result":{"text":"ü€😀"}}\r\n\r\n',
  );
});

Deno.test("RawServer compresses, truncates, resets and drops", async () => {
  await using server = await startRawServer({ sessions: false });
  const texts: Record<string, string> = {};
  for (const encoding of ["gzip", "br"] as const) {
    server.on(
      "tools/call",
      (_request, reply) => reply.result({ encoding }, { encoding, split: 3, chunked: true }),
    );
    texts[encoding] = await post(server.url, CALL);
  }
  assert.deepEqual(texts, {
    gzip: '{"jsonrpc":"2.0","id":7,"result":{"encoding":"gzip"}}',
    br: '{"jsonrpc":"2.0","id":7,"result":{"encoding":"br"}}',
  });
  server.on("tools/call", (_request, reply) => reply.result({}, { truncateAt: 5 }));
  await assert.rejects(post(server.url, CALL));
  server.on("tools/call", (_request, reply) => reply.reset());
  await assert.rejects(post(server.url, CALL));
  server.on("tools/call", (_request, reply) => reply.drop());
  await assert.rejects(post(server.url, CALL));
  server.on("tools/call", async (_request, reply) => {
    const stream = await reply.sse();
    await stream.comment();
    stream.reset();
  });
  await assert.rejects(post(server.url, CALL));
});

Deno.test("RawServer streams a result of 64 MiB", async () => {
  await using server = await startRawServer({ sessions: false });
  const size = 64 * 1024 * 1024;
  server.on("tools/call", (request, reply) => reply.stream(resultPieces(request.message.id, size)));
  const answer = JSON.parse(await post(server.url, CALL));
  assert.equal(answer.result.content[0].text.length, size);
});

Deno.test("RawServer sees a client go while it hangs, and serves the next on another connection", async () => {
  await using server = await startRawServer({ sessions: false });
  let hung = 0;
  server.on("tools/call", (_request, reply) => ++hung > 1 ? "default" : reply.hang());
  const abort = new AbortController();
  const hanging = fetch(server.url, { method: "POST", body: JSON.stringify(CALL), signal: abort.signal });
  const request = await server.received(({ messages }) => messages.length === 1);
  abort.abort();
  await assert.rejects(hanging);
  await request.gone;
  assert.match(await post(server.url, CALL), /structuredContent/);
  assert.equal(server.calls("tools/call").length, 2);
});

Deno.test("RawServer redirects, and keeps one connection for many requests", async () => {
  await using server = await startRawServer({ sessions: false });
  server.on("/old", (_request, reply) => reply.redirect("/mcp"));
  assert.match(await post(`${server.origin}/old`, CALL), /structuredContent/);
  for (let i = 0; i < 5; i++) await post(server.url, CALL);
  assert.equal(server.requests.length, 7);
  assert.equal(server.accepted(), 1);
});

Deno.test("RawServer fails the test when a handler throws", async () => {
  const server = await startRawServer({ sessions: false });
  server.on("tools/call", () => {
    throw new Error("wrong expectation");
  });
  await post(server.url, CALL);
  await assert.rejects(async () => await server[Symbol.asyncDispose](), /wrong expectation/);
});

Deno.test("RawServer answers one request twice, late, and a stranger's request", async () => {
  await using server = await startRawServer({ sessions: false });
  const late = Promise.withResolvers<void>();
  server.on("tools/call", async (_request, reply) => {
    await late.promise;
    await reply.events([
      { data: { jsonrpc: "2.0", id: 99, result: {} } },
      { data: { jsonrpc: "2.0", id: 7, result: { n: 1 } } },
      { data: { jsonrpc: "2.0", id: 7, result: { n: 2 } } },
    ]);
  });
  const answered = post(server.url, CALL);
  await server.received(({ message }) => message.id === 7);
  late.resolve();
  assert.equal((await answered).match(/data:/g)?.length, 3);
});
