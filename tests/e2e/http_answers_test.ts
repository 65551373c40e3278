/** What a client gets for the answers a Streamable HTTP server can give, good and bad. */
import assert from "node:assert/strict";
import type { Program } from "../support/program.ts";
import { resultPieces } from "../support/raw_http.ts";
import { type Override, type RawServer, startRawServer } from "../support/raw_server.ts";
import type { EventStream } from "../support/event_stream.ts";
import { within } from "../support/inbox.ts";
import type { WireMessage } from "../support/wire_message.ts";
import { proxied, startProxy } from "./proxied.ts";

const CALL = { name: "echo", arguments: { a: 1 } };

/** A server whose calls are answered so, and a client that has shaken hands with it. */
async function scripted(
  call: Override,
  args: readonly string[] = [],
): Promise<{ server: RawServer; program: Program } & AsyncDisposable> {
  const server = await startRawServer({ on: { "tools/call": call } });
  try {
    const program = await proxied(server.url, { args });
    return {
      server,
      program,
      async [Symbol.asyncDispose]() {
        await program[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** What one call gets. The session must be of use afterwards. */
async function callGets(call: Override, args: readonly string[] = []): Promise<WireMessage> {
  await using pair = await scripted(call, args);
  const answer = await pair.program.request("tools/call", CALL);
  assert.deepEqual((await pair.program.request("ping")).result, {}, "the session goes on");
  return answer;
}

/** What a call gets is an error of ours: its code and name, the endpoint and a message like this. */
function assertFailure({ error }: WireMessage, name: string, code: number, message: RegExp): void {
  assert.ok(error !== undefined, "an error was expected");
  assert.deepEqual([error.data?.code, error.code], [name, code], error.message);
  assert.match(error.message, message);
  assert.match(error.data.endpoint, /^http:\/\/127\.0\.0\.1:\d+\/mcp$/);
}

const NOT_MCP = -31012;
const LOST = -31007;
const REFUSED = -31011;

// Good answers --------------------------------------------------------------------------------------------------

const good: Record<string, Override> = {
  "JSON with a charset": (_request, reply) =>
    reply.result({ text: "ü" }, { contentType: "application/json; charset=utf-8" }),
  "JSON with its type in capitals": (_request, reply) =>
    reply.result({ text: "ü" }, { contentType: "Application/JSON" }),
  "JSON called text/plain": (_request, reply) => reply.result({ text: "ü" }, { contentType: "text/plain" }),
  "JSON called nothing": (_request, reply) => reply.result({ text: "ü" }, { contentType: "" }),
  "JSON in chunks of one byte": (_request, reply) => reply.result({ text: "ü" }, { chunked: true, split: 1 }),
  "JSON packed with gzip": (_request, reply) => reply.result({ text: "ü" }, { encoding: "gzip" }),
  "JSON packed with br": (_request, reply) => reply.result({ text: "ü" }, { encoding: "br" }),
  "JSON packed with gzip, in chunks": (_request, reply) =>
    reply.result({ text: "ü" }, { encoding: "gzip", chunked: true, split: 3 }),
  "JSON on a connection that is closed afterwards": (_request, reply) =>
    reply.result({ text: "ü" }, { close: true }),
  "an event stream in bytes, CRLF, with comments, ids and retry": async (_request, reply) => {
    const stream = await reply.sse({ split: 1, newline: "\r\n" });
    await stream.comment(" hello");
    await stream.event({ id: "0", retry: 100 });
    await stream.result({ text: "ü" }, { id: "1" });
    await stream.end();
  },
  "an event stream with CR as line end": async (_request, reply) => {
    const stream = await reply.sse({ newline: "\r", split: 1 });
    await stream.comment();
    await stream.result({ text: "ü" });
    await stream.end();
  },
  "an event stream with a charset and a byte order mark": async (_request, reply) => {
    const stream = await reply.sse({ contentType: "text/event-stream;charset=UTF-8" });
    await stream.raw("\ufeff");
    await stream.result({ text: "ü" });
    await stream.end();
  },
  "an event without a type, over several data lines": async ({ message }, reply) => {
    const stream = await reply.sse();
    await stream.raw(`data: {"jsonrpc":"2.0",\ndata:"id":${message.id},\ndata: "result":{"text":"ü"}}\n\n`);
    await stream.end();
  },
  "an event stream with events of other types and answers to nobody": async ({ message }, reply) => {
    const stream = await reply.sse();
    await stream.event({ event: "ping", data: "{}" });
    await stream.event({ event: "x", data: { jsonrpc: "2.0", id: message.id, result: { text: "wrong" } } });
    await stream.send({ jsonrpc: "2.0", id: 4711, result: { text: "wrong" } });
    await stream.send({ jsonrpc: "2.0", id: `${message.id}`, result: { text: "wrong" } });
    await stream.send("not JSON at all");
    await stream.result({ text: "ü" });
    await stream.end();
  },
  "an event stream that is broken off after the answer": async (_request, reply) => {
    const stream = await reply.sse();
    await stream.result({ text: "ü" });
    stream.reset();
  },
};

for (const [what, call] of Object.entries(good)) {
  Deno.test(`A call gets its result: ${what}`, async () => {
    assert.deepEqual((await callGets(call)).result, { text: "ü" });
  });
}

Deno.test("A call gets its one result when the server answers twice, on the stream and on another's", async () => {
  await using pair = await scripted(async ({ message }, reply) => {
    const stream = await reply.sse();
    const { id } = message;
    await stream.send({ jsonrpc: "2.0", id, result: { n: 1 } });
    await stream.send({ jsonrpc: "2.0", id, result: { n: 2 } });
    await stream.send({ jsonrpc: "2.0", id, error: { code: 1, message: "no" } });
    await stream.end();
  });
  const { program } = pair;
  const { id } = await program.request("tools/call", CALL);
  await program.request("ping");
  const answers = program.messages.filter((message) => message.id === id);
  assert.deepEqual(answers.map(({ result }) => result), [{ n: 1 }]);
});

Deno.test("A call gets the result that comes on another call's stream, or on the server's own", async () => {
  await using server = await startRawServer({ get: "open" });
  await using program = await proxied(server.url);
  const own = await server.stream();
  const streams = new Map<unknown, Awaited<ReturnType<Parameters<Override>[1]["sse"]>>>();
  server.on("tools/call", async ({ message }, reply) => {
    const stream = await reply.sse();
    streams.set(message.params.name, stream);
    await stream.notify("x/open", { id: message.id, name: message.params.name });
  });
  const calls = ["a", "b"].map((name) => program.request("tools/call", { name }));
  const opened = [await program.nextMethod("x/open"), await program.nextMethod("x/open")];
  const idOf = (name: string) => opened.find(({ params }) => params.name === name)!.params.id;
  await streams.get("b")!.send({ jsonrpc: "2.0", id: idOf("a"), result: { of: "a" } });
  assert.deepEqual((await calls[0]!).result, { of: "a" });
  await own.send({ jsonrpc: "2.0", id: idOf("b"), result: { of: "b" } });
  assert.deepEqual((await calls[1]!).result, { of: "b" });
  for (const stream of streams.values()) await stream.end();
  assert.deepEqual((await program.request("ping")).result, {});
});

Deno.test("A late answer to a cancelled call reaches nobody", async () => {
  const late = Promise.withResolvers<void>();
  await using pair = await scripted(async (_request, reply) => {
    const stream = await reply.sse();
    await stream.comment();
    await late.promise;
    await stream.result({ late: true }).catch(() => {});
    await stream.end().catch(() => {});
  });
  const { program, server } = pair;
  await program.send({ jsonrpc: "2.0", id: "slow", method: "tools/call", params: CALL });
  await server.received(({ message }) => message.method === "tools/call");
  await program.notify("notifications/cancelled", { requestId: "slow", reason: "enough" });
  const told = await server.received(({ message }) => message.method === "notifications/cancelled");
  assert.deepEqual(told.message.params, { requestId: "slow", reason: "enough" });
  late.resolve();
  await program.request("ping");
  assert.equal(program.messages.some(({ id }) => id === "slow"), false);
});

Deno.test("A stream left open after its answer delays nothing, and is let go in the end", async () => {
  const first = Promise.withResolvers<EventStream>();
  await using pair = await scripted(async ({ message }, reply) => {
    const { name } = message.params;
    if (name === "open") {
      const stream = await reply.sse();
      first.resolve(stream);
      await stream.result({ text: "ü" });
    } else {
      // Answered on the other's stream, and never on its own.
      if (name === "silent") await reply.sse();
      await (await first.promise).send({ jsonrpc: "2.0", id: message.id, result: { name } });
    }
  });
  const { program, server } = pair;
  assert.deepEqual((await program.request("tools/call", { name: "open" })).result, { text: "ü" });
  for (const name of ["silent", "hanging"]) {
    assert.deepEqual((await program.request("tools/call", { name })).result, { name });
  }
  assert.deepEqual((await program.request("ping")).result, {});
  for (const { gone, message } of server.calls("tools/call")) {
    await within(gone, 15_000, `the end of the call ${message.params.name}`);
  }
});

Deno.test("A result of 64 MiB arrives whole, as JSON and as an event", async () => {
  const size = 64 * 1024 * 1024;
  await using pair = await scripted(async (request, reply) => {
    const pieces = resultPieces(request.message.id, size);
    if (request.message.params.name === "json") return await reply.stream(pieces);
    const stream = await reply.sse();
    await stream.pieces(pieces);
    await stream.end();
  });
  for (const name of ["json", "sse"]) {
    const { result } = await pair.program.request("tools/call", { name }, 60_000);
    assert.equal(result.content[0].text.length, size);
  }
});

// Refusals ------------------------------------------------------------------------------------------------------

for (
  const [status, code] of [[400, -32602], [404, -32601], [403, -32000], [500, -32603], [422, 7]] as const
) {
  Deno.test(`The server's own JSON-RPC error is what the client gets when it comes with HTTP ${status}`, async () => {
    const data = { big: "x", n: 1 };
    const answer = await callGets((_request, reply) => reply.error(code, "its words", data, { status }));
    assert.deepEqual(answer.error, { code, message: "its words", data });
  });
}

Deno.test("A JSON-RPC error with the id null answers the request, whatever the status", async () => {
  for (const status of [200, 400, 404]) {
    const answer = await callGets((_request, reply) =>
      reply.body('{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"no such"}}', { status })
    );
    assert.deepEqual(answer.error, { code: -32601, message: "no such" });
  }
});

Deno.test("401 to a static token says that the token was refused, without showing it, and asks nobody else", async () => {
  await using server = await startRawServer({ sessions: false });
  server.on("POST", (_request, reply) =>
    reply.status(401, "", {
      "www-authenticate": `Bearer resource_metadata="${server.origin}/.well-known/oauth-protected-resource"`,
    }));
  await using program = startProxy(server.url, { args: ["--auth-token", "very-secret-token", "--debug"] });
  await assert.rejects(program.initialize(), /-31008 .*refused the credentials \(HTTP 401\)/);
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
  assert.equal(server.requests.length, 1);
  assert.equal((program.stdout() + program.stderr()).includes("very-secret-token"), false);
  const { error } = program.messages[0]!;
  assert.equal(error?.data.code, "UNAUTHORIZED");
  assert.equal(error?.data.status, 401);
  assert.match(error?.data.hint, /token/);
});

Deno.test("401 without credentials says which options give them", async () => {
  const answer = await callGets((_request, reply) => reply.status(401));
  assertFailure(answer, "UNAUTHORIZED", -31008, /wants credentials \(HTTP 401\)/);
  assert.match(answer.error!.data.hint, /--auth-token/);
});

for (const status of [429, 503]) {
  Deno.test(`${status} with Retry-After says when to come back`, async () => {
    const args = ["--request-timeout", "5"];
    const answer = await callGets(
      (_request, reply) => reply.status(status, "", { "retry-after": "7" }),
      args,
    );
    assertFailure(answer, "RETRY_LATER", -31010, /in 7 s/);
    assert.equal(answer.error?.data.status, status);
  });
}

Deno.test("404 in a session says that the session is gone", async () => {
  await using server = await startRawServer();
  await using program = await proxied(server.url);
  server.on("tools/call", (_request, reply) => reply.status(404));
  assertFailure(await program.request("tools/call", CALL), "SESSION_LOST", -31009, /session/);
});

const refused: Record<string, [Override, string, number, RegExp]> = {
  "500 with a text": [(_request, reply) => reply.status(500, "boom"), "REFUSED", REFUSED, /HTTP 500: boom/],
  "502 with a web page": [
    (_request, reply) => reply.body("<html>Bad gateway</html>", { status: 502, contentType: "text/html" }),
    "REFUSED",
    REFUSED,
    /HTTP 502\)/,
  ],
  "403": [(_request, reply) => reply.status(403), "REFUSED", REFUSED, /HTTP 403/],
  "a web page": [
    (_request, reply) => reply.body("<!doctype html><p>Log in", { contentType: "text/html" }),
    "NOT_MCP",
    NOT_MCP,
    /a web page/,
  ],
  "a picture": [
    (_request, reply) => reply.body(new Uint8Array([137, 80, 78, 71]), { contentType: "image/png" }),
    "NOT_MCP",
    NOT_MCP,
    /image\/png/,
  ],
  "200 and nothing": [(_request, reply) => reply.status(200), "NOT_MCP", NOT_MCP, /without answering/],
  "202": [(_request, reply) => reply.status(202), "NOT_MCP", NOT_MCP, /without answering.*202/],
  "204": [(_request, reply) => reply.status(204), "NOT_MCP", NOT_MCP, /without answering.*204/],
  "JSON that is no JSON-RPC": [(_request, reply) => reply.body({ ok: true }), "NOT_MCP", NOT_MCP, /./],
  "broken JSON": [(_request, reply) => reply.body('{"jsonrpc":"2.0",'), "NOT_MCP", NOT_MCP, /./],
  "a number that JSON has not": [
    ({ message }, reply) => reply.body(`{"jsonrpc":"2.0","id":${message.id},"result":{"x":NaN}}`),
    "NOT_MCP",
    NOT_MCP,
    /Parse error/,
  ],
  "a number that JSON has not, in an event": [
    ({ message }, reply) => reply.events([`{"jsonrpc":"2.0","id":${message.id},"result":{"x":NaN}}`]),
    "NOT_MCP",
    NOT_MCP,
    /Parse error/,
  ],
  "broken JSON without the id, in an event": [
    (_request, reply) => reply.events(['{"jsonrpc":"2.0","result":{"x":NaN}}']),
    "NOT_MCP",
    NOT_MCP,
    /Parse error/,
  ],
  "the answer to another request": [
    (_request, reply) => reply.body({ jsonrpc: "2.0", id: 4711, result: {} }),
    "NOT_MCP",
    NOT_MCP,
    /./,
  ],
  "an answer with a result and an error": [
    ({ message }, reply) =>
      reply.body({ jsonrpc: "2.0", id: message.id, result: {}, error: { code: 1, message: "x" } }),
    "NOT_MCP",
    NOT_MCP,
    /./,
  ],
};

for (const [what, [call, name, code, message]] of Object.entries(refused)) {
  Deno.test(`A call gets an error that says what is wrong: ${what}`, async () => {
    assertFailure(await callGets(call), name, code, message);
  });
}

// Broken connections --------------------------------------------------------------------------------------------

const lost: Record<string, Override> = {
  "a connection reset before the answer": (_request, reply) => reply.reset(),
  "a connection closed before the answer": (_request, reply) => reply.drop(),
  "a truncated JSON body": (_request, reply) => reply.result({ text: "ü".repeat(100) }, { truncateAt: 50 }),
  "a truncated body in chunks": (_request, reply) =>
    reply.result({ text: "ü".repeat(100) }, { truncateAt: 50, chunked: true }),
  "an event stream that ends without the answer": async (_request, reply) => {
    const stream = await reply.sse();
    await stream.notify("notifications/progress", { progressToken: 1, progress: 1 });
    await stream.end();
  },
  "an event stream that ends in the middle of the answer": async ({ message }, reply) => {
    const stream = await reply.sse();
    await stream.raw(`data: {"jsonrpc":"2.0","id":${message.id},"result":{}}\n`);
    await stream.end();
  },
  "an event stream that is broken off": async (_request, reply) => {
    const stream = await reply.sse();
    await stream.comment(" keep");
    stream.drop();
  },
  "an event stream that is reset": async (_request, reply) => {
    const stream = await reply.sse();
    await stream.comment(" keep");
    stream.reset();
  },
};

for (const [what, call] of Object.entries(lost)) {
  Deno.test(`A call is told that its outcome is unknown: ${what}`, async () => {
    const answer = await callGets(call);
    assertFailure(answer, "CONNECTION_LOST", LOST, /./);
    assert.match(answer.error!.data.hint, /may have been carried out/);
  });
}

Deno.test("A broken connection is no refused one, whatever words are in the URL", async () => {
  for (const at of ["/proxy/mcp", "/tls", "/connection%20refused", "/dns%20error/certificate"]) {
    await using server = await startRawServer({ at });
    await using program = await proxied(server.url);
    server.on("tools/call", (_request, reply) => reply.drop());
    const { error } = await program.request("tools/call", CALL);
    assert.equal(error?.data.code, "CONNECTION_LOST", `${at}: ${error?.message}`);
  }
});

Deno.test("A server that nobody hears of answers initialize with where and why, and the program stays", async () => {
  const server = await startRawServer();
  await server.close();
  await using program = startProxy(server.url);
  await assert.rejects(program.initialize(), /-31001 .*refused/);
  const { error } = program.messages[0]!;
  assert.equal(error?.data.code, "UNREACHABLE");
  assert.equal(error?.data.endpoint, server.url);
  assert.match(error?.data.hint, /running/);
  await server[Symbol.asyncDispose]();
});

// Size ----------------------------------------------------------------------------------------------------------

for (const encoding of [undefined, "gzip", "br"] as const) {
  for (const mode of ["body", "chunks", "events"] as const) {
    const how = `${mode}${encoding === undefined ? "" : ` packed with ${encoding}`}`;
    if (mode === "events" && encoding !== undefined) continue;
    Deno.test(`An answer over --max-message-size is refused, one of that size is not: ${how}`, async () => {
      const limit = 20_000;
      await using pair = await scripted(async ({ message }, reply) => {
        const { size } = message.params.arguments;
        const around = JSON.stringify({ jsonrpc: "2.0", id: message.id, result: { text: "" } }).length;
        const result = { text: "a".repeat(size - around) };
        if (mode === "events") {
          return await reply.events([{ data: { jsonrpc: "2.0", id: message.id, result } }]);
        }
        const chunked = mode === "chunks";
        await reply.result(result, {
          ...(encoding && { encoding }),
          chunked,
          ...(chunked && { split: 1000 }),
        });
      }, ["--max-message-size", `${limit}`]);
      const call = (size: number) => pair.program.request("tools/call", { name: "big", arguments: { size } });
      assert.ok((await call(limit)).result.text.length > 19_000);
      const over = await call(limit + 1);
      assertFailure(over, "TOO_LARGE", -31013, /larger than 20000 bytes/);
      assert.match(over.error!.data.hint, /--max-message-size/);
      assert.ok((await call(limit)).result.text.length > 19_000, "the session goes on");
    });
  }
}
