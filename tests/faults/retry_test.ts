import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { initializeLine, proxied, startProxy } from "../e2e/proxied.ts";
import { listenRaw } from "../support/raw_socket.ts";
import { startRawServer } from "../support/raw_server.ts";

const QUICK = { args: ["--retry-delay", "10"] };

const TOOLS = [
  { name: "write", inputSchema: { type: "object" } },
  { name: "read", inputSchema: { type: "object" }, annotations: { readOnlyHint: true } },
  { name: "put", inputSchema: { type: "object" }, annotations: { idempotentHint: true } },
];

function toolCall(name: string) {
  return { name, arguments: {} };
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const listener = await listenRaw(async () => {});
  await listener.close();
  return listener.port;
}

Deno.test("a server that comes back after the third attempt gets the client's initialize", async () => {
  const port = await freePort();
  await using program = startProxy(`http://127.0.0.1:${port}/mcp`, {
    args: ["--retry-delay", "200", "--retry-attempts", "8", "--log-level", "info"],
  });
  await program.send(initializeLine());
  // It says so before each repetition: three have been decided on, two have failed again.
  await program.waitStderr(/(?:initialize is sent again[^]*){3}/);
  await using server = await startRawServer({ port });
  const { result } = await program.response(1);
  strictEqual(result.serverInfo.name, "raw-server");
  strictEqual(server.calls("initialize").length, 1);
});

Deno.test("a call whose connection is refused is sent again, whatever it does", async () => {
  const server = await startRawServer({ sessions: false, tools: TOOLS });
  await using program = await proxied(server.url, {
    args: ["--retry-delay", "200", "--retry-attempts", "8", "--log-level", "info"],
  });
  await server.received(({ method }) => method === "GET");
  await server.close();
  // Whatever is left of the old connections is gone once a safe request has met them.
  const probe = program.request("ping");
  await program.waitStderr(/ping is sent again/);
  const call = program.request("tools/call", toolCall("write"));
  await program.waitStderr(/(?:tools\/call is sent again[^]*){2}/);
  await using again = await startRawServer({ sessions: false, tools: TOOLS, port: server.port });
  ok("result" in await call);
  ok("result" in await probe);
  strictEqual(again.calls("tools/call").length, 1);
});

for (
  const [form, value, leastMs] of [
    ["seconds", () => "1", 990],
    // A date has no fractions of a second: it may be up to one nearer than it was meant.
    ["a date", () => new Date(Date.now() + 2000).toUTCString(), 990],
  ] as const
) {
  for (const status of [429, 503]) {
    Deno.test(`Retry-After as ${form} is honoured, after ${status}`, async () => {
      await using server = await startRawServer();
      await using program = await proxied(server.url, QUICK);
      server.on("tools/call", async (_, reply) => {
        if (server.calls("tools/call").length > 1) return "default";
        await reply.status(status, "", { "retry-after": value() });
        return undefined;
      });
      ok("result" in await program.request("tools/call", toolCall("never-listed")));
      const [first, second] = server.calls("tools/call");
      ok(second!.at - first!.at >= leastMs, `${second!.at - first!.at} ms`);
      strictEqual(server.calls("tools/call").length, 2);
    });
  }
}

Deno.test("with --retry-attempts 0 nothing is repeated", async () => {
  await using server = await startRawServer({ tools: TOOLS });
  await using program = await proxied(server.url, { args: ["--retry-attempts", "0"] });
  server.on("tools/list", (_, reply) => reply.status(502));
  server.on("ping", (_, reply) => reply.reset());
  server.on("tools/call", (_, reply) => reply.status(429, "", { "retry-after": "0" }));
  strictEqual((await program.request("tools/list")).error!.data.status, 502);
  strictEqual((await program.request("ping")).error!.data.code, "CONNECTION_LOST");
  const { error } = await program.request("tools/call", toolCall("write"));
  strictEqual(error!.data.code, "RETRY_LATER");
  strictEqual(error!.data.outcome, "not_run");
  deepStrictEqual(["tools/list", "ping", "tools/call"].map((it) => server.calls(it).length), [1, 1, 1]);
});

Deno.test("attempts are counted: a server that goes on failing gets no more than so many", async () => {
  await using server = await startRawServer();
  await using program = await proxied(server.url, { args: ["--retry-delay", "5", "--retry-attempts", "2"] });
  server.on("tools/list", (_, reply) => reply.status(503));
  strictEqual((await program.request("tools/list")).error!.data.status, 503);
  strictEqual(server.calls("tools/list").length, 3);
});

for (const status of [502, 503, 504]) {
  Deno.test(`after a bare ${status} an unsafe call is not repeated, safe ones are`, async () => {
    await using server = await startRawServer({ tools: TOOLS });
    await using program = await proxied(server.url, QUICK);
    await program.request("tools/list");
    const seen = new Map<string, number>();
    server.on("tools/call", async ({ message }, reply) => {
      const { name } = message.params;
      const times = (seen.get(name) ?? 0) + 1;
      seen.set(name, times);
      if (times > 1) return "default";
      await reply.status(status);
      return undefined;
    });
    for (const name of ["write", "never-listed"]) {
      const { error } = await program.request("tools/call", toolCall(name));
      strictEqual(error!.data.outcome, "unknown");
      match(error!.message, /unknown/);
    }
    for (const name of ["read", "put"]) ok("result" in await program.request("tools/call", toolCall(name)));
    deepStrictEqual(Object.fromEntries(seen), { "write": 1, "never-listed": 1, "read": 2, "put": 2 });
  });
}

for (const how of ["reset", "drop"] as const) {
  Deno.test(`a POST whose connection breaks (${how}) has left once, on a used connection and on a new one`, async () => {
    await using server = await startRawServer({ tools: TOOLS });
    await using program = await proxied(server.url, QUICK);
    await program.request("tools/list");
    server.on("tools/call", (_, reply) => reply[how]());
    for (let call = 1; call <= 3; call++) {
      const { error } = await program.request("tools/call", toolCall("write"));
      strictEqual(error!.data.code, "CONNECTION_LOST");
      strictEqual(error!.data.outcome, "unknown");
      strictEqual(server.calls("tools/call").length, call);
    }
  });
}

Deno.test("a safe call that may have run is not said not to have run when its repetitions find nobody", async () => {
  const server = await startRawServer({ tools: TOOLS });
  await using program = await proxied(server.url, { args: ["--retry-delay", "10", "--retry-attempts", "2"] });
  await program.request("tools/list");
  await server.received(({ method }) => method === "GET");
  server.on("tools/call", async (_, reply) => {
    await server.stopListening();
    reply.reset();
    await server.close();
  });
  const { error } = await program.request("tools/call", toolCall("put"));
  strictEqual(error!.data.outcome, "unknown");
  strictEqual(server.calls("tools/call").length, 1);
});

Deno.test("a call that is taken back while it waits for its repetition is not sent again", async () => {
  await using server = await startRawServer();
  await using program = await proxied(server.url, { args: ["--retry-delay", "0", "--log-level", "info"] });
  for (const method of ["tools/call", "ping"]) {
    server.on(method, async (_, reply) => {
      if (server.calls(method).length > 1) return "default";
      await reply.status(429, "", { "retry-after": "1" });
      return undefined;
    });
  }
  await program.send({ jsonrpc: "2.0", id: "c", method: "tools/call", params: toolCall("read") });
  await program.waitStderr(/tools\/call is sent again/);
  await program.notify("notifications/cancelled", { requestId: "c" });
  // Its repetition comes a second later than it was asked for, and so after the call's would have.
  ok("result" in await program.request("ping"));
  strictEqual(server.calls("tools/call").length, 1);
  ok(!program.messages.some(({ id }) => id === "c"));
});
