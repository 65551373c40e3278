import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { errorAnswer, notification, request, resultAnswer } from "../../../src/jsonrpc/answers.ts";
import { edit } from "../../../src/jsonrpc/edit.ts";
import type { Message } from "../../../src/jsonrpc/message.ts";
import { failure } from "../../../src/link/failure.ts";
import type { Exchange, Outcome } from "../../../src/link/peer.ts";
import { type CallsOptions, createCalls } from "../../../src/upstream/modern/calls.ts";
import type { LegacyHost } from "../../../src/upstream/modern/legacy_host.ts";
import { collectedLog } from "../../support/collected_log.ts";
import { type FakePeer, fakePeer } from "../../support/fake_peer.ts";
import { turn, until } from "../../support/until.ts";

const V = "io.modelcontextprotocol/protocolVersion";
const C = "io.modelcontextprotocol/clientCapabilities";
const ABLE = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };
const meta = (more = {}) => ({ [V]: "2026-07-28", [C]: ABLE, ...more });
const call = (id: string, params = {}) => request(id, "tools/call", { name: "t", _meta: meta(), ...params });
const QUESTION = { message: "?", requestedSchema: {} };
const elicit = (id: string) => request(id, "elicitation/create", QUESTION);
const LOST: Outcome = { kind: "lost", failure: failure("CONNECTION_LOST", "E", "x"), lastEventId: undefined };

function fakeHost(peer: FakePeer, serverCapabilities: Record<string, unknown> = {}): LegacyHost {
  return {
    capabilities: ABLE,
    welcome: undefined,
    serverInfo: '{"name":"s","version":"1"}',
    serverCapabilities,
    begin: () => Promise.resolve(undefined),
    peer,
    note() {},
    logLevel: undefined,
    close: () => Promise.resolve(),
  };
}

function setUp(options: Partial<CallsOptions> = {}) {
  const peer = fakePeer();
  const host = fakeHost(peer);
  const { logger, messages } = collectedLog();
  const announced: Message[] = [];
  const calls = createCalls({
    endpoint: "E",
    logger,
    announced: (_host, message) => void announced.push(message),
    gatherMs: 1,
    ...options,
  });
  const told: Message[] = [];
  const receive = (message: Message) => void told.push(message);
  return { peer, host, calls, messages, announced, told, receive };
}

/** What the client is given. */
async function answerOf(exchange: Exchange): Promise<Message> {
  const outcome = await exchange.outcome;
  if (outcome.kind !== "answered") throw new Error(JSON.stringify(outcome));
  return outcome.message;
}

// deno-lint-ignore no-explicit-any
type Asked = { resultType: string; inputRequests: Record<string, any>; requestState: string };

async function askedOf(exchange: Exchange): Promise<Asked> {
  const asked = (await answerOf(exchange)).parsed("result") as Asked;
  strictEqual(asked.resultType, "input_required");
  return asked;
}

/** The retry that brings these answers. */
const retry = (
  id: string,
  { inputRequests, requestState }: Asked,
  response: unknown = { action: "accept" },
) =>
  call(id, {
    requestState,
    inputResponses: Object.fromEntries(Object.keys(inputRequests).map((name) => [name, response])),
  });

Deno.test("A call that nobody comes back for is given up: its questions are answered with an error, the server is told", async () => {
  const { peer, host, calls, messages } = setUp({ parkedMs: 20 });
  const exchange = calls.send(call('"a"'), {}, host);
  void peer.requests[0]!.options!.receive!(elicit('"q"'));
  const asked = await askedOf(exchange);
  strictEqual(calls.busy(host), true);
  await until(() => peer.requests[0]!.cancelled.length > 0);
  strictEqual(calls.busy(host), false);
  strictEqual(
    peer.requests[0]!.cancelled[0]!.text,
    '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"the client has not answered in time"}}',
  );
  deepStrictEqual(peer.notified.map(({ id, kind }) => [id, kind]), [['"q"', "error"]]);
  match(messages("warn")[0]!, /given up/);
  const late = await answerOf(calls.resume(retry("2", asked), {}));
  match(late.text, /-32602.*expired/);
});

Deno.test("The oldest call is given up when too many wait for their clients", async () => {
  const { peer, host, calls } = setUp({ mostParked: 2 });
  const asked: Asked[] = [];
  for (const id of ["1", "2", "3"]) {
    const exchange = calls.send(call(id, { arguments: { id } }), {}, host);
    void peer.requests.at(-1)!.options!.receive!(elicit(`"q${id}"`));
    asked.push(await askedOf(exchange));
  }
  strictEqual(peer.requests[0]!.cancelled.length, 1);
  deepStrictEqual(peer.requests.slice(1).map(({ cancelled }) => cancelled.length), [0, 0]);
  match((await answerOf(calls.resume(retry("4", asked[0]!), {}))).text, /-32602/);
  const going = calls.resume(
    edit(retry("5", asked[2]!), [{ path: ["params", "arguments"], value: '{"id":"3"}' }]),
    {},
  );
  await until(() => peer.notified.some(({ id }) => id === '"q3"'));
  peer.requests[2]!.answer({ content: [] });
  strictEqual((await answerOf(going)).id, "5");
  calls.end();
});

Deno.test("A client that gives a call up before it has left sends nothing", async () => {
  const peer = fakePeer();
  const host = fakeHost(peer, { logging: {} });
  const { calls } = setUp();
  const exchange = calls.send(
    request("1", "tools/call", { name: "t", _meta: meta({ "io.modelcontextprotocol/logLevel": "info" }) }),
    {},
    host,
  );
  strictEqual(exchange.held, true);
  exchange.cancel(notification("notifications/cancelled", { requestId: 1 }));
  peer.requests[0]!.answer({});
  await turn();
  deepStrictEqual(peer.order, ["logging/setLevel"]);
  strictEqual(calls.busy(host), false);
});

Deno.test("What comes for a client that is away is kept, in order and within bounds, until it is back", async () => {
  const { peer, host, calls, told, receive } = setUp();
  const exchange = calls.send(call("1"), { receive }, host);
  const fromServer = peer.requests[0]!.options!.receive!;
  void fromServer(elicit('"q"'));
  const asked = await askedOf(exchange);
  for (let n = 0; n < 100; n++) void fromServer(notification("notifications/x-vendor", { n }));
  strictEqual(told.length, 0);
  const going = calls.resume(retry("2", asked), { receive });
  await until(() => peer.notified.length === 1);
  deepStrictEqual(
    told.map((it) => (it.parsed("params") as { n: number }).n),
    Array.from({ length: 64 }, (_, n) => n),
  );
  peer.requests[0]!.answer({});
  strictEqual((await answerOf(going)).id, "2");
});

Deno.test("Progress that comes for a client that is away is told when it is back, by the token it has then", async () => {
  const { peer, host, calls, told, receive } = setUp();
  const of = (token: string) => ({ _meta: meta({ progressToken: token }) });
  const exchange = calls.send(call("1", of("old")), { receive }, host);
  const fromServer = peer.requests[0]!.options!.receive!;
  const { _meta: { progressToken } } = peer.requests[0]!.message.parsed("params") as {
    _meta: { progressToken: number };
  };
  const step = (progress: number) => notification("notifications/progress", { progressToken, progress });
  void fromServer(step(0));
  void fromServer(elicit('"q"'));
  const asked = await askedOf(exchange);
  for (let n = 1; n <= 100; n++) void fromServer(step(n));
  strictEqual(told.length, 1);
  const back = call("2", { ...retry("2", asked).parsed("params") as object, ...of("new") });
  const going = calls.resume(back, { receive });
  await until(() => peer.notified.length === 1);
  // Of too much the last is what counts.
  deepStrictEqual(told.map((it) => it.parsed("params")), [
    { progressToken: "old", progress: 0 },
    ...[...Array.from({ length: 63 }, (_, n) => n + 1), 100].map((progress) => ({
      progressToken: "new",
      progress,
    })),
  ]);
  peer.requests[0]!.answer({});
  strictEqual((await answerOf(going)).id, "2");
});

Deno.test("A call whose connection is lost while its client is away says so when it is back; a prompt is asked for anew", async () => {
  const { peer, host, calls } = setUp();
  const exchange = calls.send(call("1"), {}, host);
  void peer.requests[0]!.options!.receive!(elicit('"q"'));
  const asked = await askedOf(exchange);
  peer.requests[0]!.exchange.settle(LOST);
  const back = retry("2", asked);
  strictEqual((await calls.resume(back, {}).outcome).kind, "lost");
  // Whoever repeats it does so as a request of its own.
  strictEqual(calls.isRetry(back), false);
  strictEqual(calls.isRetry(retry("3", asked)), true);
  deepStrictEqual(peer.notified, []);
  void calls.send(back, {}, host);
  strictEqual(peer.requests[1]!.message.text.includes("requestState"), false);
  calls.end();
});

Deno.test("Only what may be asked about can be a retry", () => {
  const { calls } = setUp();
  const params = { requestState: "x", _meta: meta() };
  for (const method of ["tools/call", "prompts/get", "resources/read"]) {
    strictEqual(calls.isRetry(request("1", method, params)), true);
  }
  for (const method of ["tools/list", "server/discover", "completion/complete", "x/y"]) {
    strictEqual(calls.isRetry(request("1", method, params)), false);
  }
  strictEqual(calls.isRetry(request("1", "tools/call", { _meta: meta() })), false);
});

Deno.test("A question for a request that can't ask is refused, with the reason", async () => {
  const { peer, host, calls } = setUp();
  const exchange = calls.send(request("1", "tools/list", { _meta: meta() }), {}, host);
  void peer.requests[0]!.options!.receive!(elicit('"q"'));
  match(peer.notified[0]!.text, /"id":"q","error":\{"code":-32601/);
  peer.requests[0]!.answer({ tools: [] });
  strictEqual((await answerOf(exchange)).kind, "result");
});

Deno.test("A question that comes behind the answer on the stream of its call is refused", async () => {
  const { peer, host, calls } = setUp();
  const exchange = calls.send(call("1"), {}, host);
  peer.requests[0]!.answer({ content: [] });
  await exchange.outcome;
  void peer.requests[0]!.options!.receive!(elicit('"q"'));
  strictEqual(peer.notified[0]!.kind, "error");
});

Deno.test("Questions that were all taken back before the client was asked are not asked", async () => {
  const { peer, host, calls } = setUp();
  const exchange = calls.send(call("1"), {}, host);
  const fromServer = peer.requests[0]!.options!.receive!;
  void fromServer(elicit('"q"'));
  void fromServer(notification("notifications/cancelled", { requestId: "q" }));
  for (let i = 0; i < 5; i++) await turn();
  peer.requests[0]!.answer({ content: [] });
  match((await answerOf(exchange)).text, /"resultType":"complete"/);
});

Deno.test("A question where the server does not say on whose behalf goes to one call after the other, until one can ask it", async () => {
  const { peer, host, calls } = setUp();
  const [first, second] = [calls.send(call("1"), {}, host), calls.send(call("2"), {}, host)];
  void calls.receive(host, elicit('"q"'));
  // It ends before its client could be asked.
  peer.requests[0]!.answer({ content: [] });
  match((await answerOf(first)).text, /"complete"/);
  const asked = await askedOf(second);
  const going = calls.resume(retry("3", asked), {});
  await until(() => peer.notified.length > 0);
  strictEqual(peer.notified[0]!.text, '{"jsonrpc":"2.0","id":"q","result":{"action":"accept"}}');
  peer.requests[1]!.answer({ content: [] });
  await going.outcome;
  // Nobody is there any more.
  void calls.receive(host, elicit('"r"'));
  strictEqual(peer.notified[1]!.kind, "error");
});

Deno.test("A question on one wire is not put to a client that is away, when the one that is there can't be asked", async () => {
  const { peer, host, calls } = setUp();
  const away = calls.send(call("1"), {}, host);
  void peer.requests[0]!.options!.receive!(elicit('"own"'));
  await askedOf(away);
  const unable = request("2", "tools/call", { name: "t", _meta: { [V]: "2026-07-28", [C]: {} } });
  void calls.send(unable, {}, host);
  void calls.receive(host, elicit('"q"'));
  await until(() => peer.notified.length === 1);
  strictEqual(peer.notified[0]!.id, '"q"');
  strictEqual(peer.notified[0]!.kind, "error");
  calls.end();
});

Deno.test("A call that is over while its client brings an answer that another waits for passes that on", async () => {
  const { peer, host, calls } = setUp();
  const first = calls.send(call("1"), {}, host);
  void calls.receive(host, elicit('"q"'));
  const asked = await askedOf(first);
  peer.requests[0]!.answer({ content: [], n: 1 });
  match((await answerOf(calls.resume(retry("2", asked), {}))).text, /"n":1/);
  strictEqual(peer.notified[0]!.text, '{"jsonrpc":"2.0","id":"q","result":{"action":"accept"}}');
});

Deno.test("Two retries at once: one goes on, the other is refused", async () => {
  const { peer, host, calls } = setUp();
  const exchange = calls.send(call("1"), {}, host);
  void peer.requests[0]!.options!.receive!(elicit('"q"'));
  const asked = await askedOf(exchange);
  const both = [calls.resume(retry("2", asked), {}), calls.resume(retry("3", asked), {})];
  await until(() => peer.notified.length > 0);
  peer.requests[0]!.answer({ content: [] });
  const kinds = (await Promise.all(both.map(answerOf))).map(({ kind }) => kind).sort();
  deepStrictEqual(kinds, ["error", "result"]);
  strictEqual(peer.notified.length, 1);
});

Deno.test("An error that asks for URLs of a client that shows none names the capability", async () => {
  const { peer, host, calls } = setUp();
  const exchange = calls.send(
    request("1", "prompts/get", { name: "p", _meta: { ...meta(), [C]: { elicitation: {} } } }),
    {},
    host,
  );
  const data = { elicitations: [{ url: "x://y", message: "m" }] };
  peer.requests[0]!.exchange.settle({ kind: "answered", message: errorAnswer("1", -32042, "m", data) });
  const { code, data: needs } = (await answerOf(exchange)).parsed("error") as { code: number; data: unknown };
  strictEqual(code, -32021);
  deepStrictEqual(needs, { requiredCapabilities: { elicitation: { url: {} } } });
});

Deno.test("-32042 where nothing may be asked, and without URLs, is said in words", async () => {
  const { peer, host, calls } = setUp();
  const list = calls.send(request("1", "tools/list", { _meta: meta() }), {}, host);
  peer.requests[0]!.exchange.settle({ kind: "answered", message: errorAnswer("1", -32042, "m") });
  match((await answerOf(list)).text, /"code":-32042/);
  const tool = calls.send(call("2"), {}, host);
  peer.requests[1]!.exchange.settle({ kind: "answered", message: errorAnswer("2", -32042, "why") });
  const said = (await answerOf(tool)).parsed("result") as { isError: boolean; content: [{ text: string }] };
  strictEqual(said.isError, true);
  match(said.content[0].text, /why/);
});

Deno.test("The end gives all up: what is under way is lost, the server is told", async () => {
  const { peer, host, calls } = setUp();
  const under = calls.send(call("1"), {}, host);
  const parked = calls.send(call("2"), {}, host);
  void peer.requests[1]!.options!.receive!(elicit('"q"'));
  await askedOf(parked);
  calls.end();
  const outcome = await under.outcome;
  strictEqual(outcome.kind === "lost" && outcome.failure.code, "SHUTTING_DOWN");
  deepStrictEqual(peer.requests.map(({ cancelled }) => cancelled.length), [1, 1]);
  deepStrictEqual(peer.notified.map(({ kind }) => kind), ["error"]);
  strictEqual(calls.busy(host), false);
});

Deno.test("Whatever refuses a call with a body of its own keeps that body, translated, and its status", async () => {
  const { peer, host, calls } = setUp();
  const exchange = calls.send(request("1", "resources/read", { uri: "x", _meta: meta() }), {}, host);
  peer.requests[0]!.exchange.settle({
    kind: "refused",
    failure: failure("REFUSED", "E", "x"),
    status: 400,
    answer: errorAnswer("9", -32002, "gone"),
  });
  const outcome = await exchange.outcome;
  strictEqual(outcome.kind, "refused");
  strictEqual(
    "answer" in outcome && outcome.answer?.text,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"gone"}}',
  );
});

Deno.test("What a server says to all goes to who listens, what belongs to no call nowhere", async () => {
  const { host, calls, announced, told, receive, peer } = setUp();
  const exchange = calls.send(call("1"), { receive }, host);
  const said = [
    "notifications/tools/list_changed",
    "notifications/resources/updated",
    "notifications/elicitation/complete",
    "notifications/tasks/status",
    "notifications/x-vendor",
  ].map((method) => notification(method));
  for (const it of said) void calls.receive(host, it);
  deepStrictEqual(announced.map(({ method }) => method), [said[0]!.method, said[1]!.method]);
  deepStrictEqual(told, []);
  void calls.receive(host, request('"p"', "ping"));
  strictEqual(peer.notified[0]!.text, resultAnswer('"p"', {}).text);
  peer.requests[0]!.answer({});
  await exchange.outcome;
});
