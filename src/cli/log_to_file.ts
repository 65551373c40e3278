import { ConfigError } from "../config/config_error.ts";
import type { LogFileSettings } from "../config/settings.ts";
import { lockFileName, logFile, logFileNames } from "../telemetry/log_file.ts";
import { formatJson, formatText, type Logger, type LogRecord } from "../telemetry/logger.ts";

/**
 * Lets a logger write to a file too: what goes to stderr, without colours and with complete times.
 *
 * @returns the logger, whose `flush` waits for the file as well
 * @throws {ConfigError} when Deno does not permit what that takes; it never prompts
 */
export function withLogFile(logger: Logger, settings: LogFileSettings, format: "text" | "json"): Logger {
  requirePermissions(settings);
  const line = (record: LogRecord) =>
    format === "json" ? formatJson(record) : formatText(record, false, true);
  const file = logFile({
    ...settings,
    failed: (error) =>
      logger.warn("the log file can't be written; going on without it", { file: settings.path, error }),
    missing: (count) =>
      line({
        level: "warn",
        message: `${count} lines are missing here: they could not be written`,
        time: new Date(),
      }),
  });
  logger.tap((record) => file.write(line(record)));
  return {
    ...logger,
    async flush() {
      // What the file could not take is told on stderr.
      await Promise.all([logger.flush(), file.flush().then(() => logger.flush())]);
    },
  };
}

function requirePermissions(settings: LogFileSettings): void {
  const names = logFileNames(settings);
  const write = [...names, lockFileName(settings.path)];
  // Renaming takes both.
  const read = names.slice(0, -1);
  const lacks = (name: "read" | "write", paths: readonly string[]) =>
    paths.some((path) => Deno.permissions.querySync({ name, path }).state !== "granted");
  if (!lacks("write", write) && !lacks("read", read)) return;
  const flags = [
    `--allow-write=${write.join(",")}`,
    ...(read.length > 0 ? [`--allow-read=${read.join(",")}`] : []),
  ];
  throw new ConfigError(
    `--log-file ${settings.path} needs to write and rename its files: run Deno with ${flags.join(" ")}`,
    { code: "permission" },
  );
}
