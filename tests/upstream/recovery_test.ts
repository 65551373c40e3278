import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { recovering, type RecoveryOptions } from "../../src/upstream/recovery.ts";
import { afterAnswer, afterMessage, NO_SESSION, type Session } from "../../src/upstream/session.ts";
import { errorAnswer, notification, request, resultAnswer } from "../../src/jsonrpc/answers.ts";
import { type Failure, failure, type FailureName } from "../../src/link/failure.ts";
import type { Message } from "../../src/jsonrpc/message.ts";
import type { Exchange, Outcome } from "../../src/link/peer.ts";
import { collectedLog } from "../support/collected_log.ts";
import { fakePeer, type FakeRequest } from "../support/fake_peer.ts";
import { turn, until } from "../support/until.ts";

const INITIALIZE = request("0", "initialize", { protocolVersion: "2025-11-25", clientInfo: { name: "c" } });
const INITIALIZED = notification("notifications/initialized");
const WELCOME = { protocolVersion: "2025-06-18", capabilities: { tools: {}, logging: {}, prompts: {} } };

function unknown(): Outcome {
  const why = failure("SESSION_LOST", "E", "the server no longer knows this session", undefined, 404);
  return { kind: "session_unknown", failure: why, status: 404, answer: undefined };
}

function notSent(code: FailureName = "CONNECTION_LOST"): Outcome {
  return { kind: "not_sent", failure: failure(code, "E", "the server closed the connection") };
}

interface SetUp extends Partial<RecoveryOptions> {
  readonly notify?: (message: Message) => Failure | undefined;
  /** What the server does with requests by itself. */
  readonly serve?: (it: FakeRequest) => void;
}

/** A client with a session, and a server below the layer. */
async function setUp({ notify, serve, ...options }: SetUp = {}) {
  let session: Session = NO_SESSION;
  const fake = fakePeer();
  let drops = 0;
  const server = {
    ...fake,
    get requests() {
      return fake.requests;
    },
    request(...given: Parameters<typeof fake.request>) {
      const exchange = fake.request(...given);
      serve?.(fake.requests.at(-1)!);
      return exchange;
    },
    async notify(message: Message) {
      return await fake.notify(message) ?? notify?.(message);
    },
    drop() {
      drops++;
      return Promise.resolve();
    },
  };
  const { logger, messages } = collectedLog();
  let replays = 0;
  const peer = recovering({
    session: () => session,
    endpoint: "E",
    logger,
    timeoutMs: 5000,
    delayMs: 1,
    attempts: 3,
    keepAliveMs: undefined,
    random: () => 0,
    ...options,
    replayed() {
      replays++;
      options.replayed?.({});
    },
  })(server);
  const closed: string[] = [];
  const received: Message[] = [];
  peer.listen({ receive: (message) => void received.push(message), closed: (why) => closed.push(why.code) });

  /** What the bridge does with a request of the client's. */
  function ask(message: Message): Exchange {
    session = afterMessage(session, message);
    const exchange = peer.request(message);
    exchange.whenOver((outcome) => {
      if (outcome.kind === "answered") session = afterAnswer(session, message, outcome.message);
    });
    return exchange;
  }

  function tell(message: Message): Promise<Failure | undefined> {
    session = afterMessage(session, message);
    return peer.notify(message);
  }

  const greeted = ask(INITIALIZE);
  if (!fake.requests[0]!.exchange.settled) fake.requests[0]!.answer(WELCOME);
  await greeted.outcome;
  return {
    peer,
    ask,
    tell,
    fake,
    closed,
    received,
    messages,
    methods: () => fake.order.slice(1),
    /** The request number so many, once it has come. */
    async nth(index: number): Promise<FakeRequest> {
      await until(() => fake.requests.length > index);
      return fake.requests[index]!;
    },
    get replays() {
      return replays;
    },
    get drops() {
      return drops;
    },
    get session() {
      return session;
    },
  };
}

async function kindOf(exchange: Exchange): Promise<string> {
  return (await exchange.outcome).kind;
}

Deno.test("a request whose session the server has forgotten is answered in a new one", async () => {
  const it = await setUp();
  await it.tell(INITIALIZED);
  const call = request("5", "tools/call", { name: "write" });
  const exchange = it.ask(call);
  it.fake.requests[1]!.exchange.settle(unknown());
  (await it.nth(2)).answer(WELCOME);
  const again = await it.nth(3);
  strictEqual(again.message, call);
  again.answer({ n: 1 });
  const outcome = await exchange.outcome;
  ok(outcome.kind === "answered");
  strictEqual(outcome.message.text, '{"jsonrpc":"2.0","id":5,"result":{"n":1}}');
  deepStrictEqual(it.methods(), [
    "notifications/initialized",
    "tools/call",
    "initialize",
    "notifications/initialized",
    "tools/call",
  ]);
  deepStrictEqual([it.closed, it.replays], [["SESSION_LOST"], 1]);
});

Deno.test("64 requests that lose a session at once bring it back once", async () => {
  const it = await setUp();
  await it.tell(INITIALIZED);
  const exchanges = Array.from({ length: 64 }, (_, i) => it.ask(request(String(i + 1), "tools/list")));
  for (const { exchange } of it.fake.requests.slice(1, 64)) exchange.settle(unknown());
  const replay = await it.nth(65);
  strictEqual(replay.message.method, "initialize");
  replay.answer(WELCOME);
  await until(() => it.fake.requests.length === 66 + 63);
  // One that learns of it only when the session is back is simply sent again.
  it.fake.requests[64]!.exchange.settle(unknown());
  await until(() => it.fake.requests.length === 66 + 64);
  for (const request of it.fake.requests.slice(66)) request.answer();
  deepStrictEqual(new Set(await Promise.all(exchanges.map(kindOf))), new Set(["answered"]));
  strictEqual(it.fake.requests.filter(({ message }) => message.method === "initialize").length, 2);
  deepStrictEqual([it.closed, it.replays], [["SESSION_LOST"], 1]);
});

Deno.test("requests that come while a session is brought back wait for it, in their order", async () => {
  const it = await setUp();
  await it.tell(INITIALIZED);
  it.ask(request("1", "tools/list"));
  it.fake.requests[1]!.exchange.settle(unknown());
  const exchanges = ["2", "3"].map((id) => it.ask(request(id, "tools/call")));
  deepStrictEqual(exchanges.map(({ held }) => held), [true, true]);
  (await it.nth(2)).answer(WELCOME);
  await it.nth(5);
  deepStrictEqual(it.fake.requests.slice(3).map(({ message }) => message.id), ["1", "2", "3"]);
});

Deno.test("a request that is cancelled while the session is brought back is not sent", async () => {
  const it = await setUp();
  await it.tell(INITIALIZED);
  const [first, second, third] = [it.ask(request("1", "tools/list")), request("2", "a"), request("3", "b")];
  it.fake.requests[1]!.exchange.settle(unknown());
  const [waiting, other] = [it.ask(second), it.ask(third)];
  const replay = await it.nth(2);
  first.cancel();
  waiting.cancel();
  deepStrictEqual([await kindOf(first), await kindOf(waiting)], ["cancelled", "cancelled"]);
  replay.answer(WELCOME);
  (await it.nth(3)).answer();
  strictEqual(await kindOf(other), "answered");
  deepStrictEqual(it.fake.requests.slice(3).map(({ message }) => message.id), ["3"]);
});

Deno.test("a server that knows no session at all gets each request twice and no more", async () => {
  const it = await setUp({
    serve({ message, exchange }) {
      if (message.method !== "initialize") exchange.settle(unknown());
      else exchange.settle({ kind: "answered", message: resultAnswer(message.id!, WELCOME) });
    },
  });
  for (const id of ["1", "2"]) {
    const outcome = await it.ask(request(id, "tools/call")).outcome;
    ok(outcome.kind === "session_unknown");
    strictEqual(outcome.failure.code, "SESSION_LOST");
  }
  deepStrictEqual(it.methods().filter((method) => method === "tools/call").length, 4);
  deepStrictEqual(it.replays, 2);
});

Deno.test("a session that can't be brought back fails the request with the reason, and not as if it had run", async () => {
  const reasons: [Outcome, Outcome["kind"], FailureName][] = [
    [
      { kind: "lost", failure: failure("CONNECTION_LOST", "E", "m"), lastEventId: undefined },
      "not_sent",
      "CONNECTION_LOST",
    ],
    [notSent("UNREACHABLE"), "not_sent", "UNREACHABLE"],
    [
      // A gateway: the server behind it may be back the next time.
      {
        kind: "refused",
        failure: failure("REFUSED", "E", "m", "", 502),
        status: 502,
        answer: errorAnswer("9", 1, "theirs"),
      },
      "not_sent",
      "REFUSED",
    ],
    [
      {
        kind: "refused",
        failure: failure("REFUSED", "E", "m", "", 403),
        status: 403,
        answer: errorAnswer("9", 1, "theirs"),
      },
      "not_sent",
      "REFUSED",
    ],
    [
      {
        kind: "retry_later",
        failure: failure("RETRY_LATER", "E", "m"),
        status: 429,
        answer: errorAnswer("9", 1, "theirs"),
        afterMs: 5,
      },
      "retry_later",
      "RETRY_LATER",
    ],
    [{ kind: "answered", message: errorAnswer("9", -32602, "theirs") }, "not_sent", "SESSION_LOST"],
    [
      { kind: "answered", message: resultAnswer("9", { ...WELCOME, protocolVersion: "2099-01-01" }) },
      "not_sent",
      "SESSION_LOST",
    ],
  ];
  for (const [reason, kind, code] of reasons) {
    const it = await setUp();
    const exchange = it.ask(request("1", "tools/call"));
    it.fake.requests[1]!.exchange.settle(unknown());
    (await it.nth(2)).exchange.settle(reason);
    const outcome = await exchange.outcome;
    ok(outcome.kind === kind && "failure" in outcome, `${outcome.kind} for ${kind}`);
    strictEqual(outcome.failure.code, code);
    ok(!("answer" in outcome) || outcome.answer === undefined);
    strictEqual(it.fake.requests.length, 3);
    // The next request tries anew.
    const next = it.ask(request("2", "tools/list"));
    (await it.nth(3)).answer(WELCOME);
    (await it.nth(4)).answer();
    strictEqual(await kindOf(next), "answered");
  }
});

Deno.test("a wire that ends at rest comes back by itself, so that nothing the server says is missed", async () => {
  const it = await setUp();
  await it.tell(INITIALIZED);
  it.fake.listener!.closed!(failure("CONNECTION_LOST", "E", "ended"));
  (await it.nth(1)).answer(WELCOME);
  await until(() => it.replays === 1);
  deepStrictEqual(it.methods(), ["notifications/initialized", "initialize", "notifications/initialized"]);
  void it.fake.listener!.receive(notification("notifications/tools/list_changed"));
  deepStrictEqual([it.closed, it.received.length], [["CONNECTION_LOST"], 1]);
});

Deno.test("a wire that ends before the client is ready does not come back by itself", async () => {
  const it = await setUp();
  it.fake.listener!.closed!(failure("CONNECTION_LOST", "E", "ended"));
  await turn();
  await turn();
  strictEqual(it.fake.requests.length, 1);
});

Deno.test("a server that does not come back is not tried for ever", async () => {
  const it = await setUp({
    attempts: 4,
    serve({ message, exchange }) {
      if (message.id !== "0") exchange.settle(notSent("UNREACHABLE"));
    },
  });
  await it.tell(INITIALIZED);
  it.fake.listener!.closed!(failure("CONNECTION_LOST", "E", "ended"));
  await until(() => it.messages("info").length > 0);
  strictEqual(it.fake.requests.length, 1 + 4);
  match(it.messages("info")[0]!, /once the client asks/);
});

Deno.test("a server whose every session ends at once is not started for ever", async () => {
  const it = await setUp({ attempts: 4 });
  await it.tell(INITIALIZED);
  for (let crashes = 0; it.messages("info").length === 0; crashes++) {
    ok(crashes < 10, "it goes on and on");
    const { length } = it.fake.requests;
    it.fake.listener!.closed!(failure("CONNECTION_LOST", "E", "ended"));
    await until(() => it.fake.requests.length > length || it.messages("info").length > 0);
    it.fake.requests[length]?.answer(WELCOME);
    await turn();
  }
  strictEqual(it.replays, 4);
});

Deno.test("a server whose sessions last is brought back however often it ends", async () => {
  const it = await setUp({ attempts: 2, steadyMs: 0 });
  await it.tell(INITIALIZED);
  for (let n = 1; n < 8; n++) {
    it.fake.listener!.closed!(failure("CONNECTION_LOST", "E", "ended"));
    (await it.nth(n)).answer(WELCOME);
    await until(() => it.replays === n);
  }
});

Deno.test("a session that the server's stream shows to be forgotten comes back by itself", async () => {
  const it = await setUp();
  await it.tell(INITIALIZED);
  it.fake.listener!.forgotten!();
  it.fake.listener!.forgotten!();
  (await it.nth(1)).answer(WELCOME);
  await until(() => it.replays === 1);
  await turn();
  deepStrictEqual([it.closed, it.fake.requests.length], [["SESSION_LOST"], 2]);
});

Deno.test("a server whose stream is forgotten with every session is not asked for ever", async () => {
  const it = await setUp({ attempts: 5 });
  await it.tell(INITIALIZED);
  for (let n = 1; it.messages("info").length === 0; n++) {
    ok(n < 10, "it goes on and on");
    it.fake.listener!.forgotten!();
    await until(() => it.fake.requests.length > n || it.messages("info").length > 0);
    it.fake.requests[n]?.answer(WELCOME);
    await turn();
  }
  strictEqual(it.replays, 5);
});

Deno.test("a notification that finds the session forgotten brings it back and is told there", async () => {
  let lost = true;
  const it = await setUp({
    notify({ method }) {
      if (method !== "notifications/roots/list_changed" || !lost) return undefined;
      lost = false;
      return failure("SESSION_LOST", "E", "no such session");
    },
  });
  await it.tell(INITIALIZED);
  const told = it.tell(notification("notifications/roots/list_changed"));
  (await it.nth(1)).answer(WELCOME);
  strictEqual(await told, undefined);
  deepStrictEqual(it.methods().slice(1), [
    "notifications/roots/list_changed",
    "initialize",
    "notifications/initialized",
    "notifications/roots/list_changed",
  ]);
});

Deno.test("initialized is told once where the session was lost before it", async () => {
  const it = await setUp();
  it.fake.listener!.closed!(failure("CONNECTION_LOST", "E", "ended"));
  const told = it.tell(INITIALIZED);
  (await it.nth(1)).answer(WELCOME);
  strictEqual(await told, undefined);
  deepStrictEqual(it.methods(), ["initialize", "notifications/initialized"]);
});

Deno.test("initialized is told where the client says it while the session is brought back", async () => {
  const it = await setUp();
  const ping = it.ask(request("1", "ping"));
  it.fake.requests[1]!.exchange.settle(unknown());
  const replay = await it.nth(2);
  const told = it.tell(INITIALIZED);
  replay.answer(WELCOME);
  strictEqual(await told, undefined);
  (await it.nth(3)).answer();
  strictEqual(await kindOf(ping), "answered");
  deepStrictEqual(it.methods().filter((method) => method === "notifications/initialized").length, 1);
});

Deno.test("a client that begins anew while its session is brought back gets a session of its own", async () => {
  const it = await setUp();
  await it.tell(INITIALIZED);
  const old = it.ask(request("1", "tools/list"));
  it.fake.requests[1]!.exchange.settle(unknown());
  const replay = await it.nth(2);
  const greeted = it.ask(request("9", "initialize", { protocolVersion: "2025-03-26" }));
  replay.answer(WELCOME);
  const own = await it.nth(3);
  strictEqual(own.message.id, "9");
  own.answer(WELCOME);
  strictEqual(await kindOf(greeted), "answered");
  (await it.nth(4)).answer();
  strictEqual(await kindOf(old), "answered");
  strictEqual(it.replays, 0);
  deepStrictEqual(it.methods().filter((method) => method === "notifications/initialized").length, 1);
  const next = it.ask(request("10", "tools/list"));
  (await it.nth(5)).answer();
  strictEqual(await kindOf(next), "answered");
});

Deno.test("what a replacement lacks is answered here, and what it has goes there", async () => {
  const it = await setUp();
  await it.tell(INITIALIZED);
  const lists = it.ask(request("1", "prompts/list"));
  it.fake.requests[1]!.exchange.settle(unknown());
  (await it.nth(2)).answer({ ...WELCOME, capabilities: { tools: {} } });
  const outcome = await lists.outcome;
  ok(outcome.kind === "answered");
  strictEqual(outcome.message.text, '{"jsonrpc":"2.0","id":1,"result":{"prompts":[]}}');
  const got = await it.ask(request("2", "prompts/get", { name: "p" })).outcome;
  ok(got.kind === "answered" && got.message.kind === "error");
  deepStrictEqual((got.message.parsed("error") as { code: number }).code, -32601);
  const tools = it.ask(request("3", "tools/list"));
  (await it.nth(3)).answer();
  strictEqual(await kindOf(tools), "answered");
  strictEqual(it.messages("warn").filter((text) => /is answered here/.test(text)).length, 1);
  // The one after that has it again.
  const again = it.ask(request("4", "tools/list"));
  (await it.nth(4)).exchange.settle(unknown());
  (await it.nth(5)).answer(WELCOME);
  (await it.nth(6)).answer();
  strictEqual(await kindOf(again), "answered");
  const prompts = it.ask(request("5", "prompts/list"));
  (await it.nth(7)).answer({ prompts: [] });
  strictEqual(await kindOf(prompts), "answered");
});

Deno.test("closing while the session is brought back answers what waits, and sends nothing more", async () => {
  const it = await setUp();
  await it.tell(INITIALIZED);
  const first = it.ask(request("1", "tools/list"));
  it.fake.requests[1]!.exchange.settle(unknown());
  const second = it.ask(request("2", "tools/list"));
  const closing = it.peer.close();
  const outcomes = await Promise.all([first.outcome, second.outcome]);
  await closing;
  for (const outcome of outcomes) {
    ok(outcome.kind === "not_sent");
    strictEqual(outcome.failure.code, "SHUTTING_DOWN");
  }
  strictEqual(it.fake.requests.length, 2);
  const after = await it.ask(request("3", "tools/list")).outcome;
  ok(after.kind === "not_sent");
  strictEqual(after.failure.code, "SHUTTING_DOWN");
});

Deno.test("a server that lost its wire while it was to be asked for life is given up; a busy one is not", async () => {
  for (const held of [false, true]) {
    const it = await setUp({
      keepAliveMs: 1,
      pingMs: 1,
      serve({ exchange }) {
        if (held) Object.defineProperty(exchange, "held", { value: true });
      },
    });
    await it.tell(INITIALIZED);
    await until(() => it.methods().filter((method) => method === "ping").length >= 2);
    strictEqual(it.drops > 0, !held);
    await it.peer.close();
  }
});

Deno.test("signs of life end with the peer", async () => {
  const it = await setUp({
    keepAliveMs: 1,
    serve: (it) => it.message.method === "ping" && it.answer(),
  });
  await it.tell(INITIALIZED);
  await until(() => it.fake.requests.length > 3);
  await it.peer.close();
  const { length } = it.fake.requests;
  await turn();
  await turn();
  strictEqual(it.fake.requests.length, length);
  strictEqual(it.drops, 0);
});
