import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { notification, request } from "../../src/jsonrpc/answers.ts";
import { limitInFlight } from "../../src/link/limit_in_flight.ts";
import type { Exchange } from "../../src/link/peer.ts";
import { fakePeer } from "../support/fake_peer.ts";

function limited(maxInFlight: number, maxWaiting = 100) {
  const server = fakePeer();
  const peer = limitInFlight({ maxInFlight, maxWaiting, endpoint: "E" })(server);
  return { server, peer, ask: (id: number) => peer.request(request(String(id), "m")) };
}

const ids = (server: ReturnType<typeof fakePeer>) => server.requests.map(({ message }) => Number(message.id));

Deno.test("limitInFlight lets so many through, and the rest in their order as those are answered", async () => {
  const { server, ask } = limited(2);
  const exchanges = [1, 2, 3, 4, 5].map(ask);
  deepStrictEqual(ids(server), [1, 2]);
  server.requests[1]!.answer();
  await exchanges[1]!.outcome;
  deepStrictEqual(ids(server), [1, 2, 3]);
  server.requests[0]!.answer();
  server.requests[2]!.answer();
  await Promise.all([exchanges[0]!.outcome, exchanges[2]!.outcome]);
  deepStrictEqual(ids(server), [1, 2, 3, 4, 5]);
  server.requests[4]!.answer({ n: 5 });
  const outcome = await exchanges[4]!.outcome;
  ok(outcome.kind === "answered");
  strictEqual(outcome.message.text, '{"jsonrpc":"2.0","id":5,"result":{"n":5}}');
});

Deno.test("limitInFlight counts a request that ended badly as over", async () => {
  const { server, ask } = limited(1);
  const [first, second] = [ask(1), ask(2)];
  server.requests[0]!.exchange.settle({
    kind: "lost",
    failure: { code: "CONNECTION_LOST", message: "", endpoint: "E", hint: "" },
    lastEventId: undefined,
  });
  strictEqual((await first.outcome).kind, "lost");
  deepStrictEqual(ids(server), [1, 2]);
  first.cancel();
  second.cancel();
  strictEqual((await second.outcome).kind, "cancelled");
});

Deno.test("limitInFlight never sends a request that was cancelled while it waited", async () => {
  const { server, ask } = limited(1);
  const exchanges = [1, 2, 3].map(ask);
  exchanges[1]!.cancel(notification("notifications/cancelled"));
  strictEqual((await exchanges[1]!.outcome).kind, "cancelled");
  server.requests[0]!.answer();
  await exchanges[0]!.outcome;
  deepStrictEqual(ids(server), [1, 3]);
  deepStrictEqual(server.notified, []);
});

Deno.test("limitInFlight hands the cancelling of a request that has been sent on, also when it had waited", async () => {
  const { server, ask } = limited(1);
  const notice = notification("notifications/cancelled");
  const exchanges = [1, 2].map(ask);
  server.requests[0]!.answer();
  await exchanges[0]!.outcome;
  exchanges[1]!.cancel(notice);
  strictEqual((await exchanges[1]!.outcome).kind, "cancelled");
  deepStrictEqual(server.requests[1]!.cancelled, [notice]);
  const next = ask(3);
  deepStrictEqual(ids(server), [1, 2, 3]);
  next.cancel();
});

Deno.test("limitInFlight refuses at once when too many wait", async () => {
  const { server, ask } = limited(2, 3);
  [1, 2, 3, 4, 5].forEach(ask);
  const outcome = await ask(6).outcome;
  ok(outcome.kind === "not_sent");
  strictEqual(outcome.failure.code, "OVERLOADED");
  server.requests[0]!.answer();
  await server.requests[0]!.exchange.outcome;
  ask(7);
  for (let i = 1; i < 6; i++) {
    server.requests[i]!.answer();
    await server.requests[i]!.exchange.outcome;
  }
  deepStrictEqual(ids(server), [1, 2, 3, 4, 5, 7]);
});

Deno.test("limitInFlight keeps no place for a request that was cancelled while it waited", async () => {
  const { server, ask } = limited(1, 1);
  ask(1);
  ask(2).cancel();
  const third = ask(3);
  server.requests[0]!.answer();
  await server.requests[0]!.exchange.outcome;
  deepStrictEqual(ids(server), [1, 3]);
  third.cancel();
});

Deno.test("limitInFlight holds back nothing but requests", async () => {
  const { server, peer, ask } = limited(1);
  [1, 2].forEach(ask);
  strictEqual(await peer.notify(notification("notifications/cancelled")), undefined);
  deepStrictEqual(server.order, ["m", "notifications/cancelled"]);
  const listener = { receive: () => {} };
  peer.listen(listener);
  strictEqual(server.listener, listener);
  await peer.close();
  strictEqual(server.closed, 1);
});

Deno.test("limitInFlight keeps the limit, the order and every request, whatever happens when", async () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.constant("ask" as const) },
    { weight: 2, arbitrary: fc.record({ answer: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ cancel: fc.nat() }) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.array(step, { maxLength: 40 }),
      async (max, steps) => {
        const { server, ask } = limited(max, 1000);
        const exchanges: Exchange[] = [];
        const open = () => server.requests.filter(({ exchange }) => !exchange.settled);
        const check = () => ok(open().length <= max, `${open().length} in flight`);
        for (const it of steps) {
          if (it === "ask") exchanges.push(ask(exchanges.length));
          else if ("answer" in it) open()[it.answer % Math.max(1, open().length)]?.answer();
          else exchanges[it.cancel % Math.max(1, exchanges.length)]?.cancel();
          await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
          check();
        }
        while (open().length > 0) {
          const [first] = open();
          first!.answer();
          await first!.exchange.outcome;
          await undefined;
          check();
        }
        await Promise.all(exchanges.map(({ outcome }) => outcome));
        const sent = ids(server);
        deepStrictEqual(sent, [...sent].sort((a, b) => a - b));
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("limitInFlight makes no initialize wait: those in flight may hang in the session it is to bring back", async () => {
  const { server, peer, ask } = limited(1);
  const [first, second] = [ask(1), ask(2)];
  const greeted = peer.request(request("3", "initialize"));
  deepStrictEqual(ids(server), [1, 3]);
  server.requests[1]!.answer();
  strictEqual((await greeted.outcome).kind, "answered");
  deepStrictEqual(ids(server), [1, 3]);
  server.requests[0]!.answer();
  await first.outcome;
  deepStrictEqual(ids(server), [1, 3, 2]);
  second.cancel();
});
