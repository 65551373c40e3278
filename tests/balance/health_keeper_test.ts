import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import type { Evidence } from "../../src/balance/evidence.ts";
import { createHealthKeeper, type HealthOptions, stateOf } from "../../src/balance/health_keeper.ts";
import type { Member } from "../../src/balance/member.ts";
import { createMembers } from "../../src/balance/members.ts";
import { collectedLog } from "../support/collected_log.ts";
import { makeMember } from "./make_member.ts";

const ALIVE: Evidence = { kind: "alive" };
const FAILURE: Evidence = { kind: "failure", why: "it failed" };
const UNREACHABLE: Evidence = { kind: "unreachable", why: "nobody is there" };
const SILENT: Evidence = { kind: "silent", why: "it is silent" };

function setUp(count = 3, options: Partial<HealthOptions> = {}) {
  const members = createMembers();
  const { logger, messages } = collectedLog();
  const told: string[] = [];
  const health = createHealthKeeper({
    members,
    slowStartMs: 10_000,
    maxEjectedPercent: 50,
    down: (member) => told.push(`down ${member.serial}`),
    back: (member) => told.push(`back ${member.serial}`),
    logger,
    random: () => 0.5,
    ...options,
  });
  const all = Array.from({ length: count }, (_, serial) => makeMember(serial, `m${serial}`));
  for (const member of all) {
    members.add(member);
    health.show(member);
  }
  const takes = () => all.filter(({ index }) => members.view.isAvailable[index] === 1).map((it) => it.serial);
  const state = (member: Member) => stateOf(member, performance.now());
  return { members, health, all, takes, state, told, messages };
}

Deno.test("One that can't be reached, or gives no sign of life, is left at once; one failure is chance, five in a row are none", () => {
  for (const evidence of [UNREACHABLE, SILENT]) {
    const { health, all: [a], takes, told, state, messages } = setUp();
    health.note(a!, evidence, false);
    deepStrictEqual([takes(), told, state(a!)], [[1, 2], ["down 0"], "down"]);
    strictEqual(a!.why, evidence.kind === "silent" ? "it is silent" : "nobody is there");
    strictEqual(messages("warn").length, 1);
    health.note(a!, evidence, false);
    deepStrictEqual([told.length, a!.opened], [1, 1]);
  }
  const { health, all: [a], takes, told } = setUp();
  for (let i = 0; i < 4; i++) health.note(a!, FAILURE, false);
  deepStrictEqual(takes(), [0, 1, 2]);
  health.note(a!, ALIVE, false);
  for (let i = 0; i < 4; i++) health.note(a!, FAILURE, false);
  deepStrictEqual(takes(), [0, 1, 2]);
  health.note(a!, FAILURE, false);
  deepStrictEqual([takes(), told], [[1, 2], ["down 0"]]);
});

Deno.test("Only a proof brings one back, with less than its share at first", () => {
  const { health, members, all: [a], takes, told, state } = setUp();
  a!.requests = 1;
  health.note(a!, UNREACHABLE, false);
  health.note(a!, ALIVE, false);
  deepStrictEqual(takes(), [1, 2]);
  health.note(a!, ALIVE, true);
  deepStrictEqual([takes(), told, state(a!)], [[0, 1, 2], ["down 0", "back 0"], "slow_start"]);
  ok(members.view.shares[a!.index]! < 0.2);
  strictEqual(a!.why, undefined);
  health.tick(performance.now() + 5000);
  ok(Math.abs(members.view.shares[a!.index]! - 0.55) < 0.05);
  health.tick(performance.now() + 10_001);
  deepStrictEqual([members.view.shares[a!.index], a!.backSince], [1, undefined]);
});

Deno.test("Without a slow start it has all of its share at once", () => {
  const { health, members, all: [a], state } = setUp(3, { slowStartMs: 0 });
  health.note(a!, UNREACHABLE, false);
  health.note(a!, ALIVE, true);
  strictEqual(members.view.shares[a!.index], 1);
  a!.requests = 1;
  strictEqual(state(a!), "up");
});

Deno.test("One request at a time tries whether it is back, once its time has come, and a failure puts it off", () => {
  const { health, all: [a], state } = setUp();
  health.note(a!, UNREACHABLE, false);
  const now = performance.now();
  ok(!health.admitsTrial(a!, now));
  ok(health.admitsTrial(a!, now + 1000));
  health.startTrial(a!, now + 1000);
  ok(!health.admitsTrial(a!, now + 1000));
  strictEqual(state(a!), "trial");
  health.note(a!, { kind: "none" }, true);
  ok(health.admitsTrial(a!, now + 1000));
  health.startTrial(a!, now + 1000);
  health.note(a!, FAILURE, true);
  strictEqual(state(a!), "down");
  ok(!health.admitsTrial(a!, performance.now() + 900));
  ok(health.admitsTrial(a!, performance.now() + 1100));
});

Deno.test("One whose circuit is closed takes no trial", () => {
  const { health, all: [a] } = setUp();
  ok(!health.admitsTrial(a!, performance.now() + 1e6));
});

Deno.test("One that asks for it rests as long as it says, up to a minute, and is not down", () => {
  const { health, all: [a, b, c], takes, told, state } = setUp();
  const now = performance.now();
  health.note(a!, { kind: "busy", forMs: 300, why: "429" }, false);
  health.note(b!, { kind: "busy", forMs: 1e9, why: "429" }, false);
  health.note(c!, { kind: "busy", forMs: undefined, why: "429" }, false);
  deepStrictEqual([takes(), told, state(a!), a!.why], [[], [], "resting", "429"]);
  health.tick(now + 250);
  deepStrictEqual(takes(), []);
  health.tick(performance.now() + 301);
  deepStrictEqual(takes(), [0]);
  health.tick(performance.now() + 1001);
  deepStrictEqual(takes(), [0, 2]);
  health.tick(performance.now() + 60_001);
  deepStrictEqual(takes(), [0, 1, 2]);
});

Deno.test("A shorter rest takes nothing from a longer one", () => {
  const { health, all: [a], messages } = setUp();
  health.note(a!, { kind: "busy", forMs: 5000, why: "x" }, false);
  const until = a!.restingUntil;
  health.note(a!, { kind: "busy", forMs: 10, why: "x" }, false);
  strictEqual(a!.restingUntil, until);
  strictEqual(messages("info").length, 1);
});

Deno.test("What shows nothing changes nothing", () => {
  const { health, all: [a], takes } = setUp();
  const before = a!.circuit;
  health.note(a!, { kind: "none" }, false);
  strictEqual(a!.circuit, before);
  deepStrictEqual(takes(), [0, 1, 2]);
});

Deno.test("Whether one that is down keeps whoever asks it waiting is known from how it went down", () => {
  const table: [Evidence, heard: boolean, failsFast: boolean][] = [
    [UNREACHABLE, false, true],
    [SILENT, false, false],
    [SILENT, true, true],
  ];
  for (const [evidence, heard, failsFast] of table) {
    const { health, all: [a] } = setUp();
    if (heard) a!.heardAt = 1;
    health.note(a!, evidence, false);
    strictEqual(a!.failsFast, failsFast, JSON.stringify(evidence));
  }
  const { health, all: [a] } = setUp();
  for (let i = 0; i < 5; i++) health.note(a!, { kind: "failure", why: "late", late: true }, false);
  strictEqual(a!.failsFast, false);
});

Deno.test("One that is much slower than the others for the same requests is left out for a while, and not for being asked slow things", () => {
  const { health, all, takes, told, state, messages } = setUp();
  let now = performance.now();
  for (let i = 0; i < 40; i++) {
    for (const member of all) health.took(member, "ping", member.serial === 0 ? 200 : 10, ++now);
    health.took(all[1]!, "tools/call slow", 2000, ++now);
  }
  health.tick(now);
  deepStrictEqual([takes(), state(all[0]!)], [[1, 2], "ejected"]);
  match(all[0]!.why!, /times as long as the others/);
  strictEqual(messages("warn").length, 1);
  health.tick(now + 10_001);
  deepStrictEqual([takes(), told], [[0, 1, 2], ["back 0"]]);
});

Deno.test("One call that takes long, of a tool that usually does not, makes nobody slow", () => {
  const { health, all, takes } = setUp();
  let now = performance.now();
  for (let i = 0; i < 40; i++) for (const member of all) health.took(member, "tools/call search", 5, ++now);
  health.took(all[0]!, "tools/call search", 30_000, now += 30_000);
  health.tick(now);
  deepStrictEqual(takes(), [0, 1, 2]);
  // Nor do a few, if most are quick.
  for (let i = 0; i < 60; i++) {
    for (const member of all) health.took(member, "tools/call search", 5, ++now);
    if (i % 20 === 0) health.took(all[0]!, "tools/call search", 30_000, now += 30_000);
    health.tick(now += 1000);
    deepStrictEqual(takes(), [0, 1, 2]);
  }
});

Deno.test("What is usual for a kind is known from whoever has answered it, and how slow a member is counts", () => {
  const { health, all: [a, b] } = setUp();
  strictEqual(health.usualMs(a!, "tools/call x"), undefined);
  const now = performance.now();
  health.took(a!, "tools/call x", 100, now);
  deepStrictEqual([a!, b!].map((member) => health.usualMs(member, "tools/call x")), [100, 100]);
  b!.slowness = 3;
  a!.slowness = 0.5;
  deepStrictEqual([a!, b!].map((member) => health.usualMs(member, "tools/call x")), [100, 300]);
  strictEqual(health.usualMs(a!, "tools/call y"), undefined);
});

Deno.test("One that fails much more often is left out, and never so many that none is left", () => {
  const { health, all, takes } = setUp();
  const now = performance.now();
  for (let i = 0; i < 60; i++) {
    for (const member of all) {
      health.took(member, "ping", 1, now);
      if (member.serial === 0 && i % 3 === 0) health.note(member, FAILURE, false);
      else health.note(member, ALIVE, false);
    }
  }
  health.tick(now);
  deepStrictEqual(takes(), [1, 2]);
  const none = setUp(3, { maxEjectedPercent: 0 });
  for (let i = 0; i < 40; i++) {
    for (const member of none.all) none.health.took(member, "ping", member.serial === 0 ? 500 : 1, now);
  }
  none.health.tick(now);
  deepStrictEqual(none.takes(), [0, 1, 2]);
});

Deno.test("What a member is doing, in the order in which it matters", () => {
  const now = performance.now();
  const open = { kind: "open", untilMs: 0, opens: 1 } as const;
  const table: [Partial<Member>, string][] = [
    [{}, "unused"],
    [{ requests: 1 }, "up"],
    [{ requests: 1, backSince: 1 }, "slow_start"],
    [{ restingUntil: now + 1 }, "resting"],
    [{ restingUntil: now + 1, ejectedUntil: now + 1 }, "ejected"],
    [{ ejectedUntil: now + 1, circuit: open }, "down"],
    [{ circuit: { kind: "half_open", opens: 1, trial: false } }, "down"],
    [{ circuit: { kind: "half_open", opens: 1, trial: true } }, "trial"],
    [{ circuit: open, draining: true }, "draining"],
    [{ leaving: true }, "draining"],
  ];
  for (const [state, expected] of table) {
    strictEqual(stateOf({ ...makeMember(0, "a"), ...state }, now), expected, JSON.stringify(state));
  }
});

Deno.test("Whatever is noted, a member is chosen exactly while its circuit is closed and it is not at rest, and each fall is told once", () => {
  const evidence = fc.constantFrom<Evidence[]>(ALIVE, FAILURE, UNREACHABLE, SILENT, { kind: "none" }, {
    kind: "busy",
    forMs: 1e5,
    why: "x",
  });
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(2), evidence, fc.boolean()), { maxLength: 40 }), (noted) => {
    const { health, all, takes, told } = setUp();
    for (const [which, what, proof] of noted) {
      health.note(all[which]!, what, proof);
      const now = performance.now();
      deepStrictEqual(
        takes(),
        all.filter((it) => it.circuit.kind === "closed" && it.restingUntil <= now).map((it) => it.serial),
      );
    }
    for (const member of all) {
      const theirs = told.filter((it) => it.endsWith(String(member.serial)));
      strictEqual(theirs.every((it, i) => it.startsWith(i % 2 === 0 ? "down" : "back")), true);
      strictEqual(member.opened, theirs.filter((it) => it.startsWith("down")).length);
    }
  }));
});

Deno.test("How slow one was is forgotten when it has not been asked for ten seconds", () => {
  const { health, all, members } = setUp();
  const now = performance.now();
  health.took(all[0]!, "ping", 500, now);
  health.tick(now + 5000);
  deepStrictEqual(members.view.latencies[0], 500);
  health.tick(now + 10_001);
  deepStrictEqual(members.view.latencies[0], 0);
});
