/** What a bridge does with what the client says while there is no room for it. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Bridge, createBridge } from "../../src/bridge/bridge.ts";
import { notification, request, resultAnswer } from "../../src/jsonrpc/answers.ts";
import type { Message } from "../../src/jsonrpc/message.ts";
import type { Exchange } from "../../src/link/peer.ts";
import { collectedLog } from "../support/collected_log.ts";
import { fakePeer } from "../support/fake_peer.ts";

/** As many unanswered requests as a bridge lets leave. */
const MOST = 1024;

const receive = () => {};

function congested(notify?: () => Promise<undefined>) {
  const peer = fakePeer(notify);
  const log = collectedLog();
  const bridge = createBridge({ peer, endpoint: "E", logger: log.logger });
  return { peer, bridge, log };
}

const ask = (bridge: Bridge, id: number | string, message = request(`${id}`, "m")) =>
  bridge.request(message, { receive });
const fill = (bridge: Bridge, count = MOST) => Array.from({ length: count }, (_, id) => ask(bridge, id));
const cancelled = (requestId: number) => notification("notifications/cancelled", { requestId });

/** What the client gets for a request: the answer's text, the error's code, or `cancelled`. */
async function given(exchange: Exchange): Promise<string> {
  const outcome = await exchange.outcome;
  if (outcome.kind !== "answered") return outcome.kind;
  const { error } = JSON.parse(outcome.message.text);
  return error === undefined ? outcome.message.text : error.data.code;
}

Deno.test("createBridge holds requests and notifications beyond its bound, and lets them leave in order", async () => {
  const { peer, bridge } = congested();
  const exchanges = fill(bridge);
  const late = ask(bridge, "first", request('"first"', "first"));
  bridge.notify(notification("second"));
  ask(bridge, "third", request('"third"', "third"));
  strictEqual(peer.order.length, MOST);
  strictEqual(bridge.congested(), undefined);
  peer.requests[0]!.answer();
  peer.requests[1]!.answer();
  await Promise.all([exchanges[0]!.outcome, exchanges[1]!.outcome]);
  deepStrictEqual(peer.order.slice(MOST), ["first", "second", "third"]);
  peer.requests[MOST]!.answer();
  strictEqual(await given(late), '{"jsonrpc":"2.0","id":"first","result":{}}');
  await bridge.close();
});

Deno.test("createBridge keeps the answer to what was held in its place among what the server says", async () => {
  const { peer, bridge } = congested();
  const said: string[] = [];
  bridge.listen({ receive: (message) => void said.push(message.method ?? "other") });
  fill(bridge);
  ask(bridge, MOST).whenOver(() => said.push("answer"));
  peer.requests[0]!.answer();
  peer.requests[MOST]!.answer();
  void peer.listener!.receive(notification("behind"));
  deepStrictEqual(said, ["answer", "behind"]);
  await bridge.close();
});

Deno.test("createBridge lets a cancellation overtake what is held, and tells nobody of one of a held request", async () => {
  const { peer, bridge } = congested();
  const exchanges = fill(bridge);
  const held = ask(bridge, MOST);
  const next = ask(bridge, MOST + 1);
  bridge.notify(cancelled(MOST));
  strictEqual(await given(held), "cancelled");
  bridge.notify(cancelled(3));
  strictEqual(await given(exchanges[3]!), "cancelled");
  strictEqual(peer.requests[3]!.cancelled.length, 1);
  deepStrictEqual(peer.requests.slice(MOST).map(({ message }) => message.id), [`${MOST + 1}`]);
  peer.requests[MOST]!.answer();
  strictEqual((await given(next)).includes("result"), true);
  await bridge.close();
});

Deno.test("createBridge lets the client's answers overtake what is held", async () => {
  const gate = Promise.withResolvers<undefined>();
  const { peer, bridge } = congested(() => gate.promise.then());
  for (let i = 0; i < 64; i++) bridge.notify(notification("n"));
  bridge.notify(notification("held"));
  peer.listener!.receive(request('"q"', "ping"));
  bridge.notify(resultAnswer('"q"', {}));
  deepStrictEqual(peer.order.slice(64), ["result"]);
  gate.resolve(undefined);
  await bridge.drain(1000);
  deepStrictEqual(peer.order.slice(64), ["result", "held"]);
  await bridge.close();
});

Deno.test("createBridge refuses an id that a held request has", async () => {
  const { bridge } = congested();
  fill(bridge);
  ask(bridge, "9999");
  strictEqual(await given(ask(bridge, "9999.0")), "INVALID_REQUEST");
  await bridge.close();
});

Deno.test("createBridge begins nothing new while the client does not take its answers", async () => {
  const { peer, bridge } = congested();
  const read = Promise.withResolvers<void>();
  bridge.unread(read.promise);
  ask(bridge, 1);
  strictEqual(peer.requests.length, 0);
  read.resolve();
  await read.promise;
  strictEqual(peer.requests.length, 1);
  await bridge.close();
});

Deno.test("createBridge is not read on when much is held, until there is room", async () => {
  const { peer, bridge } = congested();
  fill(bridge);
  const big = (id: number) => request(`${id}`, "m", { filling: "x".repeat(1024 * 1024) });
  for (let id = MOST; id < MOST + 7; id++) ask(bridge, id, big(id));
  strictEqual(bridge.congested(), undefined);
  ask(bridge, MOST + 7, big(MOST + 7));
  const room = bridge.congested();
  ok(room instanceof Promise);
  peer.requests[0]!.answer();
  await room;
  strictEqual(bridge.congested(), undefined);
  await bridge.close();
});

Deno.test("createBridge counts the client's answers that the server does not take", async () => {
  const gate = Promise.withResolvers<undefined>();
  const { peer, bridge } = congested(() => gate.promise.then());
  for (let i = 0; i < 64; i++) bridge.notify(notification("n"));
  const answer = (id: number): Message => resultAnswer(`${id}`, { filling: "x".repeat(1024 * 1024) });
  for (let id = 0; id < 8; id++) {
    peer.listener!.receive(request(`${id}`, "sampling/createMessage"));
    strictEqual(bridge.congested(), undefined);
    bridge.notify(answer(id));
  }
  const room = bridge.congested();
  ok(room instanceof Promise);
  gate.resolve(undefined);
  await room;
  await bridge.close();
});

Deno.test("createBridge drains what is held within its time, and answers the rest as not sent", async () => {
  const { peer, bridge, log } = congested();
  const exchanges = fill(bridge);
  const [soon, sent, never] = [0, 1, 2].map((i) => ask(bridge, MOST + i)) as [Exchange, Exchange, Exchange];
  bridge.notify(notification("held"));
  const drained = bridge.drain(100);
  peer.requests[0]!.answer();
  await exchanges[0]!.outcome;
  peer.requests[MOST]!.answer();
  strictEqual((await given(soon)).includes("result"), true);
  await drained;
  for (const [exchange, hint] of [[sent, /may have been/], [never, /was not sent/]] as const) {
    strictEqual(await given(exchange), "SHUTTING_DOWN");
    const outcome = await exchange.outcome;
    ok(outcome.kind === "answered" && hint.test(outcome.message.text));
  }
  strictEqual(peer.order.includes("held"), false);
  ok(log.messages("warn").some((it) => /not sent.*: 2$/.test(it)), log.messages("warn").join());
  await bridge.close();
});
