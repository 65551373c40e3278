import { errorAnswer } from "../jsonrpc/answers.ts";
import type { Id } from "../jsonrpc/id.ts";
import type { Message } from "../jsonrpc/message.ts";
import { type Failure, FailureCode } from "../link/failure.ts";
import type { Outcome } from "../link/peer.ts";
import { neutralise } from "../telemetry/neutralise.ts";

/**
 * Makes the error a client gets for a failure of ours: a code name that never changes, the endpoint and a hint. Its
 * message may quote the server, and hosts print it.
 */
export function failureAnswer(id: Id | null, why: Failure): Message {
  const data = { code: why.code, endpoint: why.endpoint, hint: why.hint, status: why.status };
  return errorAnswer(id, FailureCode[why.code], neutralise(why.message), data);
}

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
      return failureAnswer(id, outcome.failure);
    default:
      return outcome.answer ?? failureAnswer(id, outcome.failure);
  }
}
