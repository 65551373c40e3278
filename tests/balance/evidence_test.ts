import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { evidenceFor } from "../../src/balance/evidence.ts";
import { errorAnswer, resultAnswer } from "../../src/jsonrpc/answers.ts";
import { failure, type FailureName } from "../../src/link/failure.ts";
import type { Outcome } from "../../src/link/peer.ts";
import { anOutcome } from "../support/outcomes.ts";

const notSent = (code: FailureName, status?: number): Outcome => ({
  kind: "not_sent",
  failure: failure(code, "E", "why", undefined, status),
});
const refused = (status: number | undefined, code: FailureName = "REFUSED", answered = false): Outcome => ({
  kind: "refused",
  failure: failure(code, "E", "why", undefined, status),
  status,
  answer: answered ? errorAnswer("1", -32000, "theirs") : undefined,
});
const lost = (code: FailureName): Outcome => ({
  kind: "lost",
  failure: failure(code, "E", "why"),
  lastEventId: undefined,
});
const REJECTED = { failure: failure("REFUSED", "E", "why"), status: 429, answer: undefined };

const TABLE: readonly [Outcome, string][] = [
  [{ kind: "answered", message: resultAnswer("1", {}) }, "alive"],
  [{ kind: "answered", message: errorAnswer("1", -32603, "theirs") }, "alive"],
  [{ kind: "cancelled" }, "none"],
  [{ kind: "retry_later", ...REJECTED, afterMs: 7 }, "busy"],
  [{ kind: "unauthorized", ...REJECTED, challenge: undefined }, "failure"],
  [{ kind: "session_unknown", ...REJECTED }, "failure"],
  [lost("CONNECTION_LOST"), "failure"],
  [lost("SHUTTING_DOWN"), "none"],
  [notSent("UNREACHABLE"), "unreachable"],
  [notSent("TLS"), "unreachable"],
  [notSent("COMMAND"), "unreachable"],
  [notSent("PERMISSION"), "unreachable"],
  [notSent("UNREACHABLE", 502), "failure"],
  [notSent("CONNECT_TIMEOUT"), "failure"],
  [notSent("CONNECTION_LOST"), "failure"],
  [notSent("SESSION_LOST"), "failure"],
  [notSent("RETRY_LATER"), "busy"],
  [notSent("OVERLOADED"), "none"],
  [notSent("SHUTTING_DOWN"), "none"],
  [notSent("LOGIN_REQUIRED"), "none"],
  [notSent("TOOL_FILTERED"), "none"],
  [refused(400), "alive"],
  [refused(404), "alive"],
  [refused(undefined), "alive"],
  [refused(408), "failure"],
  [refused(500), "failure"],
  [refused(503), "failure"],
  [refused(200, "NOT_MCP"), "failure"],
  [refused(503, "REFUSED", true), "alive"],
  [refused(500, "NOT_MCP", true), "alive"],
];

Deno.test("What an outcome says of its upstream's health", () => {
  for (const [outcome, kind] of TABLE) strictEqual(evidenceFor(outcome).kind, kind, JSON.stringify(outcome));
});

Deno.test("Only time has told of one that could not be connected to in time", () => {
  deepStrictEqual(evidenceFor(notSent("CONNECT_TIMEOUT")), { kind: "failure", why: "why", late: true });
  deepStrictEqual(evidenceFor(notSent("CONNECTION_LOST")), { kind: "failure", why: "why", late: false });
});

Deno.test("One that says for how long it wants to be left alone is taken at its word", () => {
  deepStrictEqual(evidenceFor({ kind: "retry_later", ...REJECTED, afterMs: 7 }), {
    kind: "busy",
    forMs: 7,
    why: "why",
  });
});

Deno.test("Whatever speaks MCP is alive, and what speaks against an upstream says why", () => {
  fc.assert(fc.property(anOutcome, (outcome) => {
    const evidence = evidenceFor(outcome);
    if (outcome.kind === "answered") strictEqual(evidence.kind, "alive");
    if (outcome.kind === "refused" && outcome.answer !== undefined) strictEqual(evidence.kind, "alive");
    if (evidence.kind !== "alive" && evidence.kind !== "none") ok(evidence.why.length > 0);
  }));
});
