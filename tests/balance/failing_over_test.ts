import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { balancedPool, type PoolOptions } from "../../src/balance/pool.ts";
import { request as newRequest } from "../../src/jsonrpc/answers.ts";
import { failure, type FailureName } from "../../src/link/failure.ts";
import type { Exchange, Outcome } from "../../src/link/peer.ts";
import { collectedLog } from "../support/collected_log.ts";
import { type FakePeer, fakePeer } from "../support/fake_peer.ts";
import { turn, until } from "../support/until.ts";
import { upstreamAt } from "./make_member.ts";

function setUp(names: readonly string[], options: Partial<PoolOptions> = {}) {
  const { logger, messages } = collectedLog();
  const peers = new Map<string, FakePeer>(names.map((name) => [name, fakePeer()]));
  const pool = balancedPool({
    policy: "round-robin",
    affinity: "none",
    checkTimeoutMs: 60_000,
    dispute() {},
    slowStartMs: 0,
    maxEjectedPercent: 0,
    upstreams: names.map((name) => upstreamAt(name)),
    open: ({ endpoint }) =>
      Promise.resolve(peers.get((endpoint as { url: URL }).url.hostname.split(".")[0]!)!),
    hintsFor: ({ bytes }) => ({
      readOnly: new TextDecoder().decode(bytes).includes('"read"'),
      idempotent: false,
    }),
    logger,
    random: () => 0,
    ...options,
  });
  let lastId = 0;

  return {
    pool,
    messages,
    peer: (name: string) => peers.get(name)!,
    call: (tool: "read" | "write") =>
      pool.request(newRequest(String(++lastId), "tools/call", { name: tool })),
    /** The oldest request that waits, and at whom. */
    async next() {
      const waiting = () =>
        [...peers].flatMap(([name, { requests }]) =>
          requests.filter(({ exchange }) => !exchange.settled).map((request) => ({ name, request }))
        );
      await until(() => waiting().length > 0);
      return waiting()[0]!;
    },
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

const fail = (code: FailureName) => failure(code, "E", "m");
const UNREACHABLE: Outcome = { kind: "not_sent", failure: fail("UNREACHABLE") };
const LOST: Outcome = { kind: "lost", failure: fail("CONNECTION_LOST"), lastEventId: undefined };
const LATER: Outcome = {
  kind: "retry_later",
  failure: fail("RETRY_LATER"),
  status: 429,
  answer: undefined,
  afterMs: 30_000,
};

async function kindOf(exchange: Exchange): Promise<string> {
  const outcome = await exchange.outcome;
  return "failure" in outcome ? `${outcome.kind} ${outcome.failure.code}` : outcome.kind;
}

Deno.test("a call whose upstream dies while the other rests is told to come back, not that there is none", async () => {
  await using it = setUp(["a", "b"]);
  const calls = [it.call("write"), it.call("write")];
  await until(() => ["a", "b"].every((name) => it.peer(name).requests.length === 1));
  const [atA, atB] = ["a", "b"].map((name) => it.peer(name).requests[0]!);
  atA!.exchange.settle(LATER);
  atB!.exchange.settle(UNREACHABLE);
  const [moved] = it.peer("b").requests.slice(1);
  moved!.answer();
  deepStrictEqual((await Promise.all(calls.map(kindOf))).toSorted(), ["answered", "retry_later RETRY_LATER"]);
});

Deno.test("a single upstream that rests is waited for", async () => {
  await using it = setUp(["a"]);
  const first = it.call("write");
  (await it.next()).request.exchange.settle(LATER);
  deepStrictEqual(
    [await kindOf(first), await kindOf(it.call("write"))],
    ["retry_later RETRY_LATER", "retry_later RETRY_LATER"],
  );
});

Deno.test("a safe call that one has refused and another may have carried out is not said not to have run", async () => {
  await using it = setUp(["a", "b"]);
  const call = it.call("read");
  (await it.next()).request.exchange.settle(LATER);
  (await it.next()).request.exchange.settle(LOST);
  strictEqual((await call.outcome).kind, "lost");
});

Deno.test("an upstream that is back and asks for patience is told of as back", async () => {
  await using it = setUp(["a", "b"]);
  const call = it.call("read");
  const { name, request } = await it.next();
  request.exchange.settle(UNREACHABLE);
  (await it.next()).request.answer();
  await call.outcome;
  // A safe call is the trial, once it is time for it.
  await until(() => {
    const trial = it.call("read");
    void trial.outcome;
    return it.peer(name).requests.some(({ exchange }) => !exchange.settled);
  });
  for (const { exchange } of it.peer(name).requests) exchange.settle(LATER);
  await turn();
  ok(it.messages("warn").includes("an upstream is back"), String(it.messages("warn")));
  const [state] = it.pool.snapshot().upstreams.filter(({ endpoint }) => endpoint.includes(`${name}.example`));
  strictEqual(state!.state, "resting");
});

Deno.test("without checks, one that is silent about what its clients give up takes no more, and safe calls leave it", async () => {
  await using it = setUp(["a", "b"]);
  const calls = Array.from({ length: 12 }, () => it.call("read"));
  await until(() => it.peer("b").requests.length === 6);
  for (const request of it.peer("b").requests) request.answer();
  const start = performance.now();
  await until(() => performance.now() - start > 1100);
  // They are about to go, and their requests with them.
  const waiting = it.peer("a").requests;
  strictEqual(waiting.length, 6);
  const theirs = calls.filter((_, index) =>
    index % 2 === 0 === (it.peer("a").requests[0]!.message.id === "1")
  );
  for (const call of theirs.slice(0, 5)) call.cancel();
  await until(() => it.peer("b").requests.length === 7);
  it.peer("b").requests[6]!.answer();
  strictEqual(await kindOf(theirs[5]!), "answered");
  const [a] = it.pool.snapshot().upstreams;
  strictEqual(a!.state, "down");
});

Deno.test("one whose session has been established again is back at once", async () => {
  const replayed = new Map<string, () => void>();
  const a = fakePeer();
  await using it = setUp(["a", "b"], {
    checkIntervalMs: 60_000,
    open: ({ endpoint }, established) => {
      const { href } = (endpoint as { url: URL }).url;
      replayed.set(href, () => established({}));
      return Promise.resolve(href.includes("//a.") ? a : fakePeer());
    },
  });
  void it.call("write").outcome;
  void it.call("write").outcome;
  await until(() => a.requests.length === 1);
  a.requests[0]!.exchange.settle(UNREACHABLE);
  const state = () => it.pool.snapshot().upstreams[0]!.state;
  strictEqual(state(), "down");
  replayed.get("https://a.example/mcp")!();
  strictEqual(state(), "up");
});
