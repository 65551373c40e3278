/** One that says nothing does not collect what others could answer; and what belongs to one stays there. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { balancedPool, type PoolOptions } from "../../src/balance/pool.ts";
import { request as newRequest } from "../../src/jsonrpc/answers.ts";
import { failure, type FailureName } from "../../src/link/failure.ts";
import { collectedLog } from "../support/collected_log.ts";
import { type FakePeer, fakePeer } from "../support/fake_peer.ts";
import { turn } from "../support/until.ts";
import { upstreamAt } from "./make_member.ts";

/** A pool whose clock stands still until it is set. */
function setUp(names: string, { weights = {}, ...options }: Partial<PoolOptions> & {
  weights?: Readonly<Record<string, number>>;
} = {}, peers = new Map<string, FakePeer>([...names].map((name) => [name, fakePeer()]))) {
  const clock = performance.now;
  let now = clock.call(performance);
  performance.now = () => now;
  const pool = balancedPool({
    upstreams: [...names].map((name) => upstreamAt(name, { weight: weights[name] ?? 1 })),
    policy: "round-robin",
    affinity: "none",
    checkTimeoutMs: 60_000,
    slowStartMs: 0,
    maxEjectedPercent: 0,
    open: ({ endpoint }) => Promise.resolve(peers.get((endpoint as { url: URL }).url.hostname[0]!)!),
    hintsFor: () => undefined,
    dispute() {},
    logger: collectedLog().logger,
    random: () => 0,
    ...options,
  });
  let lastId = 0;
  /** Asks, and tells who was asked. */
  async function ask(method: string, params: Record<string, unknown>): Promise<string> {
    const id = String(++lastId);
    pool.request(newRequest(id, method, params));
    await turn();
    for (const [name, { requests }] of peers) {
      if (requests.some(({ message }) => message.id === id)) return name;
    }
    return "nobody";
  }
  const waiting = (name: string) => peers.get(name)!.requests.filter(({ exchange }) => !exchange.settled);
  const it = {
    pool,
    peer: (name: string) => peers.get(name)!,
    wait: (ms: number) => void (now += ms),
    waiting,
    ask,
    call: (tool: string) => ask("tools/call", { name: tool }),
    /** Who answers what it has got by now. */
    answer(...names: readonly string[]) {
      for (const name of names) for (const request of waiting(name)) request.answer();
    },
    /** Makes these calls one after the other; those answer that are named. */
    async calls(count: number, tool: string, ...answering: readonly string[]): Promise<string> {
      let to = "";
      for (let i = 0; i < count; i++) {
        to += await it.call(tool);
        it.answer(...answering);
      }
      return to;
    },
    async [Symbol.asyncDispose]() {
      performance.now = clock;
      await pool.close();
    },
  };
  return it;
}

/** Each has answered once after 20 ms, so it is known how long that takes. */
async function warmUp({ calls, wait, answer }: ReturnType<typeof setUp>, count: number, names?: number) {
  await calls(count, "quick");
  wait(20);
  answer(..."abcdefghij".slice(0, names ?? count));
  wait(1);
}

Deno.test("one that says nothing, and has more than its share, gets no more; until it says something", async () => {
  await using it = setUp("ab");
  await warmUp(it, 2);
  strictEqual(await it.calls(6, "quick", "b"), "ababab");
  it.wait(30);
  strictEqual(await it.call("quick"), "a", "nothing is overdue");
  it.answer("b");
  strictEqual(await it.call("quick"), "b");
  it.answer("b");
  it.wait(11);
  strictEqual(await it.calls(10, "quick", "b"), "bbbbbbbbbb");
  it.waiting("a")[0]!.answer();
  it.wait(1);
  strictEqual((await it.calls(2, "quick", "b")).includes("a"), true);
});

Deno.test("calls of a tool that always takes long are nothing to go by, however few the others have", async () => {
  await using it = setUp("ab");
  await warmUp(it, 2);
  // At first nobody knows how long they take; then everybody does.
  for (const  of of["an unknown kind", "a known kind"]) {
    for (let i = 0; i < 4; i++) {
      strictEqual(await it.call("thorough") + await it.calls(1, "quick", "b"), "ab");
    }
    it.wait(20_000);
    strictEqual(await it.calls(6, "quick", "b"), "ababab", of);
    it.wait(10_000);
    it.answer("a");
    it.wait(1);
  }
});

Deno.test("calls that others have overtaken say nothing against an upstream", async () => {
  await using it = setUp("ab");
  await warmUp(it, 2);
  strictEqual(await it.calls(6, "quick", "b"), "ababab");
  // It answers the last of three: the others merely take long.
  it.waiting("a")[2]!.answer();
  it.wait(30_000);
  for (let i = 0; i < 4; i++) {
    const last = await it.call("quick");
    strictEqual(last, "ab"[i % 2]);
    it.waiting(last).at(-1)!.answer();
    it.wait(100);
  }
});

Deno.test("one that has answered some of what it got, and then says nothing, gets no more", async () => {
  await using it = setUp("ab");
  await warmUp(it, 2);
  strictEqual(await it.calls(6, "quick", "b"), "ababab");
  it.waiting("a")[0]!.answer();
  it.wait(1);
  strictEqual(await it.calls(2, "quick", "b"), "ab");
  it.wait(100);
  strictEqual(await it.calls(4, "quick", "b"), "bbbb");
});

Deno.test("a session that is established anew is a sign of life", async () => {
  const peers = new Map([..."ab"].map((name) => [name, fakePeer()]));
  const established = new Map<string, () => void>();
  await using it = setUp("ab", {
    open({ endpoint }, replayed) {
      const name = (endpoint as { url: URL }).url.hostname[0]!;
      established.set(name, () => replayed({}));
      return Promise.resolve(peers.get(name)!);
    },
  }, peers);
  await warmUp(it, 2);
  await it.calls(6, "quick", "b");
  it.wait(100);
  strictEqual(await it.calls(2, "quick", "b"), "bb");
  established.get("a")!();
  it.wait(1);
  strictEqual((await it.calls(2, "quick", "b")).includes("a"), true);
});

Deno.test("progress, and a server's question, are signs of life", async () => {
  await using it = setUp("ab");
  await warmUp(it, 2);
  strictEqual(await it.calls(6, "quick", "b"), "ababab");
  it.wait(100);
  void it.peer("a").listener!.receive(newRequest('"q"', "roots/list"));
  it.wait(1);
  strictEqual(await it.calls(2, "quick", "b"), "ab");
});

Deno.test("one that is stuck is given one to try after a second", async () => {
  await using it = setUp("ab");
  await warmUp(it, 2);
  await it.calls(6, "quick", "b");
  it.wait(100);
  strictEqual(await it.calls(4, "quick", "b"), "bbbb");
  it.wait(1000);
  strictEqual((await it.calls(4, "quick", "b")).replaceAll("b", ""), "a");
  it.wait(900);
  strictEqual(await it.calls(4, "quick", "b"), "bbbb");
});

Deno.test("one with a greater weight may have more to answer", async () => {
  await using it = setUp("ab", { policy: "weighted", weights: { a: 4 } });
  await warmUp(it, 5, 2);
  await it.calls(5, "quick");
  it.wait(100);
  const to = await it.calls(5, "quick");
  strictEqual(to.replaceAll("b", "").length, 4, to);
});

Deno.test("when others are stuck too, the one that is not gets it", async () => {
  await using it = setUp("abcd");
  await warmUp(it, 4);
  // The fourth answers at once.
  strictEqual(await it.calls(16, "quick", "d"), "abcdabcdabcdabcd");
  it.wait(100);
  // Three have as much as the average, and go on.
  it.answer("c");
  it.wait(1);
  const to = await it.calls(4, "quick", "c", "d");
  strictEqual(/^[cd]+$/.test(to), true, to);
});

for (
  const [name, options] of Object.entries(
    {
      "sticky": { policy: "sticky" },
      "hash": { policy: "hash" },
      "--affinity session": { affinity: "session" },
    } satisfies Record<string, Partial<PoolOptions>>,
  )
) {
  Deno.test(`${name}: what stays at one upstream stays there while it is slow`, async () => {
    await using it = setUp("abc", { maxEjectedPercent: 50, ...options });
    const home = await it.call("quick");
    it.wait(20);
    it.answer(home);
    it.wait(1);
    strictEqual(await it.calls(6, "quick"), home.repeat(6));
    it.wait(30_000);
    strictEqual(await it.calls(6, "quick"), home.repeat(6));
  });
}

Deno.test("--affinity resource: what is about a resource stays, and the rest does not wait for one that is stuck", async () => {
  await using it = setUp("ab", { affinity: "resource" });
  await warmUp(it, 2);
  const uri = "x://1";
  const home = await it.ask("resources/read", { uri });
  const other = home === "a" ? "b" : "a";
  it.wait(5);
  it.answer(home);
  it.wait(1);
  for (let i = 0; i < 6; i++) strictEqual(await it.ask("resources/read", { uri }), home);
  it.wait(100);
  strictEqual(await it.ask("resources/read", { uri }), home);
  strictEqual(await it.calls(4, "quick", other), other.repeat(4));
});

Deno.test("--affinity session: what one request meets moves that one alone, and all such go to the same upstream", async () => {
  await using it = setUp("abc", {
    affinity: "session",
    hintsFor: () => ({ readOnly: true, idempotent: true }),
  });
  const lost = () =>
    ({ kind: "lost", failure: failure("CONNECTION_LOST", "E", "m"), lastEventId: undefined }) as const;
  const moved: string[] = [];
  for (let i = 0; i < 3; i++) {
    strictEqual(await it.call("quick"), "a");
    it.waiting("a")[0]!.exchange.settle(lost());
    await turn();
    moved.push(["b", "c"].find((name) => it.waiting(name).length > 0)!);
    it.answer("b", "c");
  }
  deepStrictEqual(new Set(moved).size, 1);
  strictEqual(await it.call("quick"), "a");
  // When it fails for good, the client goes where those have gone.
  it.waiting("a")[0]!.exchange.settle({ kind: "not_sent", failure: failure("UNREACHABLE", "E", "m") });
  await turn();
  it.answer("b", "c");
  strictEqual(await it.calls(3, "quick", "b", "c"), moved[0]!.repeat(3));
});

Deno.test("--affinity session: a client does not leave its upstream because it is slower than another was", async () => {
  await using it = setUp("ab", { affinity: "session", maxEjectedPercent: 50 });
  const [first] = it.pool.drains().ids;
  const answered = async (name: string, count: number, ms: number) => {
    for (let i = 0; i < count; i++) {
      strictEqual(await it.call("quick"), name);
      it.wait(ms);
      it.answer(name);
      it.wait(1);
    }
  };
  await answered("a", 30, 5);
  it.pool.setDraining("signal", new Set([first!]));
  await answered("b", 20, 5);
  it.pool.setDraining("signal", new Set());
  await answered("b", 8, 500);
  // The pool looks at the clock five times a second.
  await new Promise((resolve) => setTimeout(resolve, 500));
  await answered("b", 1, 500);
});

Deno.test("without checks, one that was silent is tried when a client that stays has nowhere else to go", async () => {
  await using it = setUp("ab", { policy: "sticky", hintsFor: () => ({ readOnly: true, idempotent: true }) });
  const end = async (name: string, code: FailureName) => {
    it.waiting(name)[0]!.exchange.settle({ kind: "not_sent", failure: failure(code, "E", "m") });
    await turn();
  };
  for (let i = 0; i < 5; i++) {
    strictEqual(await it.call("quick"), "a");
    await end("a", "CONNECT_TIMEOUT");
    it.answer("b");
  }
  strictEqual(it.pool.snapshot().upstreams[0]!.state, "down");
  it.wait(60_000);
  strictEqual(await it.call("quick"), "b");
  await end("b", "UNREACHABLE");
  strictEqual(it.waiting("a").length, 1);
});

Deno.test("without checks, a client that stays is not sent back to see whether another is well again, unless none else is left", async () => {
  await using it = setUp("ab", { policy: "sticky", hintsFor: () => ({ readOnly: true, idempotent: true }) });
  const unreachable = { kind: "not_sent", failure: failure("UNREACHABLE", "E", "m") } as const;
  strictEqual(await it.call("quick"), "a");
  it.waiting("a")[0]!.exchange.settle(unreachable);
  await turn();
  it.answer("b");
  it.wait(60_000);
  strictEqual(await it.calls(3, "quick", "b"), "bbb");
  await it.call("quick");
  it.waiting("b")[0]!.exchange.settle(unreachable);
  await turn();
  strictEqual(it.waiting("a").length, 1);
});
