import assert from "node:assert/strict";
// @ts-types="@modelcontextprotocol/sdk/client/index"
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
// @ts-types="@modelcontextprotocol/sdk/client/sse"
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
// @ts-types="@modelcontextprotocol/sdk/client/streamableHttp"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
// @ts-types="@modelcontextprotocol/sdk/shared/transport"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { createInbox } from "./inbox.ts";
import {
  SDK_STDIO_COMMAND,
  startSdkHttpServer,
  startSdkSseServer,
  startSdkTcpServer,
} from "./sdk_servers.ts";
import { closeStdioClient, stdioTransport } from "./sdk_stdio_client.ts";

/** Takes the official client through every kind of traffic that the server offers. */
async function tour(transport: Transport): Promise<Client> {
  const client = new Client({ name: "test", version: "1" }, {
    capabilities: { sampling: {}, elicitation: {}, roots: {} },
  });
  client.setRequestHandler(CreateMessageRequestSchema, () => ({
    model: "test",
    role: "assistant" as const,
    content: { type: "text" as const, text: "sampled" },
  }));
  client.setRequestHandler(
    ElicitRequestSchema,
    () => ({ action: "accept" as const, content: { name: "Ada" } }),
  );
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: "file:///project" }] }));
  const seen = createInbox<string>((items) => items.join());
  client.setNotificationHandler(
    LoggingMessageNotificationSchema,
    ({ params }) => seen.push(`log ${params.data}`),
  );
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => seen.push(params.uri));
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => seen.push("tools"));
  await client.connect(transport);

  const call = async (name: string, args: Record<string, unknown> = {}) => {
    const { content } = await client.callTool({ name, arguments: args });
    return (content as { text: string }[])[0]?.text ?? "";
  };
  assert.equal((await client.listTools()).tools.length, 17);
  assert.equal(await call("echo", { text: "ü" }), "ü");
  assert.equal(await call("add", { a: 1, b: 2 }), "3");
  assert.equal(JSON.parse(await call("sample", { prompt: "?" })).content.text, "sampled");
  assert.deepEqual(JSON.parse(await call("elicit", { message: "?" })).content, { name: "Ada" });
  assert.deepEqual(JSON.parse(await call("roots")), { roots: [{ uri: "file:///project" }] });
  assert.equal((await call("big", { bytes: 1_000_000 })).length, 1_000_000);
  assert.equal((await client.callTool({ name: "fail", arguments: {} })).isError, true);
  // Counted below the client: it forgets a call's progress handler as soon as the answer is in the same chunk.
  const steps: unknown[] = [];
  const receive = transport.onmessage;
  transport.onmessage = (message, extra) => {
    if ("method" in message && message.method === "notifications/progress") {
      steps.push(message.params?.["progress"]);
    }
    receive?.(message, extra);
  };
  await client.callTool({ name: "progress", arguments: { steps: 3 } }, undefined, { onprogress: () => {} });
  assert.deepEqual(steps, [1, 2, 3]);
  await call("log", { level: "info", data: "one" });
  await seen.find((item) => item === "log one");

  await client.subscribeResource({ uri: "test://text" });
  await call("touch", { uri: "test://text" });
  await seen.find((item) => item === "test://text");
  await call("change", { list: "tools" });
  await seen.find((item) => item === "tools");
  await call("late", { message: "two" });
  await seen.find((item) => item === "log two");
  const { contents } = await client.readResource({ uri: "test://item/Ada" });
  assert.equal((contents[0] as { text: string }).text, "Ada");
  const { completion } = await client.complete({
    ref: { type: "ref/prompt", name: "greet" },
    argument: { name: "name", value: "A" },
  });
  assert.deepEqual(completion.values, ["Ada", "Alan"]);
  assert.equal((await client.getPrompt({ name: "greet", arguments: { name: "Ada" } })).messages.length, 1);
  return client;
}

Deno.test("SDK server over Streamable HTTP gives the official client the tour, and records a cancel", async () => {
  await using server = await startSdkHttpServer();
  const transport = new StreamableHTTPClientTransport(new URL(server.url));
  // The cast: the SDK's own types disagree under exactOptionalPropertyTypes.
  const client = await tour(transport as Transport);
  const abort = new AbortController();
  const slow = client.callTool({ name: "slow", arguments: {} }, undefined, { signal: abort.signal });
  await server.recorded(({ slow }) => slow.length === 1);
  abort.abort();
  await assert.rejects(slow);
  await server.recorded(({ cancelled }) => cancelled.length === 1);
  assert.equal(server.sessions(), 1);
  await transport.terminateSession();
  assert.equal(server.sessions(), 0);
  await client.close();
});

Deno.test("SDK server over Streamable HTTP answers in plain JSON and without sessions", async () => {
  for (const options of [{ json: true }, { stateless: true }]) {
    await using server = await startSdkHttpServer(options);
    const client = new Client({ name: "test", version: "1" });
    await client.connect(new StreamableHTTPClientTransport(new URL(server.url)) as Transport);
    const { structuredContent } = await client.callTool({ name: "add", arguments: { a: 1, b: 2 } });
    assert.deepEqual(structuredContent, { sum: 3 });
    await client.close();
  }
});

Deno.test("SDK server over HTTP+SSE gives the official client the tour", async () => {
  await using server = await startSdkSseServer();
  const client = await tour(new SSEClientTransport(new URL(server.url)));
  await client.close();
});

Deno.test("SDK server over stdio gives the official client the tour", async () => {
  const client = await tour(stdioTransport(SDK_STDIO_COMMAND));
  await closeStdioClient(client);
});

Deno.test("SDK server over TCP answers a line with a line", async () => {
  await using server = await startSdkTcpServer();
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } };
  await connection.write(
    new TextEncoder().encode(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params }) + "\n"),
  );
  const buffer = new Uint8Array(65536);
  const count = await connection.read(buffer);
  const answer = JSON.parse(new TextDecoder().decode(buffer.subarray(0, count ?? 0)));
  assert.equal(answer.result.serverInfo.name, "sdk-server");
  assert.equal(server.sessions(), 1);
});
