import { strictEqual } from "node:assert/strict";
import { errorAnswer, resultAnswer } from "../../../src/jsonrpc/answers.ts";
import { LOST_SESSION, saysNothingElse, saysSessionUnknown } from "../../../src/link/http/session_unknown.ts";

/** What servers say, and whether it is said of nothing but the session. */
const SAY: [text: string, nothingElse: boolean][] = [
  ["Session not found", true],
  ["session not found", true],
  ["Session not found.", true],
  ["Error: Session not found", true],
  ["Invalid session ID", true],
  ["Invalid session", true],
  ["Unknown session", true],
  ["Session expired", true],
  ["The session has expired", true],
  ["Session terminated", true],
  ["No such session", true],
  ["Bad Request: No valid session ID provided", true],
  ["Bad Request: Server not initialized", true],
  ["Server not initialized", true],
  ["Session does not exist", true],
  ["Missing session ID", true],
  ["MCP error -32001: Session not found", true],
  ["Not Found: Invalid or expired session ID", false],
  ["Not Found: Session has been terminated", false],
  ['{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}', false],
  ['{"error":"invalid_session","message":"Session 5e1f2a3b-0000 not found"}', false],
  ["session_id unknown", true],
  ["mcp-session-id is invalid", false],
  ["Session is not initialized", false],
  ["Session ID missing", false],
];

/** What says something else, or something else too. */
const DO_NOT: string[] = [
  "",
  "Invalid params",
  "The session is fine. The tool was not found",
  "Tool not found",
  "Method not found",
  "Unauthorized",
  "Missing required parameter: name",
  "Server error",
  "This tool is not initialized",
  "The number of sessions is limited to 5",
];

for (const [text, nothingElse] of SAY) {
  Deno.test(`"${text}" says that the session is unknown${nothingElse ? ", and nothing else" : ""}`, () => {
    strictEqual(LOST_SESSION.test(text), true);
    strictEqual(saysNothingElse(text), nothingElse);
    strictEqual(saysNothingElse(`  ${text}\n`), nothingElse);
  });
}

for (const text of DO_NOT) {
  Deno.test(`"${text}" does not say that the session is unknown`, () => {
    strictEqual(LOST_SESSION.test(text), false);
    strictEqual(saysNothingElse(text), false);
  });
}

Deno.test("what a tool says of sessions of its own says nothing of ours", () => {
  for (
    const text of [
      "The database session expired while committing",
      "Login failed: session not found in store",
      "Invalid session token for user 7",
      "Session not found for customer 12, order was cancelled",
    ]
  ) strictEqual(saysNothingElse(text), false, text);
});

Deno.test("an error answer is about the session under the codes that SDKs use, and no others", () => {
  const says = (code: number, message: string) => saysSessionUnknown(errorAnswer("1", code, message));
  for (const code of [-32000, -32001]) strictEqual(says(code, "Session not found"), true);
  for (const code of [-32600, -32601, -32602, -32603, 0, 404]) {
    strictEqual(says(code, "Session not found"), false);
  }
  strictEqual(says(-32001, "Request timed out"), false);
  strictEqual(says(-32000, "Connection closed"), false);
  strictEqual(saysSessionUnknown(resultAnswer("1", { message: "Session not found" })), false);
});
