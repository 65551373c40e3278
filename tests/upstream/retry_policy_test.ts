import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import {
  backoffMs,
  judgeNotification,
  judgeRetry,
  mayHaveRun,
  notKnownToHaveRun,
  type RetrySituation,
} from "../../src/upstream/retry_policy.ts";
import { errorAnswer, resultAnswer } from "../../src/jsonrpc/answers.ts";
import { failure, FailureCode, type FailureName } from "../../src/link/failure.ts";
import type { Outcome } from "../../src/link/peer.ts";
import { anOutcome, STATUSES } from "../support/outcomes.ts";

const CODES = Object.keys(FailureCode) as FailureName[];

function notSent(code: FailureName, status?: number): Outcome {
  return { kind: "not_sent", failure: failure(code, "E", "m", undefined, status) };
}
function refused(status: number | undefined): Outcome {
  const why = failure("REFUSED", "E", "m", undefined, status);
  return { kind: "refused", failure: why, status, answer: undefined };
}
function later(afterMs: number | undefined, status = 429): Outcome {
  const why = failure("RETRY_LATER", "E", "m", undefined, status);
  return { kind: "retry_later", failure: why, status, answer: undefined, afterMs };
}
const LOST: Outcome = {
  kind: "lost",
  failure: failure("CONNECTION_LOST", "E", "m"),
  lastEventId: undefined,
};
const rejected = { failure: failure("REFUSED", "E", "m"), status: 401, answer: undefined };

const PASSING: readonly FailureName[] = ["UNREACHABLE", "CONNECT_TIMEOUT", "CONNECTION_LOST"];
const GATEWAY = [408, 502, 503, 504];

type Kind = "again" | "final" | "unknown";

/** Outcome, what becomes of a request that may run twice, and of another. */
const TABLE: [what: string, outcome: Outcome, safe: Kind, unsafe: Kind][] = [
  ...CODES.map((code): [string, Outcome, Kind, Kind] => {
    const kind = PASSING.includes(code) ? "again" : "final";
    return [`not sent: ${code}`, notSent(code), kind, kind];
  }),
  ...STATUSES.map((status): [string, Outcome, Kind, Kind] => {
    const kind = GATEWAY.includes(status) ? "again" : "final";
    return [`not sent, the session refused with ${status}`, notSent("REFUSED", status), kind, kind];
  }),
  ...STATUSES.map((status): [string, Outcome, Kind, Kind] =>
    GATEWAY.includes(status)
      ? [`refused with ${status}`, refused(status), "again", "unknown"]
      : [`refused with ${status}`, refused(status), "final", "final"]
  ),
  ["refused by ourselves", refused(undefined), "final", "final"],
  ["lost", LOST, "again", "unknown"],
  ["to come later, nobody knows when", later(undefined), "again", "again"],
  ["to come later at once", later(0), "again", "again"],
  ["to come later in time", later(5000, 503), "again", "again"],
  ["to come later than there is time", later(60_000), "final", "final"],
  ["unauthorized", { ...rejected, kind: "unauthorized", challenge: undefined }, "final", "final"],
  ["of an unknown session", { ...rejected, kind: "session_unknown" }, "final", "final"],
  ["answered", { kind: "answered", message: resultAnswer("1", {}) }, "final", "final"],
  ["answered with an error", { kind: "answered", message: errorAnswer("1", -32603, "m") }, "final", "final"],
  ["cancelled", { kind: "cancelled" }, "final", "final"],
];

const HINTED = { readOnly: false, idempotent: true };
const PLAIN: RetrySituation = {
  outcome: LOST,
  method: "tools/call",
  hints: undefined,
  repeats: 0,
  attempts: 3,
  delayMs: 1000,
  elapsedMs: 0,
  totalMs: 30_000,
  connectMs: 10_000,
  random: 0.5,
};

for (const [what, outcome, safe, unsafe] of TABLE) {
  Deno.test(`a request that is ${what}: ${safe} if it may run twice, else ${unsafe}`, () => {
    const kind = (change: Partial<RetrySituation>) => judgeRetry({ ...PLAIN, outcome, ...change }).kind;
    strictEqual(kind({ method: "tools/list" }), safe);
    strictEqual(kind({ hints: HINTED }), safe);
    strictEqual(kind({}), unsafe);
    strictEqual(kind({ hints: { readOnly: false, idempotent: false } }), unsafe);
    strictEqual(kind({ method: "x/unheard_of" }), unsafe);
    const end = (kind: Kind) => kind === "again" ? "final" : kind;
    for (const over of [{ repeats: 3 }, { attempts: 0 }, { elapsedMs: 30_001 }]) {
      strictEqual(kind({ method: "tools/list", ...over }), end(safe));
      strictEqual(kind(over), end(unsafe));
    }
  });
}

const situation: fc.Arbitrary<RetrySituation> = fc.record({
  outcome: anOutcome,
  method: fc.constantFrom("tools/call", "tools/list", "x/unheard_of", "initialize", "resources/read"),
  hints: fc.option(fc.record({ readOnly: fc.boolean(), idempotent: fc.boolean() }), { nil: undefined }),
  repeats: fc.nat(20),
  attempts: fc.nat(20),
  delayMs: fc.nat(60_000),
  elapsedMs: fc.nat(200_000),
  totalMs: fc.nat(200_000),
  connectMs: fc.nat(200_000),
  random: fc.double({ min: 0, max: 1, noNaN: true }),
});

Deno.test("whatever happens, a request is repeated within its bounds, and only when it did not run or may run twice", () => {
  fc.assert(
    fc.property(situation, (it) => {
      const verdict = judgeRetry(it);
      const safe = it.method !== "x/unheard_of" &&
        (it.method !== "tools/call" || it.hints?.readOnly === true || it.hints?.idempotent === true);
      if (!safe && mayHaveRun(it.outcome)) ok(verdict.kind !== "again");
      if (verdict.kind === "unknown") ok(!safe && mayHaveRun(it.outcome));
      if (verdict.kind !== "again") return;
      ok(it.repeats < it.attempts);
      ok(it.elapsedMs + verdict.afterMs <= it.totalMs);
      const asked = it.outcome.kind === "retry_later" ? it.outcome.afterMs ?? 0 : 0;
      ok(verdict.afterMs >= asked, "the server's wish is a lower bound");
      ok(verdict.afterMs <= asked + 30_000);
    }),
    { numRuns: 5000 },
  );
});

Deno.test("the wait doubles, is spread from nothing to its whole, and has an end", () => {
  deepStrictEqual([0, 1, 2, 3, 4, 5, 6].map((n) => backoffMs(n, 1000, 1)), [
    1000,
    2000,
    4000,
    8000,
    16_000,
    30_000,
    30_000,
  ]);
  strictEqual(backoffMs(3, 1000, 0), 0);
  strictEqual(backoffMs(3, 1000, 0.25), 2000);
  strictEqual(backoffMs(0, 0, 1), 0);
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (repeats, delay, random) => {
      const ms = backoffMs(repeats, delay, random);
      ok(Number.isInteger(ms) && ms >= 0 && ms <= 30_000);
    }),
  );
});

Deno.test("mayHaveRun says of every outcome whether it can have been carried out", () => {
  const no = [notSent("UNREACHABLE"), refused(400), refused(429), later(1), { kind: "cancelled" } as const];
  const yes = [LOST, refused(408), refused(500), refused(502), refused(undefined)];
  deepStrictEqual([no.map(mayHaveRun), yes.map(mayHaveRun)], [no.map(() => false), yes.map(() => true)]);
});

Deno.test("notKnownToHaveRun says no more than is known, and leaves the server's own words alone", () => {
  const lost = notKnownToHaveRun(notSent("UNREACHABLE"));
  ok(lost.kind === "lost");
  match(lost.failure.message, /^m; an earlier attempt may have been carried out$/);
  const theirs: Outcome = { ...rejected, kind: "refused", answer: errorAnswer("1", -1, "theirs") };
  const kept: Outcome[] = [
    theirs,
    LOST,
    refused(502),
    { kind: "cancelled" },
    { kind: "answered", message: resultAnswer("1", {}) },
  ];
  for (const outcome of kept) strictEqual(notKnownToHaveRun(outcome), outcome);
});

Deno.test("a notification is told again when it did not leave; initialized also when it may pass", () => {
  const again = (method: string, code: FailureName, status?: number) =>
    judgeNotification(method, failure(code, "E", "m", undefined, status));
  for (const code of CODES) {
    strictEqual(again("notifications/roots/list_changed", code), code === "UNREACHABLE");
    strictEqual(
      again("notifications/initialized", code),
      [...PASSING, "RETRY_LATER"].includes(code),
      code,
    );
  }
  for (const status of STATUSES) {
    strictEqual(again("notifications/initialized", "REFUSED", status), GATEWAY.includes(status));
  }
});

Deno.test("what could not be connected to in time is tried again only as long as connecting may take", () => {
  const why = failure("CONNECT_TIMEOUT", "E", "x");
  const late: RetrySituation = { ...PLAIN, outcome: { kind: "not_sent", failure: why }, repeats: 0 };
  strictEqual(judgeRetry({ ...late, elapsedMs: 1000 }).kind, "again");
  strictEqual(judgeRetry({ ...late, elapsedMs: 10_000 }).kind, "final");
});
