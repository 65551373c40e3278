import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { isStuck, overdueAfter, type Quiet } from "../../src/balance/is_stuck.ts";

/** It has twenty requests where it should have seven, has got the last a moment ago, and is 60 ms late with one. */
const STUCK: Quiet = {
  now: 1160,
  heardAt: 1000,
  waitsSince: 1001,
  dueAt: 1100,
  sentAt: 1150,
  pending: 20,
  fairShare: () => 7,
};

const CASES: readonly { name: string; quiet: Partial<Quiet>; stuck: boolean }[] = [
  { name: "silent, late, and more than its share", quiet: {}, stuck: true },
  { name: "nothing is overdue", quiet: { dueAt: 1161 }, stuck: false },
  { name: "it is not known how long it may take", quiet: { dueAt: Infinity }, stuck: false },
  { name: "it has said something since", quiet: { heardAt: 1002 }, stuck: false },
  { name: "a single request", quiet: { pending: 1, fairShare: () => 0 }, stuck: false },
  { name: "two, and nobody else has any", quiet: { pending: 2, fairShare: () => 0.2 }, stuck: true },
  { name: "all have as much to do", quiet: { fairShare: () => 20 }, stuck: false },
  { name: "a little more than its share", quiet: { fairShare: () => 15.2 }, stuck: false },
  { name: "it has got none for a second", quiet: { now: 2150 }, stuck: false },
  { name: "it has got none for nearly a second", quiet: { now: 2149 }, stuck: true },
  { name: "it was tried in vain after a second", quiet: { sentAt: 2150, now: 3149 }, stuck: true },
  {
    name: "it is tried again after as long as it was silent before",
    quiet: { sentAt: 5001, now: 9001 },
    stuck: false,
  },
  { name: "and not sooner", quiet: { sentAt: 5001, now: 9000 }, stuck: true },
];

for (const { name, quiet, stuck } of CASES) {
  Deno.test(`An upstream is ${stuck ? "" : "not "}stuck: ${name}`, () => {
    strictEqual(isStuck({ ...STUCK, ...quiet }), stuck);
  });
}

Deno.test("A request is overdue after one and a half times what is usual, and never where nothing is known", () => {
  strictEqual(overdueAfter(20), 40);
  strictEqual(overdueAfter(30_000), 45_010);
  strictEqual(overdueAfter(undefined), Infinity);
});

Deno.test("However long it is silent, it is tried no more often than once a second, and less and less often", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 300 }), (gaps) => {
      let sentAt = 1000;
      let now = 1000;
      let tries = 0;
      for (const gap of gaps) {
        now += gap;
        const quiet = { ...STUCK, heardAt: 999, waitsSince: 1000, dueAt: 1000, sentAt, now };
        if (isStuck(quiet)) continue;
        tries++;
        sentAt = now;
      }
      strictEqual(
        tries <= Math.max(0, Math.ceil(Math.log2((now - 1000) / 1000 + 1)) + 1),
        true,
        `${tries} ${now}`,
      );
    }),
  );
});
