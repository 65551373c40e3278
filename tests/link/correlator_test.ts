import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { resultAnswer } from "../../src/jsonrpc/answers.ts";
import { Message } from "../../src/jsonrpc/message.ts";
import { batchRefused, createCorrelator, refusedOutcome, tooLarge } from "../../src/link/correlator.ts";
import { type OpenExchange, openExchange } from "../../src/link/exchange.ts";
import { failure } from "../../src/link/failure.ts";
import type { Outcome } from "../../src/link/peer.ts";

const ask = (id: string) => Message.fromText(`{"jsonrpc":"2.0","id":${id},"method":"m"}`);
const result = (id: string) => Message.fromText(`{"jsonrpc":"2.0","id":${id},"result":{"n":1E400}}`);

/** A correlator with requests waiting, by their ids. */
function waiting(...ids: string[]) {
  const correlator = createCorrelator();
  const exchanges = new Map<string, OpenExchange>();
  for (const id of ids) {
    const exchange = openExchange(() => {});
    correlator.add(ask(id), exchange);
    exchanges.set(id, exchange);
  }
  return { correlator, exchange: (id: string) => exchanges.get(id)! };
}

async function answered(exchange: OpenExchange): Promise<string> {
  ok(exchange.settled, "it still waits");
  const outcome = await exchange.outcome;
  ok(outcome.kind === "answered", outcome.kind);
  return outcome.message.text;
}

const LOST: Outcome = {
  kind: "lost",
  failure: failure("CONNECTION_LOST", "E", "gone"),
  lastEventId: undefined,
};

Deno.test("an answer settles the request it belongs to, and no other", async () => {
  const { correlator, exchange } = waiting("1", '"1"', "2");
  strictEqual(correlator.answer(result('"1"')), true);
  deepStrictEqual([exchange("1").settled, exchange("2").settled, correlator.size], [false, false, 2]);
  strictEqual(await answered(exchange('"1"')), '{"jsonrpc":"2.0","id":"1","result":{"n":1E400}}');
});

Deno.test("an answer in other words of the id finds its request, which gets the id it knows", async () => {
  for (
    const [sent, back] of [
      ["1", "1.0"],
      ["1.0", "1"],
      ["10", "1e1"],
      ["0", "-0"],
      ['"a"', '"\\u0061"'],
      ["9007199254740993", "9007199254740992"],
      ["9007199254740993", "9007199254740992.0"],
      ["123456789012345678901234567890", "1.2345678901234568e29"],
      ["0.1", "1e-1"],
    ] as const
  ) {
    const { correlator, exchange } = waiting(sent, '"other"');
    strictEqual(correlator.answer(result(back)), true, `${sent} as ${back}`);
    strictEqual(await answered(exchange(sent)), `{"jsonrpc":"2.0","id":${sent},"result":{"n":1E400}}`);
    strictEqual(exchange('"other"').settled, false);
  }
});

Deno.test("an id that is there as it is comes before one that only reads alike", async () => {
  const { correlator, exchange } = waiting("9007199254740993", "9007199254740992");
  correlator.answer(result("9007199254740992"));
  strictEqual(exchange("9007199254740993").settled, false);
  ok(await answered(exchange("9007199254740992")));
  correlator.answer(result("9007199254740992"));
  ok(await answered(exchange("9007199254740993")));
});

Deno.test("an answer to an unknown id, or a second one, belongs to nobody", () => {
  const { correlator } = waiting("1");
  for (const id of ["2", '"1"', '""', "1.5"]) strictEqual(correlator.answer(result(id)), false, id);
  strictEqual(correlator.answer(result("1")), true);
  strictEqual(correlator.answer(result("1")), false);
});

Deno.test("an error without an id answers the only request there is, and none of several", async () => {
  const error = () => Message.fromText('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}');
  const one = waiting("7");
  strictEqual(one.correlator.answer(error()), true);
  strictEqual(
    await answered(one.exchange("7")),
    '{"jsonrpc":"2.0","id":7,"error":{"code":-32700,"message":"no"}}',
  );
  const two = waiting("7", "8");
  strictEqual(two.correlator.answer(error()), false);
  strictEqual(two.correlator.size, 2);
  strictEqual(waiting().correlator.answer(error()), false);
});

Deno.test("a request that was dropped gets no answer", () => {
  const correlator = createCorrelator();
  const message = ask("1");
  const exchange = openExchange(() => {});
  correlator.add(message, exchange);
  strictEqual(correlator.drop(message), true);
  strictEqual(correlator.drop(message), false);
  strictEqual(correlator.answer(result("1")), false);
  strictEqual(exchange.settled, false);
});

Deno.test("dropping a request that is over leaves a later one with its id alone", () => {
  const correlator = createCorrelator();
  const earlier = ask("1");
  correlator.add(earlier, openExchange(() => {}));
  correlator.answer(resultAnswer("1", {}));
  const later = openExchange(() => {});
  correlator.add(ask("1"), later);
  // As a wire does whose stream for the first request ends only now.
  correlator.drop(earlier);
  strictEqual(correlator.answer(resultAnswer("1", {})), true);
  strictEqual(later.settled, true);
});

Deno.test("the end settles all that wait, once", async () => {
  const { correlator, exchange } = waiting("1", "2");
  correlator.answer(result("1"));
  correlator.end(LOST);
  ok(await answered(exchange("1")));
  strictEqual(await exchange("2").outcome, LOST);
  strictEqual(correlator.size, 0);
  strictEqual(correlator.answer(result("2")), false);
});

Deno.test("a request that is settled otherwise keeps its id in the error it gets", async () => {
  for (
    const [sent, back] of [["1", "1.0"], ["9007199254740993", "9007199254740992"], ['"a"', '"\\u0061"'], [
      "5",
      "null",
    ]] as const
  ) {
    const { correlator, exchange } = waiting(sent);
    strictEqual(correlator.settle(back, batchRefused("E", back, "2025-06-18")), true);
    const outcome = await exchange(sent).outcome;
    ok(outcome.kind === "refused");
    strictEqual(outcome.answer?.id, sent);
  }
});

Deno.test("outcomes of answers that can't be used say why", () => {
  const outcome = refusedOutcome(tooLarge("E", 1000));
  ok(outcome.kind === "refused");
  deepStrictEqual([outcome.failure.code, outcome.status, outcome.answer], [
    "TOO_LARGE",
    undefined,
    undefined,
  ]);
  ok(outcome.failure.message.includes("1000"));
});
