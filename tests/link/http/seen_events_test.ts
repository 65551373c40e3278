import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { createSeenEvents } from "../../../src/link/http/seen_events.ts";
import type { SseEvent } from "../../../src/link/http/sse_decoder.ts";

function event(data: string, id?: string): SseEvent {
  return { type: "message", data: new TextEncoder().encode(data), ...(id === undefined ? {} : { id }) };
}

Deno.test("an event that comes again under its id is known", () => {
  const seen = createSeenEvents();
  const events = [event("a", "1"), event("b", "2"), event("a", "1"), event("c", "3"), event("b", "2")];
  deepStrictEqual(events.map(seen.again), [false, false, true, false, true]);
});

Deno.test("an event without an id is always new, however alike they are", () => {
  const seen = createSeenEvents();
  deepStrictEqual([event("a"), event("a"), event("a", ""), event("a", "")].map(seen.again), [
    false,
    false,
    false,
    false,
  ]);
});

Deno.test("no answer is dropped where a server gives all its events one id", () => {
  const seen = createSeenEvents();
  const answer = (id: number) => event(`{"jsonrpc":"2.0","id":${id},"result":{}}`, "the session");
  for (let id = 1; id < 10; id++) strictEqual(seen.again(answer(id)), false);
  // Two that are the same to the byte are two.
  strictEqual(seen.again(answer(9)), false);
});

Deno.test("no event is dropped where a server counts anew with each stream", () => {
  const seen = createSeenEvents();
  const first = ["x", "y", "z"].map((data, i) => event(data, String(i)));
  const second = ["z", "x", "y"].map((data, i) => event(data, String(i)));
  deepStrictEqual([...first, ...second].map(seen.again), Array(6).fill(false));
});

Deno.test("events of one length are told apart at both ends, be they ever so long", () => {
  const long = "x".repeat(100_000);
  for (const [one, other] of [[`1${long}`, `2${long}`], [`${long}1`, `${long}2`]] as const) {
    const seen = createSeenEvents();
    strictEqual(seen.again(event(one, "1")), false);
    strictEqual(seen.again(event(other, "1")), false);
  }
});

Deno.test("of a stream that is repeated from any point on, every event is taken once", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 3 }), { maxLength: 30 }),
      fc.array(fc.nat(30), { maxLength: 4 }),
      (texts, restarts) => {
        const events = texts.map((data, i) => event(data, `e${i}`));
        const seen = createSeenEvents();
        const sent = [...events, ...restarts.flatMap((from) => events.slice(from))];
        deepStrictEqual(sent.filter((it) => !seen.again(it)), events);
      },
    ),
  );
});

Deno.test("no more than some thousand events are remembered", () => {
  const seen = createSeenEvents();
  for (let i = 0; i < 5000; i++) strictEqual(seen.again(event("a", String(i))), false);
  strictEqual(seen.again(event("a", "4999")), true);
  strictEqual(seen.again(event("a", "0")), false);
});
