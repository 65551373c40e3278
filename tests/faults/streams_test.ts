import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { proxied } from "../e2e/proxied.ts";
import type { RawReply, RawRequest } from "../support/raw_http.ts";
import { type RawServer, startRawServer } from "../support/raw_server.ts";

const QUICK = { args: ["--retry-delay", "10"] };

const CALL = { name: "write", arguments: {} };

/** The GETs that resume a stream, in their order. */
function resumptions(server: RawServer): RawRequest[] {
  return server.requests.filter(({ method, headers }) => method === "GET" && headers.has("last-event-id"));
}

/** Lets `take` answer GETs that resume; those for the server's own stream are refused. */
function onResume(server: RawServer, take: (reply: RawReply, time: number, lastEventId: string) => unknown) {
  let times = 0;
  server.on("GET", async ({ headers }, reply) => {
    const id = headers.get("last-event-id");
    if (id === null) return "default";
    await take(reply, ++times, id);
    return undefined;
  });
}

/** The result of the first call. */
function resultOf(server: RawServer, text = "done") {
  return {
    jsonrpc: "2.0",
    id: server.calls("tools/call")[0]!.message.id,
    result: { content: [{ type: "text", text }] },
  };
}

for (const how of ["reset", "drop"] as const) {
  Deno.test(`an answer's stream that breaks (${how}) behind an event id is resumed, and the unsafe call answered`, async () => {
    await using server = await startRawServer();
    server.on("tools/call", async (_, reply) => {
      const stream = await reply.sse();
      await stream.send({ jsonrpc: "2.0", method: "notifications/message", params: { data: 1 } }, {
        id: "e1",
      });
      // Only once the client has it may the connection break: a RST takes what is not read yet.
      await seen.promise;
      stream[how]();
    });
    const seen = Promise.withResolvers<void>();
    onResume(server, async (reply) => {
      await reply.events([
        { id: "e2", data: { jsonrpc: "2.0", method: "notifications/message", params: { data: 2 } } },
        { id: "e3", data: resultOf(server) },
      ]);
    });
    await using program = await proxied(server.url, QUICK);
    const call = program.request("tools/call", CALL);
    const first = await program.nextMethod("notifications/message");
    seen.resolve();
    strictEqual((await call).result.content[0].text, "done");
    const second = await program.nextMethod("notifications/message");
    deepStrictEqual([first, second].map(({ params }) => params.data), [1, 2]);
    deepStrictEqual(resumptions(server).map(({ headers }) => headers.get("last-event-id")), ["e1"]);
    strictEqual(resumptions(server)[0]!.headers.get("mcp-session-id"), server.sessions[0]);
    strictEqual(server.calls("tools/call").length, 1);
  });
}

Deno.test("a broken stream without an event id is lost: the unsafe call's outcome is unknown", async () => {
  await using server = await startRawServer();
  server.on("tools/call", async (_, reply) => {
    const stream = await reply.sse();
    await stream.comment("soon");
    stream.drop();
  });
  await using program = await proxied(server.url, QUICK);
  const { error } = await program.request("tools/call", CALL);
  strictEqual(error!.data.outcome, "unknown");
  match(error!.message, /unknown/);
  strictEqual(server.calls("tools/call").length, 1);
  strictEqual(resumptions(server).length, 0);
});

Deno.test("events that come again on a resumed stream are delivered once", async () => {
  await using server = await startRawServer();
  const note = (data: number) => ({ jsonrpc: "2.0", method: "notifications/message", params: { data } });
  server.on("tools/call", async (_, reply) => {
    const stream = await reply.sse();
    await stream.send(note(1), { id: "e1" });
    await stream.send(note(1), { id: "e1" });
    await stream.send(note(2), { id: "e2" });
    await stream.end();
  });
  onResume(server, async (reply) => {
    // A server that begins too early.
    await reply.events([
      { id: "e1", data: note(1) },
      { id: "e2", data: note(2) },
      { id: "e3", data: note(3) },
      { id: "e4", data: resultOf(server) },
      { id: "e4", data: resultOf(server) },
    ]);
  });
  await using program = await proxied(server.url, QUICK);
  strictEqual((await program.request("tools/call", CALL)).result.content[0].text, "done");
  await program.request("ping");
  deepStrictEqual(
    program.messages.flatMap(({ method, params }) => method === "notifications/message" ? params.data : []),
    [1, 2, 3],
  );
});

Deno.test("a server that closes an answer's stream in good order is polled when it says, until it answers", async () => {
  await using server = await startRawServer();
  server.on("tools/call", (_, reply) => reply.events([{ id: "p0", data: "", retry: 150 }]));
  onResume(server, async (reply, time) => {
    if (time < 4) await reply.events([{ id: `p${time}`, data: "", retry: 150 }]);
    else await reply.events([{ id: "p4", data: resultOf(server) }]);
  });
  await using program = await proxied(server.url, QUICK);
  strictEqual((await program.request("tools/call", CALL)).result.content[0].text, "done");
  const polls = resumptions(server);
  deepStrictEqual(polls.map(({ headers }) => headers.get("last-event-id")), ["p0", "p1", "p2", "p3"]);
  const times = [server.calls("tools/call")[0]!, ...polls].map(({ at }) => at);
  for (let poll = 1; poll < times.length; poll++) ok(times[poll]! - times[poll - 1]! >= 149, `${times}`);
});

Deno.test("a poll for an answer that always comes back empty, with retry: 0, comes ever more rarely", async () => {
  await using server = await startRawServer();
  server.on("tools/call", (_, reply) => reply.events([{ id: "p", data: "", retry: 0 }]));
  onResume(server, (reply) => reply.events([{ id: "p", data: "", retry: 0 }]));
  await using program = await proxied(server.url, QUICK);
  await program.send({ jsonrpc: "2.0", id: "c", method: "tools/call", params: CALL });
  const polls = await server.receivedMany(4, ({ headers }) => headers.has("last-event-id"));
  const times = polls.map(({ at }) => at);
  for (let poll = 1; poll < times.length; poll++) {
    ok(times[poll]! - times[poll - 1]! >= 100 * 2 ** poll - 2, `${times}`);
  }
  await program.notify("notifications/cancelled", { requestId: "c" });
});

Deno.test("a stream of the server's that always comes back empty, with retry: 0, is opened ever more rarely", async () => {
  await using server = await startRawServer();
  server.on("GET", (_, reply) => reply.events([{ id: "p", data: "", retry: 0 }]));
  await using _program = await proxied(server.url, QUICK);
  const polls = await server.receivedMany(5, ({ method }) => method === "GET");
  const times = polls.map(({ at }) => at);
  for (let poll = 1; poll < times.length; poll++) {
    ok(times[poll]! - times[poll - 1]! >= 100 * 2 ** (poll - 1) - 2, `${times}`);
  }
});

Deno.test("the server's stream is opened again where it left off, and its events delivered once", async () => {
  await using server = await startRawServer({ get: "open" });
  await using program = await proxied(server.url, QUICK);
  const note = (data: number) => ({ jsonrpc: "2.0", method: "notifications/message", params: { data } });
  const first = await server.stream();
  await first.send(note(1), { id: "s1", retry: 100 });
  await program.nextMethod("notifications/message");
  first.reset();
  const second = await server.stream();
  await second.send(note(1), { id: "s1" });
  await second.send(note(2), { id: "s2" });
  strictEqual((await program.nextMethod("notifications/message")).params.data, 2);
  deepStrictEqual(resumptions(server).map(({ headers }) => headers.get("last-event-id")), ["s1"]);
  await second.end();
  await server.stream();
  deepStrictEqual(resumptions(server).map(({ headers }) => headers.get("last-event-id")), ["s1", "s2"]);
});

Deno.test("a stream is not resumed in another session than the one it was part of", async () => {
  await using server = await startRawServer({
    tools: [{ name: "read", inputSchema: { type: "object" }, annotations: { readOnlyHint: true } }],
  });
  let hold: (() => void) | undefined;
  server.on("tools/call", async ({ message }, reply) => {
    if (message.params.arguments.now) return "default";
    if (server.calls("tools/call").filter(({ message }) => message.params.name === "read").length > 1) {
      return "default";
    }
    const stream = await reply.sse();
    await stream.event({ id: "old", data: "", retry: 100 });
    await new Promise<void>((resolve) => hold = resolve);
    await stream.end();
    return undefined;
  });
  await using program = await proxied(server.url, QUICK);
  await program.request("tools/list");
  await server.received(({ method }) => method === "GET");
  const call = program.request("tools/call", { name: "read", arguments: {} });
  await server.received(({ message }) => message.params?.name === "read");
  server.forgetSessions();
  await program.request("ping");
  hold!();
  ok("result" in await call);
  strictEqual(resumptions(server).length, 0);
});
