import type { Id } from "../jsonrpc/id.ts";
import type { Message } from "../jsonrpc/message.ts";
import { failureAnswer } from "../link/failure_answer.ts";
import type { Outcome } from "../link/peer.ts";
import { ranFor } from "../link/ran.ts";

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
