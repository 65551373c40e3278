import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHealthKeeper } from "../../src/balance/health_keeper.ts";
import { createMember, type Member } from "../../src/balance/member.ts";
import { createMembers } from "../../src/balance/members.ts";
import { collectedLog } from "../support/collected_log.ts";

const DOWN = { kind: "unreachable", why: "nobody listens" } as const;

function setUp(count: number) {
  const { logger } = collectedLog();
  const members = createMembers();
  const all: Member[] = [];
  const health = createHealthKeeper({
    members,
    slowStartMs: 0,
    maxEjectedPercent: 50,
    down() {},
    back() {},
    logger,
    random: () => 0.5,
  });
  for (let i = 0; i < count; i++) {
    const endpoint = { kind: "tcp", hostname: "127.0.0.1", port: 1000 + i } as const;
    const member = createMember(i, { endpoint, transport: "auto", weight: 1, drain: false }, `M${i}`);
    members.add(member);
    health.show(member);
    all.push(member);
  }
  return { members, health, all };
}

Deno.test("an upstream that is back is not left out for what it did before", () => {
  const { members, health, all } = setUp(3);
  const now = performance.now();
  const [victim] = all;
  for (const member of all) for (let i = 0; i < 40; i++) health.took(member, "tools/call", 10, now);
  // All that was in flight fails with it, and so do the checks that look whether it is back.
  for (let i = 0; i < 40; i++) health.note(victim!, DOWN, false);
  strictEqual(members.view.isAvailable[victim!.index], 0);
  health.startTrial(victim!, now + 60_000);
  health.note(victim!, { kind: "alive" }, true);
  strictEqual(members.view.isAvailable[victim!.index], 1);
  health.tick(performance.now() + 5000);
  deepStrictEqual(all.map(({ index }) => members.view.isAvailable[index]), [1, 1, 1]);
  ok(victim!.failureShare < 0.2);
});

Deno.test("an upstream that is back is not taken for slow because of what it kept waiting while it was away", () => {
  const { members, health, all } = setUp(3);
  const [victim] = all;
  const back = performance.now();
  for (const member of all) for (let i = 0; i < 40; i++) health.took(member, "tools/call", 10, back);
  health.note(victim!, { kind: "silent", why: "no sign of life" }, false);
  health.startTrial(victim!, back + 60_000);
  health.note(victim!, { kind: "alive" }, true);
  // What it had kept is answered now.
  const later = performance.now() + 100;
  for (let i = 0; i < 40; i++) health.took(victim!, "tools/call", 10_000, later);
  health.tick(later + 5000);
  deepStrictEqual(all.map(({ index }) => members.view.isAvailable[index]), [1, 1, 1]);
  ok(members.view.latencies[victim!.index]! < 20);
});

Deno.test("an upstream that answers trials and nothing else is left alone for longer and longer", () => {
  const { health, all: [victim] } = setUp(3);
  const pauses: number[] = [];
  for (let i = 0; i < 7; i++) {
    for (let failures = 0; failures < 5; failures++) {
      health.note(victim!, { kind: "failure", why: "it broke" }, false);
    }
    const { circuit } = victim!;
    if (circuit.kind !== "open") throw new Error(circuit.kind);
    pauses.push(Math.round((circuit.untilMs - performance.now()) / 100) * 100);
    health.startTrial(victim!, circuit.untilMs);
    health.note(victim!, { kind: "alive" }, true);
    strictEqual(victim!.circuit.kind, "closed");
  }
  deepStrictEqual(pauses, [500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
});
