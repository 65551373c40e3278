import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Checks, type ChecksOptions, createChecks } from "../../src/balance/checks.ts";
import type { Evidence } from "../../src/balance/evidence.ts";
import type { HealthKeeper } from "../../src/balance/health_keeper.ts";
import type { Leg, Member } from "../../src/balance/member.ts";
import { failure } from "../../src/link/failure.ts";
import type { Peer } from "../../src/link/peer.ts";
import { collectedLog } from "../support/collected_log.ts";
import { fakePeer } from "../support/fake_peer.ts";
import { turn, until } from "../support/until.ts";
import { makeMember } from "./make_member.ts";

const DOWN = { kind: "open", untilMs: 0, opens: 1 } as const;

function setUp(options: Partial<ChecksOptions> = {}, peer?: Peer) {
  const fake = fakePeer();
  let drops = 0;
  const noted: [evidence: Evidence, proof: boolean][] = [];
  const trials: number[] = [];
  let admits = true;
  const health = {
    note: (_member: Member, evidence: Evidence, proof: boolean) => void noted.push([evidence, proof]),
    admitsTrial: () => admits,
    startTrial: (_member: Member, now: number) => void trials.push(now),
  } as unknown as HealthKeeper;
  const checks: Checks = createChecks({
    intervalMs: 10_000,
    timeoutMs: 20,
    health,
    peerOf: () =>
      Promise.resolve(
        peer ?? {
          ...fake,
          drop() {
            drops++;
            return Promise.resolve();
          },
        },
      ),
    newId: () => '"check"',
    logger: collectedLog().logger,
    random: () => 0.5,
    ...options,
  });
  const member = makeMember(0, "a");
  member.index = 0;
  return {
    checks,
    fake,
    member,
    noted,
    trials,
    drops: () => drops,
    admit: (it: boolean) => admits = it,
    /** Has it checked now. */
    async check() {
      member.checkAt = 1;
      checks.tick(member, performance.now());
      await turn();
    },
  };
}

const leg = (member: Member, sentAt: number) => member.legs.add({ sentAt } as unknown as Leg);

Deno.test("Each is asked in its turn, the first time somewhere within the interval", async () => {
  const { checks, fake, member } = setUp();
  checks.tick(member, 1000);
  strictEqual(member.checkAt, 6000);
  checks.tick(member, 5999);
  await turn();
  strictEqual(fake.requests.length, 0);
  checks.tick(member, 6000);
  await turn();
  deepStrictEqual(fake.order, ["ping"]);
  const [{ message, options }] = fake.requests as [typeof fake.requests[0]];
  strictEqual(message.id, '"check"');
  deepStrictEqual(options, { probe: true, background: true });
});

Deno.test("One is not asked again before it has answered, and then in the next turn", async () => {
  const { checks, fake, member, noted, check } = setUp();
  await check();
  checks.tick(member, 1e9);
  await turn();
  strictEqual(fake.requests.length, 1);
  fake.requests[0]!.answer();
  await turn();
  deepStrictEqual(noted, [[{ kind: "alive" }, false]]);
  ok(Math.abs(member.checkAt - performance.now() - 10_000) < 1000);
  deepStrictEqual([member.checks, member.checksFailed], [1, 0]);
});

Deno.test("Turns come earlier or later by lot, so that not all come together", async () => {
  for (const [random, expected] of [[0, 7500], [0.999, 12_495]] as const) {
    const { fake, member, check } = setUp({ random: () => random });
    await check();
    fake.requests[0]!.answer();
    await turn();
    ok(Math.abs(member.checkAt - performance.now() - expected) < 1000);
  }
});

Deno.test("One that says nothing in time is silent, and its wire is given up", async () => {
  const { fake, member, noted, drops, check } = setUp();
  await check();
  await until(() => noted.length === 1);
  deepStrictEqual(noted, [[{ kind: "silent", why: "no sign of life within 0.02 s" }, false]]);
  strictEqual(fake.requests[0]!.cancelled.length, 1);
  deepStrictEqual([drops(), member.checksFailed], [1, 1]);
});

Deno.test("A wire that something still waits on is not given up", async () => {
  const { member, noted, drops, check } = setUp();
  leg(member, performance.now());
  await check();
  await until(() => noted.length === 1);
  deepStrictEqual([noted[0]![0].kind, drops()], ["silent", 0]);
});

Deno.test("One that has said something else meanwhile is alive", async () => {
  const { member, noted, drops, check } = setUp();
  await check();
  member.heardAt = performance.now();
  await until(() => noted.length === 1);
  deepStrictEqual([noted, drops()], [[[{ kind: "alive" }, false]], 0]);
});

Deno.test("What it fails with is noted", async () => {
  const { fake, member, noted, check } = setUp();
  await check();
  fake.requests[0]!.exchange.settle({ kind: "not_sent", failure: failure("UNREACHABLE", "E", "gone") });
  await turn();
  deepStrictEqual(noted, [[{ kind: "unreachable", why: "gone" }, false]]);
  strictEqual(member.checksFailed, 1);
});

Deno.test("One that is down is asked when it may be tried, and the answer is the proof", async () => {
  const { checks, fake, member, noted, trials, admit } = setUp();
  member.circuit = DOWN;
  admit(false);
  checks.tick(member, 5);
  await turn();
  strictEqual(fake.requests.length, 0);
  admit(true);
  checks.tick(member, 6);
  await turn();
  deepStrictEqual([fake.order, trials], [["ping"], [6]]);
  member.failsFast = false;
  fake.requests[0]!.answer();
  await turn();
  deepStrictEqual(noted, [[{ kind: "alive" }, true]]);
  strictEqual(member.failsFast, true);
});

Deno.test("One that keeps a request waiting in silence is asked before its turn, and less soon after each sign of life", async () => {
  const { checks, fake, member } = setUp({ timeoutMs: 60_000 });
  member.checkAt = 1e9;
  const start = Math.round(performance.now());
  leg(member, start);
  checks.tick(member, start + 1000);
  await turn();
  strictEqual(fake.requests.length, 0);
  checks.tick(member, start + 1001);
  await turn();
  strictEqual(fake.requests.length, 1);
  fake.requests[0]!.answer();
  await turn();
  strictEqual(member.suspectAfterMs, 2000);
  member.checkAt = 1e9;
  checks.tick(member, member.heardAt + 1999);
  await turn();
  strictEqual(fake.requests.length, 1);
  checks.tick(member, member.heardAt + 2001);
  await turn();
  strictEqual(fake.requests.length, 2);
  fake.requests[1]!.answer();
  await turn();
});

Deno.test("One that talks is not suspect, and neither is one that nobody waits for", async () => {
  const { checks, fake, member } = setUp();
  member.checkAt = 1e9;
  checks.tick(member, 1e6);
  leg(member, 0);
  member.heardAt = 1e6;
  checks.tick(member, 1e6 + 500);
  await turn();
  strictEqual(fake.requests.length, 0);
});

Deno.test("A suspect is asked with the next tick, unless it is down already", async () => {
  const { checks, fake, member, admit } = setUp();
  member.checkAt = 1e9;
  checks.suspect(member);
  checks.tick(member, 10);
  await turn();
  strictEqual(fake.requests.length, 1);
  const down = setUp();
  down.member.circuit = DOWN;
  down.admit(false);
  down.checks.suspect(down.member);
  strictEqual(down.member.checkAt, 0);
  admit(false);
});

Deno.test("One that leaves is not asked, and of one that has left nothing is noted", async () => {
  const { checks, fake, member, noted, check } = setUp();
  await check();
  member.index = -1;
  fake.requests[0]!.answer();
  await turn();
  deepStrictEqual(noted, []);
  member.leaving = true;
  member.checkAt = 1;
  checks.tick(member, 1e9);
  await turn();
  strictEqual(fake.requests.length, 1);
});
