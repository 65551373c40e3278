/** How serious a log record is, from the least to the most. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

/** The log levels in rising order, for option parsers and help texts. */
export const LOG_LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error"];
