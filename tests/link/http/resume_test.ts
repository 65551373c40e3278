import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { resumeAfterMs } from "../../../src/link/http/resume.ts";

function waits(broken: boolean, retryMs?: number, count = 9): (number | undefined)[] {
  return Array.from({ length: count }, (_, silent) => resumeAfterMs({ silent, broken, retryMs }));
}

Deno.test("a broken stream is asked for again soon, later, and in the end no more", () => {
  deepStrictEqual(waits(true), [200, 400, 800, 1600, 3200, 6400, undefined, undefined, undefined]);
});

Deno.test("a stream that was closed in good order is polled for ever, ever more seldom", () => {
  deepStrictEqual(waits(false), [1000, 2000, 4000, 8000, 10_000, 10_000, 10_000, 10_000, 10_000]);
});

Deno.test("the server says when it wants to be asked, and is not asked at once", () => {
  deepStrictEqual(waits(false, 3000, 4), [3000, 6000, 10_000, 10_000]);
  deepStrictEqual(waits(false, 60_000, 3), [60_000, 60_000, 60_000]);
  deepStrictEqual(waits(true, 0, 2), [100, 200]);
  strictEqual(resumeAfterMs({ silent: 0, broken: false, retryMs: 1 }), 100);
});

Deno.test("no stream is asked for sooner than the server wants, nor without a pause", () => {
  const situation = fc.record({
    silent: fc.nat(1000),
    broken: fc.boolean(),
    retryMs: fc.option(fc.nat(999_999_999), { nil: undefined }),
  });
  fc.assert(
    fc.property(situation, (it) => {
      const ms = resumeAfterMs(it);
      if (ms === undefined) return ok(it.broken && it.silent >= 6);
      ok(ms >= Math.max(100, it.retryMs ?? 0));
      ok(ms <= Math.max(10_000, it.retryMs ?? 0));
    }),
  );
});
