import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { errorAnswer, notification, request, resultAnswer } from "../../../src/jsonrpc/answers.ts";
import { Message } from "../../../src/jsonrpc/message.ts";
import { newEraMemory } from "../../../src/link/era/era_memory.ts";
import { failure } from "../../../src/link/failure.ts";
import type { Outcome } from "../../../src/link/peer.ts";
import { modernClient, type ModernClientOptions } from "../../../src/upstream/modern/modern_client.ts";
import { collectedLog } from "../../support/collected_log.ts";
import { type FakePeer, fakePeer, type FakeRequest } from "../../support/fake_peer.ts";
import { turn, until } from "../../support/until.ts";

const DISCOVERED = { supportedVersions: ["2026-07-28"], capabilities: {} };
const WELCOME = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "s", version: "1" } };
const LOST: Outcome = { kind: "lost", failure: failure("CONNECTION_LOST", "E", "x"), lastEventId: undefined };

const modern = (id: string, method = "tools/list", revision = "2026-07-28") =>
  request(id, method, {
    _meta: {
      "io.modelcontextprotocol/protocolVersion": revision,
      "io.modelcontextprotocol/clientCapabilities": {},
    },
  });

function setUp(options: Partial<ModernClientOptions> = {}) {
  const wires: FakePeer[] = [];
  const memory = options.memory ?? newEraMemory();
  const client = modernClient({
    openWire() {
      const wire = fakePeer();
      wires.push(wire);
      return Promise.resolve(wire);
    },
    openSession: (wire) => wire,
    duplex: false,
    protocol: "auto",
    memory,
    timeoutMs: 10_000,
    endpoint: "E",
    host: "host",
    logger: collectedLog().logger,
    ...options,
  });
  const all = () => wires.flatMap(({ requests }) => requests);
  /** Request number `n` of all that left. */
  async function sent(n: number, method: string): Promise<FakeRequest> {
    await until(() => all().length > n);
    const it = all()[n]!;
    strictEqual(it.message.method, method);
    return it;
  }
  const methods = () => all().map(({ message }) => message.method);
  return { client, wires, memory, sent, methods };
}

const error = (it: FakeRequest, code: number, status?: number, data?: unknown) => {
  const answer = errorAnswer(it.message.id!, code, "m", data);
  it.exchange.settle(
    status === undefined
      ? { kind: "answered", message: answer }
      : { kind: "refused", failure: failure("REFUSED", "E", "x", undefined, status), status, answer },
  );
};

Deno.test("Nothing is opened before the first request, and all that come at once wait for one question", async () => {
  const { client, wires, sent, methods } = setUp();
  strictEqual(wires.length, 0);
  const all = ["1", "2", "3"].map((id) => client.request(modern(id)));
  deepStrictEqual(all.map(({ held }) => held), [true, true, true]);
  (await sent(0, "server/discover")).answer(DISCOVERED);
  await sent(3, "tools/list");
  deepStrictEqual(methods(), ["server/discover", "tools/list", "tools/list", "tools/list"]);
  strictEqual(wires.length, 1);
});

Deno.test("A request that is given up while the era is asked for does not leave", async () => {
  const { client, sent, methods } = setUp();
  const first = client.request(modern("1"));
  client.request(modern("2"));
  first.cancel(notification("notifications/cancelled", { requestId: 1 }));
  (await sent(0, "server/discover")).answer(DISCOVERED);
  strictEqual((await sent(1, "tools/list")).message.id, "2");
  deepStrictEqual(methods(), ["server/discover", "tools/list"]);
});

Deno.test("What is known over HTTP from before is not asked", async () => {
  const known = setUp({ memory: Object.assign(newEraMemory(), { modern: true }) });
  known.client.request(modern("1"));
  await known.sent(0, "tools/list");
  const legacy = setUp({ memory: Object.assign(newEraMemory(), { modern: false }) });
  legacy.client.request(modern("1"));
  await legacy.sent(0, "initialize");
});

Deno.test("What was found out is remembered, and what a failure says is not", async () => {
  const yes = setUp();
  yes.client.request(modern("1"));
  (await yes.sent(0, "server/discover")).answer(DISCOVERED);
  await yes.sent(1, "tools/list");
  strictEqual(yes.memory.modern, true);

  const no = setUp();
  no.client.request(modern("1"));
  error(await no.sent(0, "server/discover"), -32601, 404);
  (await no.sent(1, "initialize")).answer(WELCOME);
  await no.sent(2, "tools/list");
  strictEqual(no.memory.modern, false);

  for (const outcome of [LOST, { kind: "not_sent", failure: failure("UNREACHABLE", "E", "x") } as Outcome]) {
    const silent = setUp();
    const exchange = silent.client.request(modern("1"));
    (await silent.sent(0, "server/discover")).exchange.settle(outcome);
    strictEqual((await exchange.outcome).kind, "not_sent");
    strictEqual(silent.memory.modern, undefined);
    silent.client.request(modern("2"));
    await silent.sent(1, "server/discover");
  }
});

Deno.test("A server behind one connection that says nothing is greeted as well, and what it says first counts", async () => {
  for (const modernFirst of [true, false]) {
    const { client, sent, wires } = setUp({ duplex: true, discoverMs: 1 });
    const exchange = client.request(modern("1"));
    const discover = await sent(0, "server/discover");
    const initialize = await sent(1, "initialize");
    if (modernFirst) discover.answer(DISCOVERED);
    else initialize.answer(WELCOME);
    const list = await sent(2, "tools/list");
    strictEqual(list.message.text.includes("protocolVersion"), modernFirst);
    list.answer({ tools: [] });
    const outcome = await exchange.outcome;
    strictEqual(outcome.kind, "answered");
    strictEqual(discover.exchange.settled, true);
    strictEqual(wires.length, 1);
  }
});

Deno.test("--protocol modern waits for an answer however long it takes, and takes no other", async () => {
  const { client, sent, methods } = setUp({ duplex: true, discoverMs: 1, protocol: "modern" });
  const exchange = client.request(modern("1"));
  const discover = await sent(0, "server/discover");
  for (let i = 0; i < 10; i++) await turn();
  deepStrictEqual(methods(), ["server/discover"]);
  error(discover, -32601);
  const outcome = await exchange.outcome;
  strictEqual("failure" in outcome && outcome.failure.code, "NOT_MCP");
  deepStrictEqual(methods(), ["server/discover"]);
});

Deno.test("The client's own server/discover is what is asked, and its answer is the client's, refusals too", async () => {
  const { client, sent, methods } = setUp();
  const own = modern('"d"', "server/discover", "2031-01-01");
  const exchange = client.request(own);
  const probe = await sent(0, "server/discover");
  strictEqual(probe.message, own);
  error(probe, -32022, 400, { supported: ["2026-07-28"] });
  const outcome = await exchange.outcome;
  match(outcome.kind === "answered" ? outcome.message.text : "", /"id":"d".*-32022/);
  client.request(modern("2"));
  await sent(1, "tools/list");
  deepStrictEqual(methods(), ["server/discover", "tools/list"]);
});

Deno.test("A connection that ends makes what was found out be asked again", async () => {
  const { client, wires, sent } = setUp({ duplex: true });
  const closed: string[] = [];
  client.listen({ receive: () => {}, closed: (why) => void closed.push(why.code) });
  client.request(modern("1"));
  (await sent(0, "server/discover")).answer(DISCOVERED);
  await sent(1, "tools/list");
  wires[0]!.listener!.closed!(failure("CONNECTION_LOST", "E", "x"));
  client.request(modern("2"));
  error(await sent(2, "server/discover"), -32601);
  (await sent(3, "initialize")).answer(WELCOME);
  await sent(4, "tools/list");
});

Deno.test("A server that contradicts what is known of it is asked again; only one of the other era gets the request again", async () => {
  for (const still of [true, false]) {
    const { client, sent, methods } = setUp();
    const exchange = client.request(modern("1", "tools/call"));
    (await sent(0, "server/discover")).answer(DISCOVERED);
    error(await sent(1, "tools/call"), -32000, 400);
    const again = await sent(2, "server/discover");
    if (still) {
      again.answer(DISCOVERED);
      const outcome = await exchange.outcome;
      strictEqual(outcome.kind === "answered" && outcome.message.kind, "error");
      strictEqual(methods().length, 3);
    } else {
      error(again, -32601, 404);
      (await sent(3, "initialize")).answer(WELCOME);
      (await sent(4, "tools/call")).answer({ content: [] });
      strictEqual((await exchange.outcome).kind, "answered");
    }
  }
});

Deno.test("A legacy server is spoken to in no revision but the one that is known", async () => {
  const { client, sent, methods } = setUp();
  client.request(modern("1"));
  error(await sent(0, "server/discover"), -32601, 404);
  (await sent(1, "initialize")).answer(WELCOME);
  await sent(2, "tools/list");
  const outcome = await client.request(modern("2", "tools/list", "2031-01-01")).outcome;
  match(
    outcome.kind === "answered" ? outcome.message.text : "",
    /"id":2.*-32022.*"supported":\["2026-07-28"\]/,
  );
  strictEqual(methods().length, 3);
});

Deno.test("A sign of life is one of the server's: its era found out, or an answer of its own", async () => {
  const ping = (id: string) => request(id, "ping");
  const fresh = setUp();
  const first = fresh.client.request(ping('"p"'), { probe: true });
  (await fresh.sent(0, "server/discover")).answer(DISCOVERED);
  deepStrictEqual(await first.outcome, { kind: "answered", message: resultAnswer('"p"', {}) });
  const second = fresh.client.request(ping('"q"'), { probe: true });
  const asked = await fresh.sent(1, "server/discover");
  strictEqual(asked.message.id, '"q"');
  asked.exchange.settle(LOST);
  strictEqual((await second.outcome).kind, "lost");

  const legacy = setUp();
  const dead = legacy.client.request(ping('"p"'), { probe: true });
  (await legacy.sent(0, "server/discover")).exchange.settle(LOST);
  strictEqual((await dead.outcome).kind, "not_sent");
  const alive = legacy.client.request(ping('"q"'), { probe: true });
  error(await legacy.sent(1, "server/discover"), -32601, 404);
  (await legacy.sent(2, "initialize")).answer(WELCOME);
  strictEqual((await alive.outcome).kind, "answered");
  legacy.client.request(ping('"r"'), { probe: true });
  await legacy.sent(3, "ping");
});

Deno.test("A modern server's requests are dropped, what else it says unasked is heard", async () => {
  const { client, wires, sent } = setUp({ duplex: true });
  const heard: string[] = [];
  client.listen({ receive: (it) => void heard.push(it.method!) });
  client.request(modern("1"));
  (await sent(0, "server/discover")).answer(DISCOVERED);
  await sent(1, "tools/list");
  void wires[0]!.listener!.receive(request('"q"', "roots/list"));
  void wires[0]!.listener!.receive(notification("notifications/x"));
  deepStrictEqual(heard, ["notifications/x"]);
  deepStrictEqual(wires[0]!.notified, []);
});

Deno.test("Notifications go to a modern server with headers of their own, and to no other", async () => {
  const notice = notification("notifications/x", {
    _meta: { "io.modelcontextprotocol/protocolVersion": "2031-01-01" },
  });
  const { client, wires, sent } = setUp();
  await client.notify(notice);
  strictEqual(wires.length, 0);
  client.request(modern("1"));
  (await sent(0, "server/discover")).answer(DISCOVERED);
  await sent(1, "tools/list");
  await client.notify(notice);
  await client.notify(Message.fromText('{"jsonrpc":"2.0","id":"q","result":{}}'));
  deepStrictEqual(wires[0]!.notified, [notice]);
});

Deno.test("After its end it takes nothing more, and all wires are closed", async () => {
  const { client, wires, sent } = setUp();
  client.request(modern("1"));
  (await sent(0, "server/discover")).answer(DISCOVERED);
  await sent(1, "tools/list");
  await client.close();
  strictEqual(wires[0]!.closed >= 1, true);
  const late = setUp();
  await late.client.close();
  const outcome = await late.client.request(modern("2")).outcome;
  strictEqual("failure" in outcome && outcome.failure.code, "SHUTTING_DOWN");
  strictEqual(late.wires.length, 0);
});
