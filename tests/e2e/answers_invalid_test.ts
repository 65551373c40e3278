/** What a client sends that is no message gets an error of its own, and the session goes on. */
import assert from "node:assert/strict";
import { isWindows } from "../link/child/processes.ts";
import { type Program, startProgram } from "../support/program.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";
import { startSdkHttpServer, startSdkTcpServer } from "../support/sdk_servers.ts";
import type { WireMessage } from "../support/wire_message.ts";

const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;

const encoder = new TextEncoder();
const INVALID: readonly [title: string, line: string | Uint8Array, code: number, id: unknown][] = [
  ["garbage", "hello", PARSE_ERROR, null],
  ["half a message", '{"jsonrpc":"2.0","id":77,"method":', PARSE_ERROR, null],
  ["two messages on a line", '{"jsonrpc":"2.0","id":77,"method":"ping"} {}', PARSE_ERROR, null],
  ["a bare word", "null", INVALID_REQUEST, null],
  ["a bare string", '"ping"', INVALID_REQUEST, null],
  ["an empty object", "{}", INVALID_REQUEST, null],
  ["a null id", '{"jsonrpc":"2.0","id":null,"method":"ping"}', INVALID_REQUEST, null],
  ["an object for an id", '{"jsonrpc":"2.0","id":{},"method":"ping"}', INVALID_REQUEST, null],
  ["true for an id", '{"jsonrpc":"2.0","id":true,"method":"ping"}', INVALID_REQUEST, null],
  ["two ids", '{"jsonrpc":"2.0","id":77,"method":"ping","id":78}', INVALID_REQUEST, null],
  ["no jsonrpc", '{"id":77,"method":"ping"}', INVALID_REQUEST, 77],
  ["another jsonrpc", '{"jsonrpc":"1.0","id":"a\\"b","method":"ping"}', INVALID_REQUEST, 'a"b'],
  ["a number for a method", '{"jsonrpc":"2.0","id":77,"method":1}', INVALID_REQUEST, 77],
  ["two methods", '{"jsonrpc":"2.0","id":77,"method":"ping","method":"tools/list"}', INVALID_REQUEST, 77],
  ["a string for params", '{"jsonrpc":"2.0","id":77,"method":"ping","params":"x"}', INVALID_REQUEST, 77],
  [
    "a request that is an answer",
    '{"jsonrpc":"2.0","id":77,"method":"ping","result":{}}',
    INVALID_REQUEST,
    77,
  ],
  ["an answer without id", '{"jsonrpc":"2.0","result":{}}', INVALID_REQUEST, null],
  [
    "invalid UTF-8",
    new Uint8Array([
      ...encoder.encode('{"jsonrpc":"2.0","id":77,"method":"'),
      0xc3,
      0x28,
      ...encoder.encode('"}\n'),
    ]),
    PARSE_ERROR,
    null,
  ],
  ["a control character in a string", '{"jsonrpc":"2.0","id":77,"method":"pi\u0001ng"}', PARSE_ERROR, null],
  ["an empty batch", "[]", INVALID_REQUEST, null],
  ["a batch", '[{"jsonrpc":"2.0","id":77,"method":"ping"}]', INVALID_REQUEST, null],
  ["an unfinished batch", '[{"jsonrpc":"2.0","id":77,"method":"ping"},', PARSE_ERROR, null],
];

/** What the line caused on stdout beside log messages: everything up to the answer of the `ping` behind it. */
async function reactionTo(
  program: Program,
  line: string | Uint8Array,
  probe: string,
): Promise<WireMessage[]> {
  const from = program.messages.length;
  await program.send(line);
  await program.send({ jsonrpc: "2.0", id: probe, method: "ping" });
  await program.response(probe);
  return program.messages.slice(from).filter(({ id, method }) =>
    id !== probe && method !== "notifications/message"
  );
}

for (const revision of ["2024-11-05", "2025-11-25"]) {
  Deno.test(`what is no message is answered with -32700 or -32600 and its id, and goes no further (${revision})`, async () => {
    await using server = await startRawLineServer();
    await using program = startProgram(["proxy", server.endpoint]);
    await program.initialize({ protocolVersion: revision });
    for (const [title, line, code, id] of INVALID) {
      const reaction = await reactionTo(program, line, `after ${title}`);
      assert.deepEqual(reaction.map((message) => [message.error?.code, message.id]), [[code, id]], title);
      assert.ok((reaction[0]?.error?.message.length ?? 0) > 10, title);
      const name = code === PARSE_ERROR ? "PARSE_ERROR" : "INVALID_REQUEST";
      const { data } = reaction[0]!.error!;
      assert.deepEqual([data.code, data.endpoint], [name, server.endpoint], title);
      assert.ok(data.hint.length > 10, title);
    }
    assert.deepEqual(
      server.received.filter(({ text }) => !/"initialize"|initialized|"after /.test(text)).map(({ text }) =>
        text
      ),
      [],
    );
  });
}

Deno.test("garbage before the first message does not keep initialize from being answered", async () => {
  await using server = await startRawServer();
  await using program = startProgram(["proxy", server.url]);
  await program.send("\n\r\n   \n");
  await program.send("#!/bin/sh");
  await program.send('[{"jsonrpc":"2.0","id":5,"method":"ping"}]');
  await program.initialize();
  assert.deepEqual(
    program.messages.filter(({ error }) => error !== undefined).map(({ id, error }) => [id, error?.code]),
    [[null, PARSE_ERROR], [null, INVALID_REQUEST]],
  );
});

Deno.test("blank lines, CRLF and a byte order mark are no messages and no mistakes", async () => {
  await using server = await startRawServer();
  await using program = startProgram(["proxy", server.url]);
  await program.send(encoder.encode('\ufeff{"jsonrpc":"2.0","id":"a","method":"ping"}\r\n\r\n\n \t\n'));
  await program.send({ jsonrpc: "2.0", id: "b", method: "ping" });
  assert.deepEqual((await program.response("b")).result, {});
  await program.response("a");
  assert.equal(program.lines.length, 2);
});

Deno.test("batches of 2025-03-26: bad members are answered one by one, the rest as usual", async () => {
  await using server = await startRawServer();
  await using program = startProgram(["proxy", server.url]);
  await program.initialize({ protocolVersion: "2025-03-26" });
  const from = program.lines.length;
  await program.send([
    1,
    { jsonrpc: "2.0", id: "a", method: "ping" },
    { jsonrpc: "2.0", method: "notifications/whatever" },
    { id: "b", method: "ping" },
    { jsonrpc: "2.0", id: "c", method: "initialize", params: {} },
  ]);
  await program.response("a");
  const batch = JSON.parse(program.lines[from] ?? "null") as WireMessage[];
  assert.deepEqual(batch.map(({ id, error }) => [id, error?.code]), [
    [null, INVALID_REQUEST],
    ["a", undefined],
    ["b", INVALID_REQUEST],
    ["c", INVALID_REQUEST],
  ]);
  const reaction = await reactionTo(program, "[]", "probe");
  assert.deepEqual(reaction.map(({ id, error }) => [id, error?.code]), [[null, INVALID_REQUEST]]);
  // A batch of notifications gets no answer at all.
  assert.deepEqual(
    await reactionTo(program, '[{"jsonrpc":"2.0","method":"notifications/whatever"}]', "probe 2"),
    [],
  );
});

for (
  const [order, line] of [
    [
      "first",
      (id: string, filling: string) =>
        `{"jsonrpc":"2.0","id":${id},"method":"ping","params":{"id":9,"x":"${filling}"}}`,
    ],
    [
      "last",
      (id: string, filling: string) =>
        `{"method":"ping","params":{"id":9,"x":"${filling}"},"jsonrpc":"2.0","id":${id}}`,
    ],
  ] as const
) {
  Deno.test(`a message over --max-message-size is refused by its id, which stands ${order}, and costs nothing else`, async () => {
    await using server = await startRawServer();
    await using program = startProgram(["proxy", "--max-message-size", "64KiB", server.url]);
    await program.initialize();
    for (const id of ["77", '"seventy-seven"']) {
      const reaction = await reactionTo(program, line(id, "x".repeat(70_000)), `after ${id}`);
      assert.deepEqual(reaction.map((message) => [message.error?.code, JSON.stringify(message.id)]), [
        [INVALID_REQUEST, id],
      ]);
      assert.match(reaction[0]?.error?.message ?? "", /--max-message-size/);
    }
    // Just within the limit is fine.
    const empty = line("78", "").length;
    await program.send(line("78", "x".repeat(65_536 - empty)));
    assert.deepEqual((await program.response(78)).result, {});
  });
}

Deno.test(
  "a line of 300 MB over the limit does not stay in memory",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    await using server = await startRawServer();
    await using program = startProgram(["proxy", "--max-message-size", "1MiB", server.url]);
    await program.initialize();
    const piece = encoder.encode("x".repeat(1 << 20));
    await program.send(encoder.encode('{"jsonrpc":"2.0","id":77,"method":"ping","params":{"x":"'));
    for (let n = 0; n < 300; n++) await program.send(piece);
    await program.send('"}}');
    assert.equal((await program.response(77)).error?.code, INVALID_REQUEST);
    const peak = Number(
      /VmHWM:\s+(\d+) kB/.exec(await Deno.readTextFile(`/proc/${program.pid}/status`))?.[1],
    );
    assert.ok(peak < 200 * 1024, `peak of ${peak} kB`);
  },
);

for (const [what, open, close] of [["arrays", "[", "]"], ["objects", '{"a":', "}"]] as const) {
  Deno.test(`a message of 100,000 nested ${what} is carried or refused, and the session goes on`, async () => {
    await using server = await startRawLineServer();
    await using program = startProgram(["proxy", server.endpoint]);
    await program.initialize();
    const deep = `${open.repeat(100_000)}1${close.repeat(100_000)}`;
    const reaction = await reactionTo(
      program,
      `{"jsonrpc":"2.0","id":77,"method":"tools/list","params":{"deep":${deep}}}`,
      "probe",
    );
    assert.deepEqual(reaction.map(({ id }) => id), [77]);
    // So is one that does not end.
    const unfinished = await reactionTo(
      program,
      `{"jsonrpc":"2.0","id":78,"params":${open.repeat(100_000)}`,
      "probe 2",
    );
    assert.deepEqual(unfinished.map(({ id, error }) => [id, error?.code]), [[null, PARSE_ERROR]]);
  });
}

Deno.test("an id that is still in use is refused, and the request that has it is answered", async () => {
  await using server = await startRawServer();
  const go = Promise.withResolvers<void>();
  server.on("tools/call", async (_request, reply) => {
    await go.promise;
    await reply.result({ first: true });
  });
  await using program = startProgram(["proxy", server.url]);
  await program.initialize();
  await program.send({ jsonrpc: "2.0", id: "x", method: "tools/call", params: { name: "a" } });
  await server.received(({ message }) => message.method === "tools/call");
  await program.send({ jsonrpc: "2.0", id: "x", method: "tools/call", params: { name: "b" } });
  assert.equal((await program.response("x")).error?.code, INVALID_REQUEST);
  go.resolve();
  assert.deepEqual((await program.response("x")).result, { first: true });
  assert.equal(server.calls("tools/call").length, 1);
  // Once answered it may be used again.
  await program.send({ jsonrpc: "2.0", id: "x", method: "ping" });
  assert.deepEqual((await program.response("x")).result, {});
  // And 1 is not "1".
  await Promise.all([
    program.send({ jsonrpc: "2.0", id: 50, method: "ping" }),
    program.send({ jsonrpc: "2.0", id: "50", method: "ping" }),
  ]);
  await program.response(50);
  await program.response("50");
});

Deno.test("answers to questions that nobody asked are dropped without a word on stdout", async () => {
  await using server = await startRawLineServer();
  await using program = startProgram(["proxy", server.endpoint]);
  await program.initialize();
  const stray = [
    '{"jsonrpc":"2.0","id":1,"result":{}}',
    '{"jsonrpc":"2.0","id":"s","error":{"code":1,"message":"x"}}',
  ];
  for (const line of stray) {
    const reaction = await reactionTo(program, line, line);
    assert.deepEqual(reaction, []);
  }
  assert.equal(
    server.received.some(({ messages }) => messages.some(({ method, id }) => !method && id)),
    false,
  );
});

Deno.test("a client that asks before it initializes is answered, and may initialize afterwards", async () => {
  const servers = [await startSdkHttpServer(), await startSdkTcpServer(), await startRawServer()];
  try {
    for (const { url } of servers) {
      await using program = startProgram(["proxy", url]);
      const early = await program.request("tools/list");
      assert.ok(early.result !== undefined || early.error !== undefined);
      await program.initialize();
      assert.ok((await program.request("tools/list")).result.tools.length > 0);
      assert.equal(program.messages.filter(({ id }) => id === early.id).length, 1);
    }
  } finally {
    for (const server of servers) await server.close();
  }
});

Deno.test("requests sent right behind initialize, without waiting, are all answered", async () => {
  const servers = [await startSdkHttpServer(), await startSdkTcpServer(), await startRawServer()];
  try {
    for (const { url } of servers) {
      await using program = startProgram(["proxy", url]);
      const greeted = program.initialize();
      const lists = await Promise.all(Array.from({ length: 20 }, () => program.request("tools/list")));
      await greeted;
      for (const { result } of lists) assert.ok(result.tools.length > 0);
    }
  } finally {
    for (const server of servers) await server.close();
  }
});

Deno.test("a second initialize starts a new session, and the first one is ended", async () => {
  await using server = await startRawServer();
  await using program = startProgram(["proxy", server.url]);
  await program.initialize({ protocolVersion: "2025-03-26" });
  const { protocolVersion } = await program.initialize({ protocolVersion: "2025-06-18" });
  assert.equal(protocolVersion, "2025-06-18");
  assert.deepEqual((await program.request("ping")).result, {});
  const [first, second] = server.sessions;
  assert.ok(first !== undefined && second !== undefined);
  await server.received(({ method, headers }) =>
    method === "DELETE" && headers.get("mcp-session-id") === first
  );
  assert.equal(server.calls("ping")[0]?.headers.get("mcp-session-id"), second);
  assert.deepEqual(server.violations, []);
  await program.closeStdin();
  await program.status;
  await server.received(({ method, headers }) =>
    method === "DELETE" && headers.get("mcp-session-id") === second
  );
});

Deno.test("a second initialize is passed on over TCP and to a command", { ignore: isWindows }, async () => {
  await using server = await startSdkTcpServer();
  await using program = startProgram(["proxy", server.url]);
  await program.initialize();
  const { error, result } = await program.request("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "t", version: "1" },
  });
  assert.ok(error !== undefined || result !== undefined);
  assert.ok((await program.request("tools/list")).result.tools.length > 0);
});
