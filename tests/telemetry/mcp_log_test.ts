import assert from "node:assert/strict";
import { toLogNotification } from "../../src/telemetry/mcp_log.ts";
import { createLogger, type LogLevel } from "../../src/telemetry/logger.ts";

Deno.test("a record becomes a notifications/message with message and fields, no time, no colour", () => {
  const texts: string[] = [];
  const logger = createLogger({ level: "trace", format: "text", color: true, write: () => {} });
  logger.tap((record) => texts.push(toLogNotification(record)));
  logger.warn("retrying", { attempt: 2, message: "own", token: "t" });
  assert.deepEqual(JSON.parse(texts[0]!), {
    jsonrpc: "2.0",
    method: "notifications/message",
    params: {
      level: "warning",
      logger: "mcp-connect",
      data: { message: "retrying", attempt: 2, message_: "own", token: "[redacted]" },
    },
  });
  assert.ok(!texts[0]!.includes("\n") && !texts[0]!.includes("\x1b"));
});

Deno.test("levels of the log become levels of MCP", () => {
  const table: [LogLevel, string][] = [
    ["trace", "debug"],
    ["debug", "debug"],
    ["info", "info"],
    ["warn", "warning"],
    ["error", "error"],
  ];
  for (const [level, expected] of table) {
    const text = toLogNotification({ level, message: "m", time: new Date(0) });
    assert.equal(JSON.parse(text).params.level, expected);
  }
});
