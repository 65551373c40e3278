import { fieldsBeside, type LogRecord } from "./logger.ts";
import type { LogLevel } from "./log_level.ts";

/** The levels of MCP log notifications (those of RFC 5424) in rising order. */
export const MCP_LOG_LEVELS = [
  "debug",
  "info",
  "notice",
  "warning",
  "error",
  "critical",
  "alert",
  "emergency",
] as const;

/** A level of MCP log notifications. */
export type McpLogLevel = (typeof MCP_LOG_LEVELS)[number];

const LEVELS: Record<LogLevel, McpLogLevel> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warn: "warning",
  error: "error",
};

/** The MCP level under which a record of `level` is sent. */
export function toMcpLevel(level: LogLevel): McpLogLevel {
  return LEVELS[level];
}

/** Whether `level` is at least as serious as `minimum`; false where either is no level of MCP. */
export function mcpLevelAtLeast(level: string, minimum: string): boolean {
  const levels: readonly string[] = MCP_LOG_LEVELS;
  const [own, least] = [levels.indexOf(level), levels.indexOf(minimum)];
  return own >= 0 && least >= 0 && own >= least;
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
