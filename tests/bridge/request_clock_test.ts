import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { noteProgress, noteQuestion, noteReply, startClock } from "../../src/bridge/request_clock.ts";

const LIMIT = 100;
const CEILING = 1000;

Deno.test("RequestClock expires after its limit, and at its ceiling where that comes first", () => {
  strictEqual(startClock(5, LIMIT, CEILING).due, 105);
  strictEqual(startClock(5, LIMIT, 30).due, 35);
});

Deno.test("RequestClock starts anew with progress, up to the ceiling", () => {
  const clock = startClock(0, LIMIT, 250);
  noteProgress(clock, 90, LIMIT);
  strictEqual(clock.due, 190);
  noteProgress(clock, 180, LIMIT);
  strictEqual(clock.due, 250);
});

Deno.test("RequestClock stands still from the first question to the last answer", () => {
  const clock = startClock(0, LIMIT, CEILING);
  noteQuestion(clock, 40);
  strictEqual(clock.due, CEILING);
  noteQuestion(clock, 50);
  noteReply(clock, 70);
  strictEqual(clock.due, CEILING);
  noteReply(clock, 500);
  strictEqual(clock.due, 560);
});

Deno.test("RequestClock gives the full limit after progress that came while it stood still", () => {
  const clock = startClock(0, LIMIT, CEILING);
  noteQuestion(clock, 90);
  noteProgress(clock, 200, LIMIT);
  strictEqual(clock.due, CEILING);
  noteReply(clock, 300);
  strictEqual(clock.due, 400);
});

Deno.test("RequestClock gives no time back that had run out, and minds no answer to no question", () => {
  const clock = startClock(0, LIMIT, CEILING);
  noteReply(clock, 50);
  strictEqual(clock.due, LIMIT);
  noteQuestion(clock, 150);
  noteReply(clock, 160);
  strictEqual(clock.due, 160);
});

Deno.test("RequestClock keeps a plain account of the time that is left, and never goes past its ceiling", () => {
  const step = fc.record({
    after: fc.nat({ max: 60 }),
    what: fc.constantFrom("progress", "question", "reply"),
  });
  let steps = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.integer({ min: 1, max: 600 }), (all, ceiling) => {
      const clock = startClock(0, LIMIT, ceiling);
      let now = 0;
      let left = LIMIT;
      let questions = 0;
      for (const { after, what } of all) {
        // What has expired is of no interest any more.
        if (now + after >= clock.due) return;
        now += after;
        steps++;
        if (questions === 0) left -= after;
        if (what === "progress") noteProgress(clock, now, left = LIMIT);
        else if (what === "question") noteQuestion(clock, now), questions++;
        else noteReply(clock, now), questions = Math.max(0, questions - 1);
        strictEqual(clock.latest, ceiling);
        strictEqual(clock.due, questions > 0 ? ceiling : Math.min(now + left, ceiling));
        strictEqual(clock.questions, questions);
        ok(clock.due <= clock.latest);
      }
    }),
    { numRuns: 1000 },
  );
  ok(steps > 1000, `${steps} steps`);
});
