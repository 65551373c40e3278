import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { errorAnswer, notification, request } from "../../../src/jsonrpc/answers.ts";
import { Message } from "../../../src/jsonrpc/message.ts";
import { caching, type CachingOptions } from "../../../src/link/era/caching.ts";
import { failure } from "../../../src/link/failure.ts";
import type { Outcome, RequestOptions } from "../../../src/link/peer.ts";
import { withEnvelope } from "../../../src/mcp/envelope.ts";
import { collectedLog } from "../../support/collected_log.ts";
import { fakePeer } from "../../support/fake_peer.ts";

const FACTS = { info: undefined, capabilities: "{}", logLevel: undefined };
const HOUR = 60 * 60 * 1000;

function setUp(options: Partial<CachingOptions> = {}) {
  const fake = fakePeer();
  let time = 1000;
  let lastId = 0;
  const { logger } = collectedLog();
  const peer = caching({ endpoint: "E", logger, now: () => time, ...options })(fake);
  const received: Message[] = [];
  peer.listen({ receive: (message) => void received.push(message) });
  const ask = (method: string, params: unknown = {}, more: RequestOptions = {}) =>
    peer.request(withEnvelope(request(`${++lastId}`, method, params), FACTS), { final: true, ...more });
  const resultOf = (outcome: Outcome) => {
    strictEqual(outcome.kind, "answered");
    const { message } = outcome as Extract<Outcome, { kind: "answered" }>;
    strictEqual(message.id, `${lastId}`);
    return JSON.parse(message.textOf("result")!);
  };
  return {
    fake,
    peer,
    received,
    ask,
    pass: (ms: number) => time += ms,
    /** The requests that have left. */
    sent: () => fake.requests.length,
    last: () => fake.requests.at(-1)!,
    /** Asks, and answers what leaves; tells whether anything did. */
    async get(
      method: string,
      { params, ttlMs = 1000, ...more }: { params?: unknown; ttlMs?: unknown } & RequestOptions = {},
    ) {
      const before = fake.requests.length;
      const exchange = ask(method, params, more);
      const left = fake.requests.length > before;
      if (left) fake.requests.at(-1)!.answer({ resultType: "complete", n: before, ttlMs });
      const result = resultOf(await exchange.outcome);
      // What is to be kept is kept behind the answer.
      await undefined;
      return { left, result };
    },
    /** The server says something beside all requests. */
    say: (method: string, params?: unknown) => void fake.listener!.receive(notification(method, params)),
  };
}

Deno.test("What is fresh is answered at once, under the new id, with the time that is left", async () => {
  const { get, pass, ask, sent } = setUp();
  deepStrictEqual((await get("tools/list")).left, true);
  pass(400);
  deepStrictEqual(await get("tools/list"), {
    left: false,
    result: { resultType: "complete", n: 0, ttlMs: 600 },
  });
  pass(599.5);
  deepStrictEqual((await get("tools/list")).result.ttlMs, 0);
  pass(0.5);
  strictEqual((await get("tools/list")).left, true);
  let over = false;
  ask("tools/list").whenOver(() => over = true);
  strictEqual(over, true);
  strictEqual(sent(), 2);
});

Deno.test("Each cacheable method, each page and each resource is kept by itself", async () => {
  const { get, sent } = setUp();
  const asks: [string, unknown][] = [
    ["server/discover", {}],
    ["tools/list", {}],
    ["tools/list", { cursor: "a" }],
    ["prompts/list", {}],
    ["resources/list", {}],
    ["resources/templates/list", {}],
    ["resources/read", { uri: "a:b" }],
    ["resources/read", { uri: "a:c" }],
  ];
  for (const [method, params] of asks) strictEqual((await get(method, { params })).left, true);
  for (const [i, [method, params]] of asks.entries()) {
    strictEqual((await get(method, { params })).result.n, i);
  }
  strictEqual(sent(), asks.length);
});

Deno.test("Nothing else is kept: other methods, no time, later rounds, messages of the legacy era", async () => {
  const { get } = setUp();
  const legacy = { final: false };
  for (
    const [method, how] of [
      ["tools/call", {}],
      ["completion/complete", {}],
      ["tools/list", { ttlMs: 0 }],
      ["tools/list", { ttlMs: -5 }],
      ["resources/read", { params: { uri: "a:b", requestState: "s" } }],
      ["resources/read", { params: { uri: "a:b", inputResponses: {} } }],
      ["prompts/list", legacy],
    ] as const
  ) {
    for (let i = 0; i < 2; i++) strictEqual((await get(method, how)).left, true, method);
  }
});

Deno.test("Legacy messages and probes go as they are, also where an answer is kept", async () => {
  const { get, peer, last } = setUp();
  await get("tools/list");
  const message = withEnvelope(request('"x"', "tools/list", {}), FACTS);
  for (const options of [undefined, {}, { final: true, probe: true }]) {
    const exchange = peer.request(message, options);
    strictEqual(last().message, message);
    strictEqual(last().options, options);
    strictEqual(last().exchange, exchange);
  }
});

Deno.test("A fresh answer can be asked for, and is what is kept from then on", async () => {
  const { get } = setUp();
  await get("tools/list");
  await get("prompts/list");
  strictEqual((await get("tools/list", { fresh: true })).left, true);
  strictEqual((await get("tools/list")).result.n, 2);
  strictEqual((await get("prompts/list")).result.n, 1);
  await get("server/discover", { fresh: true });
  strictEqual((await get("prompts/list")).left, true, "the server may be another");
});

Deno.test("No time is longer than the most, whatever the server says; what is told is the server's", async () => {
  const { get, pass } = setUp();
  await get("tools/list", { ttlMs: 10 * HOUR });
  pass(HOUR - 1);
  const { left, result } = await get("tools/list");
  strictEqual(left, false);
  strictEqual(result.ttlMs, 9 * HOUR + 1);
  pass(1);
  strictEqual((await get("tools/list")).left, true);
});

for (const beside of [true, false]) {
  const how = beside ? "beside the requests" : "on the stream of subscriptions/listen";
  Deno.test(`What is announced to have changed (${how}) is not fresh any more`, async () => {
    const { get, ask, say, last, received } = setUp();
    const heard: string[] = [];
    ask("subscriptions/listen", { notifications: {} }, {
      receive: (message) => void heard.push(message.method!),
    });
    const stream = last();
    const announce = (method: string, params?: unknown) => {
      if (beside) say(method, params);
      else void stream.options!.receive!(notification(method, params));
    };
    announce("notifications/subscriptions/acknowledged", { notifications: {} });
    const asks: [string, unknown][] = [
      ["tools/list", {}],
      ["tools/list", { cursor: "a" }],
      ["prompts/list", {}],
      ["resources/list", {}],
      ["resources/templates/list", {}],
      ["resources/read", { uri: "a:b" }],
      ["resources/read", { uri: "a:c" }],
    ];
    const changes: [string, unknown, string[]][] = [
      ["notifications/tools/list_changed", {}, ["tools/list {}", 'tools/list {"cursor":"a"}']],
      ["notifications/prompts/list_changed", undefined, ["prompts/list {}"]],
      ["notifications/resources/list_changed", {}, ["resources/list {}", "resources/templates/list {}"]],
      ["notifications/resources/updated", { uri: "a:b" }, ['resources/read {"uri":"a:b"}']],
      ["notifications/message", {}, []],
    ];
    for (const [method, params] of asks) await get(method, { params });
    for (const [change, about, stale] of changes) {
      announce(change, about);
      const left: string[] = [];
      for (const [method, params] of asks) {
        if ((await get(method, { params })).left) left.push(`${method} ${JSON.stringify(params)}`);
      }
      deepStrictEqual(left, stale, change);
    }
    strictEqual((beside ? received.map(({ method }) => method) : heard).length, changes.length + 1);
  });
}

Deno.test("An answer that was under way when a change was announced is passed on, and not kept", async () => {
  const { get, ask, say, fake } = setUp();
  const exchange = ask("tools/list");
  const other = ask("prompts/list");
  say("notifications/tools/list_changed");
  for (const it of [...fake.requests]) it.answer({ resultType: "complete", ttlMs: 1000 });
  strictEqual((await exchange.outcome).kind, "answered");
  await other.outcome;
  await undefined;
  strictEqual((await get("tools/list")).left, true);
  strictEqual((await get("prompts/list")).left, false);
  // Announced in the same turn as the answer, behind it.
  ask("tools/list", { cursor: "c" });
  fake.requests.at(-1)!.answer({ ttlMs: 1000 });
  say("notifications/tools/list_changed");
  await undefined;
  strictEqual((await get("tools/list", { params: { cursor: "c" } })).left, true);
});

Deno.test("Where announcements may have been missed, all is forgotten: when listening ends, and when it begins again", async () => {
  const { get, ask, last } = setUp();
  const listen = () => {
    const exchange = ask("subscriptions/listen", {}, { receive: () => {} });
    const it = last();
    const acknowledge = () =>
      void it.options!.receive!(notification("notifications/subscriptions/acknowledged", {}));
    return { it, exchange, acknowledge };
  };
  const first = listen();
  await get("tools/list");
  first.acknowledge();
  strictEqual((await get("tools/list")).left, false, "nothing was missed before the first");
  const second = listen();
  second.acknowledge();
  first.exchange.cancel();
  strictEqual((await get("tools/list")).left, false, "one has taken the other's place");
  second.it.exchange.settle({
    kind: "lost",
    failure: failure("CONNECTION_LOST", "E", "lost"),
    lastEventId: undefined,
  });
  strictEqual((await get("tools/list")).left, true, "it has ended");
  strictEqual((await get("tools/list")).left, false);
  listen().acknowledge();
  strictEqual((await get("tools/list")).left, true, "it has begun again");
});

Deno.test("The end of the connection, and a machine that has slept, make all stale", async () => {
  const { get, peer, fake } = setUp();
  await get("tools/list");
  fake.listener!.closed!(failure("CONNECTION_LOST", "E", "lost"));
  strictEqual((await get("tools/list")).left, true);
  peer.wake?.();
  strictEqual((await get("tools/list")).left, true);
});

Deno.test("Another user has nothing of the one before, nor of what was under way then", async () => {
  let user = "Ada";
  const { get, ask, last } = setUp({ credentials: () => user });
  await get("tools/list");
  const exchange = ask("prompts/list");
  user = "Grace";
  last().answer({ ttlMs: 1000 });
  await exchange.outcome;
  strictEqual((await get("tools/list")).left, true);
  strictEqual((await get("prompts/list")).left, true);
  user = "Ada";
  strictEqual((await get("tools/list")).left, true);
});

Deno.test("Errors are not kept, and give reason to doubt the list they are about", async () => {
  const { get, ask, last } = setUp();
  const fail = async (method: string, params: unknown, status?: number) => {
    const exchange = ask(method, params);
    const answer = errorAnswer(last().message.id!, -32602, "no");
    last().exchange.settle(
      status === undefined
        ? { kind: "answered", message: answer }
        : { kind: "refused", status, answer, failure: failure("REFUSED", "E", "no", undefined, status) },
    );
    await exchange.outcome;
    await undefined;
  };
  await get("tools/list");
  await get("prompts/list");
  await fail("tools/call", { name: "gone" });
  strictEqual((await get("tools/list")).left, true);
  strictEqual((await get("prompts/list")).left, false);
  await fail("tools/list", { cursor: "gone" }, 400);
  strictEqual((await get("tools/list")).left, true);
  await fail("tools/list", { cursor: "gone" });
  const exchange = ask("tools/list");
  last().exchange.settle({ kind: "not_sent", failure: failure("UNREACHABLE", "E", "no") });
  strictEqual((await exchange.outcome).kind, "not_sent");
});

Deno.test("Entries and bytes have bounds: the oldest goes first", async () => {
  const { get } = setUp({ mostEntries: 3 });
  const read = (n: number) => get("resources/read", { params: { uri: `a:${n}` } });
  for (const n of [1, 2, 3, 4]) await read(n);
  for (const n of [2, 3, 4]) strictEqual((await read(n)).left, false);
  strictEqual((await read(1)).left, true);

  const small = setUp({ mostBytes: 1000 });
  const page = async (cursor: string, length: number) => {
    const exchange = small.ask("tools/list", { cursor });
    const before = small.sent();
    if (small.last().exchange === exchange) small.last().answer({ ttlMs: 1000, text: "x".repeat(length) });
    await exchange.outcome;
    await undefined;
    const again = small.ask("tools/list", { cursor });
    const kept = small.sent() === before;
    if (!kept) again.cancel();
    return kept;
  };
  strictEqual(await page("large", 300), false);
  for (const cursor of ["a", "b", "c", "d"]) strictEqual(await page(cursor, 150), true);
  for (const cursor of ["e", "f", "g"]) strictEqual(await page(cursor, 150), true);
  const { last, ask, sent } = small;
  const before = sent();
  ask("tools/list", { cursor: "a" }).cancel();
  strictEqual(sent(), before + 1);
  ok(last().message.text.includes('"a"'));
});

Deno.test("What is kept does not keep the buffer that it came in", async () => {
  const { ask, last, peer } = setUp();
  const text = '{"jsonrpc":"2.0","id":1,"result":{"ttlMs":1000,"t":9007199254740993}}';
  const buffer = new Uint8Array(100_000);
  const { written } = new TextEncoder().encodeInto(text, buffer);
  ask("tools/list");
  const whole = Message.parse(buffer.subarray(0, written));
  last().exchange.settle({ kind: "answered", message: whole });
  await undefined;
  await undefined;
  buffer.fill(0x20);
  const again = await peer.request(withEnvelope(request('"n"', "tools/list", {}), FACTS), { final: true })
    .outcome;
  ok(again.kind === "answered");
  strictEqual(again.message.text, text.replace('"id":1', '"id":"n"'));
});

Deno.test("Whatever happens in whatever order, nothing is answered with what is older than its time or a change", async () => {
  const METHODS = ["tools/list", "prompts/list"] as const;
  type Step =
    | { readonly do: "ask"; readonly list: 0 | 1 }
    | { readonly do: "answer"; readonly which: number; readonly ttlMs: number }
    | { readonly do: "change"; readonly list: 0 | 1 }
    | { readonly do: "pass"; readonly ms: number };
  const list = fc.constantFrom<0 | 1>(0, 1);
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ do: fc.constant("ask" as const), list }),
    fc.record({ do: fc.constant("answer" as const), which: fc.nat(5), ttlMs: fc.constantFrom(0, 5, 50) }),
    fc.record({ do: fc.constant("change" as const), list }),
    fc.record({ do: fc.constant("pass" as const), ms: fc.nat(20) }),
  );
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const { fake, ask, pass, say } = setUp();
    let time = 0;
    /** Which version of each list the server has. */
    const versions = [0, 0];
    const open: { list: 0 | 1; readonly version: number; index: number }[] = [];
    const answeredAt = new Map<string, { at: number; ttlMs: number }>();
    for (const it of steps) {
      if (it.do === "pass") {
        pass(it.ms);
        time += it.ms;
      } else if (it.do === "change") {
        versions[it.list]!++;
        say(`notifications/${["tools", "prompts"][it.list]}/list_changed`);
      } else if (it.do === "answer") {
        const [one] = open.splice(it.which % Math.max(1, open.length), 1);
        if (one === undefined) continue;
        const serial = `${one.index}`;
        // The server has read its list when it was asked.
        fake.requests[one.index]!.answer({ version: one.version, serial, ttlMs: it.ttlMs });
        answeredAt.set(serial, { at: time, ttlMs: it.ttlMs });
        await undefined;
      } else {
        const before = fake.requests.length;
        const exchange = ask(METHODS[it.list]);
        if (fake.requests.length > before) {
          open.push({ list: it.list, version: versions[it.list]!, index: before });
          continue;
        }
        const outcome = await exchange.outcome;
        ok(outcome.kind === "answered");
        const { version, serial, ttlMs } = JSON.parse(outcome.message.textOf("result")!);
        strictEqual(version, versions[it.list], "from before a change");
        const known = answeredAt.get(serial)!;
        ok(time - known.at < known.ttlMs, "not fresh any more");
        strictEqual(ttlMs, known.ttlMs - (time - known.at));
      }
    }
  }));
});
