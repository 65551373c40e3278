import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { errorAnswer, notification, request } from "../../../src/jsonrpc/answers.ts";
import type { Message } from "../../../src/jsonrpc/message.ts";
import { createListeners } from "../../../src/upstream/modern/listeners.ts";
import type { LegacyHost } from "../../../src/upstream/modern/legacy_host.ts";
import { collectedLog } from "../../support/collected_log.ts";
import { type FakePeer, fakePeer } from "../../support/fake_peer.ts";
import { turn, until } from "../../support/until.ts";

const EVERYTHING = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
};

function fakeHost(serverCapabilities: Record<string, unknown> = EVERYTHING): LegacyHost & { peer: FakePeer } {
  return {
    capabilities: {},
    welcome: undefined,
    serverInfo: "{}",
    serverCapabilities,
    begin: () => Promise.resolve(undefined),
    peer: fakePeer(),
    note() {},
    logLevel: undefined,
    close: () => Promise.resolve(),
  };
}

function setUp() {
  let lastId = 0;
  const host = fakeHost();
  const listeners = createListeners({
    newId: () => `"n${++lastId}"`,
    endpoint: "E",
    logger: collectedLog().logger,
  });
  const heard: string[] = [];
  /** Listens, and tells what it hears as `ID METHOD [URI]`. */
  function listen(id: string, notifications: Record<string, unknown>, on = host) {
    const receive = (message: Message) => {
      const { _meta, uri = "" } = message.parsed("params") as {
        _meta: Record<string, unknown>;
        uri?: string;
      };
      const tag = JSON.stringify(_meta["io.modelcontextprotocol/subscriptionId"]);
      heard.push(`${tag} ${message.method!.replace("notifications/", "")} ${uri}`.trim());
    };
    return listeners.listen(request(id, "subscriptions/listen", { notifications }), { receive }, on);
  }
  /** What a server was asked for, `subscribe URI` or `unsubscribe URI`. */
  const asked = (it = host) =>
    it.peer.requests.map(({ message }) =>
      `${message.method!.replace("resources/", "")} ${(message.parsed("params") as { uri: string }).uri}`
    );
  return { host, listeners, heard, listen, asked };
}

const acknowledged = (heard: readonly string[]) => heard.filter((it) => it.includes("acknowledged")).length;

Deno.test("A listening is acknowledged first, when all that it subscribes to is", async () => {
  const { host, listeners, heard, listen } = setUp();
  listen("1", { toolsListChanged: true, resourceSubscriptions: ["a", "b"] });
  listeners.announced(notification("notifications/tools/list_changed"));
  host.peer.requests[1]!.answer();
  await turn();
  deepStrictEqual(heard, []);
  host.peer.requests[0]!.answer();
  await until(() => heard.length > 0);
  listeners.announced(notification("notifications/tools/list_changed"));
  deepStrictEqual(heard, ["1 subscriptions/acknowledged", "1 tools/list_changed"]);
  strictEqual(listeners.size, 1);
});

Deno.test("Resources are subscribed to once, and given up with the last who listens", async () => {
  const { host, heard, listen, asked } = setUp();
  const first = listen("1", { resourceSubscriptions: ["a", "b"] });
  const second = listen('"1"', { resourceSubscriptions: ["b", "c"] });
  deepStrictEqual(asked(), ["subscribe a", "subscribe b", "subscribe c"]);
  for (const it of host.peer.requests) it.answer();
  await until(() => acknowledged(heard) === 2);
  first.cancel();
  deepStrictEqual(asked().slice(3), ["unsubscribe a"]);
  second.cancel();
  deepStrictEqual(asked().slice(4), ["unsubscribe b", "unsubscribe c"]);
});

Deno.test("Who gives up before it is acknowledged is told nothing, and what it subscribed to is given up", async () => {
  const { host, heard, listen, asked } = setUp();
  listen("1", { resourceSubscriptions: ["a"] }).cancel();
  host.peer.requests[0]!.answer();
  await until(() => asked().length === 2);
  deepStrictEqual(asked(), ["subscribe a", "unsubscribe a"]);
  deepStrictEqual(heard, []);
});

Deno.test("What the server does not take is not acknowledged, and asked for anew by the next", async () => {
  const { host, heard, listen, asked } = setUp();
  listen("1", { resourceSubscriptions: ["a"] });
  host.peer.requests[0]!.exchange.settle({ kind: "answered", message: errorAnswer("1", -32002, "no") });
  await until(() => acknowledged(heard) === 1);
  listen("2", { resourceSubscriptions: ["a"] });
  await until(() => asked().length === 2);
  host.peer.requests[1]!.answer();
  await until(() => acknowledged(heard) === 2);
});

Deno.test("One request for a resource waits for the one before", async () => {
  const { host, heard, listen, asked } = setUp();
  const first = listen("1", { resourceSubscriptions: ["a"] });
  host.peer.requests[0]!.answer();
  await until(() => acknowledged(heard) === 1);
  first.cancel();
  listen("2", { resourceSubscriptions: ["a"] });
  listen("3", { resourceSubscriptions: ["b"] });
  await turn();
  deepStrictEqual(asked(), ["subscribe a", "unsubscribe a", "subscribe b"]);
  host.peer.requests[1]!.answer();
  await until(() => asked().length === 4);
  strictEqual(asked()[3], "subscribe a");
});

Deno.test("Each hears what it listens for, tagged with its own id as it was written", async () => {
  const { host, listeners, heard, listen } = setUp();
  listen("1", { toolsListChanged: true });
  listen('"\\u0061"', { promptsListChanged: true, resourceSubscriptions: ["x://a"] });
  host.peer.requests[0]!.answer();
  await until(() => acknowledged(heard) === 2);
  heard.length = 0;
  for (const method of ["tools/list_changed", "prompts/list_changed", "resources/list_changed"]) {
    listeners.announced(notification(`notifications/${method}`));
  }
  for (const uri of ["x://a", "x://a/b", "x://ab"]) {
    listeners.announced(notification("notifications/resources/updated", { uri }));
  }
  deepStrictEqual(heard, [
    "1 tools/list_changed",
    '"a" prompts/list_changed',
    '"a" resources/updated x://a',
    '"a" resources/updated x://a/b',
  ]);
});

Deno.test("A client that is behind with reading slows the server down, however many others are not", async () => {
  const { listeners, heard, listen, host } = setUp();
  listen("1", { toolsListChanged: true });
  const { promise, resolve } = Promise.withResolvers<void>();
  const slow = request("2", "subscriptions/listen", { notifications: { toolsListChanged: true } });
  let told = 0;
  listeners.listen(slow, { receive: () => ++told === 1 ? undefined : promise }, host);
  await until(() => acknowledged(heard) === 1 && told === 1);
  const change = notification("notifications/tools/list_changed");
  let over = false;
  const full = Promise.resolve(listeners.announced(change)).then(() => over = true);
  strictEqual(listeners.announced(notification("notifications/prompts/list_changed")), undefined);
  await turn();
  strictEqual(over, false);
  resolve();
  await full;
});

Deno.test("Whoever may have missed something is told that all it listens for has changed", async () => {
  const { host, listeners, heard, listen } = setUp();
  listen("1", { toolsListChanged: true, resourceSubscriptions: ["a", "b"] });
  listen("2", { promptsListChanged: true });
  for (const it of host.peer.requests) it.answer();
  await until(() => acknowledged(heard) === 2);
  heard.length = 0;
  listeners.missed();
  deepStrictEqual(heard.toSorted(), [
    "1 resources/updated a",
    "1 resources/updated b",
    "1 tools/list_changed",
    "2 prompts/list_changed",
  ]);
});

Deno.test("Another session is subscribed to what is listened for, and is asked from then on", async () => {
  const { host, listeners, heard, listen, asked } = setUp();
  const first = listen("1", { resourceSubscriptions: ["a"] });
  host.peer.requests[0]!.answer();
  await until(() => acknowledged(heard) === 1);
  const other = fakeHost();
  listeners.move(other);
  await until(() => asked(other).length === 1);
  other.peer.requests[0]!.answer();
  await turn();
  strictEqual(heard.at(-1), "1 resources/updated a");
  first.cancel();
  deepStrictEqual(asked(other), ["subscribe a", "unsubscribe a"]);
  deepStrictEqual(asked(), ["subscribe a"]);
});

Deno.test("The end breaks all off: whoever keeps them up begins anew", async () => {
  const { listeners, heard, listen } = setUp();
  const exchange = listen("1", { toolsListChanged: true });
  await until(() => acknowledged(heard) === 1);
  listeners.end();
  strictEqual((await exchange.outcome).kind, "lost");
  listeners.missed();
  strictEqual(heard.length, 1);
  strictEqual(listeners.size, 0);
});
