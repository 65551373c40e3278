import { errorAnswer } from "../jsonrpc/answers.ts";
import type { Id } from "../jsonrpc/id.ts";
import type { Message } from "../jsonrpc/message.ts";
import { neutralise } from "../telemetry/neutralise.ts";
import { type Failure, FailureCode } from "./failure.ts";
import type { Ran } from "./ran.ts";

/**
 * Makes the error a client gets for a failure of ours: a code name that never changes, the endpoint and a hint. Its
 * message may quote the server, and hosts print it.
 *
 * @param outcome whether the request was carried out, where that is the question
 */
export function failureAnswer(id: Id | null, why: Failure, outcome?: Ran): Message {
  const data = {
    code: why.code,
    endpoint: why.endpoint,
    hint: why.hint,
    status: why.status,
    url: why.url,
    outcome,
  };
  return errorAnswer(id, FailureCode[why.code], neutralise(why.message), data);
}
