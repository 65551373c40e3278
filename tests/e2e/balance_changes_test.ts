/** What all upstreams of a pool have to know, and what several of them tell of one change. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { EventStream } from "../support/event_stream.ts";
import { createInbox } from "../support/inbox.ts";
import { startModernHttpServer, startModernTcpServer } from "../support/modern_servers.ts";
import type { Program } from "../support/program.ts";
import type { RawPeer } from "../support/raw_peer.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { type Override, startRawServer } from "../support/raw_server.ts";
import { startSdkHttpServer, startSdkTcpServer } from "../support/sdk_servers.ts";
import type { WireMessage } from "../support/wire_message.ts";
import { until } from "../support/until.ts";
import { balanced, callTool, placeOf, type ScriptedServer, sentOf, startBalanced } from "./balanced.ts";
import { listenFor, modernRequest, nextFor } from "./modern_requests.ts";

const TOOLS = "notifications/tools/list_changed";
const UPDATED = "notifications/resources/updated";
const SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";
const CAPABILITIES = {
  tools: { listChanged: true },
  logging: {},
  resources: { subscribe: true, listChanged: true },
};

const ok200: Override = (_request, reply) => reply.result({});
const takes = (message: WireMessage, peer: RawPeer) => peer.result(message, {});
const ON = ["resources/subscribe", "resources/unsubscribe"] as const;

/** Two servers over TCP and one over HTTP, all of which have been used, and how each says something unasked. */
async function speakers() {
  await using stack = new AsyncDisposableStack();
  const line = async () =>
    stack.use(
      await startRawLineServer({
        capabilities: CAPABILITIES,
        on: Object.fromEntries(ON.map((method) => [method, takes])),
      }),
    );
  const [a, c] = [await line(), await line()];
  const b = stack.use(
    await startRawServer({
      capabilities: CAPABILITIES,
      get: "open",
      on: Object.fromEntries(ON.map((method) => [method, ok200])),
    }),
  );
  const servers: ScriptedServer[] = [a, b, c];
  const program = stack.use(await balanced(servers.map(placeOf)));
  for (let i = 0; i < 3; i++) ok((await program.request("tools/list")).result);
  const stream: EventStream = await b.stream();
  const says = [a.peers[0]!.notify, stream.notify, c.peers[0]!.notify];
  const owned = stack.move();
  return { program, servers, says, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const countOf = (program: Program, method: string, uri?: string) =>
  program.messages.filter((it) => it.method === method && (uri === undefined || it.params.uri === uri))
    .length;

/** What each has said has arrived when its answers to later requests have; over HTTP its own stream says when. */
async function settled(
  { program, says }: { program: Program; says: readonly RawPeer["notify"][] },
): Promise<void> {
  const mark = crypto.randomUUID();
  for (const [i, say] of says.entries()) {
    await say("notifications/message", { level: "emergency", data: `${mark}-${i}` });
  }
  await until(() =>
    says.every((_, i) => program.messages.some(({ params }) => params?.data === `${mark}-${i}`))
  );
}

Deno.test("Log level and subscriptions reach every upstream, each once, and the client has one answer", async () => {
  await using it = await speakers();
  const { program, servers } = it;
  ok((await program.request("logging/setLevel", { level: "warning" })).result);
  for (const uri of ["x://1", "x://2"]) ok((await program.request("resources/subscribe", { uri })).result);
  ok((await program.request("resources/unsubscribe", { uri: "x://1" })).result);
  await program.notify("notifications/roots/list_changed");
  for (const server of servers) {
    await until(() =>
      sentOf(server, "resources/unsubscribe").length === 1 &&
      sentOf(server, "notifications/roots/list_changed").length === 1
    );
    deepStrictEqual(sentOf(server, "logging/setLevel").map(({ params }) => params.level), ["warning"]);
    deepStrictEqual(sentOf(server, "resources/subscribe").map(({ params }) => params.uri), [
      "x://1",
      "x://2",
    ]);
    deepStrictEqual(sentOf(server, "resources/unsubscribe").map(({ params }) => params.uri), ["x://1"]);
  }
  strictEqual(new Set(program.messages.filter(({ id }) => id !== undefined).map(({ id }) => id)).size, 8);
});

Deno.test("A change that all tell of is heard once, two changes twice, and different ones each", async () => {
  await using it = await speakers();
  const { program, says } = it;
  await Promise.all(says.map((say) => say(TOOLS)));
  await Promise.all(says.map((say) => say(UPDATED, { uri: "x://1" })));
  await settled(it);
  deepStrictEqual([countOf(program, TOOLS), countOf(program, UPDATED)], [1, 1]);
  // Each tells of the next change twice at once: there were two.
  await Promise.all(says.map(async (say) => {
    await say(UPDATED, { uri: "x://2" });
    await say(UPDATED, { uri: "x://2" });
  }));
  for (const [i, say] of says.entries()) await say(UPDATED, { uri: `x://only-${i}` });
  await settled(it);
  strictEqual(countOf(program, UPDATED, "x://2"), 2);
  for (let i = 0; i < 3; i++) strictEqual(countOf(program, UPDATED, `x://only-${i}`), 1);
});

Deno.test("Legacy servers of the SDK tell of what the client has subscribed to, wherever it is touched", async () => {
  await using a = await startSdkHttpServer();
  await using b = await startSdkTcpServer();
  await using program = await balanced([a.url, b.url]);
  for (let i = 0; i < 2; i++) ok((await program.request("tools/list")).result);
  ok((await program.request("resources/subscribe", { uri: "test://text" })).result);
  for (const server of [a, b]) await server.recorded(({ subscriptions }) => subscriptions.has("test://text"));
  for (let i = 1; i <= 4; i++) {
    ok((await callTool(program, "touch", { uri: "test://text" })).result);
    await until(() => countOf(program, UPDATED) >= Math.ceil(i / 2));
  }
  ok((await program.request("resources/unsubscribe", { uri: "test://text" })).result);
  for (const server of [a, b]) await server.recorded(({ subscriptions }) => subscriptions.size === 0);
});

// Listening -------------------------------------------------------------------------------------------------------

Deno.test("A modern client that listens has one acknowledgement, and hears of changes at servers of both eras under its own id", async () => {
  await using http = startModernHttpServer();
  await using tcp = await startModernTcpServer();
  await using legacy = await startSdkTcpServer();
  await using program = startBalanced([http.url, tcp.url, legacy.url]);
  const filter = { toolsListChanged: true, resourceSubscriptions: ["test://text"] };
  deepStrictEqual(await listenFor(program, "mine", filter), filter);
  // Each is asked once, and tells of its own.
  for (let i = 0; i < 3; i++) {
    await program.send(modernRequest(i, "tools/call", { name: "touch", arguments: { uri: "test://text" } }));
    ok((await program.response(i)).result);
  }
  await legacy.recorded(({ subscriptions }) => subscriptions.has("test://text"));
  http.notify!.toolsChanged();
  const { params } = await nextFor(program, "mine", TOOLS);
  strictEqual(params._meta[SUBSCRIPTION], "mine");
  await nextFor(program, "mine", UPDATED);
  strictEqual(
    program.messages.filter(({ method }) => method === "notifications/subscriptions/acknowledged").length,
    1,
  );
  ok(
    program.messages.every(({ method, params }) =>
      method === undefined || params._meta?.[SUBSCRIPTION] === "mine"
    ),
  );
  await program.closeStdin();
  await program.status;
  const over = program.messages.filter(({ id }) => id === "mine");
  strictEqual(over.length, 1);
  strictEqual(over[0]!.result._meta[SUBSCRIPTION], "mine");
});

const DISCOVERED = {
  resultType: "complete",
  supportedVersions: ["2026-07-28"],
  capabilities: CAPABILITIES,
  serverInfo: { name: "m", version: "1" },
};

/** A subscription as a modern server over HTTP has it. */
interface Listened {
  readonly stream: EventStream;
  readonly id: unknown;
  /** Says that something has changed. */
  tell(method: string, params?: Record<string, unknown>): Promise<void>;
  /** Ends it in good order. */
  end(): Promise<void>;
}

/** A modern server whose subscriptions a test speaks on. */
async function listenedTo(port?: number) {
  const opened = createInbox<Listened>((items) => `${items.length} subscriptions`);
  const server = await startRawServer({
    sessions: false,
    ...(port === undefined ? {} : { port }),
    on: {
      "server/discover": (_request, reply) => reply.result(DISCOVERED),
      "tools/list": (_request, reply) =>
        reply.result({ resultType: "complete", tools: [], ttlMs: 0, cacheScope: "private" }),
      "subscriptions/listen": async ({ message }, reply) => {
        const stream = await reply.sse();
        const tell = (method: string, params: Record<string, unknown> = {}) =>
          stream.notify(method, { ...params, _meta: { [SUBSCRIPTION]: message.id } });
        await tell("notifications/subscriptions/acknowledged", {
          notifications: message.params.notifications,
        });
        opened.push({
          stream,
          id: message.id,
          tell,
          async end() {
            await stream.result({ resultType: "complete", _meta: { [SUBSCRIPTION]: message.id } });
            await stream.end();
          },
        });
      },
    },
  });
  return { ...server, opened, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const FILTER = { toolsListChanged: true };

Deno.test("Changes that several upstreams tell a listening client of are heard once for each subscription", async () => {
  await using a = await listenedTo();
  await using b = await listenedTo();
  await using program = startBalanced([a.url, b.url]);
  await listenFor(program, 1, FILTER);
  await listenFor(program, 2, FILTER);
  const all = (await Promise.all([a, b].map(({ opened }) => opened.findMany(2, () => true)))).flat();
  strictEqual(new Set(all.map(({ id }) => id)).size, 4);
  for (const it of all) await it.tell(TOOLS);
  for (const it of all) await it.tell(TOOLS);
  for (const it of all) await it.tell("notifications/message", { level: "info", data: "last" });
  await until(() => countOf(program, "notifications/message") === 4);
  for (const id of [1, 2]) {
    const mine = program.messages.filter(({ method, params }) =>
      method === TOOLS && params._meta[SUBSCRIPTION] === id
    );
    strictEqual(mine.length, 2);
  }
  strictEqual(countOf(program, TOOLS), 4);
});

Deno.test("Listening survives the death of one upstream, and its return", async () => {
  const first = await listenedTo();
  await using b = await listenedTo();
  const { port } = first;
  await using program = startBalanced([first.url, b.url], { args: ["--health-interval", "0.1"] });
  await listenFor(program, "l", FILTER);
  await first.opened.find(() => true);
  const [other] = await b.opened.findMany(1, () => true);
  await first.close();
  await program.waitStderr(/an upstream is down/);
  await other!.tell(UPDATED, { uri: "x://0" });
  strictEqual((await nextFor(program, "l", UPDATED)).params.uri, "x://0");
  await using again = await listenedTo(port);
  const back = await again.opened.find(() => true);
  // Something may have been missed there.
  await nextFor(program, "l", TOOLS);
  await back.tell(UPDATED, { uri: "x://1" });
  const { params } = await nextFor(program, "l", UPDATED);
  strictEqual(params.uri, "x://1");
  strictEqual(countOf(program, "notifications/subscriptions/acknowledged"), 1);
  ok(!program.messages.some(({ id }) => id === "l"));
});

Deno.test("One that could not be listened to at first is joined when it is there", async () => {
  const gone = await listenedTo();
  const { port, url } = gone;
  await gone.close();
  await using b = await listenedTo();
  await using program = startBalanced([url, b.url], { args: ["--health-interval", "0.1"] });
  await listenFor(program, "l", FILTER);
  await using a = await listenedTo(port);
  const [joined] = await a.opened.findMany(1, () => true);
  await joined!.tell(TOOLS);
  strictEqual((await nextFor(program, "l", TOOLS)).params._meta[SUBSCRIPTION], "l");
  strictEqual(countOf(program, "notifications/subscriptions/acknowledged"), 1);
});

Deno.test("Listening ends in good order with the last upstream that ends it", async () => {
  await using a = await listenedTo();
  await using b = await listenedTo();
  await using program = startBalanced([a.url, b.url]);
  await listenFor(program, "l", FILTER);
  const [atA, atB] = await Promise.all([a, b].map(({ opened }) => opened.find(() => true)));
  await atA!.end();
  await atB!.tell(TOOLS);
  await nextFor(program, "l", TOOLS);
  ok(!program.messages.some(({ id }) => id === "l"));
  await atB!.end();
  const { result } = await program.response("l");
  deepStrictEqual(result, { resultType: "complete", _meta: { [SUBSCRIPTION]: "l" } });
});

Deno.test("Over one connection the last upstream ends it with a cancellation, which the client gets under its own id", async () => {
  const listened: Record<string, { peer: RawPeer; id: unknown }[]> = { a: [], b: [] };
  const server = (name: string) =>
    startRawLineServer({
      on: {
        "server/discover": (message, peer) => peer.result(message, DISCOVERED),
        "subscriptions/listen": async (message, peer) => {
          await peer.notify("notifications/subscriptions/acknowledged", {
            notifications: message.params.notifications,
            _meta: { [SUBSCRIPTION]: message.id },
          });
          listened[name]!.push({ peer, id: message.id });
        },
      },
    });
  await using a = await server("a");
  await using b = await server("b");
  await using program = startBalanced([placeOf(a), placeOf(b)]);
  await listenFor(program, "l", FILTER);
  await until(() => listened.a!.length === 1 && listened.b!.length === 1);
  const end = ({ peer, id }: { peer: RawPeer; id: unknown }) =>
    peer.notify("notifications/cancelled", { requestId: id, reason: "over" });
  await end(listened.a![0]!);
  const { peer, id } = listened.b![0]!;
  await peer.notify(TOOLS, { _meta: { [SUBSCRIPTION]: id } });
  await nextFor(program, "l", TOOLS);
  strictEqual(countOf(program, "notifications/cancelled"), 0);
  await end(listened.b![0]!);
  strictEqual((await program.nextMethod("notifications/cancelled")).params.requestId, "l");
});

Deno.test("A client that listens no more is heard by every upstream", async () => {
  await using a = await listenedTo();
  await using b = await listenedTo();
  await using program = startBalanced([a.url, b.url]);
  await listenFor(program, "l", FILTER);
  const all = await Promise.all([a, b].map(({ opened }) => opened.find(() => true)));
  await program.notify("notifications/cancelled", { requestId: "l" });
  await Promise.all(all.map(({ stream }) => stream.gone));
  await program.send(modernRequest("next", "tools/list"));
  ok((await program.response("next")).result);
  ok(!program.messages.some(({ id }) => id === "l"));
});
