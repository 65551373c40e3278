import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createBridge } from "../../src/bridge/bridge.ts";
import { notification, request, resultAnswer } from "../../src/jsonrpc/answers.ts";
import type { Message } from "../../src/jsonrpc/message.ts";
import { failure } from "../../src/link/failure.ts";
import { collectedLog } from "../support/collected_log.ts";
import { fakePeer } from "../support/fake_peer.ts";

const GONE = failure("SESSION_LOST", "E", "the server no longer knows this session");

/** A client with a bridge, and what it is given. */
function setUp() {
  const server = fakePeer();
  const { logger, messages } = collectedLog();
  const bridge = createBridge({ peer: server, endpoint: "E", logger });
  const given: Message[] = [];
  bridge.listen({ receive: (message) => void given.push(message) });
  return {
    server,
    bridge,
    given,
    messages,
    /** The server asks; returns what the client is asked. */
    asks(id: string, method = "roots/list"): Message {
      void server.listener!.receive(request(id, method));
      return given.at(-1)!;
    },
    lose: () => server.listener!.closed!(GONE),
    answers: () => server.notified.map(({ text }) => text),
  };
}

Deno.test("a client that is asked by a server which goes is told that nobody waits any more", async () => {
  const it = setUp();
  it.asks("7");
  it.asks('"a"');
  it.lose();
  deepStrictEqual(it.given.slice(2).map(({ text }) => text), [
    '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7,"reason":"the server no longer knows this session"}}',
    '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a","reason":"the server no longer knows this session"}}',
  ]);
  it.lose();
  strictEqual(it.given.length, 4);
  // A lost session that comes back is nothing to alarm anyone with.
  deepStrictEqual(it.messages("error"), []);
  await it.bridge.close();
});

Deno.test("an answer to a server that has gone goes to no other", async () => {
  const it = setUp();
  it.asks("7");
  it.lose();
  it.bridge.notify(resultAnswer("7", { late: true }));
  deepStrictEqual(it.answers(), []);
  await it.bridge.close();
});

Deno.test("a new server's question under an old one's id gets an id of its own, and its answer back under its own", async () => {
  const it = setUp();
  it.asks("7");
  it.lose();
  const asked = it.asks("7", "sampling/createMessage");
  ok(asked.id !== "7");
  strictEqual(asked.method, "sampling/createMessage");
  it.bridge.notify(resultAnswer("7", { late: true }));
  deepStrictEqual(it.answers(), []);
  it.bridge.notify(resultAnswer(asked.id!, { fresh: true }));
  deepStrictEqual(it.answers(), ['{"jsonrpc":"2.0","id":7,"result":{"fresh":true}}']);
  it.bridge.notify(resultAnswer(asked.id!, { twice: true }));
  strictEqual(it.answers().length, 1);
  await it.bridge.close();
});

Deno.test("a new server takes its question back under the id that the client knows", async () => {
  const it = setUp();
  it.asks("7");
  it.lose();
  const asked = it.asks("7");
  void it.server.listener!.receive(notification("notifications/cancelled", { requestId: 7, reason: "no" }));
  deepStrictEqual(it.given.at(-1)!.parsed("params"), { requestId: JSON.parse(asked.id!), reason: "no" });
  it.bridge.notify(resultAnswer(asked.id!, {}));
  deepStrictEqual(it.answers(), []);
  await it.bridge.close();
});

Deno.test("questions under other ids, and those that were answered before, keep theirs", async () => {
  const it = setUp();
  it.asks("7");
  it.bridge.notify(resultAnswer("7", {}));
  it.asks("8");
  it.lose();
  deepStrictEqual([it.asks("7").id, it.asks("9").id], ["7", "9"]);
  ok(it.asks("8").id !== "8");
  // Another spelling of the same id is the same.
  ok(it.asks("8.0").id !== "8.0");
  await it.bridge.close();
});

Deno.test("a request's time goes on when the server that kept the client busy has gone", async () => {
  const it = setUp();
  const exchange = it.bridge.request(request("1", "tools/call"), { receive: () => {} });
  it.asks("7");
  it.lose();
  it.server.requests[0]!.answer();
  strictEqual((await exchange.outcome).kind, "answered");
  strictEqual(it.bridge.congested(), undefined);
  await it.bridge.close();
});

Deno.test("a wire that ends is an error in the log, once", async () => {
  const it = setUp();
  it.server.listener!.closed!(failure("CONNECTION_LOST", "E", "the server closed the connection"));
  deepStrictEqual(it.messages("error"), ["the server closed the connection"]);
  await it.bridge.close();
});
