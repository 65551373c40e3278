import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { judgeMove, type MoveVerdict } from "../../src/balance/judge_move.ts";
import { errorAnswer, resultAnswer } from "../../src/jsonrpc/answers.ts";
import { failure, type FailureName } from "../../src/link/failure.ts";
import type { Outcome } from "../../src/link/peer.ts";
import { mayHaveRun } from "../../src/upstream/retry_policy.ts";
import { anOutcome, STATUSES } from "../support/outcomes.ts";

const ANSWER = errorAnswer("1", -32000, "theirs");

function refused(status: number | undefined, code: FailureName = "REFUSED", answered = false): Outcome {
  const why = failure(code, "E", "m", undefined, status);
  return { kind: "refused", failure: why, status, answer: answered ? ANSWER : undefined };
}

function rejected(kind: "retry_later" | "unauthorized" | "session_unknown", status: number): Outcome {
  const common = { failure: failure("REFUSED", "E", "m"), status, answer: undefined };
  if (kind === "retry_later") return { kind, ...common, afterMs: 1 };
  return kind === "unauthorized" ? { kind, ...common, challenge: undefined } : { kind, ...common };
}

const notSent = (code: FailureName): Outcome => ({ kind: "not_sent", failure: failure(code, "E", "m") });
const LOST: Outcome = { kind: "lost", failure: failure("CONNECTION_LOST", "E", "m"), lastEventId: undefined };

/** The outcome, and what becomes of a safe request, any other, and a handshake. */
const TABLE: readonly [Outcome, safe: MoveVerdict, unsafe: MoveVerdict, handshake: MoveVerdict][] = [
  [{ kind: "answered", message: resultAnswer("1", {}) }, "stay", "stay", "stay"],
  [{ kind: "answered", message: ANSWER }, "stay", "stay", "stay"],
  [{ kind: "cancelled" }, "stay", "stay", "stay"],
  [notSent("UNREACHABLE"), "move", "move", "move"],
  [notSent("CONNECT_TIMEOUT"), "move", "move", "move"],
  [notSent("CONNECTION_LOST"), "move", "move", "move"],
  [notSent("SESSION_LOST"), "move", "move", "move"],
  [notSent("OVERLOADED"), "move", "move", "move"],
  [notSent("SHUTTING_DOWN"), "stay", "stay", "stay"],
  [notSent("LOGIN_REQUIRED"), "stay", "stay", "stay"],
  [notSent("TOOL_FILTERED"), "stay", "stay", "stay"],
  [rejected("retry_later", 429), "move", "move", "move"],
  [rejected("retry_later", 503), "move", "move", "move"],
  [rejected("unauthorized", 401), "move", "move", "move"],
  [rejected("session_unknown", 404), "move", "move", "move"],
  [LOST, "move", "stay", "move"],
  [refused(408), "move", "stay", "move"],
  [refused(502), "move", "stay", "move"],
  [refused(503), "move", "stay", "move"],
  [refused(504), "move", "stay", "move"],
  [refused(500), "stay", "stay", "stay"],
  [refused(400), "stay", "stay", "stay"],
  [refused(403), "stay", "stay", "stay"],
  [refused(404), "stay", "stay", "move"],
  [refused(405), "stay", "stay", "move"],
  [refused(415), "stay", "stay", "move"],
  [refused(undefined), "stay", "stay", "stay"],
  [refused(200, "NOT_MCP"), "move", "stay", "move"],
  [refused(503, "REFUSED", true), "stay", "stay", "stay"],
  [refused(404, "REFUSED", true), "stay", "stay", "stay"],
];

Deno.test("What surely did not run moves to another upstream, what does no harm twice too, and the rest stays", () => {
  for (const [outcome, safe, unsafe, handshake] of TABLE) {
    const what = JSON.stringify(outcome);
    strictEqual(judgeMove(outcome, false, true), safe, `safe: ${what}`);
    strictEqual(judgeMove(outcome, false, false), unsafe, `unsafe: ${what}`);
    strictEqual(judgeMove(outcome, true, true), handshake, `handshake: ${what}`);
  }
});

Deno.test("Whatever came of it, what may have run and does harm twice never moves", () => {
  fc.assert(fc.property(anOutcome, (outcome) => {
    if (mayHaveRun(outcome)) strictEqual(judgeMove(outcome, false, false), "stay");
  }));
});

Deno.test("Whatever an unsafe request may do, a safe one may, and a safe one may not do more in a handshake than a gateway allows", () => {
  fc.assert(fc.property(anOutcome, fc.boolean(), (outcome, handshake) => {
    if (judgeMove(outcome, handshake, false) === "move") {
      strictEqual(judgeMove(outcome, handshake, true), "move");
    }
    if (judgeMove(outcome, false, true) === "move") strictEqual(judgeMove(outcome, true, true), "move");
  }));
});

Deno.test("A server that has answered in MCP keeps the request, whatever its status", () => {
  for (const status of STATUSES) {
    for (const handshake of [false, true]) {
      strictEqual(judgeMove(refused(status, "REFUSED", true), handshake, true), "stay");
    }
  }
});
