/** What a server says in one go reaches the client in the order it was said. */
import assert from "node:assert/strict";
import { startProgram } from "../support/program.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";
import type { WireMessage } from "../support/wire_message.ts";

const RESULTS: Readonly<Record<string, unknown>> = {
  initialize: {
    protocolVersion: "2025-11-25",
    capabilities: { tools: { listChanged: true } },
    serverInfo: { name: "orderly", version: "1" },
  },
  "tools/list": { tools: [{ name: "echo", inputSchema: { type: "object" } }] },
  "tools/call": { content: [] },
};

/** An answer with a notification before it, and another and a request behind it. */
function said({ id, method }: WireMessage): string[] {
  const note = (n: number) => ({
    jsonrpc: "2.0",
    method: "notifications/note",
    params: { about: method, n },
  });
  return [
    note(1),
    { jsonrpc: "2.0", id, result: RESULTS[method!] },
    note(2),
    { jsonrpc: "2.0", id: `q-${method}`, method: "ping" },
  ].map((message) => JSON.stringify(message));
}

/** Every message on stdout that `said` made, in short. */
const seen = (messages: readonly WireMessage[]) =>
  messages.map(({ id, method, params }) =>
    method === "notifications/note" ? `${params.about} ${params.n}` : method === "ping" ? id : `answer ${id}`
  );

const EXPECTED = ["initialize", "tools/list", "tools/call"].flatMap((method, i) => [
  `${method} 1`,
  `answer ${i + 1}`,
  `${method} 2`,
  `q-${method}`,
]);

const WIRES: Readonly<Record<string, () => Promise<AsyncDisposable & { readonly endpoint: string }>>> = {
  async "a TCP connection"() {
    const server = await startRawLineServer();
    for (const method of Object.keys(RESULTS)) {
      server.on(method, (message, peer) => peer.raw(said(message).map((line) => `${line}\n`).join("")));
    }
    return server;
  },
  async "an event stream"() {
    const server = await startRawServer();
    for (const method of Object.keys(RESULTS)) {
      server.on(method, async ({ message }, reply) => {
        const stream = await reply.sse();
        await stream.raw(said(message).map((line) => `data: ${line}\n\n`).join(""));
        await stream.end();
      });
    }
    return { endpoint: server.url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  },
};

for (const [wire, start] of Object.entries(WIRES)) {
  for (const args of [[], ["--ignore-tool", "nothing", "--max-in-flight", "1"]]) {
    Deno.test(`what a server writes at once over ${wire} keeps its order (${args.join(" ") || "plain"})`, async () => {
      await using server = await start();
      await using program = startProgram(["proxy", ...args, server.endpoint]);
      await program.initialize();
      await program.next(({ id }) => id === "q-initialize");
      await program.request("tools/list");
      await program.next(({ id }) => id === "q-tools/list");
      await program.request("tools/call", { name: "echo" });
      await program.next(({ id }) => id === "q-tools/call");
      assert.deepEqual(seen(program.messages), EXPECTED);
    });
  }
}
