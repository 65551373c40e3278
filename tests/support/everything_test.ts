import assert from "node:assert/strict";
// @ts-types="@modelcontextprotocol/sdk/client/index"
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
// @ts-types="@modelcontextprotocol/sdk/client/sse"
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
// @ts-types="@modelcontextprotocol/sdk/client/streamableHttp"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
// @ts-types="@modelcontextprotocol/sdk/shared/transport"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { EVERYTHING_STDIO_COMMAND, startEverything } from "./everything.ts";
import { closeStdioClient, stdioTransport } from "./sdk_stdio_client.ts";

async function echo(transport: Transport): Promise<void> {
  const client = new Client({ name: "test", version: "1" });
  await client.connect(transport);
  const { content } = await client.callTool({ name: "echo", arguments: { message: "ü" } });
  assert.deepEqual(content, [{ type: "text", text: "Echo: ü" }]);
  await closeStdioClient(client);
}

Deno.test("The reference server starts over Streamable HTTP on a loopback port, several at once", async () => {
  await using one = await startEverything("streamableHttp");
  await using two = await startEverything("streamableHttp");
  assert.notEqual(one.port, two.port);
  for (const { url } of [one, two]) await echo(new StreamableHTTPClientTransport(new URL(url)) as Transport);
});

Deno.test("The reference server starts over HTTP+SSE, and is gone once closed", async () => {
  const server = await startEverything("sse");
  await echo(new SSEClientTransport(new URL(server.url)));
  await server.close();
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: server.port }));
});

Deno.test("The reference server runs over stdio", async () => {
  await echo(stdioTransport(EVERYTHING_STDIO_COMMAND));
});
