import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { notification, request } from "../../src/jsonrpc/answers.ts";
import type { Message } from "../../src/jsonrpc/message.ts";
import { duplexPeer } from "../../src/link/duplex_peer.ts";
import { type Failure, failure } from "../../src/link/failure.ts";
import type { Link } from "../../src/link/link.ts";
import type { Exchange, Receive } from "../../src/link/peer.ts";
import { collectedLog } from "../support/collected_log.ts";
import { type FakeLink, fakeLink } from "../support/fake_link.ts";

const INITIALIZE = request("0", "initialize", { protocolVersion: "2025-11-25" });
const LIMIT = 10_000;

/** A peer over wires that the test holds the far end of: one for each time the peer opens one. */
function connected(wires: readonly FakeLink[] = [fakeLink()], receive?: Receive) {
  const log = collectedLog();
  const received: Message[] = [];
  const ends: Failure[] = [];
  let opened = 0;
  const peer = duplexPeer({
    open: () => {
      const wire = wires[opened++];
      return wire === undefined ? Promise.reject(new Error("no such wire")) : Promise.resolve(wire.link);
    },
    endpoint: "E",
    maxMessageSize: LIMIT,
    timeoutMs: 10_000,
    explain: (error) => failure("UNREACHABLE", "E", String(error)),
    logger: log.logger,
  });
  peer.listen({
    receive: receive ?? ((message) => void received.push(message)),
    closed: (why) => void ends.push(why),
  });
  return {
    peer,
    wire: wires[0]!,
    log,
    received,
    ends,
    get opened() {
      return opened;
    },
  };
}

/** How an exchange ended, in short: an answer's text, or the kind and code. */
async function ended(exchange: Exchange): Promise<string> {
  const outcome = await exchange.outcome;
  if (outcome.kind === "answered") return outcome.message.text;
  return "failure" in outcome ? `${outcome.kind} ${outcome.failure.code}` : outcome.kind;
}

/** Sends a request that is answered behind all that was sent so far, and waits for it: then all that has been read. */
async function settle(wire: FakeLink, peer: { request(message: Message): Exchange }): Promise<void> {
  const exchange = peer.request(request('"settled"', "ping"));
  wire.send('{"jsonrpc":"2.0","id":"settled","result":{}}');
  strictEqual((await exchange.outcome).kind, "answered");
}

/** Waits until an exchange has ended or surely will not by itself. */
async function stillWaits(exchange: Exchange): Promise<boolean> {
  return await Promise.race([
    exchange.outcome.then(() => false),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(true))),
  ]);
}

Deno.test("duplexPeer opens nothing before the first message", async () => {
  const it = connected();
  strictEqual(it.opened, 0);
  await it.peer.close();
  strictEqual(it.opened, 0);
});

Deno.test("duplexPeer sends a message as it is, and answers with the bytes that came", async () => {
  const { peer, wire } = connected();
  const exchange = peer.request(request("9007199254740993", "tools/call", { b: 1, a: [] }));
  deepStrictEqual(await wire.written(1), [
    '{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/call","params":{"b":1,"a":[]}}',
  ]);
  const answer = '{"result":{"n":1E400, "m" : -0},"id":9007199254740993 ,"jsonrpc":"2.0"}';
  wire.send(answer);
  strictEqual(await ended(exchange), answer);
  await peer.close();
  strictEqual(wire.closed > 0, true);
});

Deno.test("duplexPeer gives an answer the id of its request, where the server read it as a double", async () => {
  const { peer, wire } = connected();
  const exchange = peer.request(request("9007199254740993", "m"));
  await wire.written(1);
  wire.send('{"jsonrpc":"2.0","id":9007199254740992,"result":{}}');
  strictEqual(await ended(exchange), '{"jsonrpc":"2.0","id":9007199254740993,"result":{}}');
  await peer.close();
});

Deno.test("duplexPeer matches answers in any order, and tells a number from a string", async () => {
  const { peer, wire } = connected();
  const exchanges = ["1", '"1"', "2"].map((id) => peer.request(request(id, "m")));
  await wire.written(3);
  wire.send(
    '{"jsonrpc":"2.0","id":2,"result":{}}',
    '{"jsonrpc":"2.0","id":"1","error":{}}',
    '{"jsonrpc":"2.0","id":1,"result":{}}',
  );
  deepStrictEqual(await Promise.all(exchanges.map(ended)), [
    '{"jsonrpc":"2.0","id":1,"result":{}}',
    '{"jsonrpc":"2.0","id":"1","error":{}}',
    '{"jsonrpc":"2.0","id":2,"result":{}}',
  ]);
  await peer.close();
});

Deno.test("duplexPeer drops second answers, late ones and those to nothing that was asked", async () => {
  const { peer, wire, received, log } = connected();
  const first = peer.request(request("1", "m"));
  const late = peer.request(request("2", "m"));
  await wire.written(2);
  late.cancel();
  const answer = (id: string) => `{"jsonrpc":"2.0","id":${id},"result":{"of":${id}}}`;
  wire.send(answer("1"), answer("1"), answer("2"), answer("3"), answer('"1"'));
  strictEqual(await ended(first), answer("1"));
  await settle(wire, peer);
  strictEqual(await ended(late), "cancelled");
  deepStrictEqual(received, []);
  strictEqual(log.messages("debug").filter((it) => it.includes("no request in flight")).length, 4);
  await peer.close();
});

Deno.test("duplexPeer takes an error without an id for the only request there is", async () => {
  const { peer, wire } = connected();
  const exchange = peer.request(request("5", "m"));
  await wire.written(1);
  wire.send('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}');
  strictEqual(await ended(exchange), '{"jsonrpc":"2.0","id":5,"error":{"code":-32700,"message":"no"}}');
  await peer.close();
});

Deno.test("duplexPeer hands on what the server says by itself, its ids being its own", async () => {
  const { peer, wire, received } = connected();
  const exchange = peer.request(request("1", "m"));
  await wire.written(1);
  const ask = '{"jsonrpc":"2.0","id":1,"method":"roots/list"}';
  const tell = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}';
  wire.send(ask, tell, '{"jsonrpc":"2.0","id":1,"result":{}}');
  strictEqual(await ended(exchange), '{"jsonrpc":"2.0","id":1,"result":{}}');
  deepStrictEqual(received.map(({ text }) => text), [ask, tell]);
  await peer.close();
});

Deno.test("duplexPeer reads on only when the receiver has room", async () => {
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const { peer, wire } = connected([fakeLink()], () => {
    begun.resolve();
    return gate.promise;
  });
  const exchange = peer.request(request("1", "m"));
  await wire.written(1);
  wire.send('{"jsonrpc":"2.0","method":"a"}', '{"jsonrpc":"2.0","id":1,"result":{}}');
  await begun.promise;
  strictEqual(await stillWaits(exchange), true);
  gate.resolve();
  strictEqual(await ended(exchange), '{"jsonrpc":"2.0","id":1,"result":{}}');
  await peer.close();
});

Deno.test("duplexPeer closes although the receiver never has room", async () => {
  const begun = Promise.withResolvers<void>();
  const { peer, wire } = connected([fakeLink()], () => {
    begun.resolve();
    return new Promise(() => {});
  });
  const exchange = peer.request(request("1", "m"));
  await wire.written(1);
  wire.send('{"jsonrpc":"2.0","method":"a"}', '{"jsonrpc":"2.0","method":"b"}');
  await begun.promise;
  await peer.close();
  strictEqual(await ended(exchange), "lost SHUTTING_DOWN");
});

Deno.test("duplexPeer passes over what is no message, and fails the request an invalid answer belongs to", async () => {
  const { peer, wire, received, log } = connected();
  const [one, two] = [peer.request(request("1", "m")), peer.request(request("2", "m"))];
  await wire.written(2);
  wire.send("Server started", "{", new Uint8Array([0xff, 0x0a]), '{"id":1,"result":{}}');
  strictEqual(await ended(one), "refused NOT_MCP");
  wire.send('{"jsonrpc":"2.0","id":2,"result":{}}');
  strictEqual(await ended(two), '{"jsonrpc":"2.0","id":2,"result":{}}');
  deepStrictEqual(received, []);
  strictEqual(log.messages("warn").length, 4);
  await peer.close();
});

/** Settles a handshake in which the server chooses a revision. */
async function shakeHands(
  peer: { request(message: Message): Exchange },
  wire: FakeLink,
  revision: string,
): Promise<void> {
  const exchange = peer.request(INITIALIZE);
  wire.send(`{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"${revision}","capabilities":{}}}`);
  strictEqual((await exchange.outcome).kind, "answered");
}

Deno.test("duplexPeer takes batches once the server has chosen revision 2025-03-26", async () => {
  const { peer, wire, received } = connected();
  await shakeHands(peer, wire, "2025-03-26");
  const exchanges = ["1", "2"].map((id) => peer.request(request(id, "m")));
  await wire.written(3);
  wire.send(
    '[{"jsonrpc":"2.0","id":2,"result":{}},{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","id":1,"result":{}}]',
  );
  deepStrictEqual(await Promise.all(exchanges.map(ended)), [
    '{"jsonrpc":"2.0","id":1,"result":{}}',
    '{"jsonrpc":"2.0","id":2,"result":{}}',
  ]);
  deepStrictEqual(received.map(({ method }) => method), ["a"]);
  await peer.close();
});

Deno.test("duplexPeer answers -32600 for a batch in another revision, under the id of the request", async () => {
  const { peer, wire } = connected();
  await shakeHands(peer, wire, "2025-06-18");
  const exchange = peer.request(request("9007199254740993", "m"));
  await wire.written(2);
  wire.send('[{"jsonrpc":"2.0","id":9007199254740992,"result":{}}]');
  const outcome = await exchange.outcome;
  ok(outcome.kind === "refused");
  strictEqual((outcome.answer?.parsed("error") as { code: number }).code, -32600);
  strictEqual(outcome.answer?.id, "9007199254740993");
  await peer.close();
});

const long = (start: string) => `${start}"${"x".repeat(LIMIT)}"}}`;

Deno.test("duplexPeer fails the request whose answer is over the limit, and goes on", async () => {
  const { peer, wire } = connected();
  const exchanges = ["1", '"b"', "3"].map((id) => peer.request(request(id, "m")));
  await wire.written(3);
  wire.send(
    long('{"jsonrpc":"2.0","id":1,"result":{"a":'),
    long('{"id" : "b","jsonrpc":"2.0","result":{"a":'),
  );
  wire.send('{"jsonrpc":"2.0","id":3,"result":{}}');
  deepStrictEqual(await Promise.all(exchanges.map(ended)), [
    "refused TOO_LARGE",
    "refused TOO_LARGE",
    '{"jsonrpc":"2.0","id":3,"result":{}}',
  ]);
  await peer.close();
});

Deno.test("duplexPeer fails the only request there is when an answer over the limit does not show its id", async () => {
  const { peer, wire } = connected();
  const exchange = peer.request(request("1", "m"));
  await wire.written(1);
  wire.send(long('{"jsonrpc":"2.0","result":{"a":'));
  strictEqual(await ended(exchange), "refused TOO_LARGE");
  await peer.close();
});

Deno.test("duplexPeer does not take an id inside of an over-long answer for that of the answer", async () => {
  const { peer, wire } = connected();
  const [one, two] = [peer.request(request("1", "m")), peer.request(request("2", "m"))];
  await wire.written(2);
  wire.send(
    long('{"jsonrpc":"2.0","result":{"items":[{"id":2}],"a":'),
    '{"jsonrpc":"2.0","id":2,"result":{}}',
  );
  strictEqual(await ended(two), '{"jsonrpc":"2.0","id":2,"result":{}}');
  one.cancel();
  await peer.close();
});

Deno.test("duplexPeer fails no request for an over-long message of the server's own", async () => {
  const { peer, wire } = connected();
  const exchange = peer.request(request("1", "m"));
  await wire.written(1);
  wire.send(long('{"jsonrpc":"2.0","method":"notifications/message","params":{"data":'));
  wire.send(long('{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{"a":'));
  wire.send('{"jsonrpc":"2.0","id":1,"result":{}}');
  strictEqual(await ended(exchange), '{"jsonrpc":"2.0","id":1,"result":{}}');
  await peer.close();
});

Deno.test("duplexPeer tells the server of a cancelling once the request has left", async () => {
  const { peer, wire } = connected();
  const exchange = peer.request(request("1", "m"));
  await wire.written(1);
  const notice = notification("notifications/cancelled", { requestId: 1 });
  exchange.cancel(notice);
  exchange.cancel(notice);
  strictEqual(await ended(exchange), "cancelled");
  deepStrictEqual((await wire.written(2)).slice(1), [notice.text]);
  await settle(wire, peer);
  strictEqual(wire.lines.length, 3);
  await peer.close();
});

Deno.test("duplexPeer tells nobody of a cancelling when it was given nothing to tell, or the answer is there", async () => {
  const { peer, wire } = connected();
  const [one, two] = [peer.request(request("1", "m")), peer.request(request("2", "m"))];
  await wire.written(2);
  one.cancel();
  wire.send('{"jsonrpc":"2.0","id":2,"result":{}}');
  await two.outcome;
  two.cancel(notification("notifications/cancelled"));
  await settle(wire, peer);
  deepStrictEqual(wire.lines.map((line) => JSON.parse(line).method), ["m", "m", "ping"]);
  await peer.close();
});

/** A peer whose wire opens when the test says so. */
function opening() {
  const gate = Promise.withResolvers<Link>();
  const log = collectedLog();
  let aborted: AbortSignal | undefined;
  const peer = duplexPeer({
    open: (signal) => {
      aborted = signal;
      signal.addEventListener("abort", () => gate.reject(signal.reason));
      return gate.promise;
    },
    endpoint: "E",
    maxMessageSize: LIMIT,
    timeoutMs: 60_000,
    explain: (error) => failure("UNREACHABLE", "E", String(error)),
    logger: log.logger,
  });
  return { peer, gate, signal: () => aborted };
}

Deno.test("duplexPeer never sends what was cancelled while the wire was opening, nor its notice", async () => {
  const { peer, gate } = opening();
  const wire = fakeLink();
  const [one, two] = [peer.request(request("1", "m")), peer.request(request("2", "m"))];
  one.cancel(notification("notifications/cancelled", { requestId: 1 }));
  strictEqual(await ended(one), "cancelled");
  gate.resolve(wire.link);
  wire.send('{"jsonrpc":"2.0","id":2,"result":{}}');
  strictEqual(await ended(two), '{"jsonrpc":"2.0","id":2,"result":{}}');
  deepStrictEqual(wire.lines.map((line) => JSON.parse(line).id), [2]);
  await peer.close();
});

Deno.test("duplexPeer gives up opening when it is closed: nothing was sent", async () => {
  const { peer, signal } = opening();
  const exchange = peer.request(INITIALIZE);
  const told = peer.notify(notification("a"));
  await peer.close();
  strictEqual(signal()?.aborted, true);
  strictEqual((await exchange.outcome).kind, "not_sent");
  ok((await told) !== undefined);
});

Deno.test("duplexPeer closes a wire that opens after all", async () => {
  const gate = Promise.withResolvers<Link>();
  const wire = fakeLink();
  const peer = duplexPeer({
    open: () => gate.promise,
    endpoint: "E",
    maxMessageSize: LIMIT,
    timeoutMs: 60_000,
    explain: (error) => failure("UNREACHABLE", "E", String(error)),
    logger: collectedLog().logger,
  });
  const exchange = peer.request(INITIALIZE);
  const closed = peer.close();
  gate.resolve(wire.link);
  await closed;
  strictEqual((await exchange.outcome).kind, "not_sent");
  deepStrictEqual([wire.closed, wire.lines], [1, []]);
});

Deno.test("duplexPeer says what kept the wire from opening, to each request, and tries again for the next", async () => {
  const wire = fakeLink();
  const wires = [undefined, wire];
  let opened = 0;
  const peer = duplexPeer({
    open: () => {
      const wire = wires[opened++];
      return wire === undefined ? Promise.reject(new Error("refused")) : Promise.resolve(wire.link);
    },
    endpoint: "E",
    maxMessageSize: LIMIT,
    timeoutMs: 60_000,
    explain: (error) => failure("UNREACHABLE", "E", String(error)),
    logger: collectedLog().logger,
  });
  const exchanges = [peer.request(INITIALIZE), peer.request(request("1", "m"))];
  const told = peer.notify(notification("a"));
  deepStrictEqual(await Promise.all(exchanges.map(ended)), ["not_sent UNREACHABLE", "not_sent UNREACHABLE"]);
  strictEqual((await told)?.code, "UNREACHABLE");
  strictEqual(opened, 1);
  await shakeHands(peer, wire, "2025-11-25");
  strictEqual(opened, 2);
  await peer.close();
});

Deno.test("duplexPeer sends messages in the order they were handed over, whenever the wire opens", async () => {
  // The wire is open some moments before those who waited for it get to know.
  for (let moments = 0; moments < 12; moments++) {
    const { peer, gate } = opening();
    const wire = fakeLink();
    peer.request(INITIALIZE);
    gate.resolve(wire.link);
    for (let i = 0; i < moments; i++) await undefined;
    void peer.notify(notification("notifications/initialized"));
    peer.request(request("1", "tools/list"));
    const methods = (await wire.written(3)).map((line) => JSON.parse(line).method);
    await peer.close();
    deepStrictEqual(
      methods,
      ["initialize", "notifications/initialized", "tools/list"],
      `after ${moments} moments`,
    );
  }
});

for (
  const [what, wire, end, words] of [
    ["ends", () => fakeLink(), undefined, /the server closed the connection/],
    ["breaks", () => fakeLink(), new Error("reset by peer"), /reset by peer/],
    ["says why it ended", () => fakeLink("exited with code 3"), undefined, /exited with code 3/],
  ] as const
) {
  Deno.test(`duplexPeer settles what is in flight when the wire ${what}, and tells its listener`, async () => {
    const it = connected([wire()]);
    const exchanges = ["1", "2"].map((id) => it.peer.request(request(id, "m")));
    await it.wire.written(2);
    it.wire.send('{"jsonrpc":"2.0","id":1,"result":{}}');
    it.wire.end(end);
    deepStrictEqual(await Promise.all(exchanges.map(ended)), [
      '{"jsonrpc":"2.0","id":1,"result":{}}',
      "lost CONNECTION_LOST",
    ]);
    const outcome = await exchanges[1]!.outcome;
    ok("failure" in outcome);
    match(outcome.failure.message, words);
    deepStrictEqual(it.ends, [outcome.failure]);
    strictEqual(it.wire.closed, 1);
    await it.peer.close();
  });
}

Deno.test("duplexPeer takes an answer in the last line that has no line break", async () => {
  const { peer, wire } = connected();
  const exchange = peer.request(request("1", "m"));
  await wire.written(1);
  wire.send(new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"result":{}}'));
  wire.end();
  strictEqual(await ended(exchange), '{"jsonrpc":"2.0","id":1,"result":{}}');
  await peer.close();
});

Deno.test("duplexPeer opens an ended wire again for initialize, and for nothing else", async () => {
  const wires = [fakeLink(), fakeLink()];
  const it = connected(wires);
  await shakeHands(it.peer, wires[0]!, "2025-11-25");
  const lost = it.peer.request(request("1", "m"));
  wires[0]!.end();
  strictEqual(await ended(lost), "lost CONNECTION_LOST");
  const late = it.peer.request(request("2", "m"));
  strictEqual(await ended(late), "not_sent CONNECTION_LOST");
  const outcome = await late.outcome;
  ok("failure" in outcome);
  match(outcome.failure.hint, /was not sent.*start the session again/);
  strictEqual((await it.peer.notify(notification("a")))?.code, "CONNECTION_LOST");
  strictEqual(it.opened, 1);
  await shakeHands(it.peer, wires[1]!, "2025-11-25");
  const again = it.peer.request(request("2", "m"));
  await wires[1]!.written(2);
  wires[1]!.send('{"jsonrpc":"2.0","id":2,"result":{}}');
  strictEqual(await ended(again), '{"jsonrpc":"2.0","id":2,"result":{}}');
  await it.peer.close();
});

Deno.test("duplexPeer settles what is in flight before the wire is closed down, and opens no other until it is", async () => {
  const [first, second] = [fakeLink("it closed its stdout"), fakeLink()];
  const gate = Promise.withResolvers<void>();
  const slow: FakeLink = { ...first, link: { ...first.link, close: () => gate.promise } };
  const it = connected([slow, second]);
  const exchange = it.peer.request(request("1", "m"));
  await first.written(1);
  first.end();
  const outcome = await exchange.outcome;
  ok("failure" in outcome);
  match(outcome.failure.message, /it closed its stdout/);
  match(outcome.failure.hint, /by hand.*may have been carried out/);
  const again = it.peer.request(INITIALIZE);
  strictEqual(await stillWaits(again), true);
  strictEqual(it.opened, 1);
  gate.resolve();
  second.send('{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}');
  strictEqual((await again.outcome).kind, "answered");
  await it.peer.close();
});

Deno.test("duplexPeer settles what is in flight when it is closed, and does not call that an end", async () => {
  const it = connected();
  const exchange = it.peer.request(request("1", "m"));
  await it.wire.written(1);
  await Promise.all([it.peer.close(), it.peer.close()]);
  strictEqual(await ended(exchange), "lost SHUTTING_DOWN");
  deepStrictEqual(it.ends, []);
  strictEqual(await ended(it.peer.request(request("2", "m"))), "not_sent SHUTTING_DOWN");
  ok((await it.peer.notify(notification("a"))) !== undefined);
  await it.peer.close();
  strictEqual(it.opened, 1);
});

Deno.test("duplexPeer lets what was queued leave before it closes, for a while", async () => {
  const { peer, wire } = connected();
  peer.request(request("1", "m"));
  await wire.written(1);
  wire.stall(true);
  void peer.notify(notification("last"));
  const closed = peer.close();
  wire.stall(false);
  await closed;
  strictEqual(wire.lines.at(-1), '{"jsonrpc":"2.0","method":"last"}');

  const stuck = connected();
  stuck.peer.request(request("1", "m"));
  await stuck.wire.written(1);
  stuck.wire.stall(true);
  void stuck.peer.notify(notification("never"));
  await stuck.peer.close();
  stuck.wire.stall(false);
  strictEqual(stuck.wire.lines.length, 1);
});
