/** What each upstream of a pool learns of the client's session, and when. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { RawPeer } from "../support/raw_peer.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { type Override, startRawServer } from "../support/raw_server.ts";
import { startSdkHttpServer } from "../support/sdk_servers.ts";
import type { WireMessage } from "../support/wire_message.ts";
import { until } from "../support/until.ts";
import { balanced, callTool, placeOf, type ScriptedServer, sentOf, sentTo } from "./balanced.ts";

const CAPABILITIES = { tools: {}, logging: {}, resources: { subscribe: true } };
const OPTIONS = { capabilities: CAPABILITIES } as const;
const CLIENT = {
  protocolVersion: "2025-06-18",
  capabilities: {
    roots: { listChanged: true },
    elicitation: {},
    experimental: { "com.example/x": { a: 1.5 } },
  },
  clientInfo: { name: "a client", version: "9", title: "A Client" },
};

const takes = (message: WireMessage, peer: RawPeer) => peer.result(message, {});
const LINE_SUBSCRIBES = { "resources/subscribe": takes, "resources/unsubscribe": takes };
const taken: Override = (_request, reply) => reply.result({});
const HTTP_SUBSCRIBES = { "resources/subscribe": taken, "resources/unsubscribe": taken };

const methods = (server: ScriptedServer) => sentTo(server).flatMap(({ method }) => method ?? []);

Deno.test("Nobody is spoken to before it is first used, and each then gets a session of its own, as the client has begun it", async () => {
  await using a = await startRawServer(OPTIONS);
  await using b = await startRawLineServer(OPTIONS);
  await using c = await startRawServer({ ...OPTIONS, mode: "sse" });
  const servers = [a, b, c];
  await using program = await balanced(servers.map(placeOf), { initialize: CLIENT });
  deepStrictEqual([methods(b), methods(c)], [[], []]);
  for (let i = 0; i < 6; i++) ok((await callTool(program, "echo", { i })).result);
  for (const server of servers) {
    const [first, second, ...rest] = sentTo(server).filter(({ method }) => method !== undefined);
    deepStrictEqual(first!.params, CLIENT);
    deepStrictEqual(second, { jsonrpc: "2.0", method: "notifications/initialized" });
    deepStrictEqual(rest.map(({ method }) => method), ["tools/call", "tools/call"]);
  }
  deepStrictEqual([a.sessions.length, c.sessions.length, b.accepted()], [1, 1, 1]);
  deepStrictEqual([a.violations, c.violations], [[], []]);
  deepStrictEqual(
    servers.flatMap((it) => sentOf(it, "tools/call").map(({ params }) => params.arguments.i)).sort(),
    [0, 1, 2, 3, 4, 5],
  );
  strictEqual(program.messages.filter(({ result }) => result?.protocolVersion !== undefined).length, 1);
});

Deno.test("One that is first used later learns the log level and the subscriptions too", async () => {
  await using a = await startRawLineServer({ capabilities: CAPABILITIES, on: LINE_SUBSCRIBES });
  let ready = false;
  await using b = await startRawServer({
    capabilities: CAPABILITIES,
    on: { ...HTTP_SUBSCRIBES, POST: (_, reply) => ready ? "default" : reply.status(502) },
  });
  await using program = await balanced([placeOf(a), placeOf(b)], {
    args: ["--policy", "sticky"],
    initialize: CLIENT,
  });
  for (const uri of ["x://1", "x://2", "x://gone"]) {
    ok((await program.request("resources/subscribe", { uri })).result);
  }
  ok((await program.request("resources/unsubscribe", { uri: "x://gone" })).result);
  ok((await program.request("logging/setLevel", { level: "error" })).result);
  // What was told of them could not be: the session tells it.
  await until(() => b.requests.length >= 1);
  const before = b.requests.length;
  ready = true;
  await a.close();
  ok((await program.request("tools/list")).result);
  const later = b.requests.slice(before).flatMap(({ messages }) => messages);
  const of = (method: string) => later.filter((it) => it.method === method).map(({ params }) => params);
  deepStrictEqual(of("initialize"), [CLIENT]);
  strictEqual(of("notifications/initialized").length, 1);
  ok(of("logging/setLevel").length >= 1 && of("logging/setLevel").every(({ level }) => level === "error"));
  deepStrictEqual([...new Set(of("resources/subscribe").map(({ uri }) => uri))].sort(), ["x://1", "x://2"]);
  deepStrictEqual(b.violations, []);
});

Deno.test("A client that begins anew has a new session everywhere, and the old ones are deleted", async () => {
  await using a = await startSdkHttpServer();
  await using b = await startRawLineServer(OPTIONS);
  await using c = await startRawServer(OPTIONS);
  await using program = await balanced([a.url, placeOf(b), placeOf(c)], { initialize: CLIENT });
  for (let i = 0; i < 3; i++) await program.request("tools/list");
  await program.request("logging/setLevel", { level: "error" });
  deepStrictEqual([a.sessions(), b.accepted(), c.sessions.length], [1, 1, 1]);
  const [old] = c.sessions;
  const anew = { ...CLIENT, clientInfo: { name: "another", version: "1" } };
  await program.initialize(anew);
  await until(() => b.open() === 0 || b.accepted() === 2);
  await c.received(({ method, headers }) => method === "DELETE" && headers.get("mcp-session-id") === old);
  for (let i = 0; i < 6; i++) ok((await program.request("tools/list")).result);
  await until(() => b.open() === 1 && a.sessions() === 1);
  deepStrictEqual([b.accepted(), c.sessions.length], [2, 2]);
  for (const server of [b, c]) {
    const greetings = sentOf(server, "initialize").map(({ params }) => params.clientInfo.name);
    deepStrictEqual(greetings, ["a client", "another"]);
  }
  // What the client has said in the first session is not said in the second.
  const last = sentTo(c).findLastIndex(({ method }) => method === "initialize");
  ok(!sentTo(c).slice(last).some(({ method }) => method === "logging/setLevel"));
  deepStrictEqual(c.violations, []);
});

Deno.test("What is in flight when a client begins anew is answered first", async () => {
  const held = Promise.withResolvers<void>();
  await using a = await startRawLineServer({
    on: {
      "tools/call": async (message, peer) => (await held.promise, await peer.result(message, { old: true })),
    },
  });
  await using b = await startRawLineServer();
  await using program = await balanced([placeOf(a), placeOf(b)], { args: ["--policy", "sticky"] });
  const slow = callTool(program, "t");
  await a.message(({ method }) => method === "tools/call");
  await program.initialize();
  strictEqual(a.open(), 2);
  held.resolve();
  deepStrictEqual((await slow).result, { old: true });
  await until(() => a.open() === 1);
});

Deno.test("One that can't be reached at the handshake is passed over, and gets the session once it is there", async () => {
  await using gone = await startRawLineServer();
  const { port } = gone;
  await gone.close();
  await using b = await startRawServer(OPTIONS);
  await using program = await balanced([`tcp://127.0.0.1:${port}`, placeOf(b)], {
    args: ["--health-interval", "0.1"],
    initialize: CLIENT,
  });
  await using a = await startRawLineServer({ ...OPTIONS, port });
  await a.message(({ method }) => method === "notifications/initialized");
  while (sentOf(a, "tools/list").length === 0) ok((await program.request("tools/list")).result);
  deepStrictEqual(sentOf(a, "initialize").map(({ params }) => params), [CLIENT]);
  match(program.stderr(), /an upstream is back/);
});
