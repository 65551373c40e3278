/** The levels of log notifications (those of RFC 5424) in rising order. */
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

/** Whether `level` is at least as serious as `minimum`; false where either is no level of MCP. */
export function mcpLevelAtLeast(level: string, minimum: string): boolean {
  const levels: readonly string[] = MCP_LOG_LEVELS;
  const [own, least] = [levels.indexOf(level), levels.indexOf(minimum)];
  return own >= 0 && least >= 0 && own >= least;
}
