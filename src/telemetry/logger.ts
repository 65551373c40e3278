import { LOG_LEVELS, type LogLevel } from "./log_level.ts";
import { cleanFields, cleanText } from "./redact.ts";
import { redactText } from "./redact_text.ts";
import { lineWriter } from "./line_writer.ts";
import { compileSecrets, SECRET_MIN_LENGTH, type Secrets } from "./secrets.ts";

export type { LogLevel } from "./log_level.ts";

/** One record of the log, redacted and neutralised: it may be shown to anyone. */
export interface LogRecord {
  /** How serious it is. */
  level: LogLevel;
  /** What happened, in one line. */
  message: string;
  /** What belongs to it: plain JSON data. */
  fields?: Record<string, unknown>;
  /** When it happened. */
  time: Date;
}

/** Writes records to stderr and to whoever taps it. No method ever throws. */
export interface Logger {
  /** Whether a record of this level goes anywhere; ask before building costly fields. */
  enabled(level: LogLevel): boolean;
  /** Logs each message's way, and what only a developer of the program needs. */
  trace(message: string, fields?: Record<string, unknown>): void;
  /** Logs what explains a behaviour. */
  debug(message: string, fields?: Record<string, unknown>): void;
  /** Logs what is worth knowing when all is well. */
  info(message: string, fields?: Record<string, unknown>): void;
  /** Logs what went wrong and was coped with. */
  warn(message: string, fields?: Record<string, unknown>): void;
  /** Logs what went wrong and was not. */
  error(message: string, fields?: Record<string, unknown>): void;
  /**
   * Adds a value that must appear in no record (a token, a session id), in no spelling. Values of fewer than
   * 6 characters are ignored; the latest 1000 are kept.
   *
   * @returns what takes the value back, for one that is used no more; it does nothing when another had added it before
   */
  secret(value: string): () => void;
  /** Replaces secrets, the added and the secret-looking ones, in text that goes elsewhere. */
  redact(text: string): string;
  /** Adds a sink beside stderr; returns what removes it. What a sink logs itself reaches no sink. */
  tap(sink: (record: LogRecord) => void): () => void;
  /** Resolves when what was logged has been written, or nobody reads it. Await it before the program ends. */
  flush(): Promise<void>;
}

/** Options of {@linkcode createLogger}. */
export interface LoggerOptions {
  /** The least serious level that is logged. */
  level: LogLevel;
  /** Lines for people, or one JSON object a line. */
  format: "text" | "json";
  /**
   * Takes each line, newline included.
   * @default writes to stderr, without ever waiting for whoever reads it
   */
  write?: (line: string) => void;
  /**
   * Whether text lines have colours.
   * @default stderr is a terminal and `NO_COLOR` is not set
   */
  color?: boolean;
  /**
   * Whether text lines begin with the time: of day where they have colours, else in full (ISO 8601, UTC).
   * @default true
   */
  timestamps?: boolean;
}

const SECRETS_KEPT = 1000;

/** Creates a logger; see docs/logging.md for its formats. */
export function createLogger(options: LoggerOptions): Logger {
  const least = LOG_LEVELS.indexOf(options.level);
  const stderr = options.write === undefined ? lineWriter((bytes) => Deno.stderr.write(bytes)) : undefined;
  const write = options.write ?? stderr!.write;
  const color = options.color ?? (!Deno.noColor && isTerminal());
  const format = options.format === "json"
    ? formatJson
    : (record: LogRecord) => formatText(record, color, options.timestamps ?? true);
  const values = new Set<string>();
  const sinks = new Set<(record: LogRecord) => void>();
  let compiled: Secrets | undefined;
  let stale = false;
  let tapping = false;

  function secrets(): Secrets | undefined {
    if (stale) {
      compiled = compileSecrets(values);
      stale = false;
    }
    return compiled;
  }

  function log(level: LogLevel, message: string, fields?: Record<string, unknown>): void {
    if (LOG_LEVELS.indexOf(level) < least) return;
    try {
      const record: LogRecord = { level, message: cleanText(message, secrets()), time: new Date() };
      if (fields !== undefined) record.fields = cleanFields(fields, secrets());
      attempt(() => write(format(record)));
      if (tapping || sinks.size === 0) return;
      tapping = true;
      for (const sink of [...sinks]) attempt(() => sink(record));
      tapping = false;
    } catch {
      // A record that can't be made is no reason to fail what it tells about.
    }
  }

  return {
    enabled: (level) => LOG_LEVELS.indexOf(level) >= least,
    trace: (message, fields) => log("trace", message, fields),
    debug: (message, fields) => log("debug", message, fields),
    info: (message, fields) => log("info", message, fields),
    warn: (message, fields) => log("warn", message, fields),
    error: (message, fields) => log("error", message, fields),
    secret(value) {
      if (value.trim().length < SECRET_MIN_LENGTH || values.has(value)) return () => {};
      values.add(value);
      if (values.size > SECRETS_KEPT) values.delete(values.values().next().value!);
      stale = true;
      return () => {
        if (values.delete(value)) stale = true;
      };
    },
    redact: (text) => redactText(text, secrets()),
    tap(sink) {
      sinks.add(sink);
      return () => {
        sinks.delete(sink);
      };
    },
    flush: () => stderr?.flush() ?? Promise.resolve(),
  };
}

/** One JSON object: `time`, `level`, `message`, then the fields (one of those three names gets a `_` after it). */
export function formatJson(record: LogRecord): string {
  const { time, level, message } = record;
  return JSON.stringify({ time: time.toISOString(), level, message, ...fieldsBeside(record, RESERVED) }) +
    "\n";
}

const RESERVED = ["time", "level", "message"];

/** The fields of a record, renamed where they would hide one of `names`. */
export function fieldsBeside(record: LogRecord, names: readonly string[]): Record<string, unknown> {
  if (record.fields === undefined) return {};
  return Object.fromEntries(
    Object.entries(record.fields).map(([name, value]) => [names.includes(name) ? `${name}_` : name, value]),
  );
}

const COLORS: Record<LogLevel, string> = { trace: "90", debug: "36", info: "32", warn: "33", error: "31" };

/** A line for people: `12:30:05.120 WARN  message key=value`. */
export function formatText(record: LogRecord, color: boolean, timestamp: boolean): string {
  const { level, message, time, fields } = record;
  const label = level.toUpperCase().padEnd(5);
  let line = color ? `\x1b[${COLORS[level]}m${label}\x1b[0m ${message}` : `${label} ${message}`;
  for (const [name, value] of Object.entries(fields ?? {})) {
    if (value === undefined) continue;
    const text = typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
    line += color ? ` \x1b[2m${name}=\x1b[0m${text}` : ` ${name}=${text}`;
  }
  if (!timestamp) return `${line}\n`;
  return `${color ? `\x1b[2m${timeOfDay(time)}\x1b[0m` : time.toISOString()} ${line}\n`;
}

function timeOfDay(time: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.` +
    String(time.getMilliseconds()).padStart(3, "0");
}

function attempt(step: () => void): void {
  try {
    step();
  } catch {
    // Nobody is left to tell: stderr is closed, or a sink failed.
  }
}

function isTerminal(): boolean {
  try {
    return Deno.stderr.isTerminal();
  } catch {
    return false;
  }
}
