import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { balancedPool, type PoolOptions } from "../../src/balance/pool.ts";
import { request } from "../../src/jsonrpc/answers.ts";
import type { Message } from "../../src/jsonrpc/message.ts";
import type { Peer } from "../../src/link/peer.ts";
import { collectedLog } from "../support/collected_log.ts";
import { type FakePeer, fakePeer } from "../support/fake_peer.ts";
import { turn, until } from "../support/until.ts";
import { upstreamAt } from "./make_member.ts";

const READ = { readOnly: true, idempotent: false };

/** A pool over fake peers, by their names. */
function setUp(names: string, options: Partial<PoolOptions> = {}) {
  const opened: string[] = [];
  const peers = new Map<string, FakePeer>([...names].map((name) => [name, fakePeer()]));
  const pool = balancedPool({
    upstreams: [...names].map((name) => upstreamAt(name)),
    policy: "round-robin",
    affinity: "none",
    checkTimeoutMs: 5000,
    slowStartMs: 0,
    maxEjectedPercent: 0,
    open(upstream) {
      const name = upstream.endpoint.kind === "http" ? upstream.endpoint.url.hostname[0]! : "";
      opened.push(name);
      return Promise.resolve<Peer>(peers.get(name)!);
    },
    hintsFor: () => READ,
    dispute() {},
    logger: collectedLog().logger,
    random: () => 0,
    ...options,
  });
  const heard: Message[] = [];
  pool.listen({ receive: (message) => void heard.push(message) });
  return {
    pool,
    opened,
    heard,
    peer: (name: string) => peers.get(name)!,
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

Deno.test("While the client is greeted, nobody is asked for a sign of life who has no session to answer in", async () => {
  await using it = setUp("ab", { checkIntervalMs: 1, checkTimeoutMs: 60_000 });
  const greeting = it.pool.request(request("1", "initialize", {}));
  await until(() => it.peer("a").order.includes("ping"));
  deepStrictEqual(it.opened, ["a"]);
  it.peer("a").requests[0]!.answer({ protocolVersion: "2025-11-25", capabilities: {} });
  strictEqual((await greeting.outcome).kind, "answered");
  await until(() => it.peer("b").order.includes("ping"));
});

Deno.test("All learn what they have to know in the order in which the client has said it, however slow they are", async () => {
  await using it = setUp("abc");
  const levels = ["debug", "info", "error"];
  const said = levels.map((level, i) => it.pool.request(request(String(i), "logging/setLevel", { level })));
  await until(() => it.peer("a").requests.length === 3);
  // The others are open too.
  for (let i = 10; i < 13; i++) it.pool.request(request(String(i), "tools/list"));
  await until(() => it.opened.length === 3);
  const told = (name: string) =>
    it.peer(name).requests.flatMap(({ message }) =>
      message.method === "logging/setLevel" ? [(message.parsed("params") as { level: string }).level] : []
    );
  for (const sent of [...it.peer("a").requests]) {
    if (sent.message.method === "logging/setLevel") sent.answer();
  }
  for (const exchange of said) strictEqual((await exchange.outcome).kind, "answered");
  for (let i = 0; i < 3; i++) {
    await until(() => told("b").length === i + 1 && told("c").length === i + 1);
    await turn();
    for (const name of ["b", "c"]) {
      deepStrictEqual(told(name), levels.slice(0, i + 1));
      it.peer(name).requests.findLast(({ message }) => message.method === "logging/setLevel")!.answer();
    }
  }
  deepStrictEqual(told("a"), levels);
});
