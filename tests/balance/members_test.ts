import { deepStrictEqual, notStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import type { Member } from "../../src/balance/member.ts";
import { createMembers, type Members } from "../../src/balance/members.ts";
import { makeMember } from "./make_member.ts";

function shown(members: Members): number[] {
  const { available, availableCount } = members.view;
  return [...available.slice(0, availableCount)];
}

function add(members: Members, serial: number, name = `m${serial}`, weight = 1): Member {
  const member = makeMember(serial, name, { weight });
  members.add(member);
  members.show(member, 1, 0);
  return member;
}

Deno.test("A member is found by its serial number and its place until it has left, and its place is taken again", () => {
  const members = createMembers();
  const [a, b, c] = [add(members, 0), add(members, 1), add(members, 2)];
  deepStrictEqual([a.index, b.index, c.index], [0, 1, 2]);
  members.remove(b);
  strictEqual(members.bySerial(1), undefined);
  deepStrictEqual(members.byIndex, [a, undefined, c]);
  deepStrictEqual(shown(members), [0, 2]);
  const d = add(members, 3);
  strictEqual(d.index, 1);
  strictEqual(members.bySerial(3), d);
  deepStrictEqual(shown(members), [0, 1, 2]);
});

Deno.test("One that takes a place begins with nothing of who had it before", () => {
  const members = createMembers();
  const a = add(members, 0, "a", 5);
  members.pending(a, 1);
  members.took(a, 90);
  members.remove(a);
  add(members, 1, "b", 2);
  const { pending, latencies, weights, size } = members.view;
  deepStrictEqual([pending[0], latencies[0], weights[0], size], [0, 0, 2, 1]);
});

Deno.test("One that has left counts no more, whatever is still said of it", () => {
  const members = createMembers();
  const [a, b] = [add(members, 0), add(members, 1)];
  members.remove(a);
  members.remove(a);
  members.pending(a, 1);
  members.took(a, 9);
  members.show(a, 1, 0);
  deepStrictEqual(shown(members), [b.index]);
  deepStrictEqual([...members.view.pending.slice(0, 2)], [0, 0]);
});

Deno.test("Only those that are well and wanted may be chosen", () => {
  const states: [Partial<Member>, boolean][] = [
    [{}, true],
    [{ draining: true }, false],
    [{ leaving: true }, false],
    [{ restingUntil: 11 }, false],
    [{ restingUntil: 10 }, true],
    [{ ejectedUntil: 11 }, false],
    [{ ejectedUntil: 10 }, true],
    [{ circuit: { kind: "open", untilMs: 5, opens: 1 } }, false],
    [{ circuit: { kind: "half_open", opens: 1, trial: false } }, false],
  ];
  for (const [state, expected] of states) {
    const members = createMembers();
    const a = add(members, 0);
    add(members, 1);
    Object.assign(a, state);
    members.show(a, 0.5, 10);
    deepStrictEqual(shown(members), expected ? [0, 1] : [1], JSON.stringify(state));
    strictEqual(members.view.shares[0], 0.5);
  }
});

Deno.test("Latencies are averaged, the newest weighing a fifth", () => {
  const members = createMembers();
  const a = add(members, 0);
  members.took(a, 100);
  strictEqual(members.view.latencies[0], 100);
  members.took(a, 200);
  strictEqual(members.view.latencies[0], 120);
});

Deno.test("The seed of a member depends on where it is, and on nothing else", () => {
  const [one, other] = [createMembers(), createMembers()];
  add(one, 0, "a");
  const a = add(one, 1, "b");
  const b = add(other, 7, "b", 3);
  strictEqual(one.view.seeds[a.index], other.view.seeds[b.index]);
  notStrictEqual(one.view.seeds[0], one.view.seeds[1]);
  const at = (hostname: string) => {
    const members = createMembers();
    members.add(makeMember(0, "a", { address: { hostname, port: 1 } }));
    return members.view.seeds[0];
  };
  notStrictEqual(at("127.0.0.1"), at("127.0.0.2"));
});

Deno.test("However members come and go, the view shows those that are there, in order, with their own figures", () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ do: fc.constant("add" as const), weight: fc.integer({ min: 1, max: 9 }) }),
      fc.record({
        do: fc.constantFrom("remove" as const, "drain" as const, "send" as const),
        which: fc.nat(50),
      }),
    ),
    { maxLength: 60 },
  );
  fc.assert(fc.property(steps, (steps) => {
    const members = createMembers();
    const sent = new Map<Member, number>();
    let serial = -1;
    for (const step of steps) {
      if (step.do === "add") {
        sent.set(add(members, ++serial, `m${serial}`, step.weight), 0);
        continue;
      }
      const all = [...sent.keys()];
      const member = all[step.which % Math.max(1, all.length)];
      if (member === undefined) continue;
      if (step.do === "remove") {
        members.remove(member);
        sent.delete(member);
      } else if (step.do === "drain") {
        member.draining = !member.draining;
        members.show(member, 1, 0);
      } else {
        members.pending(member, 1);
        sent.set(member, sent.get(member)! + 1);
      }
    }
    const there = [...sent.keys()];
    deepStrictEqual(
      shown(members),
      there.filter((it) => !it.draining).map(({ index }) => index).sort((a, b) => a - b),
    );
    deepStrictEqual([...members.all], there);
    for (const [member, count] of sent) {
      strictEqual(members.byIndex[member.index], member);
      strictEqual(members.bySerial(member.serial), member);
      strictEqual(members.view.pending[member.index], count);
      strictEqual(members.view.weights[member.index], member.settings.weight);
    }
  }));
});
