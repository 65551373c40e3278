import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createDeadlines, type Timed } from "../../src/link/deadlines.ts";

interface Item extends Timed {
  readonly name: string;
}

/** Deadlines that note what expires, and fail the test for what does so too early or twice. */
function noted() {
  const expired: string[] = [];
  let waiter = Promise.withResolvers<void>();
  const deadlines = createDeadlines<Item>((item) => {
    ok(performance.now() >= item.due, `${item.name} expired ${item.due - performance.now()} ms early`);
    ok(!expired.includes(item.name), `${item.name} expired twice`);
    expired.push(item.name);
    waiter.resolve();
    waiter = Promise.withResolvers();
  });
  return {
    deadlines,
    expired,
    watch(name: string, inMs: number): Item {
      const item = { name, due: performance.now() + inMs };
      deadlines.watch(item);
      return item;
    },
    /** Waits until so many have expired. */
    async wait(count: number): Promise<void> {
      while (expired.length < count) await waiter.promise;
    },
    [Symbol.dispose]: () => deadlines.stop(),
  };
}

/** The expiry of a timer that is longer than what it is to outlast; unlike the watched ones, it keeps the test alive. */
const outlast = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Timers of deadlines do not keep the program running; this does, while `work` lasts. */
async function awake(work: Promise<void>): Promise<void> {
  const timer = setInterval(() => {}, 1000);
  try {
    await work;
  } finally {
    clearInterval(timer);
  }
}

Deno.test("deadlines expire once each, not before they are due, in their order", async () => {
  using it = noted();
  it.watch("c", 30);
  it.watch("a", 10);
  it.watch("b", 20);
  it.watch("now", -5);
  await awake(it.wait(4));
  await outlast(30);
  deepStrictEqual(it.expired, ["now", "a", "b", "c"]);
});

Deno.test("deadlines that are moved away expire later, without a word", async () => {
  using it = noted();
  const item = it.watch("a", 5);
  item.due += 25;
  it.watch("b", 10);
  await awake(it.wait(2));
  deepStrictEqual(it.expired, ["b", "a"]);
});

Deno.test("deadlines that are brought nearer expire then, once watched again", async () => {
  using it = noted();
  const item = it.watch("a", 60_000);
  item.due = performance.now() + 10;
  it.deadlines.watch(item);
  await awake(it.wait(1));
  deepStrictEqual(it.expired, ["a"]);
});

Deno.test("deadlines that are no longer watched do not expire", async () => {
  using it = noted();
  const gone = it.watch("gone", 5);
  it.watch("a", 15);
  it.deadlines.unwatch(gone);
  await awake(it.wait(1));
  deepStrictEqual(it.expired, ["a"]);
});

Deno.test("deadlines may be watched and given up from where one expires", async () => {
  const expired: string[] = [];
  const done = Promise.withResolvers<void>();
  const second: Item = { name: "second", due: 0 };
  const other: Item = { name: "other", due: 0 };
  const deadlines = createDeadlines<Item>(({ name }) => {
    expired.push(name);
    if (name === "second") return done.resolve();
    deadlines.unwatch(other);
    second.due = performance.now() + 5;
    deadlines.watch(second);
  });
  const now = performance.now();
  other.due = now + 8;
  deadlines.watch({ name: "first", due: now + 8 });
  deadlines.watch(other);
  await awake(done.promise);
  await outlast(10);
  deadlines.stop();
  deepStrictEqual(expired, ["first", "second"]);
});

Deno.test("deadlines go on after a pause in which nothing was watched", async () => {
  using it = noted();
  it.watch("a", 1);
  await awake(it.wait(1));
  await outlast(5);
  it.watch("b", 5);
  await awake(it.wait(2));
  deepStrictEqual(it.expired, ["a", "b"]);
});

Deno.test("deadlines that are stopped never expire", async () => {
  using it = noted();
  it.watch("a", 5);
  it.deadlines.stop();
  it.watch("b", 1);
  await outlast(20);
  deepStrictEqual(it.expired, []);
});

Deno.test("many deadlines expire once each, whichever way they are moved meanwhile", async () => {
  using it = noted();
  const items = Array.from({ length: 300 }, (_, i) => it.watch(`${i}`, (i * 7919) % 40));
  for (const [i, item] of items.entries()) {
    if (i % 3 === 0) item.due += 20;
    if (i % 5 === 0) item.due -= 10, it.deadlines.watch(item);
    if (i % 7 === 0) it.deadlines.unwatch(item);
  }
  const kept = items.filter((_, i) => i % 7 !== 0);
  await awake(it.wait(kept.length));
  await outlast(30);
  strictEqual(it.expired.length, kept.length);
  deepStrictEqual(new Set(it.expired), new Set(kept.map(({ name }) => name)));
});
