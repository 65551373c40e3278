import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { errorAnswer, notification, request, resultAnswer } from "../../../src/jsonrpc/answers.ts";
import type { Message } from "../../../src/jsonrpc/message.ts";
import { failure } from "../../../src/link/failure.ts";
import type { Exchange } from "../../../src/link/peer.ts";
import { legacyServer, type LegacyServerOptions } from "../../../src/upstream/modern/legacy_server.ts";
import type { Session } from "../../../src/upstream/session.ts";
import { collectedLog } from "../../support/collected_log.ts";
import { type FakePeer, fakePeer } from "../../support/fake_peer.ts";
import { until } from "../../support/until.ts";

const WELCOME = {
  protocolVersion: "2025-11-25",
  capabilities: { tools: { listChanged: true }, resources: { subscribe: true } },
  serverInfo: { name: "s", version: "1" },
};

function envelope(capabilities: Record<string, unknown> = {}) {
  return {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": capabilities,
    "io.modelcontextprotocol/clientInfo": { name: "c", version: "1" },
  };
}

const modern = (id: string, method: string, capabilities = {}, params = {}) =>
  request(id, method, { ...params, _meta: envelope(capabilities) });

interface Wire {
  readonly peer: FakePeer;
  readonly session: () => Session;
  readonly replayed: () => void;
}

function setUp(options: Partial<LegacyServerOptions> = {}) {
  const wires: Wire[] = [];
  let lastId = 0;
  const server = legacyServer({
    open(session, replayed) {
      const peer = fakePeer();
      wires.push({ peer, session, replayed });
      return Promise.resolve(peer);
    },
    newId: () => `"n${++lastId}"`,
    timeoutMs: 10_000,
    endpoint: "E",
    host: "host",
    logger: collectedLog().logger,
    ...options,
  });
  /** Answers the handshake on wire number `n`. */
  async function welcome(n = 0, result: unknown = WELCOME): Promise<void> {
    await until(() => (wires[n]?.peer.requests.length ?? 0) > 0);
    wires[n]!.peer.requests[0]!.answer(result);
    await until(() => wires[n]!.peer.notified.length > 0 || wires[n]!.session().revision === undefined);
  }
  return { server, wires, welcome };
}

async function answerOf(exchange: Exchange): Promise<Message> {
  const outcome = await exchange.outcome;
  if (outcome.kind !== "answered") throw new Error(JSON.stringify(outcome));
  return outcome.message;
}

Deno.test("One session carries all requests whose clients can do no more than was declared", async () => {
  const { server, wires, welcome } = setUp();
  const able = { elicitation: {}, roots: {} };
  const first = server.request(modern("1", "tools/list", able), {});
  const others = [{}, { roots: {} }, { elicitation: { form: {} } }].map((it, i) =>
    server.request(modern(`"${i}"`, "tools/list", it), {})
  );
  strictEqual(first.held, true);
  await welcome();
  await until(() => wires[0]!.peer.requests.length === 5);
  strictEqual(first.held, false);
  for (const it of wires[0]!.peer.requests.slice(1)) it.answer({ tools: [] });
  deepStrictEqual(await Promise.all([first, ...others].map(async (it) => (await answerOf(it)).id)), [
    "1",
    '"0"',
    '"1"',
    '"2"',
  ]);
  strictEqual(wires.length, 1);
  deepStrictEqual(wires[0]!.peer.order.slice(0, 2), ["initialize", "notifications/initialized"]);
  const ids = wires[0]!.peer.requests.map(({ message }) => message.id);
  strictEqual(new Set(ids).size, ids.length);
});

Deno.test("A client that can do more gets another session, with both declared; the first ends when nothing is under way in it", async () => {
  const { server, wires, welcome } = setUp();
  const slow = server.request(modern("1", "tools/call", { roots: {} }), {});
  await welcome();
  await until(() => wires[0]!.peer.requests.length === 2);
  const more = server.request(modern("2", "tools/list", { sampling: {} }), {});
  await welcome(1);
  deepStrictEqual(
    (wires[1]!.peer.requests[0]!.message.parsed("params") as { capabilities: unknown }).capabilities,
    { roots: {}, sampling: {} },
  );
  await until(() => wires[1]!.peer.requests.length === 2);
  wires[1]!.peer.requests[1]!.answer({ tools: [] });
  await answerOf(more);
  strictEqual(wires[0]!.peer.closed, 0);
  wires[0]!.peer.requests[1]!.answer({ content: [] });
  await answerOf(slow);
  await until(() => wires[0]!.peer.closed === 1);
  strictEqual(wires[1]!.peer.closed, 0);
  await server.close();
  strictEqual(wires[1]!.peer.closed, 1);
});

Deno.test("A session ends once a call in it that is given up has been cancelled there", async () => {
  const { server, wires, welcome } = setUp();
  const slow = server.request(modern("1", "tools/call", {}), {});
  await welcome();
  await until(() => wires[0]!.peer.requests.length === 2);
  server.request(modern("2", "tools/list", { sampling: {} }), {});
  await welcome(1);
  slow.cancel(notification("notifications/cancelled", { requestId: 1 }));
  match(wires[0]!.peer.requests[1]!.cancelled[0]!.text, /"requestId":1/);
  strictEqual(wires[0]!.peer.closed, 0);
  await until(() => wires[0]!.peer.closed === 1);
});

Deno.test("Requests that wait for a session are served by the one that takes its place", async () => {
  const { server, wires, welcome } = setUp();
  const one = server.request(modern("1", "tools/list", { roots: {} }), {});
  const two = server.request(modern("2", "tools/list", { sampling: {} }), {});
  await until(() => wires.length === 2 && wires.every(({ peer }) => peer.requests.length === 1));
  // The first is closed before it was begun.
  wires[0]!.peer.requests[0]!.exchange.settle({
    kind: "lost",
    failure: failure("SHUTTING_DOWN", "E", "x"),
    lastEventId: undefined,
  });
  await welcome(1);
  await until(() => wires[1]!.peer.requests.length === 3);
  for (const it of wires[1]!.peer.requests.slice(1)) it.answer({ tools: [] });
  strictEqual((await answerOf(one)).kind, "result");
  strictEqual((await answerOf(two)).kind, "result");
});

Deno.test("A session that can't be begun is begun by whoever asks next", async () => {
  const { server, wires } = setUp();
  const first = server.request(modern("1", "tools/list"), {});
  await until(() => wires.length === 1 && wires[0]!.peer.requests.length === 1);
  wires[0]!.peer.requests[0]!.exchange.settle({
    kind: "not_sent",
    failure: failure("UNREACHABLE", "E", "x"),
  });
  strictEqual((await first.outcome).kind, "not_sent");
  const second = server.request(modern("2", "tools/list"), {});
  await until(() => wires[0]!.peer.requests.length === 2);
  wires[0]!.peer.requests[1]!.answer(WELCOME);
  await until(() => wires[0]!.peer.requests.length === 3);
  wires[0]!.peer.requests[2]!.answer({ tools: [] });
  strictEqual((await answerOf(second)).kind, "result");
  strictEqual(wires.length, 1);
});

for (
  const [what, answer] of [
    ["an error", errorAnswer("1", -32600, "why")],
    ["a revision that is not known", resultAnswer("1", { ...WELCOME, protocolVersion: "2031-01-01" })],
    ["no revision", resultAnswer("1", {})],
  ] as const
) {
  Deno.test(`A server that answers initialize with ${what} is no legacy server`, async () => {
    const { server, wires } = setUp();
    const exchange = server.request(modern("1", "tools/list"), {});
    await until(() => wires.length === 1 && wires[0]!.peer.requests.length === 1);
    wires[0]!.peer.requests[0]!.exchange.settle({ kind: "answered", message: answer });
    const outcome = await exchange.outcome;
    strictEqual("failure" in outcome && outcome.failure.code, "NOT_MCP");
    strictEqual(wires[0]!.peer.notified.length, 0);
  });
}

Deno.test("A handshake that takes too long is given up", async () => {
  const { server, wires } = setUp({ timeoutMs: 5 });
  const outcome = await server.request(modern("1", "tools/list"), {}).outcome;
  strictEqual("failure" in outcome && outcome.failure.code, "CONNECT_TIMEOUT");
  strictEqual(wires[0]!.peer.requests[0]!.cancelled.length, 1);
});

Deno.test("Methods of the other era are not found, and begin no session", async () => {
  const { server, wires } = setUp();
  for (
    const method of [
      "initialize",
      "ping",
      "logging/setLevel",
      "resources/subscribe",
      "resources/unsubscribe",
      "tasks/list",
      "tasks/x",
    ]
  ) {
    match(
      (await answerOf(server.request(modern('"a"', method), {}))).text,
      /"id":"a","error":\{"code":-32601/,
    );
  }
  strictEqual(wires.length, 0);
});

Deno.test("server/discover says what the server said, and nothing is sent but the handshake", async () => {
  const { server, wires, welcome } = setUp();
  const exchange = server.request(modern('"d"', "server/discover"), {});
  await welcome(0, { ...WELCOME, serverInfo: { title: "T" }, instructions: "ü" });
  const { result, id } = JSON.parse((await answerOf(exchange)).text);
  strictEqual(id, "d");
  deepStrictEqual(result, {
    resultType: "complete",
    supportedVersions: ["2026-07-28"],
    capabilities: WELCOME.capabilities,
    instructions: "ü",
    ttlMs: 0,
    cacheScope: "private",
    _meta: { "io.modelcontextprotocol/serverInfo": { title: "T", name: "host", version: "" } },
  });
  strictEqual(wires[0]!.peer.requests.length, 1);
});

Deno.test("What is established is kept for the session's return, and who listens hears of that", async () => {
  const { server, wires, welcome } = setUp();
  const heard: string[] = [];
  server.request(
    modern("1", "subscriptions/listen", {}, {
      notifications: { toolsListChanged: true, resourceSubscriptions: ["a"] },
    }),
    { receive: (it) => void heard.push(it.method!) },
  );
  await welcome();
  await until(() => wires[0]!.peer.requests.length === 2);
  wires[0]!.peer.requests[1]!.answer();
  await until(() => heard.length === 1);
  deepStrictEqual([...wires[0]!.session().subscriptions], ['"a"']);
  strictEqual(wires[0]!.session().initialized, true);
  wires[0]!.replayed();
  deepStrictEqual(heard.slice(1), ["notifications/tools/list_changed", "notifications/resources/updated"]);
});

Deno.test("A sign of life is asked of the server itself", async () => {
  const { server, wires, welcome } = setUp();
  const exchange = server.ping(request('"p"', "ping"), { probe: true });
  await welcome();
  await until(() => wires[0]!.peer.requests.length === 2);
  strictEqual(wires[0]!.peer.requests[1]!.message.text, request('"p"', "ping").text);
  strictEqual(wires[0]!.peer.requests[1]!.options?.probe, true);
  wires[0]!.peer.requests[1]!.answer({});
  strictEqual((await answerOf(exchange)).id, '"p"');
});

Deno.test("Closing ends what is under way, and every session", async () => {
  const { server, wires, welcome } = setUp();
  const call = server.request(modern("1", "tools/call"), {});
  await welcome();
  await until(() => wires[0]!.peer.requests.length === 2);
  await server.close();
  strictEqual((await call.outcome).kind, "lost");
  strictEqual(wires[0]!.peer.closed, 1);
});
