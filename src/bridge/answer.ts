import type { Id } from "../jsonrpc/id.ts";
import type { Message } from "../jsonrpc/message.ts";
import { failureAnswer, type Ran } from "../link/failure_answer.ts";
import type { Outcome } from "../link/peer.ts";

/**
 * Decides what a client is told of an outcome: the server's own words where there are any, ours otherwise; nothing
 * after a cancel.
 */
export function answerFor(id: Id, outcome: Outcome): Message | undefined {
  switch (outcome.kind) {
    case "answered":
      return outcome.message;
    case "cancelled":
      return undefined;
    case "not_sent":
    case "lost":
      return failureAnswer(id, outcome.failure, ranFor(outcome));
    default:
      return outcome.answer ?? failureAnswer(id, outcome.failure, ranFor(outcome));
  }
}

/**
 * Tells whether a request with this outcome, which is no answer, was carried out. A refusal says that it was not, but
 * not one by a server or gateway in trouble (5xx), nor one of ours of what came back.
 */
export function ranFor(outcome: Exclude<Outcome, { kind: "answered" | "cancelled" }>): Ran {
  switch (outcome.kind) {
    case "lost":
      return "unknown";
    case "refused":
      if (outcome.failure.code === "TOOL_FILTERED") return "not_run";
      return outcome.status === undefined || outcome.status < 400 || outcome.status >= 500 ||
          outcome.status === 408
        ? "unknown"
        : "not_run";
    default:
      return "not_run";
  }
}
