import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { type FallbackVerdict, judgeFallback } from "../../src/upstream/fallback_policy.ts";
import { mayHaveRun } from "../../src/upstream/retry_policy.ts";
import { errorAnswer, resultAnswer } from "../../src/jsonrpc/answers.ts";
import { failure, FailureCode, type FailureName } from "../../src/link/failure.ts";
import type { Outcome } from "../../src/link/peer.ts";
import { anOutcome, STATUSES } from "../support/outcomes.ts";

const CODES = Object.keys(FailureCode) as FailureName[];
const NO_WAY: readonly FailureName[] = [
  "UNREACHABLE",
  "TLS",
  "COMMAND",
  "CONNECT_TIMEOUT",
  "CONNECTION_LOST",
  "NOT_MCP",
  "NO_UPSTREAM",
];
const GATEWAY = [502, 503, 504];
const NO_MCP = [404, 405, 406, 415, 501];

function notSent(code: FailureName, status?: number): Outcome {
  return { kind: "not_sent", failure: failure(code, "E", "m", undefined, status) };
}
function refused(status: number | undefined, code: FailureName = "REFUSED", answered = false): Outcome {
  const answer = answered ? errorAnswer("1", -32000, "theirs") : undefined;
  return { kind: "refused", failure: failure(code, "E", "m", undefined, status), status, answer };
}

type Row = [
  what: string,
  outcome: Outcome,
  handshake: FallbackVerdict,
  safe: FallbackVerdict,
  unsafe: FallbackVerdict,
];

function all(what: string, outcome: Outcome, verdict: FallbackVerdict): Row {
  return [what, outcome, verdict, verdict, verdict];
}

const rejected = { failure: failure("REFUSED", "E", "m"), status: 401, answer: undefined };

const TABLE: Row[] = [
  ...CODES.map((code) => all(`not sent: ${code}`, notSent(code), NO_WAY.includes(code) ? "move" : "stay")),
  ...STATUSES.map((status) => {
    const verdict = [...GATEWAY, ...NO_MCP].includes(status) ? "move" : "stay";
    return all(`not sent, its session refused with ${status}`, notSent("REFUSED", status), verdict);
  }),
  ...STATUSES.map((status): Row => [
    `refused with ${status}`,
    refused(status),
    [...GATEWAY, ...NO_MCP].includes(status) ? "move" : "stay",
    GATEWAY.includes(status) ? "move" : "stay",
    "stay",
  ]),
  ...STATUSES.map((status) =>
    all(`refused with ${status} in MCP's words`, refused(status, "REFUSED", true), "stay")
  ),
  ["answered with what is no MCP", refused(200, "NOT_MCP"), "move", "move", "move-later"],
  all("answered with a message too large", refused(undefined, "TOO_LARGE"), "stay"),
  [
    "lost",
    { kind: "lost", failure: failure("CONNECTION_LOST", "E", "m"), lastEventId: undefined },
    "move",
    "stay",
    "stay",
  ],
  all("unauthorized", { ...rejected, kind: "unauthorized", challenge: "Bearer" }, "stay"),
  all("of an unknown session", { ...rejected, kind: "session_unknown" }, "stay"),
  all("to come later", { ...rejected, kind: "retry_later", afterMs: 1 }, "stay"),
  all("answered", { kind: "answered", message: resultAnswer("1", {}) }, "stay"),
  all("answered with an error", { kind: "answered", message: errorAnswer("1", -32602, "m") }, "stay"),
  all("cancelled", { kind: "cancelled" }, "stay"),
];

for (const [what, outcome, handshake, safe, unsafe] of TABLE) {
  Deno.test(`an endpoint at which a request is ${what}: ${new Set([handshake, safe, unsafe]).values().toArray().join(", ")}`, () => {
    strictEqual(judgeFallback(outcome, true, true), handshake, "initialize");
    strictEqual(judgeFallback(outcome, false, true), safe, "a request that may run twice");
    strictEqual(judgeFallback(outcome, false, false), unsafe, "any other request");
  });
}

Deno.test("no request that may have run and must not run twice moves, whatever became of it", () => {
  fc.assert(
    fc.property(anOutcome, (outcome) => {
      if (judgeFallback(outcome, false, false) === "move") ok(!mayHaveRun(outcome));
    }),
    { numRuns: 2000 },
  );
});
