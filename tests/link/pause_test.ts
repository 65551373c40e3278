import { ok, strictEqual } from "node:assert/strict";
import { pause, untilAborted, within } from "../../src/link/pause.ts";

Deno.test("pause lasts at least as long as asked, and tells that it was not cut short", async () => {
  const start = performance.now();
  strictEqual(await pause(20), true);
  // Timers count whole milliseconds.
  ok(performance.now() - start >= 19);
  strictEqual(await pause(0), true);
  strictEqual(await pause(-5), true);
});

Deno.test("pause is cut short by its signal, before and while it lasts", async () => {
  strictEqual(await pause(60_000, AbortSignal.abort()), false);
  const stop = new AbortController();
  const paused = pause(60_000, stop.signal);
  stop.abort();
  strictEqual(await paused, false);
});

Deno.test("pause takes any length, and is not over at once when it is too long for a timer", async () => {
  const stop = new AbortController();
  for (const ms of [Infinity, 2 ** 40]) {
    let over = false;
    const paused = pause(ms, stop.signal).then((it) => over = it);
    await pause(5);
    strictEqual(over, false, `${ms}`);
    void paused;
  }
  stop.abort();
});

Deno.test("within waits for the promise, however it ends, but no longer than its time, and tells which it was", async () => {
  strictEqual(await within(Promise.resolve(), 60_000), true);
  strictEqual(await within(Promise.reject(new Error("no")), 60_000), true);
  strictEqual(await within(new Promise(() => {}), 1), false);
});

Deno.test("untilAborted waits for the promise, whether it resolves or rejects, or for the signal", async () => {
  const { signal } = new AbortController();
  await untilAborted(Promise.resolve(), signal);
  await untilAborted(Promise.reject(new Error("no")), signal);
  const stopped = new AbortController();
  const waiting = untilAborted(new Promise(() => {}), stopped.signal);
  stopped.abort();
  await waiting;
  await untilAborted(new Promise(() => {}), stopped.signal);
});
