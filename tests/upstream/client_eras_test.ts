import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { notification, request } from "../../src/jsonrpc/answers.ts";
import type { Message } from "../../src/jsonrpc/message.ts";
import { failure } from "../../src/link/failure.ts";
import { clientEras } from "../../src/upstream/client_eras.ts";
import { fakePeer } from "../support/fake_peer.ts";
import { turn, until } from "../support/until.ts";

const ENVELOPE = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};
const modernRequest = (id: string, method = "tools/list") => request(id, method, { _meta: ENVELOPE });

function setUp({ session = false } = {}) {
  const [legacy, modern] = [fakePeer(), fakePeer()];
  const opened = Promise.withResolvers<void>();
  const state = { session, opened: 0 };
  const peer = clientEras({
    legacy,
    openModern: async () => {
      state.opened++;
      await opened.promise;
      return modern;
    },
    hasSession: () => state.session,
  });
  return { legacy, modern, peer, state, open: opened.resolve };
}

async function answered(peer: ReturnType<typeof setUp>["peer"], message: Message): Promise<string> {
  const outcome = await peer.request(message).outcome;
  return outcome.kind === "answered" ? outcome.message.text : outcome.kind;
}

Deno.test("Each request is routed by itself: an envelope means modern, all else belongs to the session", async () => {
  const { legacy, modern, peer, state, open } = setUp();
  open();
  peer.request(request("0", "initialize", {}));
  state.session = true;
  peer.request(modernRequest("1"));
  peer.request(request("2", "tools/list"));
  peer.request(request("3", "ping"));
  await until(() => modern.requests.length === 1);
  peer.request(modernRequest("4", "server/discover"));
  peer.request(request("5", "server/discover"));
  deepStrictEqual(legacy.requests.map(({ message }) => message.id), ["0", "2", "3", "5"]);
  deepStrictEqual(modern.requests.map(({ message }) => message.id), ["1", "4"]);
  strictEqual(state.opened, 1);
});

Deno.test("Nothing is opened for a client that is not there", () => {
  const { peer, state, legacy } = setUp();
  peer.request(request("0", "initialize", {}));
  peer.request(request("1", "tools/list"));
  void peer.notify(notification("notifications/initialized"));
  strictEqual(state.opened, 0);
  deepStrictEqual(legacy.order, ["initialize", "tools/list", "notifications/initialized"]);
});

Deno.test("A request that waits for the opening is held, and can be given up", async () => {
  const { modern, peer, open } = setUp();
  const first = peer.request(modernRequest("1"));
  const second = peer.request(modernRequest("2"));
  strictEqual(first.held, true);
  first.cancel(notification("notifications/cancelled", { requestId: 1 }));
  open();
  await until(() => modern.requests.length === 1);
  strictEqual(modern.requests[0]!.message.id, "2");
  strictEqual(second.held, false);
  modern.requests[0]!.answer({});
  strictEqual((await second.outcome).kind, "answered");
});

Deno.test("A request without an envelope where only modern clients are is answered here", async () => {
  const { legacy, modern, peer, open } = setUp();
  peer.request(modernRequest("1"));
  match(await answered(peer, request("2", "tools/list")), /"id":2,"error":\{"code":-32602/);
  open();
  await until(() => modern.requests.length === 1);
  match(await answered(peer, request("3", "tools/list")), /-32602.*protocolVersion.*clientCapabilities/);
  strictEqual(await answered(peer, request('"p"', "ping")), '{"jsonrpc":"2.0","id":"p","result":{}}');
  strictEqual(legacy.requests.length, 0);
  strictEqual(modern.requests.length, 1);
});

Deno.test("server/discover without an envelope is answered here before anything is known", async () => {
  const { legacy, peer, state } = setUp();
  match(await answered(peer, request("1", "server/discover")), /-32602/);
  strictEqual(legacy.requests.length, 0);
  strictEqual(state.opened, 0);
});

Deno.test("An envelope that says too little is answered here, in a session too", async () => {
  const { legacy, peer, state } = setUp({ session: true });
  const _meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
  match(
    await answered(peer, request('"m"', "tools/list", { _meta })),
    /"id":"m","error":\{"code":-32602.*clientCapabilities/,
  );
  strictEqual(legacy.requests.length, 0);
  strictEqual(state.opened, 0);
});

Deno.test("A sign of life is asked for in the session where there is one, else of the other era", async () => {
  const { legacy, modern, peer, state, open } = setUp();
  open();
  const ping = (id: string) => peer.request(request(id, "ping"), { probe: true });
  ping("1");
  await until(() => modern.requests.length === 1);
  strictEqual(modern.requests[0]!.options?.probe, true);
  state.session = true;
  ping("2");
  strictEqual(legacy.requests.length, 1);
  strictEqual(modern.requests.length, 1);
});

Deno.test("Notifications go where their client is", async () => {
  const { legacy, modern, peer, state, open } = setUp();
  open();
  peer.request(modernRequest("1"));
  await until(() => modern.requests.length === 1);
  await peer.notify(notification("notifications/a"));
  state.session = true;
  await peer.notify(notification("notifications/b"));
  await peer.notify(notification("notifications/c", { _meta: ENVELOPE }));
  deepStrictEqual(modern.notified.map(({ method }) => method), ["notifications/a", "notifications/c"]);
  deepStrictEqual(legacy.notified.map(({ method }) => method), ["notifications/b"]);
});

Deno.test("Both are heard, and both are closed, one that is opened later too", async () => {
  const heard: string[] = [];
  const { legacy, modern, peer, open } = setUp();
  peer.listen({ receive: (it) => void heard.push(it.method!), closed: (why) => void heard.push(why.code) });
  peer.request(modernRequest("1"));
  void legacy.listener!.receive(notification("one"));
  open();
  await until(() => modern.requests.length === 1);
  void modern.listener!.receive(notification("two"));
  modern.listener!.closed!(failure("CONNECTION_LOST", "E", "x"));
  deepStrictEqual(heard, ["one", "two", "CONNECTION_LOST"]);
  await peer.close();
  deepStrictEqual([legacy.closed, modern.closed], [1, 1]);

  const late = setUp();
  late.peer.request(modernRequest("1"));
  await late.peer.close();
  late.open();
  await turn();
  strictEqual(late.modern.closed, 1);
});
