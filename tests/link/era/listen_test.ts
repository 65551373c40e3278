import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { errorAnswer, notification, resultAnswer } from "../../../src/jsonrpc/answers.ts";
import type { Message } from "../../../src/jsonrpc/message.ts";
import { keepListening, type ListenFilter, type ListenOptions } from "../../../src/link/era/listen.ts";
import { type OpenExchange, openExchange } from "../../../src/link/exchange.ts";
import { failure } from "../../../src/link/failure.ts";
import type { Outcome, Receive } from "../../../src/link/peer.ts";
import { collectedLog } from "../../support/collected_log.ts";
import { turn, until } from "../../support/until.ts";

interface Opened {
  readonly id: string;
  readonly filter: ListenFilter;
  readonly receive: Receive;
  readonly exchange: OpenExchange;
  acknowledge(filter?: ListenFilter): void;
}

function setUp(options: Partial<ListenOptions> = {}) {
  const opened: Opened[] = [];
  const givenUp: string[] = [];
  const received: Message[] = [];
  const { logger, messages } = collectedLog();
  const state: { wanted: ListenFilter | undefined; missed: number } = {
    wanted: { toolsListChanged: true },
    missed: 0,
  };
  const listening = keepListening({
    wanted: () => state.wanted,
    newId: () => `"l${opened.length + 1}"`,
    open(id, filter, receive) {
      const exchange = openExchange(() => {});
      opened.push({
        id,
        filter,
        receive,
        exchange,
        acknowledge: (honoured = filter) =>
          void receive(notification("notifications/subscriptions/acknowledged", { notifications: honoured })),
      });
      return exchange;
    },
    giveUp(exchange, id) {
      givenUp.push(id);
      exchange.cancel();
    },
    receive: (message) => void received.push(message),
    missed: () => state.missed++,
    duplex: false,
    endpoint: "E",
    logger,
    reopenMs: 1,
    ...options,
  });
  return { listening, opened, givenUp, received, state, messages };
}

const LOST: Outcome = { kind: "lost", failure: failure("CONNECTION_LOST", "E", "x"), lastEventId: undefined };
const ENDED: Outcome = { kind: "not_sent", failure: failure("SHUTTING_DOWN", "E", "x") };
const CHANGED = notification("notifications/tools/list_changed");

Deno.test("keepListening opens once for all that is asked in one turn", async () => {
  const { listening, opened } = setUp();
  const both = [listening.renew(), listening.renew()];
  await turn();
  strictEqual(opened.length, 1);
  opened[0]!.acknowledge();
  for (const it of both) deepStrictEqual(await it, { kind: "acknowledged", filter: opened[0]!.filter });
  listening.end(ENDED);
});

Deno.test("keepListening opens the next only when the one before it is acknowledged", async () => {
  const { listening, opened, givenUp, state } = setUp();
  void listening.renew();
  await turn();
  state.wanted = { promptsListChanged: true };
  const second = listening.renew();
  await turn();
  strictEqual(opened.length, 1);
  opened[0]!.acknowledge();
  await turn();
  strictEqual(opened.length, 2);
  deepStrictEqual(givenUp, []);
  opened[1]!.acknowledge({});
  deepStrictEqual(await second, { kind: "acknowledged", filter: {} });
  deepStrictEqual(givenUp, ['"l1"']);
  listening.end(ENDED);
  deepStrictEqual(givenUp, ['"l1"', '"l2"']);
});

Deno.test("keepListening hears the old one until the new one is there, and nothing twice", async () => {
  const { listening, opened, received } = setUp();
  void listening.renew();
  await turn();
  opened[0]!.acknowledge();
  void listening.renew();
  await turn();
  void opened[0]!.receive(CHANGED);
  strictEqual(received.length, 1);
  opened[1]!.acknowledge();
  void opened[0]!.receive(CHANGED);
  strictEqual(received.length, 1);
  void opened[1]!.receive(CHANGED);
  strictEqual(received.length, 2);
  listening.end(ENDED);
  void opened[1]!.receive(CHANGED);
  strictEqual(received.length, 2);
});

for (
  const [what, outcome] of [
    ["breaks", LOST],
    ["is ended by the server in good order", { kind: "answered", message: resultAnswer("0", {}) }],
    ["meets a gateway in trouble", {
      kind: "refused",
      status: 502,
      answer: undefined,
      failure: failure("REFUSED", "E", "x"),
    }],
  ] as const satisfies readonly (readonly [string, Outcome])[]
) {
  Deno.test(`keepListening opens it again when it ${what}, and tells that something may have been missed`, async () => {
    const { listening, opened, state } = setUp();
    void listening.renew();
    await turn();
    opened[0]!.acknowledge();
    for (let i = 1; i <= 3; i++) {
      opened[i - 1]!.exchange.settle(outcome);
      await until(() => opened.length === i + 1);
      strictEqual(state.missed, i - 1);
      opened[i]!.acknowledge();
      strictEqual(state.missed, i);
    }
    listening.end(ENDED);
  });
}

Deno.test("keepListening waits as long as it is asked to", async () => {
  const { listening, opened } = setUp();
  void listening.renew();
  await turn();
  const start = performance.now();
  opened[0]!.exchange.settle({
    kind: "retry_later",
    afterMs: 60,
    status: 429,
    answer: undefined,
    failure: failure("RETRY_LATER", "E", "x"),
  });
  await until(() => opened.length === 2);
  ok(performance.now() - start >= 55);
  listening.end(ENDED);
});

for (
  const [what, outcome, duplex] of [
    ["an error", { kind: "answered", message: errorAnswer("0", -32601, "no") }, false],
    ["the end of the connection", LOST, true],
  ] as const satisfies readonly (readonly [string, Outcome, boolean])[]
) {
  Deno.test(`keepListening does not go on by itself after ${what}, but when it is asked to`, async () => {
    const { listening, opened } = setUp({ duplex });
    const first = listening.renew();
    await turn();
    opened[0]!.exchange.settle(outcome);
    deepStrictEqual(await first, { kind: "failed", outcome });
    await new Promise((resolve) => setTimeout(resolve, 20));
    strictEqual(opened.length, 1);
    void listening.renew();
    await turn();
    strictEqual(opened.length, 2);
    listening.end(ENDED);
  });
}

Deno.test("keepListening takes a server that does not acknowledge at its word, with a warning", async () => {
  const { listening, opened, messages } = setUp({ acknowledgeMs: 5 });
  deepStrictEqual(await listening.renew(), { kind: "acknowledged", filter: opened[0]!.filter });
  strictEqual(messages("warn").length, 1);
  listening.end(ENDED);
});

Deno.test("keepListening ends when nothing is wanted any more", async () => {
  const { listening, opened, givenUp, state } = setUp();
  void listening.renew();
  await turn();
  opened[0]!.acknowledge();
  state.wanted = undefined;
  deepStrictEqual(await listening.renew(), { kind: "acknowledged", filter: {} });
  deepStrictEqual([opened.length, givenUp], [1, ['"l1"']]);
  listening.end(ENDED);
});

Deno.test("keepListening that is ended opens nothing more, and leaves nobody waiting", async () => {
  const { listening, opened } = setUp();
  const waiting = [listening.renew()];
  await turn();
  waiting.push(listening.renew());
  listening.end(ENDED);
  for (const it of waiting) deepStrictEqual(await it, { kind: "failed", outcome: ENDED });
  deepStrictEqual(await listening.renew(), { kind: "failed", outcome: ENDED });
  opened[0]!.acknowledge();
  await turn();
  strictEqual(opened.length, 1);
});
