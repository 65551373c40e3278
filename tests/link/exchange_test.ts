import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { resultAnswer } from "../../src/jsonrpc/answers.ts";
import { notification } from "../../src/jsonrpc/answers.ts";
import { changedExchange, openExchange, settledExchange } from "../../src/link/exchange.ts";
import type { Outcome } from "../../src/link/peer.ts";

const ANSWER: Outcome = { kind: "answered", message: resultAnswer("1", {}) };
const OTHER: Outcome = { kind: "answered", message: resultAnswer("1", { other: true }) };
const CANCELLED: Outcome = { kind: "cancelled" };

Deno.test("an exchange hands its outcome over in the moment it is known, to all who wait, in their order", async () => {
  const exchange = openExchange(() => {});
  const order: string[] = [];
  exchange.whenOver((outcome) => order.push(`first ${outcome.kind}`));
  exchange.whenOver(() => order.push("second"));
  const outcome = exchange.outcome.then(() => order.push("promise"));
  deepStrictEqual([order, exchange.settled], [[], false]);
  exchange.settle(ANSWER);
  order.push("settled");
  exchange.whenOver(() => order.push("late"));
  await outcome;
  deepStrictEqual(order, ["first answered", "second", "settled", "late", "promise"]);
});

Deno.test("the first outcome of an exchange stands, also for one who settles it while it is being settled", async () => {
  const exchange = openExchange(() => {});
  const seen: Outcome[] = [];
  exchange.whenOver((outcome) => {
    seen.push(outcome);
    exchange.settle(OTHER);
    exchange.cancel();
    exchange.whenOver((again) => seen.push(again));
  });
  exchange.settle(ANSWER);
  exchange.settle(OTHER);
  deepStrictEqual(seen, [ANSWER, ANSWER]);
  strictEqual(await exchange.outcome, ANSWER);
  strictEqual(exchange.outcome, exchange.outcome);
});

Deno.test("a cancelled exchange is over before anybody is told to give it up, and is given up once", () => {
  const notice = notification("notifications/cancelled");
  const given: unknown[] = [];
  const exchange = openExchange((it) => {
    given.push(it, exchange.settled);
    exchange.settle(ANSWER);
    exchange.cancel(notice);
  });
  const seen: Outcome[] = [];
  exchange.whenOver((outcome) => seen.push(outcome));
  exchange.cancel(notice);
  exchange.cancel();
  deepStrictEqual([given, seen], [[notice, true], [CANCELLED]]);
});

Deno.test("an exchange that is over is not given up", () => {
  const exchange = openExchange(() => {
    throw new Error("given up");
  });
  exchange.settle(ANSWER);
  exchange.cancel();
});

Deno.test("an exchange says at any time whether its request is still held", () => {
  let held = true;
  const exchange = openExchange(() => {}, () => held);
  strictEqual(exchange.held, true);
  held = false;
  strictEqual(exchange.held, false);
  strictEqual(openExchange(() => {}).held, false);
});

Deno.test("an exchange that is over before it began says so to everyone", async () => {
  const exchange = settledExchange(ANSWER);
  const seen: Outcome[] = [];
  exchange.whenOver((outcome) => seen.push(outcome));
  exchange.cancel();
  exchange.whenOver((outcome) => seen.push(outcome));
  deepStrictEqual([seen, await exchange.outcome], [[ANSWER, ANSWER], ANSWER]);
});

Deno.test("a changed exchange has another's outcome, changed, and cancels the other", () => {
  const inner = openExchange(() => {}, () => true);
  const changed = changedExchange(inner, () => OTHER);
  const seen: Outcome[] = [];
  changed.whenOver((outcome) => seen.push(outcome));
  strictEqual(changed.held, true);
  inner.settle(ANSWER);
  deepStrictEqual(seen, [OTHER]);
  const notices: unknown[] = [];
  const other = openExchange((notice) => notices.push(notice));
  const notice = notification("notifications/cancelled");
  changedExchange(other, (outcome) => outcome).cancel(notice);
  deepStrictEqual([notices, other.settled], [[notice], true]);
});
