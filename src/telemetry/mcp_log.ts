import { fieldsBeside, type LogRecord } from "./logger.ts";
import type { LogLevel } from "./log_level.ts";

const LEVELS = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warn: "warning",
  error: "error",
} as const satisfies Record<LogLevel, string>;

/** The MCP level under which a record of `level` is sent. */
export function toMcpLevel(level: LogLevel): (typeof LEVELS)[LogLevel] {
  return LEVELS[level];
}

/**
 * The text of the `notifications/message` that tells a client of a record. Its `data` has the message and the
 * fields, no timestamp and no colour (a field called `message` gets a `_` after its name).
 */
export function toLogNotification(record: LogRecord): string {
  return JSON.stringify({
    jsonrpc: "2.0",
    method: "notifications/message",
    params: {
      level: toMcpLevel(record.level),
      logger: "mcp-connect",
      data: { message: record.message, ...fieldsBeside(record, ["message"]) },
    },
  });
}
