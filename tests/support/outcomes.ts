/** Outcomes of all kinds, for tables and property tests. */
import fc from "fast-check";
import { errorAnswer, resultAnswer } from "../../src/jsonrpc/answers.ts";
import { failure, FailureCode, type FailureName } from "../../src/link/failure.ts";
import type { Outcome } from "../../src/link/peer.ts";

/** Statuses that a server may give in place of an answer. */
export const STATUSES = [
  301,
  400,
  401,
  403,
  404,
  405,
  406,
  408,
  409,
  410,
  415,
  422,
  429,
  500,
  501,
  502,
  503,
  504,
];

const codes = Object.keys(FailureCode) as FailureName[];
const status = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<(number | undefined)[]>(...STATUSES) },
  { weight: 1, arbitrary: fc.constant(undefined) },
);

function rejected<K extends string>(kind: K, code: FailureName) {
  return fc.record({ status, answered: fc.boolean() }).map(({ status, answered }) => ({
    kind,
    failure: failure(code, "E", "m", undefined, status),
    status,
    answer: answered ? errorAnswer("1", -32000, "theirs") : undefined,
  }));
}

/** Any outcome but `cancelled`; answers go to the request `1`. */
export const anOutcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constantFrom<Outcome[]>(
    { kind: "answered", message: resultAnswer("1", {}) },
    { kind: "answered", message: errorAnswer("1", -32603, "theirs") },
    { kind: "lost", failure: failure("CONNECTION_LOST", "E", "m"), lastEventId: undefined },
  ),
  fc.constantFrom(...codes).map((code): Outcome => ({ kind: "not_sent", failure: failure(code, "E", "m") })),
  rejected("refused", "REFUSED"),
  rejected("refused", "NOT_MCP"),
  rejected("session_unknown", "SESSION_LOST"),
  rejected("unauthorized", "UNAUTHORIZED").map((it) => ({ ...it, challenge: undefined })),
  fc.tuple(rejected("retry_later", "RETRY_LATER"), fc.option(fc.nat(3), { nil: undefined })).map(
    ([it, afterMs]) => ({ ...it, afterMs }),
  ),
);
