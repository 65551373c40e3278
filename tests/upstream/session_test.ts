import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { afterAnswer, afterMessage, NO_SESSION, serverLogs } from "../../src/upstream/session.ts";
import { errorAnswer, notification, request, resultAnswer } from "../../src/jsonrpc/answers.ts";

const INITIALIZE = request("0", "initialize", { protocolVersion: "2025-11-25" });
const WELCOME = resultAnswer("0", {
  protocolVersion: "2025-06-18",
  capabilities: { logging: {}, tools: {} },
});
const SET_LEVEL = request("1", "logging/setLevel", { level: "error" });

Deno.test("a session learns the revision and capabilities the client was shown", () => {
  const asked = afterMessage(NO_SESSION, INITIALIZE);
  deepStrictEqual(asked, { ...NO_SESSION, initialize: INITIALIZE });
  const open = afterAnswer(asked, INITIALIZE, WELCOME);
  deepStrictEqual([open.revision, open.capabilities], ["2025-06-18", { logging: {}, tools: {} }]);
  deepStrictEqual([open.initialized, serverLogs(open)], [false, true]);
  strictEqual(afterMessage(open, notification("notifications/initialized")).initialized, true);
});

Deno.test("a session keeps the log level the server has agreed to", () => {
  strictEqual(afterAnswer(NO_SESSION, SET_LEVEL, resultAnswer("1", {})).logLevel, "error");
  strictEqual(afterAnswer(NO_SESSION, SET_LEVEL, errorAnswer("1", -32601, "no")).logLevel, undefined);
  strictEqual(
    afterAnswer(NO_SESSION, request("1", "logging/setLevel"), resultAnswer("1", {})).logLevel,
    undefined,
  );
});

Deno.test("a session starts anew with a second initialize", () => {
  const open = afterAnswer(afterMessage(NO_SESSION, INITIALIZE), INITIALIZE, WELCOME);
  const again = request("9", "initialize");
  deepStrictEqual(afterMessage({ ...open, initialized: true, logLevel: "info" }, again), {
    ...NO_SESSION,
    initialize: again,
  });
});

Deno.test("a session stays as it is with a refused initialize and all other messages", () => {
  const asked = afterMessage(NO_SESSION, INITIALIZE);
  strictEqual(afterAnswer(asked, INITIALIZE, errorAnswer("0", -32602, "no")), asked);
  strictEqual(afterMessage(asked, request("1", "tools/list")), asked);
  strictEqual(afterAnswer(asked, request("1", "tools/list"), resultAnswer("1", {})), asked);
});

Deno.test("a session takes a welcome of any shape", () => {
  for (const result of [null, 1, [], {}, { protocolVersion: 1, capabilities: [] }]) {
    const open = afterAnswer(NO_SESSION, INITIALIZE, resultAnswer("0", result));
    deepStrictEqual([open.revision, open.capabilities, serverLogs(open)], [undefined, {}, false]);
  }
});
