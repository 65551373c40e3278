import { createLogger, type Logger, type LogRecord } from "../../src/telemetry/logger.ts";

/** A logger that writes nowhere, and what it was told. */
export interface CollectedLog {
  readonly logger: Logger;
  readonly records: readonly LogRecord[];
  /** The messages of one level. */
  messages(level: LogRecord["level"]): string[];
}

/** Makes a {@linkcode CollectedLog}. */
export function collectedLog(): CollectedLog {
  const records: LogRecord[] = [];
  const logger = createLogger({ level: "trace", format: "json", write: () => {} });
  logger.tap((record) => records.push(record));
  return {
    logger,
    records,
    messages: (level) => records.filter((it) => it.level === level).map((it) => it.message),
  };
}
