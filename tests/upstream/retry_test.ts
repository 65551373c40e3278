import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { createListings } from "../../src/upstream/listings.ts";
import { retrying, type RetryOptions } from "../../src/upstream/retry.ts";
import { errorAnswer, notification, request, resultAnswer } from "../../src/jsonrpc/answers.ts";
import { failure, type FailureName } from "../../src/link/failure.ts";
import type { Outcome } from "../../src/link/peer.ts";
import { collectedLog } from "../support/collected_log.ts";
import { fakePeer } from "../support/fake_peer.ts";
import { turn, until } from "../support/until.ts";

const LIST = request("1", "tools/list");
const CALL = request("2", "tools/call", { name: "write" });

function notSent(code: FailureName = "UNREACHABLE"): Outcome {
  return { kind: "not_sent", failure: failure(code, "E", "no way") };
}
const LOST: Outcome = {
  kind: "lost",
  failure: failure("CONNECTION_LOST", "E", "it broke"),
  lastEventId: undefined,
};
function later(afterMs: number | undefined): Outcome {
  const why = failure("RETRY_LATER", "E", "later", undefined, 429);
  return { kind: "retry_later", failure: why, status: 429, answer: undefined, afterMs };
}
function refused(status: number): Outcome {
  const why = failure("REFUSED", "E", "no", undefined, status);
  return { kind: "refused", failure: why, status, answer: undefined };
}

function setUp(options: Partial<RetryOptions> = {}, server = fakePeer()) {
  const listings = createListings();
  const { logger, messages } = collectedLog();
  const peer = retrying({
    attempts: 3,
    delayMs: 1,
    timeoutMs: 30_000,
    requestTimeoutMs: 300_000,
    listings,
    onceOnly: false,
    endpoint: "E",
    logger,
    random: () => 0,
    ...options,
  })(server);
  /** Gives the requests these outcomes, one after the other as they come. */
  async function happen(outcomes: readonly Outcome[]): Promise<void> {
    const from = server.requests.length - 1;
    for (const [i, outcome] of outcomes.entries()) {
      await until(() => server.requests.length > from + i);
      server.requests[from + i]!.exchange.settle(outcome);
    }
  }
  return { server, peer, listings, messages, happen };
}

Deno.test("a request that could not be sent is sent again until it is answered", async () => {
  const { server, peer, happen } = setUp();
  const exchange = peer.request(CALL);
  await happen([notSent(), notSent("CONNECT_TIMEOUT"), later(0)]);
  await until(() => server.requests.length === 4);
  server.requests[3]!.answer({ n: 1 });
  const outcome = await exchange.outcome;
  ok(outcome.kind === "answered");
  strictEqual(outcome.message.text, '{"jsonrpc":"2.0","id":2,"result":{"n":1}}');
  ok(server.requests.every(({ message }) => message === CALL));
});

Deno.test("a request is sent again no more often than was said", async () => {
  for (const attempts of [0, 1, 2]) {
    const { server, peer, happen } = setUp({ attempts });
    const exchange = peer.request(LIST);
    await happen(Array(attempts + 1).fill(LOST));
    strictEqual((await exchange.outcome).kind, "lost");
    strictEqual(server.requests.length, attempts + 1);
  }
});

Deno.test("a call that may have run is not sent again, and its error says so", async () => {
  for (const outcome of [LOST, refused(502), refused(503), refused(408)]) {
    const { server, peer, happen } = setUp();
    const exchange = peer.request(CALL);
    await happen([outcome]);
    const end = await exchange.outcome;
    ok("failure" in end && end.kind === outcome.kind);
    match(end.failure.message, /the outcome of this tools\/call is unknown, so it was not sent again/);
    strictEqual(server.requests.length, 1);
  }
});

Deno.test("a call of a tool that says it may be repeated is sent again after a break", async () => {
  for (const hint of ["readOnlyHint", "idempotentHint"]) {
    const { server, peer, listings, happen } = setUp();
    listings.note(LIST, resultAnswer("1", { tools: [{ name: "write", annotations: { [hint]: true } }] }));
    const exchange = peer.request(CALL);
    await happen([LOST, { kind: "answered", message: resultAnswer("2", {}) }]);
    strictEqual((await exchange.outcome).kind, "answered");
    strictEqual(server.requests.length, 2);
  }
});

Deno.test("that a last attempt was not sent says nothing of those before it", async () => {
  for (const last of [notSent(), later(9e9), refused(403)]) {
    const { peer, listings, happen } = setUp({ attempts: 1 });
    listings.note(
      LIST,
      resultAnswer("1", { tools: [{ name: "write", annotations: { idempotentHint: true } }] }),
    );
    const exchange = peer.request(CALL);
    await happen([LOST, last]);
    const outcome = await exchange.outcome;
    ok(outcome.kind === "lost");
    match(outcome.failure.message, /; an earlier attempt may have been carried out$/);
  }
});

Deno.test("a server that wants more patience than there is time fails at once", async () => {
  const { server, peer, happen } = setUp({ requestTimeoutMs: 5000 });
  const exchange = peer.request(LIST);
  await happen([later(6000)]);
  const outcome = await exchange.outcome;
  ok(outcome.kind === "retry_later");
  strictEqual(outcome.failure.code, "RETRY_LATER");
  strictEqual(server.requests.length, 1);
});

Deno.test("a request that is cancelled while it waits for the next attempt is not sent again", async () => {
  const { server, peer, happen, messages } = setUp({ delayMs: 60_000, random: () => 1 });
  const exchange = peer.request(LIST);
  await happen([notSent()]);
  await until(() => messages("info").length === 1);
  exchange.cancel(notification("notifications/cancelled"));
  deepStrictEqual(await exchange.outcome, { kind: "cancelled" });
  await turn();
  strictEqual(server.requests.length, 1);
});

Deno.test("a request is cancelled at the server that has it, whichever attempt that is", async () => {
  const { server, peer, happen } = setUp();
  const exchange = peer.request(LIST);
  await happen([notSent()]);
  await until(() => server.requests.length === 2);
  const notice = notification("notifications/cancelled");
  exchange.cancel(notice);
  deepStrictEqual(server.requests.map(({ cancelled }) => cancelled), [[], [notice]]);
});

Deno.test("whoever asks is told whether a request still waits here", async () => {
  const { server, peer, happen, messages } = setUp({ delayMs: 60_000, random: () => 1, attempts: 1 });
  const exchange = peer.request(LIST);
  strictEqual(exchange.held, false);
  await happen([later(undefined)]);
  await until(() => messages("info").length === 1);
  strictEqual(exchange.held, true);
  const other = peer.request(CALL);
  server.requests[1]!.exchange.settle(notSent());
  await until(() => messages("info").length === 2);
  strictEqual(other.held, true);
  exchange.cancel();
  other.cancel();
});

Deno.test("closing ends the waiting: the request is answered with what had become of it", async () => {
  const { server, peer, happen, messages } = setUp({ delayMs: 60_000, random: () => 1 });
  const exchange = peer.request(LIST);
  await happen([notSent()]);
  await until(() => messages("info").length === 1);
  await peer.close();
  strictEqual((await exchange.outcome).kind, "not_sent");
  deepStrictEqual([server.requests.length, server.closed], [1, 1]);
});

Deno.test("a command that ends before it answers initialize is not run again", async () => {
  const { server, peer, happen } = setUp({ onceOnly: true });
  const exchange = peer.request(request("0", "initialize"));
  await happen([LOST]);
  strictEqual((await exchange.outcome).kind, "lost");
  strictEqual(server.requests.length, 1);
});

Deno.test("an answer of an earlier attempt's successor comes before what the server says next", async () => {
  const { server, peer, happen } = setUp();
  const order: string[] = [];
  peer.listen({ receive: (message) => void order.push(message.method!) });
  peer.request(LIST).whenOver(() => order.push("answer"));
  await happen([notSent()]);
  await until(() => server.requests.length === 2);
  server.requests[1]!.answer();
  void server.listener!.receive(notification("notifications/message"));
  deepStrictEqual(order, ["answer", "notifications/message"]);
});

Deno.test("what was sent along with an initialize that failed is sent in order once that is answered", async () => {
  const failing = [true, true];
  const server = fakePeer(() =>
    Promise.resolve(failing.shift() ? failure("UNREACHABLE", "E", "no way") : undefined)
  );
  const { peer } = setUp({}, server);
  const greeted = peer.request(request("0", "initialize"));
  const told = peer.notify(notification("notifications/initialized"));
  const listed = peer.request(LIST);
  server.requests[0]!.exchange.settle(notSent());
  server.requests[1]!.exchange.settle(notSent());
  await until(() => server.requests.length === 3);
  const called = peer.request(CALL);
  await turn();
  deepStrictEqual(server.order, ["initialize", "notifications/initialized", "tools/list", "initialize"]);
  server.requests[2]!.answer();
  strictEqual((await greeted.outcome).kind, "answered");
  strictEqual(await told, undefined);
  await until(() => server.requests.length === 5);
  deepStrictEqual(server.order.slice(4), [
    "notifications/initialized",
    "notifications/initialized",
    ...server.order.slice(6),
  ]);
  deepStrictEqual(server.order.slice(6).toSorted(), ["tools/call", "tools/list"]);
  server.requests[3]!.answer();
  server.requests[4]!.answer();
  deepStrictEqual([(await listed.outcome).kind, (await called.outcome).kind], ["answered", "answered"]);
});

Deno.test("what the client sends in the handshake leaves in the order it was sent", () => {
  const { server, peer } = setUp();
  void peer.request(request("0", "initialize"));
  void peer.notify(notification("notifications/initialized"));
  void peer.request(LIST);
  void peer.notify(notification("notifications/roots/list_changed"));
  deepStrictEqual(server.order, [
    "initialize",
    "notifications/initialized",
    "tools/list",
    "notifications/roots/list_changed",
  ]);
});

Deno.test("initialized is told again where another notification is given up", async () => {
  for (
    const [method, code, times] of [
      ["notifications/initialized", "RETRY_LATER", 4],
      ["notifications/initialized", "REFUSED", 1],
      ["notifications/roots/list_changed", "RETRY_LATER", 1],
      ["notifications/roots/list_changed", "UNREACHABLE", 4],
    ] as const
  ) {
    const why = failure(code, "E", "no");
    const { server, peer } = setUp({}, fakePeer(() => Promise.resolve(why)));
    strictEqual(await peer.notify(notification(method)), why);
    strictEqual(server.notified.length, times, `${method} ${code}`);
  }
});

Deno.test("an endpoint that fails and fails gets no more repetitions than its budget holds", async () => {
  const { server, peer } = setUp({ attempts: 1_000_000 });
  const exchanges = Array.from({ length: 64 }, () => peer.request(LIST));
  const all = Promise.all(exchanges.map(({ outcome }) => outcome));
  let over = false;
  void all.then(() => over = true);
  while (!over) {
    for (const { exchange } of server.requests) exchange.settle(notSent());
    await turn();
  }
  ok(server.requests.length >= 64 + 256 && server.requests.length < 64 + 300, `${server.requests.length}`);
});

Deno.test("an error of the server's is an answer, and stays one", async () => {
  const { server, peer } = setUp();
  const exchange = peer.request(LIST);
  server.requests[0]!.exchange.settle({ kind: "answered", message: errorAnswer("1", -32603, "no") });
  strictEqual((await exchange.outcome).kind, "answered");
  strictEqual(server.requests.length, 1);
});
