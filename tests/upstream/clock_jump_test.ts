import { deepStrictEqual } from "node:assert/strict";
import { watchClock } from "../../src/upstream/clock_jump.ts";

/** How long the program is taken not to have run while the clock is seen at these times. */
async function jumps(times: readonly number[], lateMs?: number): Promise<number[]> {
  const left = [...times];
  const ended = new AbortController();
  const seen: number[] = [];
  await watchClock((ms) => seen.push(ms), ended.signal, {
    tickMs: 1,
    ...(lateMs === undefined ? {} : { lateMs }),
    now() {
      if (left.length === 1) ended.abort();
      return left.shift()!;
    },
  });
  return seen;
}

Deno.test("a program that sleeps is told so when it wakes, each time", async () => {
  deepStrictEqual(await jumps([0, 1, 60_002, 60_003, 200_000]), [60_000, 139_996]);
});

Deno.test("a busy machine and a clock that is set back are no sleep", async () => {
  deepStrictEqual(await jumps([0, 9000, 9001, 19_000, 5000, 5001, 0]), []);
});

Deno.test("the watching ends with its signal, before the first look too", async () => {
  await watchClock(() => {}, AbortSignal.abort());
});
