import assert from "node:assert/strict";
// @ts-types="@modelcontextprotocol/sdk/client/index"
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
// @ts-types="@modelcontextprotocol/sdk/client/sse"
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { startRawLineServer } from "./raw_line_server.ts";
import { startRawSseServer } from "./raw_sse_server.ts";

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}\n';

/** Reads until a newline, the end (`null`) or an error. */
async function readLine(connection: Deno.Conn): Promise<string | null> {
  const buffer = new Uint8Array(65536);
  let text = "";
  while (!text.endsWith("\n")) {
    const count = await connection.read(buffer);
    if (count === null) return text === "" ? null : text;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return text;
}

const wires = Deno.build.os === "windows" ? ["tcp"] as const : ["tcp", "unix"] as const;
for (const wire of wires) {
  Deno.test(`RawLineServer answers over ${wire}, asks, and is asked`, async () => {
    const directory = await Deno.makeTempDir();
    const path = `${directory}/socket`;
    {
      await using server = await startRawLineServer(wire === "tcp" ? {} : { path });
      using connection = wire === "tcp"
        ? await Deno.connect({ port: server.port, hostname: "127.0.0.1" })
        : await Deno.connect({ transport: "unix", path });
      await connection.write(new TextEncoder().encode(PING));
      assert.equal(await readLine(connection), '{"jsonrpc":"2.0","id":1,"result":{}}\n');
      const peer = await server.peer();
      const asked = peer.request("roots/list");
      const { id } = JSON.parse(await readLine(connection) ?? "");
      await connection.write(
        new TextEncoder().encode(`{"jsonrpc":"2.0","id":"${id}","result":{"roots":[]}}\n`),
      );
      assert.deepEqual((await asked).result, { roots: [] });
    }
    await Deno.remove(directory, { recursive: true });
  });
}

Deno.test("RawLineServer resets, ends, and sees its client go", async () => {
  await using server = await startRawLineServer();
  server.on("ping", (_message, peer) => peer.reset());
  {
    using connection = await Deno.connect({ port: server.port, hostname: "127.0.0.1" });
    await connection.write(new TextEncoder().encode(PING));
    await assert.rejects(readLine(connection), Deno.errors.ConnectionReset);
    await server.peer();
  }
  server.on("ping", (_message, peer) => peer.end());
  const connection = await Deno.connect({ port: server.port, hostname: "127.0.0.1" });
  await connection.write(new TextEncoder().encode(PING));
  assert.equal(await readLine(connection), null);
  connection.close();
  await (await server.peer()).gone;
});

Deno.test("RawSseServer serves the official HTTP+SSE client", async () => {
  await using server = await startRawSseServer();
  const client = new Client({ name: "test", version: "1" });
  await client.connect(new SSEClientTransport(new URL(server.url)));
  const { structuredContent } = await client.callTool({ name: "echo", arguments: { a: 1 } });
  assert.deepEqual(structuredContent, { a: 1 });
  const peer = await server.peer();
  assert.deepEqual((await peer.request("ping")).result, {});
  await client.close();
  await peer.gone;
});

Deno.test("RawSseServer announces the endpoint a test wants and refuses Streamable HTTP", async () => {
  await using server = await startRawSseServer({
    postStatus: 404,
    endpoint: () => "https://elsewhere.test/x",
  });
  const refused = await fetch(server.url, { method: "POST", body: PING });
  await refused.body?.cancel();
  assert.equal(refused.status, 404);
  const response = await fetch(server.url);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  assert.equal((await reader.read()).value, "event: endpoint\ndata: https://elsewhere.test/x\n\n");
  await reader.cancel();
});
