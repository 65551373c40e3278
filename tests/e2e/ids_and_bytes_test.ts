/** A message that nobody has to change leaves as the bytes that came in; ids come back as they were written. */
import assert from "node:assert/strict";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";
import { startRawSseServer } from "../support/raw_sse_server.ts";
import { scriptedChild } from "./scripted_child.ts";
import { proxied } from "./proxied.ts";

/** What re-encoding would change: numbers, key order, duplicate-looking names, escapes, spaces, unknown members. */
const PAYLOAD =
  String.raw`{"z":1, "a" : [9007199254740993, -0, 1E400, 1.0, 1.10e+2, 123456789012345678901234567890],` +
  String.raw`"2":2,"1":1,"__proto__":{"constructor":null},"toString":"\u0041\/\u00fc\ud83d\ude00ü😀\u2028",` +
  "\t" + String.raw`"":"", "nested":[[[{"_meta":{"x/y":true}}]]], "lone":"\ud800", "nul":"\u0000"}`;

/** One wire with a server that keeps what comes and answers calls with this text, the id put in. */
interface Wire extends AsyncDisposable {
  readonly endpoint: string | readonly string[];
  /** The text of the first message with this text in it. */
  received(part: string): Promise<string>;
}

type Open = (result: string) => Promise<Wire>;

const answer = (id: unknown, result: string) =>
  `{"jsonrpc": "2.0","extra":[1E400] ,"id":${id},"result":${result}} `;

/** The id of a message as it was written. */
function idIn(text: string): string {
  return /"id"\s*:\s*("(?:[^"\\]|\\.)*"|[^\s,}]+)/.exec(text)![1]!;
}

function httpWire(mode: "json" | "sse"): Open {
  return async (result) => {
    const server = await startRawServer({
      on: {
        "tools/call": async ({ body }, reply) => {
          const text = answer(idIn(body), result);
          if (mode === "json") return await reply.body(text);
          const stream = await reply.sse();
          await stream.send(`{"method":"x/before" ,"jsonrpc":"2.0","params":${result}}`);
          await stream.send(text);
          await stream.end();
        },
      },
    });
    return {
      endpoint: server.url,
      received: async (part) => (await server.received(({ body }) => body.includes(part))).body,
      [Symbol.asyncDispose]: server[Symbol.asyncDispose],
    };
  };
}

const wires: Record<string, Open> = {
  "HTTP with JSON": httpWire("json"),
  "HTTP with events": httpWire("sse"),
  async "HTTP+SSE"(result) {
    let last = "";
    const server = await startRawSseServer({
      on: { "tools/call": (_message, peer) => peer.send(answer(idIn(last), result)) },
      onHttp: {
        "POST /messages": ({ body }) => {
          last = body;
          return "default";
        },
      },
    });
    return {
      endpoint: server.url,
      received: async (part) => {
        const own = ({ path, body }: { path: string; body: string }) =>
          path.startsWith("/messages") && body.includes(part);
        return (await server.received(own)).body;
      },
      [Symbol.asyncDispose]: server[Symbol.asyncDispose],
    };
  },
  async "TCP"(result) {
    const server = await startRawLineServer({
      on: {
        "tools/call": (_message, peer) => peer.send(answer(idIn(server.received.at(-1)!.text), result)),
      },
    });
    return {
      endpoint: server.endpoint,
      received: async (part) => {
        await server.message((message) => JSON.stringify(message).includes(part));
        return server.received.find(({ text }) => text.includes(part))!.text;
      },
      [Symbol.asyncDispose]: server[Symbol.asyncDispose],
    };
  },
  "a child process"(result) {
    const child = scriptedChild({
      "tools/call": `say(${JSON.stringify(answer("ID", result))}.replace("ID", () => idOf(line)))`,
    });
    return Promise.resolve({
      endpoint: child.command,
      received: (part) => child.received(part),
      [Symbol.asyncDispose]: child[Symbol.asyncDispose],
    });
  },
};

const IDS = [
  "1",
  "-7",
  "0",
  "9007199254740993",
  "123456789012345678901234567890",
  '"text"',
  '""',
  '"7"',
  String.raw`"\u0041\"\\\/ü😀"`,
  '"a b\\tc"',
];

for (const [name, open] of Object.entries(wires)) {
  Deno.test(`Not a byte changes in either direction over ${name}`, async () => {
    await using wire = await open(PAYLOAD);
    await using program = await proxied(wire.endpoint);
    const request =
      `{ "params":{"name":"echo","arguments":${PAYLOAD}} ,"unknown":1.0, "method":"tools/call","id":"x-1",` +
      `"jsonrpc":"2.0"}`;
    await program.send(request);
    await program.response("x-1");
    assert.equal(await wire.received("x-1"), request);
    assert.equal(program.lines.at(-1)!.trim(), answer('"x-1"', PAYLOAD).trim());
    if (name === "HTTP with events") {
      assert.equal(program.lines.at(-2), `{"method":"x/before" ,"jsonrpc":"2.0","params":${PAYLOAD}}`);
    }
    const notification = `{"method":"x/told","params":${PAYLOAD},"jsonrpc":"2.0", "unknown":{}}`;
    await program.send(notification);
    assert.equal(await wire.received("x/told"), notification);
  });

  Deno.test(`Ids come back as they were written over ${name}`, async () => {
    await using wire = await open("{}");
    await using program = await proxied(wire.endpoint);
    for (const id of IDS) {
      const lines = program.lines.length;
      await program.send(`{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"x"}}`);
      await program.next(({ id: got, result }) => got === JSON.parse(id) && result !== undefined);
      assert.equal(idIn(program.lines.at(-1)!), id);
      assert.ok(program.lines.length > lines);
    }
  });
}

Deno.test("An id that the server wrote in another way still comes back as the client wrote it", async () => {
  await using server = await startRawServer();
  await using program = await proxied(server.url);
  const spellings = [
    [String.raw`"\u0041/"`, String.raw`"A\/"`],
    ["1.0", "1"],
    ["9007199254740993", "9007199254740992"],
    ["1e2", "100"],
  ] as const;
  for (const [ours, theirs] of spellings) {
    server.on("tools/call", (_request, reply) => reply.body(`{"jsonrpc":"2.0","id":${theirs},"result":{}}`));
    await program.send(`{"jsonrpc":"2.0","id":${ours},"method":"tools/call","params":{"name":"x"}}`);
    await program.next(({ id, result }) => id === JSON.parse(ours) && result !== undefined);
    assert.equal(idIn(program.lines.at(-1)!), ours);
  }
});

Deno.test("A text id and a number that look alike are two requests, in flight at once", async () => {
  await using server = await startRawServer();
  const both = Promise.withResolvers<void>();
  let count = 0;
  server.on("tools/call", async ({ message }, reply) => {
    if (++count === 2) both.resolve();
    await both.promise;
    await reply.result({ type: typeof message.id });
  });
  await using program = await proxied(server.url);
  await program.send('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{}}');
  await program.send('{"jsonrpc":"2.0","id":"7","method":"tools/call","params":{}}');
  assert.deepEqual((await program.response(7)).result, { type: "number" });
  assert.deepEqual((await program.response("7")).result, { type: "string" });
});

Deno.test("An id that is in use is refused, and free again after the answer", async () => {
  await using server = await startRawServer();
  const go = Promise.withResolvers<void>();
  server.on("tools/call", async () => {
    await go.promise;
    return "default";
  });
  await using program = await proxied(server.url);
  const line = '{"jsonrpc":"2.0","id":"same","method":"tools/call","params":{"name":"x"}}';
  await program.send(line);
  await server.received(({ message }) => message.method === "tools/call");
  await program.send(line);
  const refused = await program.response("same");
  assert.equal(refused.error?.code, -32600);
  go.resolve();
  assert.ok((await program.response("same")).result !== undefined);
  await program.send(line);
  assert.ok((await program.response("same")).result !== undefined);
  assert.equal(server.calls("tools/call").length, 2);
});

Deno.test("JSON over several lines reaches the client as one line that means the same", async () => {
  await using server = await startRawServer();
  server.on(
    "tools/call",
    ({ message }, reply) =>
      reply.body(
        `{\r\n  "jsonrpc": "2.0",\n\t"id": ${message.id},\r  "result": {\n "n": 9007199254740993\n }\n}\n`,
      ),
  );
  await using program = await proxied(server.url);
  const { result } = await program.request("tools/call", { name: "x" });
  assert.deepEqual(Object.keys(result), ["n"]);
  assert.match(program.lines.at(-1)!, /"n": 9007199254740993/);
});

Deno.test("A client's lines may end with CRLF, and be empty", async () => {
  await using server = await startRawServer();
  await using program = await proxied(server.url);
  await program.send('\r\n\n  \n{"jsonrpc":"2.0","id":"a","method":"ping"}\r\n');
  assert.deepEqual((await program.response("a")).result, {});
  assert.equal(server.calls("ping")[0]?.body.trim(), '{"jsonrpc":"2.0","id":"a","method":"ping"}');
  assert.equal(program.lines.length, 2, "empty lines are answered with nothing");
});

Deno.test("A client's message may come in single bytes", async () => {
  await using server = await startRawServer();
  await using program = await proxied(server.url);
  const text =
    '{"jsonrpc":"2.0","id":"ü","method":"tools/call","params":{"name":"x","arguments":{"t":"😀"}}}\n';
  for (const byte of new TextEncoder().encode(text)) await program.send(Uint8Array.of(byte));
  assert.deepEqual((await program.response("ü")).result.structuredContent, { t: "😀" });
  assert.equal(server.calls("tools/call")[0]?.body, text.trim());
});
