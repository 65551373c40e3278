/** What a Streamable HTTP server gets to see: S/2025-11-25/basic/transports and lifecycle. */
import assert from "node:assert/strict";
import { LEGACY_REVISIONS } from "../support/default_answers.ts";
import type { RawRequest } from "../support/raw_http.ts";
import { startRawServer } from "../support/raw_server.ts";
import { INITIALIZED_LINE, initializeLine, proxied, startProxy } from "./proxied.ts";

/** The headers a request carries, but for those of HTTP itself. */
function headersOf({ headers }: RawRequest): Record<string, string> {
  const found = Object.fromEntries(headers);
  for (const name of ["host", "content-length", "accept-encoding", "accept-language", "connection"]) {
    delete found[name];
  }
  return found;
}

for (const mode of ["json", "sse"] as const) {
  Deno.test(`A whole session is right to the byte on the wire (${mode} answers)`, async () => {
    await using server = await startRawServer({ mode, get: "open" });
    {
      await using program = await proxied(server.url, { args: ["--user-agent", "agent/1"] });
      await server.stream();
      await program.request("tools/call", { name: "echo", arguments: { a: 1 } });
      const asked = server.ask("roots/list");
      program.respond("roots/list", () => ({ roots: [] }));
      assert.deepEqual((await asked).result, { roots: [] });
      await program.notify("notifications/roots/list_changed");
      await server.received(({ body }) => body.includes("list_changed"));
      await program.closeStdin();
      assert.equal((await program.status).code, 0);
    }
    assert.deepEqual(server.violations, []);
    assert.equal(server.sessions.length, 1);
    const post = {
      "accept": "application/json, text/event-stream",
      "content-type": "application/json",
      "user-agent": "agent/1",
    };
    const session = { "mcp-session-id": server.sessions[0]!, "mcp-protocol-version": "2025-11-25" };
    const stream = { "accept": "text/event-stream", "user-agent": "agent/1", ...session };
    assert.deepEqual(
      server.requests.map((request) => [request.method, request.message.method, headersOf(request)]),
      [
        ["POST", "initialize", { ...post, "mcp-method": "initialize" }],
        ["POST", "notifications/initialized", {
          ...post,
          ...session,
          "mcp-method": "notifications/initialized",
        }],
        ["GET", undefined, stream],
        ["POST", "tools/call", { ...post, ...session, "mcp-method": "tools/call" }],
        ["POST", undefined, { ...post, ...session }],
        ["POST", "notifications/roots/list_changed", {
          ...post,
          ...session,
          "mcp-method": "notifications/roots/list_changed",
        }],
        ["DELETE", undefined, stream],
      ],
    );
  });
}

Deno.test("Nothing is sent, and no connection opened, before the client's first message", async () => {
  await using server = await startRawServer();
  await using program = startProxy(server.url);
  // The answer shows that the program is up and has read from stdin.
  await program.send("garbage");
  assert.equal((await program.next(({ error }) => error?.code === -32700)).id, null);
  assert.equal(server.accepted(), 0);
  await program.initialize();
  assert.equal(server.requests[0]?.message.method, "initialize");
});

Deno.test("A program whose client says nothing leaves the server alone and ends with it", async () => {
  await using server = await startRawServer();
  await using program = startProxy(server.url);
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
  assert.equal(program.stdout(), "");
  assert.equal(server.accepted(), 0);
});

Deno.test("The first tools/call is the third HTTP request, the server's stream aside", async () => {
  await using server = await startRawServer({ get: "open" });
  await using program = await proxied(server.url);
  await program.request("tools/call", { name: "echo" });
  const sent = server.requests.filter(({ method }) => method !== "GET");
  assert.deepEqual(sent.map(({ message }) => message.method), [
    "initialize",
    "notifications/initialized",
    "tools/call",
  ]);
});

Deno.test("All piped in at once, the handshake still comes first and is over before the rest leaves", async () => {
  await using server = await startRawServer();
  const before: number[] = [];
  // Requests that overtook these answers would show.
  const slowly = async (request: RawRequest) => {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 2));
    before.push(server.requests.length - request.number);
    return "default";
  };
  server.on("initialize", slowly);
  server.on("notifications/initialized", slowly);
  const calls = Array.from({ length: 30 }, (_, i) => `{"jsonrpc":"2.0","id":${i + 2},"method":"ping"}`);
  await using program = startProxy(server.url);
  await program.send([initializeLine(), INITIALIZED_LINE, ...calls, ""].join("\n"));
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
  assert.deepEqual(before, [0, 0], "nothing overtook the handshake");
  const sent = server.requests.filter(({ method }) => method === "POST").map(({ message }) => message.method);
  assert.deepEqual(sent.slice(0, 3), ["initialize", "notifications/initialized", "ping"]);
  assert.equal(sent.length, 32);
  const answered = program.messages.map(({ id }) => Number(id)).sort((a, b) => a - b);
  assert.deepEqual(answered, Array.from({ length: 31 }, (_, i) => i + 1));
  assert.deepEqual(server.violations, []);
});

for (const revision of LEGACY_REVISIONS) {
  Deno.test(`The revision ${revision} is the client's and the server's, and in every later header`, async () => {
    await using server = await startRawServer();
    await using program = await proxied(server.url, { initialize: { protocolVersion: revision } });
    await program.request("ping");
    assert.equal(server.requests[0]?.message.params.protocolVersion, revision);
    assert.equal(program.messages[0]?.result.protocolVersion, revision);
    assert.equal(server.requests[0]?.headers.has("mcp-protocol-version"), false);
    assert.equal(server.calls("ping")[0]?.headers.get("mcp-protocol-version"), revision);
  });
}

Deno.test("The header names the revision the server chose, not the one the client asked for", async () => {
  await using server = await startRawServer({ revision: "2025-06-18" });
  await using program = await proxied(server.url);
  await program.request("ping");
  assert.equal(server.calls("ping")[0]?.headers.get("mcp-protocol-version"), "2025-06-18");
  assert.deepEqual(server.violations, []);
});

Deno.test("A server without sessions is sent no session id, and no DELETE", async () => {
  await using server = await startRawServer({ sessions: false });
  {
    await using program = await proxied(server.url);
    await program.request("ping");
    await program.closeStdin();
    assert.equal((await program.status).code, 0);
  }
  assert.equal(server.requests.some(({ headers }) => headers.has("mcp-session-id")), false);
  assert.equal(server.requests.some(({ method }) => method === "DELETE"), false);
});

Deno.test("A server that refuses GET and DELETE with 405 is a good server", async () => {
  await using server = await startRawServer({ get: "refuse" });
  server.on("DELETE", (_request, reply) => reply.status(405));
  {
    await using program = await proxied(server.url);
    await server.received(({ method }) => method === "GET");
    for (let i = 0; i < 3; i++) await program.request("ping");
    await program.closeStdin();
    assert.equal((await program.status).code, 0);
    assert.equal(program.stderr(), "");
  }
  assert.equal(server.requests.filter(({ method }) => method === "GET").length, 1, "not asked again");
  assert.equal(server.requests.filter(({ method }) => method === "DELETE").length, 1);
});

Deno.test("The user's headers and credentials go with every request, the program's own are not replaced", async () => {
  await using server = await startRawServer({ get: "open" });
  {
    const args = [
      ...["--auth-token", "token-abc", "--api-key", "key-abc", "--header", "X-Tenant: one, two"],
      ...["--headers", "X-A:1,X-B:http://b:2"],
    ];
    await using program = await proxied(server.url, { args });
    await server.stream();
    await program.closeStdin();
    await program.status;
  }
  assert.deepEqual(server.requests.map(({ method }) => method), ["POST", "POST", "GET", "DELETE"]);
  for (const { headers } of server.requests) {
    assert.equal(headers.get("authorization"), "Bearer token-abc");
    assert.equal(headers.get("x-api-key"), "key-abc");
    assert.equal(headers.get("x-tenant"), "one, two");
    assert.equal(headers.get("x-a"), "1");
    assert.equal(headers.get("x-b"), "http://b:2");
  }
  assert.deepEqual(server.violations, []);
});

Deno.test("One connection serves a whole chain of calls", async () => {
  await using server = await startRawServer();
  await using program = await proxied(server.url);
  await server.received(({ method }) => method === "GET");
  for (let i = 0; i < 20; i++) await program.request("ping");
  // The stream's GET may have needed one of its own.
  assert.ok(server.accepted() <= 2, `${server.accepted()} connections`);
});

Deno.test("No more than --max-in-flight requests are at the server at once; the others wait their turn", async () => {
  await using server = await startRawServer();
  // Those that leave together may arrive in any order.
  const held: { readonly n: number; readonly release: () => void }[] = [];
  server.on("tools/call", async ({ message }) => {
    const { n } = message.params.arguments;
    await new Promise<void>((release) => held.push({ n, release }));
    return "default";
  });
  await using program = await proxied(server.url, { args: ["--max-in-flight", "4"] });
  const numbers = Array.from({ length: 12 }, (_, n) => n);
  const answers = numbers.map((n) => program.request("tools/call", { name: "echo", arguments: { n } }));
  const arrived = (count: number) =>
    server.receivedMany(count, ({ message }) => message.method === "tools/call");
  for (let released = 0; released < numbers.length; released++) {
    await arrived(Math.min(4 + released, numbers.length));
    // A notification waits for no turn: had more calls left, they would be here by now.
    await program.notify(`notifications/x${released}`);
    await server.received(({ message }) => message.method === `notifications/x${released}`);
    assert.equal(held.length, Math.min(4 + released, numbers.length));
    const { n, release } = held[released]!;
    release();
    await answers[n];
  }
  const results = (await Promise.all(answers)).map(({ result }) => result.structuredContent.n);
  assert.deepEqual(results, numbers);
});
