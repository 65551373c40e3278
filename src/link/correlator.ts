import { withId } from "../jsonrpc/edit.ts";
import { type Id, idKey, idsMeet } from "../jsonrpc/id.ts";
import type { Message } from "../jsonrpc/message.ts";
import { readInitializeResult } from "../mcp/revision.ts";
import type { OpenExchange } from "./exchange.ts";
import type { Outcome } from "./peer.ts";
import { type Failure, failure } from "./failure.ts";
import { failureAnswer } from "./failure_answer.ts";

/** A request on its way. */
interface Waiting {
  readonly message: Message;
  readonly exchange: Pick<OpenExchange, "settle">;
}

/** Finds the request that an answer belongs to. */
export interface Correlator {
  /** How many requests wait. */
  readonly size: number;
  /** The revision the last `initialize` was answered with; `undefined` before. */
  readonly revision: string | undefined;
  add(message: Message, exchange: Pick<OpenExchange, "settle">): void;
  /**
   * Forgets a request; tells whether it was waiting.
   *
   * @param exchange the one it was added with, where the same message may have been sent again since
   */
  drop(message: Message, exchange?: Pick<OpenExchange, "settle">): boolean;
  /** Settles the request that `answer` belongs to, and tells whether there was one. */
  answer(answer: Message): boolean;
  /** Settles the request with this id, if it waits, in another way than by an answer. */
  settle(id: Id, outcome: Outcome): boolean;
  /** Settles all requests. */
  end(outcome: Outcome): void;
}

/** Makes a {@linkcode Correlator}. */
export function createCorrelator(): Correlator {
  const waiting = new Map<string, Waiting>();
  let revision: string | undefined;

  function find(id: Id): string | undefined {
    const key = idKey(id);
    if (waiting.has(key)) return key;
    if (id === "null") return waiting.size === 1 ? waiting.keys().next().value : undefined;
    // The peer may have read a large number as a double.
    for (const [other, { message }] of waiting) {
      if (idsMeet(message.id!, id)) return other;
    }
    return undefined;
  }

  function take(id: Id): Waiting | undefined {
    const key = find(id);
    const found = key === undefined ? undefined : waiting.get(key);
    if (key !== undefined) waiting.delete(key);
    return found;
  }

  return {
    get size() {
      return waiting.size;
    },
    get revision() {
      return revision;
    },
    add(message, exchange) {
      if (message.method === "initialize") revision = undefined;
      waiting.set(idKey(message.id!), { message, exchange });
    },
    drop(message, exchange) {
      const key = idKey(message.id!);
      const found = waiting.get(key);
      // Its id may be a later request's by now.
      if (found?.message !== message || (exchange !== undefined && found.exchange !== exchange)) return false;
      return waiting.delete(key);
    },
    answer(answer) {
      const found = take(answer.id!);
      if (found?.message.method === "initialize") revision = readInitializeResult(answer)?.protocolVersion;
      found?.exchange.settle({ kind: "answered", message: withId(answer, found.message.id!) });
      return found !== undefined;
    },
    settle(id, outcome) {
      const found = take(id);
      found?.exchange.settle(withAnswerId(outcome, found.message.id!));
      return found !== undefined;
    },
    end(outcome) {
      const those = [...waiting.values()];
      waiting.clear();
      for (const { exchange } of those) exchange.settle(outcome);
    },
  };
}

/** The outcome, what it answers with carrying the id as the request spells it. */
function withAnswerId(outcome: Outcome, id: Id): Outcome {
  if (!("answer" in outcome) || outcome.answer === undefined) return outcome;
  return { ...outcome, answer: withId(outcome.answer, id) };
}

/** The outcome of a request whose answer can't be used, or that never had one. */
export function refusedOutcome(why: Failure): Outcome {
  return { kind: "refused", failure: why, status: why.status, answer: undefined };
}

/** The failure of an answer over the size limit. */
export function tooLarge(endpoint: string, limit: number): Failure {
  return failure(
    "TOO_LARGE",
    endpoint,
    `the server sent a message larger than ${limit} bytes`,
    "raise --max-message-size if it is meant to be that large",
  );
}

/** The outcome of a request that was answered in a batch, under a revision that has none. */
export function batchRefused(endpoint: string, id: Id, revision: string | undefined): Outcome {
  const message = `Invalid Request: the server answered with a batch, which revision ${
    revision ?? "(not negotiated)"
  } does not allow`;
  const hint = "the server breaks the protocol here: batches belong to revision 2025-03-26";
  const why = failure("INVALID_REQUEST", endpoint, message, hint);
  return { kind: "refused", status: undefined, failure: why, answer: failureAnswer(id, why) };
}
