import { neutralise } from "../../telemetry/neutralise.ts";
import type { Logger } from "../../telemetry/logger.ts";

/** The most bytes of a line that are kept. */
const LINE_LIMIT = 4096;
const LINES_KEPT = 20;
const CHUNK = 16 * 1024;

/** What a child wrote to its stderr of late. */
export interface StderrTail {
  /** Settles when stderr has ended. Never rejects. */
  readonly done: Promise<void>;
  /** The line that tells most about why the child ended; cleaned for showing. */
  telling(): string | undefined;
  /** Stops reading. Never rejects. */
  cancel(): Promise<void>;
}

/** Reads a child's stderr: logs each line at level info with `label` before it, and keeps the last ones. */
export function readStderr(stream: ReadableStream<Uint8Array>, label: string, logger: Logger): StderrTail {
  const reader = stream.getReader({ mode: "byob" });
  const kept: string[] = [];
  const decoder = new TextDecoder();

  function take(bytes: Uint8Array, cut: boolean): void {
    const text = decoder.decode(bytes).trimEnd() + (cut ? "…" : "");
    if (text === "") return;
    if (kept.push(text) > LINES_KEPT) kept.shift();
    logger.info(`${label}: ${text}`);
  }

  async function pump(): Promise<void> {
    const splitter = createLineSplitter(take, LINE_LIMIT);
    let buffer = new ArrayBuffer(CHUNK);
    for (;;) {
      const { value, done } = await reader.read(new Uint8Array(buffer));
      if (value !== undefined) splitter.push(value);
      if (done) return splitter.end();
      buffer = value.buffer;
    }
  }

  return {
    done: pump().catch(() => {}),
    telling() {
      const line = tellingLine(kept);
      if (line === undefined) return undefined;
      // Redacted before it is cut: a cut through a secret would leave a part of it.
      const clean = neutralise(logger.redact(line.trim()));
      return clean.length > 300 ? `${clean.slice(0, 299)}…` : clean;
    },
    cancel: () => reader.cancel().catch(() => {}),
  };
}

/**
 * Splits bytes into lines and hands each on without its line end; of a longer line only the first `limit`
 * bytes, and `cut` is true. The bytes are good until the call returns.
 */
export function createLineSplitter(
  onLine: (line: Uint8Array, cut: boolean) => void,
  limit: number,
): { push(bytes: Uint8Array): void; end(): void } {
  const line = new Uint8Array(limit);
  let length = 0;
  let cut = false;

  function append(bytes: Uint8Array): void {
    const room = limit - length;
    if (bytes.length > room) cut = true;
    line.set(bytes.subarray(0, room), length);
    length = Math.min(limit, length + bytes.length);
  }

  function flush(): void {
    onLine(line.subarray(0, length), cut);
    length = 0;
    cut = false;
  }

  return {
    push(bytes) {
      let from = 0;
      for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, from)) {
        append(bytes.subarray(from, at));
        flush();
        from = at + 1;
      }
      append(bytes.subarray(from));
    },
    end() {
      if (length > 0) flush();
    },
  };
}

const TROUBLE =
  /error|exception|panic|fatal|fail|cannot|can't|could not|unable|not found|no such|denied|invalid|missing|required|usage:/i;
const NOISE = /^\s+at |^\s*[\])}{([,;]*\s*$|^Node\.js v\d|^\s*\^+\s*$/;

/**
 * The line of a program's last words that names the trouble: the last one that speaks of an error and is no
 * line of a stack trace, else the last one that is not mere frame.
 */
export function tellingLine(lines: readonly string[]): string | undefined {
  const words = lines.filter((line) => !NOISE.test(line) && line.trim() !== "");
  return words.findLast((line) => TROUBLE.test(line) && !/^\s/.test(line)) ??
    words.findLast((line) => TROUBLE.test(line)) ?? words.at(-1) ?? lines.at(-1);
}
