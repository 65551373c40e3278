import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { answerFor } from "../../src/bridge/answer.ts";
import { errorAnswer, resultAnswer } from "../../src/jsonrpc/answers.ts";
import { failureAnswer } from "../../src/link/failure_answer.ts";
import { failure, FailureCode, type FailureName } from "../../src/link/failure.ts";
import type { Outcome } from "../../src/link/peer.ts";

const WHY = failure("REFUSED", "https://example.com/mcp", "the server refused", "look at its log", 500);
const THEIRS = errorAnswer("7", -32000, "their words");

Deno.test("failureAnswer says what, where, how to mend it and which status, under a code of its own", () => {
  const answer = failureAnswer("9007199254740993", WHY);
  strictEqual(answer.id, "9007199254740993");
  deepStrictEqual(answer.parsed("error"), {
    code: FailureCode.REFUSED,
    message: "the server refused",
    data: { code: "REFUSED", endpoint: "https://example.com/mcp", hint: "look at its log", status: 500 },
  });
});

Deno.test("failureAnswer leaves out what there is not, and answers nobody in particular with null", () => {
  const answer = failureAnswer(null, failure("SHUTTING_DOWN", "E", "ending", "wait"));
  strictEqual(answer.id, "null");
  deepStrictEqual(answer.parsed("error"), {
    code: FailureCode.SHUTTING_DOWN,
    message: "ending",
    data: { code: "SHUTTING_DOWN", endpoint: "E", hint: "wait" },
  });
});

Deno.test("the codes of our failures are different, and JSON-RPC's own or outside of what it reserves", () => {
  const codes = Object.values(FailureCode);
  strictEqual(new Set(codes).size, codes.length);
  const jsonRpc: readonly number[] = [-32700, -32600, -32601, -32602];
  for (const code of codes) {
    ok(
      jsonRpc.includes(code) || (Number.isSafeInteger(code) && (code < -32768 || code > -32000)),
      String(code),
    );
  }
  for (const name of Object.keys(FailureCode) as FailureName[]) {
    strictEqual(
      (failureAnswer("1", failure(name, "E", "m")).parsed("error") as { code: number }).code,
      FailureCode[name],
    );
  }
});

const rejected = { failure: WHY, status: 500, answer: undefined };

const TABLE: [what: string, outcome: Outcome, text: string | undefined][] = [
  [
    "the server's answer",
    { kind: "answered", message: resultAnswer("7", { n: 1 }) },
    resultAnswer("7", { n: 1 }).text,
  ],
  ["nothing after a cancel", { kind: "cancelled" }, undefined],
  [
    "our error when it was not sent",
    { kind: "not_sent", failure: WHY },
    failureAnswer("7", WHY, "not_run").text,
  ],
  [
    "our error when it was lost",
    { kind: "lost", failure: WHY, lastEventId: "1" },
    failureAnswer("7", WHY, "unknown").text,
  ],
  ["the server's error in a refusal", { ...rejected, kind: "refused", answer: THEIRS }, THEIRS.text],
  [
    "our error in a server's failure without one",
    { ...rejected, kind: "refused" },
    failureAnswer("7", WHY, "unknown").text,
  ],
  [
    "our error in a refusal without one",
    { ...rejected, status: 403, kind: "refused" },
    failureAnswer("7", WHY, "not_run").text,
  ],
  ["the server's error when it wants credentials", {
    ...rejected,
    kind: "unauthorized",
    challenge: undefined,
    answer: THEIRS,
  }, THEIRS.text],
  [
    "our error when it wants credentials",
    { ...rejected, kind: "unauthorized", challenge: "Bearer" },
    failureAnswer("7", WHY, "not_run").text,
  ],
  [
    "our error when the session is lost",
    { ...rejected, kind: "session_unknown" },
    failureAnswer("7", WHY, "not_run").text,
  ],
  [
    "our error when it wants to be left alone",
    { ...rejected, kind: "retry_later", afterMs: 1 },
    failureAnswer("7", WHY, "not_run").text,
  ],
];

for (const [what, outcome, text] of TABLE) {
  Deno.test(`the client is told ${what}`, () => strictEqual(answerFor("7", outcome)?.text, text));
}
