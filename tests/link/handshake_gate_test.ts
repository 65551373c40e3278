import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { notification, request } from "../../src/jsonrpc/answers.ts";
import { failure } from "../../src/link/failure.ts";
import { handshakeGate } from "../../src/link/handshake_gate.ts";
import { fakePeer } from "../support/fake_peer.ts";

const INITIALIZE = request("0", "initialize");
const INITIALIZED = notification("notifications/initialized");
const CANCELLED = notification("notifications/cancelled");
const LIST = request("1", "tools/list");
const CALL = request("2", "tools/call");

/** Lets all that is ready happen. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("handshakeGate sends initialize at once and holds all else until it is answered", async () => {
  const server = fakePeer();
  const peer = handshakeGate(server);
  peer.request(INITIALIZE);
  const list = peer.request(LIST);
  const told = peer.notify(CANCELLED);
  await turn();
  deepStrictEqual(server.order, ["initialize"]);
  server.requests[0]!.answer();
  strictEqual(await told, undefined);
  deepStrictEqual(server.order, ["initialize", "tools/list", "notifications/cancelled"]);
  server.requests[1]!.answer();
  strictEqual((await list.outcome).kind, "answered");
});

Deno.test("handshakeGate holds all else until notifications/initialized has been taken", async () => {
  const taken = Promise.withResolvers<undefined>();
  const server = fakePeer(() => taken.promise);
  const peer = handshakeGate(server);
  peer.request(INITIALIZE);
  const told = peer.notify(INITIALIZED);
  peer.request(LIST);
  peer.request(CALL);
  await turn();
  deepStrictEqual(server.order, ["initialize"]);
  server.requests[0]!.answer();
  await turn();
  deepStrictEqual(server.order, ["initialize", "notifications/initialized"]);
  taken.resolve(undefined);
  strictEqual(await told, undefined);
  await turn();
  deepStrictEqual(server.order, ["initialize", "notifications/initialized", "tools/list", "tools/call"]);
});

Deno.test("handshakeGate opens when initialize or initialized fails, however they do", async () => {
  const why = failure("UNREACHABLE", "E", "no");
  const server = fakePeer(() => Promise.resolve(why));
  const peer = handshakeGate(server);
  const first = peer.request(INITIALIZE);
  const told = peer.notify(INITIALIZED);
  const list = peer.request(LIST);
  server.requests[0]!.exchange.settle({ kind: "not_sent", failure: why });
  strictEqual((await first.outcome).kind, "not_sent");
  strictEqual(await told, why);
  await turn();
  server.requests[1]!.answer();
  strictEqual((await list.outcome).kind, "answered");
});

Deno.test("handshakeGate opens when initialize is cancelled", async () => {
  const server = fakePeer();
  const peer = handshakeGate(server);
  const first = peer.request(INITIALIZE);
  peer.request(LIST);
  first.cancel();
  await turn();
  deepStrictEqual(server.order, ["initialize", "tools/list"]);
});

Deno.test("handshakeGate sends no request that was cancelled while it waited, and hands later cancelling on", async () => {
  const server = fakePeer();
  const peer = handshakeGate(server);
  peer.request(INITIALIZE);
  const [list, call] = [peer.request(LIST), peer.request(CALL)];
  list.cancel(CANCELLED);
  strictEqual((await list.outcome).kind, "cancelled");
  server.requests[0]!.answer();
  await turn();
  deepStrictEqual(server.order, ["initialize", "tools/call"]);
  call.cancel(CANCELLED);
  deepStrictEqual(server.requests[1]!.cancelled, [CANCELLED]);
  strictEqual((await call.outcome).kind, "cancelled");
});

Deno.test("handshakeGate is out of the way once the handshake is over, and before it", async () => {
  const server = fakePeer();
  const peer = handshakeGate(server);
  peer.request(LIST);
  void peer.notify(CANCELLED);
  deepStrictEqual(server.order, ["tools/list", "notifications/cancelled"]);
  peer.request(INITIALIZE);
  server.requests[1]!.answer();
  await peer.notify(INITIALIZED);
  await turn();
  const options = { headers: { a: "b" } };
  peer.request(CALL, options);
  deepStrictEqual(server.order.slice(2), ["initialize", "notifications/initialized", "tools/call"]);
  strictEqual(server.requests[2]!.options, options);
});

Deno.test("handshakeGate closes a second time around, and keeps what a held request came with", async () => {
  const server = fakePeer();
  const peer = handshakeGate(server);
  peer.request(INITIALIZE);
  server.requests[0]!.answer();
  await peer.notify(INITIALIZED);
  await turn();
  peer.request(request("9", "initialize"));
  const options = { headers: { a: "b" } };
  peer.request(CALL, options);
  await turn();
  deepStrictEqual(server.order, ["initialize", "notifications/initialized", "initialize"]);
  server.requests[1]!.answer();
  await turn();
  strictEqual(server.requests[2]!.options, options);
  const listener = { receive: () => {} };
  peer.listen(listener);
  strictEqual(server.listener, listener);
  await peer.close();
  strictEqual(server.closed, 1);
});
