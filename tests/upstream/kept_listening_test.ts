import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { errorAnswer, notification, request, resultAnswer } from "../../src/jsonrpc/answers.ts";
import { edit } from "../../src/jsonrpc/edit.ts";
import type { Message } from "../../src/jsonrpc/message.ts";
import { failure } from "../../src/link/failure.ts";
import type { Outcome } from "../../src/link/peer.ts";
import {
  type KeptListening,
  keptListening,
  type KeptListeningOptions,
} from "../../src/upstream/kept_listening.ts";
import { collectedLog } from "../support/collected_log.ts";
import { fakePeer, type FakeRequest } from "../support/fake_peer.ts";
import { turn, until } from "../support/until.ts";

const SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";
const LOST: Outcome = { kind: "lost", failure: failure("CONNECTION_LOST", "E", "x"), lastEventId: undefined };
const UNREACHABLE: Outcome = { kind: "not_sent", failure: failure("UNREACHABLE", "E", "x") };
const FILTER = { toolsListChanged: true, resourceSubscriptions: ["x://y"] };

function setUp(options: Partial<KeptListeningOptions> = {}) {
  const peer = fakePeer();
  const heard: string[] = [];
  let lastId = 0;
  const kept = keptListening({
    send: (message, sendOptions) => peer.request(message, sendOptions),
    receive: () => {},
    newId: () => `"ours-${++lastId}"`,
    endpoint: "E",
    logger: collectedLog().logger,
    reopenMs: 1,
    ...options,
  });
  const receive = (message: Message) => void heard.push(message.text);
  return { peer, kept, heard, receive };
}

const listen = (id: string) => request(id, "subscriptions/listen", { notifications: FILTER });

/** What a server says on a stream, by the id that it has there. */
function said({ message }: FakeRequest, method: string, params: Record<string, unknown> = {}): Message {
  return edit(notification(method, params), [{
    path: ["params", "_meta", SUBSCRIPTION],
    value: message.id!,
  }]);
}

function acknowledge(it: FakeRequest): void {
  void it.options!.receive!(said(it, "notifications/subscriptions/acknowledged", { notifications: FILTER }));
}

const told = (id: string, method: string, params: Record<string, unknown> = {}) =>
  edit(notification(method, params), [{ path: ["params", "_meta", SUBSCRIPTION], value: id }]).text;

const ACKNOWLEDGED = (id: string) =>
  told(id, "notifications/subscriptions/acknowledged", { notifications: FILTER });
const MISSED = (id: string) => [
  told(id, "notifications/tools/list_changed"),
  told(id, "notifications/resources/updated", { uri: "x://y" }),
];

Deno.test("Whatever breaks, the client hears of one subscription, under its own id, and that it may have missed something", async () => {
  for (const broken of [LOST, UNREACHABLE]) {
    const { peer, kept, heard, receive } = setUp();
    const exchange = kept.carry(listen('"\\u0061"'), { receive });
    strictEqual(peer.requests[0]!.message.id, '"\\u0061"');
    acknowledge(peer.requests[0]!);
    peer.requests[0]!.exchange.settle(broken);
    await until(() => peer.requests.length === 2);
    const [, again] = peer.requests;
    strictEqual(again!.message.id, '"ours-1"');
    deepStrictEqual(again!.message.params, peer.requests[0]!.message.params);
    acknowledge(again!);
    void again!.options!.receive!(said(again!, "notifications/tools/list_changed"));
    deepStrictEqual(heard, [
      ACKNOWLEDGED('"\\u0061"'),
      ...MISSED('"\\u0061"'),
      told('"\\u0061"', "notifications/tools/list_changed"),
    ]);
    exchange.cancel(notification("notifications/cancelled", { requestId: "a" }));
    strictEqual(
      again!.cancelled[0]!.text,
      '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"ours-1"}}',
    );
  }
});

Deno.test("Listening that fails before it is acknowledged fails, but for a connection that breaks", async () => {
  const { peer, kept, receive } = setUp();
  const refused = kept.carry(listen("1"), { receive });
  peer.requests[0]!.exchange.settle({ kind: "answered", message: errorAnswer("1", -32601, "no") });
  strictEqual((await refused.outcome).kind, "answered");
  const away = kept.carry(listen("2"), { receive });
  peer.requests[1]!.exchange.settle(UNREACHABLE);
  strictEqual((await away.outcome).kind, "not_sent");
  const broken = kept.carry(listen("3"), { receive });
  for (let n = 2; n < 6; n++) {
    await until(() => peer.requests.length === n + 1);
    peer.requests[n]!.exchange.settle(LOST);
  }
  deepStrictEqual(await broken.outcome, LOST);
  strictEqual(peer.requests.length, 6);
  strictEqual(new Set(peer.requests.map(({ message }) => message.id)).size, 6);
});

Deno.test("The server's own end is the client's, under the client's id", async () => {
  const { peer, kept, receive } = setUp();
  const exchange = kept.carry(listen("7"), { receive });
  acknowledge(peer.requests[0]!);
  peer.requests[0]!.exchange.settle(LOST);
  await until(() => peer.requests.length === 2);
  acknowledge(peer.requests[1]!);
  const { id } = peer.requests[1]!.message;
  const result = edit(resultAnswer(id!, { resultType: "complete" }), [
    { path: ["result", "_meta", SUBSCRIPTION], value: id },
  ]);
  peer.requests[1]!.exchange.settle({ kind: "answered", message: result });
  const outcome = await exchange.outcome;
  strictEqual(
    outcome.kind === "answered" && outcome.message.text,
    `{"jsonrpc":"2.0","id":7,"result":{"resultType":"complete","_meta":{"${SUBSCRIPTION}":7}}}`,
  );
});

Deno.test("A server that ends it with a cancellation over one connection is heard, and nothing is opened again", async () => {
  const { peer, kept, heard, receive } = setUp();
  const exchange = kept.carry(listen("7"), { receive });
  acknowledge(peer.requests[0]!);
  void kept.receiverOf(notification("notifications/cancelled", { requestId: 7, reason: "r" }))!(
    notification("notifications/cancelled", { requestId: 7, reason: "r" }),
  );
  strictEqual((await exchange.outcome).kind, "cancelled");
  strictEqual(heard[1], notification("notifications/cancelled", { requestId: 7, reason: "r" }).text);
  peer.requests[0]!.exchange.settle(LOST);
  for (let i = 0; i < 5; i++) await turn();
  strictEqual(peer.requests.length, 1);
});

Deno.test("A message on a wire that all share belongs to the subscription that it names, however it is opened now", async () => {
  const { peer, kept, receive } = setUp();
  kept.carry(listen("1"), { receive });
  kept.carry(listen('"1"'), { receive });
  for (const it of peer.requests) acknowledge(it);
  const isTaken = (kept: KeptListening, it: FakeRequest) =>
    kept.receiverOf(said(it, "notifications/tools/list_changed")) !== undefined;
  deepStrictEqual(peer.requests.map((it) => isTaken(kept, it)), [true, true]);
  peer.requests[0]!.exchange.settle(LOST);
  await until(() => peer.requests.length === 3);
  deepStrictEqual(peer.requests.map((it) => isTaken(kept, it)), [false, true, true]);
  strictEqual(kept.receiverOf(notification("notifications/tools/list_changed")), undefined);
  strictEqual(kept.receiverOf(request('"q"', "roots/list")), undefined);
  strictEqual(kept.receiverOf(notification("notifications/cancelled", { requestId: "other" })), undefined);
  kept.close();
});

Deno.test("A client that ends it while it is broken is done with it", async () => {
  const { peer, kept, receive } = setUp();
  const exchange = kept.carry(listen("1"), { receive });
  acknowledge(peer.requests[0]!);
  peer.requests[0]!.exchange.settle(LOST);
  exchange.cancel(notification("notifications/cancelled", { requestId: 1 }));
  for (let i = 0; i < 20; i++) await turn();
  strictEqual(peer.requests.length, 1);
});

Deno.test("Closing opens none again", async () => {
  const { peer, kept, receive } = setUp({ reopenMs: 60_000 });
  const waiting = kept.carry(listen("1"), { receive });
  acknowledge(peer.requests[0]!);
  peer.requests[0]!.exchange.settle(LOST);
  const open = kept.carry(listen("2"), { receive });
  acknowledge(peer.requests[1]!);
  kept.close();
  deepStrictEqual(await waiting.outcome, LOST);
  peer.requests[1]!.exchange.settle(LOST);
  deepStrictEqual(await open.outcome, LOST);
  strictEqual(peer.requests.length, 2);
});
