/** TCP and Unix sockets: a message a line. */
import assert from "node:assert/strict";
import {
  type RawLineServer,
  type RawLineServerOptions,
  startRawLineServer,
} from "../support/raw_line_server.ts";
import { type Program, startProgram } from "../support/program.ts";
import { proxied, type ProxiedOptions, startProxy } from "./proxied.ts";

const CALL = { name: "echo", arguments: { text: "ü😀" } };

/** Starts a server on a wire, in a directory of its own where it needs one. */
async function startOn(
  wire: "tcp" | "unix",
  options: RawLineServerOptions = {},
): Promise<{ server: RawLineServer } & AsyncDisposable> {
  if (wire === "tcp") {
    const server = await startRawLineServer(options);
    return { server, [Symbol.asyncDispose]: server[Symbol.asyncDispose] };
  }
  const directory = await Deno.makeTempDir();
  const server = await startRawLineServer({ ...options, path: `${directory}/mcp.sock` });
  return {
    server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

const wires = Deno.build.os === "windows" ? ["tcp"] as const : ["tcp", "unix"] as const;

for (const wire of wires) {
  Deno.test(`A whole session over ${wire} is one connection and a message a line`, async () => {
    await using started = await startOn(wire);
    const { server } = started;
    await using program = await proxied(server.endpoint, { initialize: { capabilities: { roots: {} } } });
    const { result } = await program.request("tools/call", CALL);
    assert.deepEqual(result.structuredContent, CALL.arguments);
    program.respond("roots/list", () => ({ roots: [] }));
    const peer = await server.peer();
    assert.deepEqual((await peer.request("roots/list")).result, { roots: [] });
    await peer.notify("x/hello");
    await program.nextMethod("x/hello");
    await program.notify("x/told");
    await server.message(({ method }) => method === "x/told");
    const { error } = await program.request("x/unknown");
    assert.equal(error?.code, -32601);
    assert.deepEqual(server.received.map(({ messages: [message] }) => message?.method), [
      "initialize",
      "notifications/initialized",
      "tools/call",
      undefined,
      "x/told",
      "x/unknown",
    ]);
    await program.closeStdin();
    assert.equal((await program.status).code, 0);
    await peer.gone;
    assert.equal(server.accepted(), 1);
  });

  Deno.test(`Lines over ${wire} may come in bytes, several at once, with CRLF, empty or unreadable`, async () => {
    await using started = await startOn(wire);
    const { server } = started;
    server.on("tools/call", async ({ id }, peer) => {
      await peer.raw(
        `\r\n\nnot JSON\n{"jsonrpc":"2.0","method":"x/one"}\r\n{"jsonrpc":"2.0","method":"x/two"}\n`,
      );
      const line = `{"jsonrpc":"2.0","id":${id},"result":{"text":"ü😀"}}\n`;
      for (const byte of new TextEncoder().encode(line)) await peer.raw(Uint8Array.of(byte));
    });
    await using program = await proxied(server.endpoint);
    assert.deepEqual((await program.request("tools/call", CALL)).result, { text: "ü😀" });
    await program.nextMethod("x/one");
    await program.nextMethod("x/two");
    await program.waitStderr(/dropped what is no MCP message/);
  });

  for (const how of ["end", "reset"] as const) {
    Deno.test(`A ${wire} server that goes in mid-call (${how}) leaves its calls with an error each`, async () => {
      await using started = await startOn(wire);
      const { server } = started;
      let calls = 0;
      server.on("tools/call", (_message, peer) => {
        if (++calls === 3) peer[how]();
      });
      await using program = await proxied(server.endpoint);
      const answers = await Promise.all([1, 2, 3].map(() => program.request("tools/call", CALL)));
      for (const { error } of answers) {
        assert.equal(error?.data.code, "CONNECTION_LOST");
        assert.match(error?.data.hint, /may have been carried out/);
      }
      // What comes later gets another connection, and so does a client that starts again.
      assert.deepEqual((await program.request("ping")).result, {});
      assert.equal(server.accepted(), 2);
      await program.initialize();
      assert.deepEqual((await program.request("ping")).result, {});
      assert.equal(server.accepted(), 2);
    });
  }

  Deno.test(`A cancelled call over ${wire} is cancelled at the server, and its late answer reaches nobody`, async () => {
    await using started = await startOn(wire);
    const { server } = started;
    server.on("tools/call", () => {});
    await using program = await proxied(server.endpoint);
    await program.send({ jsonrpc: "2.0", id: "slow", method: "tools/call", params: CALL });
    const call = await server.message(({ method }) => method === "tools/call");
    await program.notify("notifications/cancelled", { requestId: "slow", reason: "enough" });
    const told = await server.message(({ method }) => method === "notifications/cancelled");
    assert.deepEqual(told.params, { requestId: call.id, reason: "enough" });
    const peer = await server.peer();
    await peer.send({ jsonrpc: "2.0", id: call.id, result: { late: true } });
    await program.request("ping");
    assert.equal(program.messages.some(({ id }) => id === "slow"), false);
  });

  Deno.test(`A line over --max-message-size over ${wire} is an error to its call, and the session goes on`, async () => {
    await using started = await startOn(wire);
    const { server } = started;
    server.on(
      "tools/call",
      ({ id }, peer) => peer.send({ jsonrpc: "2.0", id, result: { text: "a".repeat(30_000) } }),
    );
    await using program = await proxied(server.endpoint, { args: ["--max-message-size", "20000"] });
    const { error } = await program.request("tools/call", CALL);
    assert.equal(error?.data.code, "TOO_LARGE");
    assert.deepEqual((await program.request("ping")).result, {});
  });

  Deno.test(`A result of 64 MiB arrives whole over ${wire}`, async () => {
    const size = 64 * 1024 * 1024;
    await using started = await startOn(wire);
    const { server } = started;
    server.on("tools/call", async ({ id }, peer) => {
      await peer.raw(`{"jsonrpc":"2.0","id":${id},"result":{"text":"`);
      const piece = new Uint8Array(1024 * 1024).fill(97);
      for (let sent = 0; sent < size; sent += piece.length) await peer.raw(piece);
      await peer.raw('"}}\n');
    });
    await using program = await proxied(server.endpoint);
    const { result } = await program.request("tools/call", CALL, 60_000);
    assert.equal(result.text.length, size);
  });
}

Deno.test("Nobody listening is an error that says where and why, over TCP and a Unix socket", async () => {
  const server = await startRawLineServer();
  await server[Symbol.asyncDispose]();
  const endpoints = [server.endpoint, ...(wires.length > 1 ? ["unix:/nowhere/mcp.sock"] : [])];
  for (const endpoint of endpoints) {
    await using program = startProxy(endpoint);
    await assert.rejects(program.initialize(), /-31001 /);
    const { error } = program.messages[0]!;
    assert.deepEqual([error?.data.code, error?.data.endpoint], ["UNREACHABLE", endpoint]);
    await program.closeStdin();
    assert.equal((await program.status).code, 0);
  }
});

const spellings: Record<string, (server: RawLineServer) => { args: string[]; options?: ProxiedOptions }> = {
  "host:port": ({ port }) => ({ args: ["--endpoint", `127.0.0.1:${port}`] }),
  "a positional host:port": ({ port }) => ({ args: [`localhost:${port}`] }),
  "tcp://, asked for": ({ endpoint }) => ({ args: ["--endpoint", endpoint, "--transport", "tcp"] }),
  "an environment variable": ({ endpoint }) => ({
    args: [],
    options: { env: { MCP_CONNECT_ENDPOINT: endpoint } },
  }),
};
for (const [what, spell] of Object.entries(spellings)) {
  Deno.test(`A TCP server is reached by ${what}`, async () => {
    await using server = await startRawLineServer();
    const { args, options } = spell(server);
    await using program: Program = startProgram(["proxy", ...args], options);
    await program.initialize();
    assert.deepEqual((await program.request("ping")).result, {});
  });
}

Deno.test("A long message over TCP does not wait for an acknowledgement", async () => {
  await using server = await startRawLineServer();
  await using program = await proxied(server.endpoint);
  // Two writes for one message: with Nagle's algorithm the second waits 40 ms for a delayed acknowledgement.
  const text = "x".repeat(40_000);
  const times: number[] = [];
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    await program.request("tools/call", { name: "echo", arguments: { text } });
    times.push(performance.now() - start);
  }
  const typical = times.toSorted((a, b) => a - b)[5]!;
  assert.ok(typical < 35, `${typical} ms a call`);
});
