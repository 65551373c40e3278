import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { createEventStreams } from "../../../src/balance/status/event_streams.ts";
import { turn, until } from "../../support/until.ts";

/** Streams whose data are the numbers from 1. */
function counting(options: { most?: number; everyMs?: number; fail?: (n: number) => boolean } = {}) {
  let made = 0;
  const errors: unknown[] = [];
  const streams = createEventStreams({
    data: () => {
      made++;
      if (options.fail?.(made)) throw new Error("no data");
      return `${made}`;
    },
    failed: (error) => errors.push(error),
    most: options.most ?? 3,
    everyMs: options.everyMs ?? 1,
  });
  return { streams, errors, made: () => made };
}

function textReader(stream: ReadableStream<Uint8Array>) {
  const reader = stream.getReader();
  return {
    cancel: () => reader.cancel(),
    async next(): Promise<string | undefined> {
      const { value } = await reader.read();
      return value === undefined ? undefined : new TextDecoder().decode(value);
    },
  };
}

Deno.test("whoever listens has the first event at once, and then one after the other", async () => {
  const { streams } = counting();
  const reader = textReader(streams.open()!);
  strictEqual(await reader.next(), "data: 1\n\n");
  strictEqual(await reader.next(), "data: 2\n\n");
  strictEqual(await reader.next(), "data: 3\n\n");
  await reader.cancel();
});

Deno.test("all listeners have the same event, which is made once", async () => {
  const { streams } = counting({ everyMs: 20 });
  const [a, b] = [textReader(streams.open()!), textReader(streams.open()!)];
  deepStrictEqual([await a.next(), await b.next()], ["data: 1\n\n", "data: 2\n\n"]);
  deepStrictEqual(await Promise.all([a.next(), b.next()]), ["data: 3\n\n", "data: 3\n\n"]);
  await a.cancel();
  await b.cancel();
});

Deno.test("nothing is made while nobody listens", async () => {
  const { streams, made } = counting();
  for (let i = 0; i < 20; i++) await turn();
  strictEqual(made(), 0);
  const reader = textReader(streams.open()!);
  await until(() => made() > 3);
  await reader.cancel();
  strictEqual(streams.count(), 0);
  const then = made();
  for (let i = 0; i < 20; i++) await turn();
  strictEqual(made(), then);
  const again = textReader(streams.open()!);
  await again.next();
  match((await again.next())!, /^data: \d+\n\n$/);
  await again.cancel();
});

Deno.test("no more listen than may, until one leaves", async () => {
  const { streams } = counting({ most: 2, everyMs: 1000 });
  const [a, b] = [streams.open()!, streams.open()!];
  strictEqual(streams.open(), undefined);
  await a.cancel();
  const c = streams.open();
  ok(c !== undefined);
  await b.cancel();
  await c.cancel();
});

Deno.test("a listener that reads nothing holds up none, and is let go", async () => {
  const { streams } = counting();
  const stuck = streams.open()!;
  const reader = textReader(streams.open()!);
  let read = 0;
  for (; streams.count() === 2; read++) ok(read < 10_000 && await reader.next() !== undefined);
  ok(read >= 25, `it was let go after ${read} events`);
  await rejects(async () => {
    for await (const _ of stuck);
  }, /reads nothing/);
  await reader.cancel();
});

Deno.test("data that can't be made is told of, and the stream goes on", async () => {
  const { streams, errors } = counting({ fail: (n) => n <= 3 });
  const reader = textReader(streams.open()!);
  strictEqual(await reader.next(), ":\n\n");
  strictEqual(await reader.next(), "data: 4\n\n");
  strictEqual(errors.length, 3);
  await reader.cancel();
});

Deno.test("closing ends all streams, for good", async () => {
  const { streams } = counting({ everyMs: 1000 });
  const reader = textReader(streams.open()!);
  strictEqual(await reader.next(), "data: 1\n\n");
  streams.close();
  strictEqual(await reader.next(), undefined);
  strictEqual(streams.open(), undefined);
  strictEqual(streams.count(), 0);
  streams.close();
});
