import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { replay } from "../../src/upstream/replay.ts";
import { NO_SESSION, type Session } from "../../src/upstream/session.ts";
import { errorAnswer } from "../../src/jsonrpc/answers.ts";
import { Message } from "../../src/jsonrpc/message.ts";
import { type Failure, failure } from "../../src/link/failure.ts";
import { collectedLog } from "../support/collected_log.ts";
import { fakePeer } from "../support/fake_peer.ts";
import { turn, until } from "../support/until.ts";

/** As a client wrote it: the spaces, the order, a number too large for a double, members nobody knows. */
const INITIALIZE = Message.fromText(
  '{ "jsonrpc":"2.0", "id" : 9007199254740993, "method":"initialize","x":1,"params":{"capabilities":{"roots":{"listChanged":true}},"protocolVersion":"2025-11-25","clientInfo":{"name":"c","n":1E400}}}',
);

const SESSION: Session = {
  ...NO_SESSION,
  initialize: INITIALIZE,
  revision: "2025-06-18",
  capabilities: { logging: {}, resources: { subscribe: true } },
  initialized: true,
  logLevel: "error",
  subscriptions: new Set(['"file:///a"', '"file:///\\u00fc"']),
};

function welcome(changes: Record<string, unknown> = {}) {
  return { protocolVersion: "2025-06-18", capabilities: { logging: {}, resources: {} }, ...changes };
}

function setUp(
  options: { session?: Session; timeoutMs?: number; notify?: () => Promise<Failure | undefined> } = {},
) {
  const server = fakePeer(options.notify);
  const { logger, messages } = collectedLog();
  let lastId = 0;
  let outdated = false;
  const done = replay(options.session ?? SESSION, server, {
    newId: () => `"our-${++lastId}"`,
    receive: () => {},
    timeoutMs: options.timeoutMs ?? 5000,
    outdated: () => outdated,
    endpoint: "E",
    logger,
  });
  return {
    server,
    done,
    messages,
    outdate: () => outdated = true,
    texts: () => [...server.requests.map(({ message }) => message.text)],
  };
}

Deno.test("a session is established again with what the client said, to the byte but for id and revision", async () => {
  const { server, done, texts } = setUp();
  deepStrictEqual(texts(), [
    '{ "jsonrpc":"2.0", "id" : "our-1", "method":"initialize","x":1,"params":{"capabilities":{"roots":{"listChanged":true}},"protocolVersion":"2025-06-18","clientInfo":{"name":"c","n":1E400}}}',
  ]);
  server.requests[0]!.answer(welcome());
  await until(() => server.requests.length === 4);
  deepStrictEqual(server.order, [
    "initialize",
    "notifications/initialized",
    "logging/setLevel",
    "resources/subscribe",
    "resources/subscribe",
  ]);
  deepStrictEqual(server.notified.map(({ text }) => text), [
    '{"jsonrpc":"2.0","method":"notifications/initialized"}',
  ]);
  deepStrictEqual(texts().slice(1), [
    '{"jsonrpc":"2.0","id":"our-2","method":"logging/setLevel","params":{"level":"error"}}',
    '{"jsonrpc":"2.0","id":"our-3","method":"resources/subscribe","params":{"uri":"file:///a"}}',
    '{"jsonrpc":"2.0","id":"our-4","method":"resources/subscribe","params":{"uri":"file:///ü"}}',
  ]);
  for (const it of server.requests.slice(1)) it.answer();
  deepStrictEqual(await done, { kind: "replayed", capabilities: { logging: {}, resources: {} } });
});

Deno.test("only what the client had established is established", async () => {
  const { server, done } = setUp({
    session: { ...NO_SESSION, initialize: INITIALIZE, revision: "2025-11-25" },
  });
  server.requests[0]!.answer(welcome());
  strictEqual((await done).kind, "replayed");
  deepStrictEqual(server.order, ["initialize"]);
});

Deno.test("a server is not asked for what it does not have", async () => {
  const { server, done } = setUp();
  server.requests[0]!.answer(welcome({ capabilities: { tools: {} } }));
  deepStrictEqual(await done, { kind: "replayed", capabilities: { tools: {} } });
  deepStrictEqual(server.order, ["initialize", "notifications/initialized"]);
});

Deno.test("a session stands although a subscription or the log level could not be restored, and the log says so", async () => {
  const { server, done, messages } = setUp();
  server.requests[0]!.answer(welcome());
  await until(() => server.requests.length === 4);
  const [, level, first, second] = server.requests;
  level!.exchange.settle({ kind: "answered", message: errorAnswer('"our-2"', -32602, "no") });
  first!.exchange.settle({
    kind: "lost",
    failure: failure("CONNECTION_LOST", "E", "m"),
    lastEventId: undefined,
  });
  second!.answer();
  strictEqual((await done).kind, "replayed");
  deepStrictEqual(messages("warn"), [
    "the log level could not be restored",
    'the subscription to "file:///a" could not be restored',
  ]);
});

Deno.test("another legacy revision is put up with and logged; an unknown one is not", async () => {
  const older = setUp({ session: { ...SESSION, logLevel: undefined, subscriptions: new Set() } });
  older.server.requests[0]!.answer(welcome({ protocolVersion: "2024-11-05" }));
  strictEqual((await older.done).kind, "replayed");
  match(older.messages("warn")[0]!, /speaks revision 2024-11-05; the client goes on with 2025-06-18/);
  for (const protocolVersion of ["2099-01-01", 7, undefined]) {
    const { server, done } = setUp();
    server.requests[0]!.answer(welcome({ protocolVersion }));
    const result = await done;
    ok(result.kind === "failed" && "failure" in result.outcome);
    strictEqual(result.outcome.failure.code, "SESSION_LOST");
    match(result.outcome.failure.message, /chose the revision/);
    deepStrictEqual(server.order, ["initialize"]);
  }
});

Deno.test("a server that refuses the session is quoted", async () => {
  const { server, done } = setUp();
  server.requests[0]!.exchange.settle({
    kind: "answered",
    message: errorAnswer('"our-1"', -32000, "no room"),
  });
  const result = await done;
  ok(result.kind === "failed" && "failure" in result.outcome);
  match(result.outcome.failure.message, /answered with an error: .*no room/);
});

Deno.test("what fails half-way fails whole", async () => {
  const why = failure("UNREACHABLE", "E", "gone again");
  const { server, done } = setUp({ notify: () => Promise.resolve(why) });
  server.requests[0]!.answer(welcome());
  deepStrictEqual(await done, { kind: "failed", outcome: { kind: "not_sent", failure: why } });
  strictEqual(server.requests.length, 1);
});

Deno.test("a server that is silent in the middle is given up in time", async () => {
  const atInitialize = setUp({ timeoutMs: 1 });
  const atInitialized = setUp({ timeoutMs: 20, notify: () => new Promise(() => {}) });
  atInitialized.server.requests[0]!.answer(welcome());
  for (const { done } of [atInitialize, atInitialized]) {
    const result = await done;
    ok(result.kind === "failed" && result.outcome.kind === "not_sent");
    strictEqual(result.outcome.failure.code, "CONNECT_TIMEOUT");
  }
  strictEqual(atInitialize.server.requests[0]!.cancelled.length, 1);
  const atLevel = setUp({ timeoutMs: 20 });
  atLevel.server.requests[0]!.answer(welcome());
  strictEqual((await atLevel.done).kind, "replayed");
});

Deno.test("a client that has begun anew is told nothing of the old session's", async () => {
  const { server, done, outdate } = setUp();
  outdate();
  server.requests[0]!.answer(welcome());
  strictEqual((await done).kind, "replayed");
  await turn();
  deepStrictEqual(server.order, ["initialize"]);
});
