import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { type FallbackOptions, fallbackPool } from "../../src/upstream/fallback.ts";
import { notification, request, resultAnswer } from "../../src/jsonrpc/answers.ts";
import type { Message } from "../../src/jsonrpc/message.ts";
import { failure, type FailureName } from "../../src/link/failure.ts";
import type { Outcome } from "../../src/link/peer.ts";
import { collectedLog } from "../support/collected_log.ts";
import { type FakePeer, fakePeer } from "../support/fake_peer.ts";
import { turn, until } from "../support/until.ts";

const INITIALIZE = request("0", "initialize");
const CALL = request("1", "tools/call", { name: "write" });
const LIST = request("2", "tools/list");

function notSent(code: FailureName = "UNREACHABLE"): Outcome {
  return { kind: "not_sent", failure: failure(code, "E", "no way") };
}
function refused(status: number | undefined, code: FailureName = "REFUSED"): Outcome {
  return { kind: "refused", failure: failure(code, "E", "no", undefined, status), status, answer: undefined };
}
const LOST: Outcome = {
  kind: "lost",
  failure: failure("CONNECTION_LOST", "E", "it broke"),
  lastEventId: undefined,
};

/** A pool of so many candidates called A, B, C …, and every Peer it has opened. */
function setUp(count = 2, options: Partial<FallbackOptions> = {}) {
  const opened: FakePeer[][] = [];
  let session: unknown = {};
  const changes: boolean[] = [];
  const { logger, messages } = collectedLog();
  const replayed: (() => void)[] = [];
  const candidates = Array.from({ length: count }, (_, index) => ({
    endpoint: "ABC"[index]!,
    ...(index === 0 ? {} : { warning: `${"ABC"[index]} is presumed` }),
    open(replay: () => void) {
      const peer = fakePeer();
      (opened[index] ??= []).push(peer);
      replayed[index] = replay;
      return Promise.resolve(peer);
    },
  }));
  const pool = fallbackPool({
    candidates: [candidates[0]!, ...candidates.slice(1)],
    timeoutMs: 10_000,
    returnToFirst: true,
    returnMs: 1,
    idleMs: 1,
    random: () => 0,
    session: () => session,
    hintsFor: () => undefined,
    changed: (another) => changes.push(another),
    logger,
    ...options,
  });
  const received: Message[] = [];
  const closed: string[] = [];
  pool.listen({ receive: (it) => void received.push(it), closed: (why) => closed.push(why.code) });

  const of = (name: string) => opened["ABC".indexOf(name)] ?? [];
  /** The request that one of them has got last, once it is the `count`th. */
  async function got(name: string, count = 1, life = 0) {
    await until(() => (of(name)[life]?.requests.length ?? 0) >= count);
    return of(name)[life]!.requests[count - 1]!;
  }

  return {
    pool,
    of,
    got,
    received,
    closed,
    changes,
    messages,
    replayed,
    establish: () => session = {},
    /** Leaves A for B. */
    async move() {
      const exchange = pool.request(LIST);
      (await got("A", (of("A")[0]?.requests.length ?? 0) + 1)).exchange.settle(notSent());
      const at = await got("B", (of("B")[0]?.requests.length ?? 0) + 1);
      at.answer();
      strictEqual((await exchange.outcome).kind, "answered");
    },
  };
}

Deno.test("nothing is opened before it is needed, and no fallback while the endpoint serves", async () => {
  const it = setUp();
  await turn();
  strictEqual(it.of("A").length, 0);
  const exchange = it.pool.request(CALL);
  (await it.got("A")).answer({ n: 1 });
  const outcome = await exchange.outcome;
  ok(outcome.kind === "answered");
  strictEqual(outcome.message.text, '{"jsonrpc":"2.0","id":1,"result":{"n":1}}');
  strictEqual(it.of("B").length, 0);
  await it.pool.close();
});

Deno.test("a fallback takes over from an endpoint that can't be reached, and what is presumed is said", async () => {
  const it = setUp(2, { returnToFirst: false });
  const exchange = it.pool.request(INITIALIZE);
  (await it.got("A")).exchange.settle(notSent());
  (await it.got("B")).answer();
  strictEqual((await exchange.outcome).kind, "answered");
  const next = it.pool.request(CALL);
  (await it.got("B", 2)).answer();
  strictEqual((await next.outcome).kind, "answered");
  deepStrictEqual([it.changes, it.closed], [[true], ["SESSION_LOST"]]);
  deepStrictEqual(it.messages("warn"), ["B is presumed", "a fallback takes the endpoint's place"]);
  strictEqual(it.of("A")[0]!.closed, 1);
  await it.pool.close();
  strictEqual(it.of("B")[0]!.closed, 1);
});

Deno.test("a call that may have run goes to no other endpoint", async () => {
  for (const outcome of [LOST, refused(502), refused(undefined, "NOT_MCP")]) {
    const it = setUp();
    const exchange = it.pool.request(CALL);
    (await it.got("A")).exchange.settle(outcome);
    if (outcome.kind === "refused" && outcome.status === undefined) {
      // Whether another can serve what comes later is found out with a ping.
      const ping = await it.got("B");
      strictEqual(ping.message.method, "ping");
      ping.answer();
    }
    strictEqual((await exchange.outcome).kind, outcome.kind);
    ok((it.of("B")[0]?.requests ?? []).every(({ message }) => message.method === "ping"));
    await it.pool.close();
  }
});

Deno.test("an endpoint that speaks no MCP any more is left, but not for a call that may have run", async () => {
  const it = setUp(2, { returnToFirst: false });
  const calls = Array.from({ length: 8 }, () => it.pool.request(CALL));
  await it.got("A", 8);
  for (const { exchange } of it.of("A")[0]!.requests) exchange.settle(refused(200, "NOT_MCP"));
  (await it.got("B")).answer();
  deepStrictEqual(
    new Set((await Promise.all(calls.map((it) => it.outcome))).map(({ kind }) => kind)),
    new Set(["refused"]),
  );
  strictEqual(it.of("B")[0]!.requests.length, 1);
  const next = it.pool.request(CALL);
  strictEqual((await it.got("B", 2)).message, CALL);
  next.cancel();
  await it.pool.close();
});

Deno.test("a fallback that fails too says so, and the endpoint stays first", async () => {
  const it = setUp(3);
  const exchange = it.pool.request(CALL);
  for (const name of "ABC") (await it.got(name)).exchange.settle(notSent());
  const outcome = await exchange.outcome;
  ok(outcome.kind === "not_sent");
  strictEqual(outcome.failure.message, "no way; the fallbacks failed too (B, C)");
  it.pool.request(CALL);
  await it.got("A", 2);
  await it.pool.close();
});

Deno.test("64 requests that fail at once move once", async () => {
  const it = setUp(3, { returnToFirst: false });
  const exchanges = Array.from({ length: 64 }, (_, i) => it.pool.request(request(String(i), "tools/call")));
  await it.got("A", 64);
  for (const { exchange } of it.of("A")[0]!.requests) exchange.settle(notSent());
  await it.got("B", 64);
  for (const request of it.of("B")[0]!.requests) request.answer();
  for (const exchange of exchanges) strictEqual((await exchange.outcome).kind, "answered");
  deepStrictEqual([it.changes, it.of("A").length, it.of("B").length, it.of("C").length], [[true], 1, 1, 0]);
  await it.pool.close();
});

Deno.test("an answer that comes late from the endpoint that was left takes nothing back", async () => {
  const it = setUp(2, { returnToFirst: false });
  const slow = it.pool.request(CALL);
  const first = await it.got("A");
  await it.move();
  strictEqual(it.of("A")[0]!.closed, 0);
  first.answer({ late: true });
  strictEqual((await slow.outcome).kind, "answered");
  await turn();
  // It has answered all, and is let go of now.
  strictEqual(it.of("A")[0]!.closed, 1);
  const next = it.pool.request(LIST);
  (await it.got("B", 2)).answer();
  strictEqual((await next.outcome).kind, "answered");
  deepStrictEqual(it.changes, [true]);
  await it.pool.close();
});

Deno.test("the endpoint is taken back when nothing is in flight, and its fallback closed", async () => {
  const it = setUp();
  await it.move();
  const busy = it.pool.request(CALL);
  const call = await it.got("B", 2);
  (await it.got("A", 1, 1)).answer();
  await turn();
  await turn();
  deepStrictEqual(it.changes, [true]);
  call.answer();
  strictEqual((await busy.outcome).kind, "answered");
  await until(() => it.changes.length === 2);
  strictEqual(it.messages("warn").at(-1), "back at the endpoint");
  strictEqual(it.of("B")[0]!.closed, 1);
  const next = it.pool.request(LIST);
  (await it.got("A", 2, 1)).answer();
  strictEqual((await next.outcome).kind, "answered");
  await it.pool.close();
});

Deno.test("an endpoint that does not answer yet keeps nothing open, and is tried again", async () => {
  const it = setUp();
  await it.move();
  for (let life = 1; life < 4; life++) {
    (await it.got("A", 1, life)).exchange.settle(notSent());
    await until(() => it.of("A")[life]!.closed === 1);
  }
  deepStrictEqual(it.changes, [true]);
  await it.pool.close();
});

Deno.test("an endpoint that is back learns what the client has established meanwhile", async () => {
  const it = setUp();
  await it.move();
  const busy = it.pool.request(request("9", "resources/subscribe"));
  (await it.got("A", 1, 1)).answer();
  (await it.got("B", 2)).answer();
  await busy.outcome;
  it.establish();
  // What was established there was an older session: it is established once more.
  (await it.got("A", 1, 2)).answer();
  strictEqual(it.of("A")[1]!.closed, 1);
  await until(() => it.changes.length === 2);
  await it.pool.close();
});

Deno.test("with --fallback-return never the endpoint is not tried again", async () => {
  const it = setUp(2, { returnToFirst: false });
  await it.move();
  await turn();
  await turn();
  strictEqual(it.of("A").length, 1);
  await it.pool.close();
});

Deno.test("an open question keeps the endpoint from being taken back", async () => {
  const it = setUp();
  await it.move();
  void it.of("B")[0]!.listener!.receive(request("7", "sampling/createMessage"));
  const asked = it.received[0]!;
  (await it.got("A", 1, 1)).answer();
  await turn();
  await turn();
  deepStrictEqual(it.changes, [true]);
  strictEqual(await it.pool.notify(resultAnswer(asked.id!, { ok: true })), undefined);
  deepStrictEqual(it.of("B")[0]!.notified.map(({ text }) => text), [
    '{"jsonrpc":"2.0","id":7,"result":{"ok":true}}',
  ]);
  await until(() => it.changes.length === 2);
  await it.pool.close();
});

Deno.test("questions of two servers under one id stay apart", async () => {
  const it = setUp(2, { returnToFirst: false });
  const slow = it.pool.request(CALL, { receive: (message) => void it.received.push(message) });
  const first = await it.got("A");
  await it.move();
  void first.options!.receive!(request("7", "elicitation/create"));
  void it.of("B")[0]!.listener!.receive(request("7", "roots/list"));
  const [fromA, fromB] = it.received;
  ok(fromA!.id !== fromB!.id);
  await it.pool.notify(resultAnswer(fromB!.id!, { from: "B" }));
  await it.pool.notify(resultAnswer(fromA!.id!, { from: "A" }));
  const answers = (name: string) => it.of(name)[0]!.notified.map(({ text }) => text);
  deepStrictEqual(answers("A"), ['{"jsonrpc":"2.0","id":7,"result":{"from":"A"}}']);
  deepStrictEqual(answers("B"), ['{"jsonrpc":"2.0","id":7,"result":{"from":"B"}}']);
  // A question that is taken back is called what the client knows it by.
  void it.of("B")[0]!.listener!.receive(request('"x"', "roots/list"));
  void it.of("B")[0]!.listener!.receive(notification("notifications/cancelled", { requestId: "x" }));
  const [asked, taken] = it.received.slice(2);
  strictEqual((taken!.parsed("params") as { requestId: string }).requestId, JSON.parse(asked!.id!));
  first.answer();
  await slow.outcome;
  await turn();
  // Who has asked is gone.
  const why = await it.pool.notify(resultAnswer(fromA!.id!, {}));
  strictEqual(why?.code, "SESSION_LOST");
  await it.pool.close();
});

Deno.test("the client hears nothing unasked of an endpoint that does not serve", async () => {
  const it = setUp();
  await it.move();
  const probe = await it.got("A", 1, 1);
  void it.of("A")[1]!.listener!.receive(notification("notifications/tools/list_changed"));
  it.of("A")[1]!.listener!.closed!(failure("CONNECTION_LOST", "A", "m"));
  void it.of("B")[0]!.listener!.receive(notification("notifications/prompts/list_changed"));
  deepStrictEqual(it.received.map(({ method }) => method), ["notifications/prompts/list_changed"]);
  deepStrictEqual(it.closed, ["SESSION_LOST"]);
  probe.exchange.settle(notSent());
  await it.pool.close();
});

Deno.test("the answer that moves the client comes before what the fallback says next", async () => {
  const it = setUp(2, { returnToFirst: false });
  const order: string[] = [];
  it.pool.listen({
    receive: (message) => void order.push(message.method!),
    closed: () => order.push("closed"),
  });
  it.pool.request(LIST).whenOver(() => order.push("answer"));
  (await it.got("A")).exchange.settle(notSent());
  const second = await it.got("B");
  second.answer();
  void it.of("B")[0]!.listener!.receive(notification("notifications/message"));
  deepStrictEqual(order, ["closed", "answer", "notifications/message"]);
  await it.pool.close();
});

Deno.test("a request is cancelled wherever it is, and goes no further", async () => {
  const notice = notification("notifications/cancelled");
  const atA = setUp();
  const early = atA.pool.request(LIST);
  early.cancel(notice);
  await turn();
  strictEqual(atA.of("A")[0]?.requests.length ?? 0, 0);
  const first = atA.pool.request(LIST);
  const there = await atA.got("A");
  first.cancel(notice);
  deepStrictEqual(there.cancelled, [notice]);
  await turn();
  strictEqual(atA.of("B").length, 0);
  const second = atA.pool.request(LIST);
  (await atA.got("A", 2)).exchange.settle(notSent());
  const atB = await atA.got("B");
  second.cancel(notice);
  deepStrictEqual([atB.cancelled, (await second.outcome).kind], [[notice], "cancelled"]);
  deepStrictEqual(atA.changes, []);
  await atA.pool.close();
});

Deno.test("an endpoint that is silent at initialize is left for the next in time", async () => {
  const it = setUp(2, { timeoutMs: 1, returnToFirst: false });
  const exchange = it.pool.request(INITIALIZE);
  const silent = await it.got("A");
  (await it.got("B")).answer();
  strictEqual((await exchange.outcome).kind, "answered");
  deepStrictEqual([silent.cancelled, it.of("A")[0]!.closed], [[undefined], 1]);
  await it.pool.close();
});

Deno.test("nothing is opened any more once the pool is closed", async () => {
  const it = setUp();
  const exchange = it.pool.request(CALL);
  const first = await it.got("A");
  const closing = it.pool.close();
  first.exchange.settle(notSent());
  const outcome = await exchange.outcome;
  await closing;
  ok(outcome.kind === "not_sent");
  strictEqual(outcome.failure.code, "SHUTTING_DOWN");
  const after = await it.pool.request(CALL).outcome;
  ok(after.kind === "not_sent" && after.failure.code === "SHUTTING_DOWN");
  strictEqual((await it.pool.notify(notification("notifications/initialized")))?.code, "SHUTTING_DOWN");
  strictEqual(it.of("B").length, 0);
});

Deno.test("where a fallback was refused after the endpoint may have run it, it is not said that it did not run", async () => {
  const it = setUp(2, { hintsFor: () => ({ readOnly: false, idempotent: true }), returnToFirst: false });
  const exchange = it.pool.request(CALL);
  (await it.got("A")).exchange.settle(refused(502));
  (await it.got("B")).exchange.settle(refused(403));
  const outcome = await exchange.outcome;
  ok(outcome.kind === "lost");
  match(outcome.failure.message, /an earlier attempt may have been carried out/);
  await it.pool.close();
});

Deno.test("a fallback whose session has been established anew has its lists compared; another's are not", async () => {
  const it = setUp(2, { returnToFirst: false });
  await it.move();
  it.replayed[1]!();
  it.replayed[0]!();
  deepStrictEqual(it.changes, [true, false]);
  await it.pool.close();
});
