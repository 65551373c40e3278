import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { errorAnswer } from "../../../src/jsonrpc/answers.ts";
import type { FailureName } from "../../../src/link/failure.ts";
import { classifyRejection, type Rejection } from "../../../src/link/http/classify.ts";
import type { Outcome } from "../../../src/link/peer.ts";

const NOW = Date.UTC(2026, 0, 1);

const PLAIN: Rejection = {
  endpoint: "https://example.com/mcp",
  status: 500,
  challenge: null,
  retryAfter: null,
  answer: undefined,
  body: "",
  inSession: false,
  withCredentials: false,
  now: NOW,
};

const TABLE: [what: string, rejection: Partial<Rejection>, kind: Outcome["kind"], code: FailureName][] = [
  ["401", { status: 401 }, "unauthorized", "UNAUTHORIZED"],
  [
    "401 in a session",
    { status: 401, inSession: true, body: "session not found" },
    "unauthorized",
    "UNAUTHORIZED",
  ],
  [
    "401 in a session, in the Rust SDK's words for a session it does not know",
    { status: 401, inSession: true, body: "Unauthorized: Session not found" },
    "session_unknown",
    "SESSION_LOST",
  ],
  [
    "401 with a challenge, whatever it says",
    { status: 401, inSession: true, challenge: "Bearer", body: "Unauthorized: Session not found" },
    "unauthorized",
    "UNAUTHORIZED",
  ],
  [
    "401 outside, whatever it says",
    { status: 401, body: "Unauthorized: Session not found" },
    "unauthorized",
    "UNAUTHORIZED",
  ],
  [
    "401 in a session, about a session that has expired",
    { status: 401, inSession: true, body: "Unauthorized: Session expired" },
    "unauthorized",
    "UNAUTHORIZED",
  ],
  ["403 with a challenge", { status: 403, challenge: "Bearer" }, "unauthorized", "UNAUTHORIZED"],
  ["403 without one", { status: 403 }, "refused", "REFUSED"],
  ["404 in a session", { status: 404, inSession: true }, "session_unknown", "SESSION_LOST"],
  ["404 outside", { status: 404, body: "Session not found" }, "refused", "REFUSED"],
  [
    "400 in a session, about the session",
    { status: 400, inSession: true, body: "Session not found" },
    "session_unknown",
    "SESSION_LOST",
  ],
  [
    "400 in a session, about a missing id",
    { status: 400, inSession: true, body: "Bad Request: No valid session ID provided" },
    "session_unknown",
    "SESSION_LOST",
  ],
  [
    "400 in a session, about an unknown id",
    { status: 400, inSession: true, body: '{"error":{"message":"Unknown session"}}' },
    "session_unknown",
    "SESSION_LOST",
  ],
  [
    "400 in a session, about something else",
    { status: 400, inSession: true, body: "Invalid params" },
    "refused",
    "REFUSED",
  ],
  [
    "400 in a session, with a session in passing",
    { status: 400, inSession: true, body: "The session is fine. The tool was not found" },
    "refused",
    "REFUSED",
  ],
  ["400 outside, about the session", { status: 400, body: "Session not found" }, "refused", "REFUSED"],
  [
    "410 in a session, about the session",
    { status: 410, inSession: true, body: "session expired" },
    "session_unknown",
    "SESSION_LOST",
  ],
  ["410 in a session, about nothing", { status: 410, inSession: true }, "refused", "REFUSED"],
  ["429", { status: 429 }, "retry_later", "RETRY_LATER"],
  ["429 with a time", { status: 429, retryAfter: "2" }, "retry_later", "RETRY_LATER"],
  ["503 with a time", { status: 503, retryAfter: "0" }, "retry_later", "RETRY_LATER"],
  ["503 without one", { status: 503 }, "refused", "REFUSED"],
  ["405", { status: 405 }, "refused", "REFUSED"],
  ["500", { status: 500, body: "session not found" }, "refused", "REFUSED"],
  [
    "500 in a session, about the session",
    { status: 500, inSession: true, body: "session not found" },
    "session_unknown",
    "SESSION_LOST",
  ],
  [
    "500 in a session, about a session of the tool's",
    { status: 500, inSession: true, body: "The database session expired while committing" },
    "refused",
    "REFUSED",
  ],
  ["304", { status: 304 }, "refused", "REFUSED"],
];

for (const [what, rejection, kind, code] of TABLE) {
  Deno.test(`classifyRejection takes ${what} for ${kind}`, () => {
    const outcome = classifyRejection({ ...PLAIN, ...rejection });
    strictEqual(outcome.kind, kind);
    ok("failure" in outcome);
    deepStrictEqual([outcome.failure.code, outcome.failure.endpoint], [code, PLAIN.endpoint]);
    strictEqual(outcome.failure.status, rejection.status);
  });
}

Deno.test("classifyRejection hands on the challenge, the time and the server's own error", () => {
  const answer = errorAnswer("7", -32000, "no");
  const unauthorized = classifyRejection({ ...PLAIN, status: 401, challenge: 'Bearer realm="x"', answer });
  ok(unauthorized.kind === "unauthorized");
  deepStrictEqual([unauthorized.challenge, unauthorized.answer, unauthorized.status], [
    'Bearer realm="x"',
    answer,
    401,
  ]);
  const later = classifyRejection({ ...PLAIN, status: 429, retryAfter: "3", answer });
  ok(later.kind === "retry_later");
  deepStrictEqual([later.afterMs, later.answer, later.status], [3000, answer, 429]);
});

Deno.test("classifyRejection says what to do about credentials, depending on whether there were any", () => {
  const hint = (withCredentials: boolean) => {
    const outcome = classifyRejection({ ...PLAIN, status: 401, withCredentials });
    return "failure" in outcome ? outcome.failure.hint ?? "" : "";
  };
  match(hint(false), /--auth-token/);
  match(hint(true), /expired/);
});

Deno.test("classifyRejection repeats a short text of the server's, and no web page", () => {
  const said = (body: string) => {
    const outcome = classifyRejection({ ...PLAIN, status: 400, body });
    return "failure" in outcome ? outcome.failure : undefined;
  };
  match(said("  bad\n thing ")!.message, /HTTP 400: bad thing\)/);
  ok(said("x".repeat(5000))!.message.length < 400);
  const page = said("\n<!DOCTYPE html><html>secret</html>")!;
  ok(!page.message.includes("secret"));
  match(page.hint ?? "", /MCP endpoint/);
});

Deno.test("classifyRejection never throws and always says something, whatever the server sends", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.array(
      fc.constantFrom("session", " id", " not found", "unknown ", ".", " ", "<html>", "expired", "\n"),
      { maxLength: 8 },
    )
      .map((words) => words.join("")),
  );
  const header = fc.oneof(fc.constant(null), text, fc.nat().map(String));
  const rejection = fc.record({
    endpoint: fc.constant(PLAIN.endpoint),
    status: fc.oneof(fc.integer({ min: 300, max: 599 }), fc.constantFrom(400, 401, 403, 404, 410, 429, 503)),
    challenge: header,
    retryAfter: header,
    answer: fc.constant(undefined),
    body: text,
    inSession: fc.boolean(),
    withCredentials: fc.boolean(),
    now: fc.constant(NOW),
  });
  fc.assert(
    fc.property(rejection, (it) => {
      const outcome = classifyRejection(it);
      ok(["unauthorized", "session_unknown", "retry_later", "refused"].includes(outcome.kind), outcome.kind);
      ok("failure" in outcome && "status" in outcome);
      strictEqual(outcome.status, it.status);
      ok(outcome.failure.message.length > 0 && outcome.failure.message.length < 400);
      if (!it.inSession) ok(outcome.kind !== "session_unknown");
      if (outcome.kind === "retry_later" && outcome.afterMs !== undefined) ok(outcome.afterMs >= 0);
    }),
    { numRuns: 1000 },
  );
});
