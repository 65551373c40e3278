import type { Timed } from "../deadlines.ts";
import { type Failure, failure } from "../failure.ts";

/** A POST that the server must take in time. */
export interface Limited extends Timed {
  readonly abort: AbortController;
}

/** The failure of a notification, or of an answer to the server, that the server has not taken in time. */
export function notTaken(endpoint: string, timeoutMs: number): Failure {
  return failure(
    "REQUEST_TIMEOUT",
    endpoint,
    `the server has not taken the message within ${timeoutMs / 1000} s`,
    "is the server overloaded? Raise --timeout if it needs longer",
  );
}
