import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { createOutbox } from "../../src/link/outbox.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A writer that takes one write at a time and finishes it when told. */
function slowWriter() {
  const writes: string[] = [];
  let finish: PromiseWithResolvers<void> | undefined;
  return {
    writes,
    write(bytes: Uint8Array): Promise<void> {
      strictEqual(finish, undefined, "written while a write was pending");
      writes.push(decoder.decode(bytes));
      finish = Promise.withResolvers();
      return finish.promise;
    },
    /** Finishes the write that is pending, and lets what follows from it happen. */
    async next(error?: unknown): Promise<void> {
      const pending = finish!;
      finish = undefined;
      if (error === undefined) pending.resolve();
      else pending.reject(error);
      await turn();
    },
    /** Finishes all that is still to be written. */
    async rest(): Promise<void> {
      while (finish !== undefined) await this.next();
    },
  };
}

/** Lets all that is ready happen. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

const line = (length: number, char = "x") => encoder.encode(char.repeat(length));

const fails = (error: unknown) => {
  throw error;
};

Deno.test("Outbox writes the first line at once, and gathers what comes meanwhile into one write", async () => {
  const wire = slowWriter();
  const outbox = createOutbox(wire.write, fails);
  for (const text of ["a", "b", "c", ""]) outbox.send(encoder.encode(text));
  deepStrictEqual(wire.writes, ["a\n"]);
  await wire.next();
  deepStrictEqual(wire.writes, ["a\n", "b\nc\n\n"]);
  await wire.next();
  await outbox.flush();
  deepStrictEqual(wire.writes.length, 2);
});

Deno.test("Outbox writes long lines as they are, uncopied, with a line break of their own", async () => {
  const written: Uint8Array[] = [];
  const outbox = createOutbox((bytes) => Promise.resolve(void written.push(bytes)), fails);
  const long = line(100_000);
  outbox.send(encoder.encode("a"));
  outbox.send(encoder.encode("b"));
  outbox.send(long);
  outbox.send(encoder.encode("c"));
  await outbox.flush();
  strictEqual(written.includes(long), true);
  strictEqual(written.map((bytes) => decoder.decode(bytes)).join(""), `a\nb\n${"x".repeat(100_000)}\nc\n`);
});

Deno.test("Outbox writes all lines in their order, whatever their lengths", async () => {
  const length = fc.oneof(
    fc.nat({ max: 20 }),
    fc.constantFrom(32 * 1024 - 1, 32 * 1024, 32 * 1024 + 1, 50_000),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(length, fc.boolean()), { maxLength: 30 }), async (lines) => {
      let text = "";
      let writing = false;
      const outbox = createOutbox(async (bytes) => {
        strictEqual(writing, false);
        writing = true;
        await undefined;
        text += decoder.decode(bytes);
        writing = false;
      }, fails);
      let expected = "";
      for (const [i, [length, wait]] of lines.entries()) {
        const char = String.fromCharCode(97 + i % 26);
        expected += `${char.repeat(length)}\n`;
        outbox.send(line(length, char));
        if (wait) await undefined;
      }
      await outbox.flush();
      ok(text === expected, "other text was written");
    }),
    { numRuns: 60 },
  );
});

Deno.test("Outbox tells senders to wait above a mebibyte, and lets them go on below", async () => {
  const wire = slowWriter();
  const outbox = createOutbox(wire.write, fails);
  const half = 512 * 1024;
  strictEqual(outbox.send(line(half)), undefined);
  strictEqual(outbox.send(line(half)), undefined);
  const slow = outbox.send(line(1));
  ok(slow instanceof Promise);
  let free = false;
  slow.then(() => free = true);
  await turn();
  strictEqual(free, false);
  await wire.next();
  strictEqual(free, false, "the line's break is still to be written");
  await wire.next();
  strictEqual(free, true);
  strictEqual(outbox.send(line(1)), undefined);
  await wire.rest();
  await outbox.flush();
});

Deno.test("Outbox reports a failed write once, frees who waits and drops the rest", async () => {
  const wire = slowWriter();
  const errors: unknown[] = [];
  const outbox = createOutbox(wire.write, (error) => errors.push(error));
  const broken = new Error("broken pipe");
  outbox.send(line(10));
  const slow = outbox.send(line(2_000_000));
  const flushed = outbox.flush();
  ok(slow instanceof Promise);
  await wire.next(broken);
  await slow;
  await flushed;
  deepStrictEqual(errors, [broken]);
  strictEqual(outbox.send(line(2_000_000)), undefined);
  await outbox.flush();
  strictEqual(wire.writes.length, 1);
});

Deno.test("Outbox's flush waits for all that was queued, and for nothing when there is none", async () => {
  const wire = slowWriter();
  const outbox = createOutbox(wire.write, fails);
  await outbox.flush();
  outbox.send(encoder.encode("a"));
  outbox.send(encoder.encode("b"));
  let flushed = false;
  const done = outbox.flush().then(() => flushed = true);
  await wire.next();
  strictEqual(flushed, false);
  await wire.next();
  await done;
  deepStrictEqual(wire.writes, ["a\n", "b\n"]);
});
