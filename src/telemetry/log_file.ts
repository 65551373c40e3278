import { chunksFor } from "./log_chunks.ts";

/** What a {@linkcode logFile} needs. */
export interface LogFileOptions {
  /** The file that is written; older ones are called `PATH.1`, `PATH.2` and so on. */
  readonly path: string;
  /** The most bytes of one file. */
  readonly maxSize: number;
  /** How many files are kept, the one that is written included. */
  readonly count: number;
  /** Told, once, that lines can't be written. */
  readonly failed: (error: unknown) => void;
  /** The line that stands for this many that could not be written. */
  readonly missing: (count: number) => string;
}

/** A file that log lines are appended to. */
export interface LogFile {
  /** Queues a line, which brings its own line break. Never throws and never waits. */
  write(line: string): void;
  /** Resolves when everything queued has been written, or could not be. */
  flush(): Promise<void>;
}

/** Characters that may wait. */
const MOST_WAITING = 1024 * 1024;

/** The files of a log, the present one first: `PATH`, `PATH.1`, `PATH.2` … */
export function logFileNames({ path, count }: { path: string; count: number }): string[] {
  return Array.from({ length: count }, (_, age) => age === 0 ? path : `${path}.${age}`);
}

/** The file whose lock is held while the log's files are written or renamed. It stays, empty. */
export function lockFileName(path: string): string {
  return `${path}.lock`;
}

/**
 * Makes a {@linkcode LogFile}, and the file if there is none (mode 0600). Several processes may write the same one:
 * whoever writes holds the lock of a file beside it, opens the file anew, appends whole lines, and renames the files
 * where the next line would make it too large. So it may as well be moved or removed by others at any time.
 *
 * What can't be written is dropped, counted, and told of in the log as soon as that works again.
 */
export function logFile(options: LogFileOptions): LogFile {
  const { path, maxSize } = options;
  const encoder = new TextEncoder();
  let waiting: string[] = [];
  let waitingLength = 0;
  /** Lines for which there was no room behind those that wait. */
  let overflowed = 0;
  /** Lines that could not be written, before those that wait. */
  let missing = 0;
  let toldOfFailure = false;
  let pumping: Promise<void> | undefined = pump();

  async function pump(): Promise<void> {
    // Once at the start, though nothing waits: what is wrong with the file should be known from the beginning.
    do {
      const batch = [
        ...notice(missing),
        ...waiting.map((line) => ({ bytes: encoder.encode(line), stands: 1 })),
        ...notice(overflowed),
      ];
      waiting = [];
      waitingLength = overflowed = 0;
      const written = await append(batch.map(({ bytes }) => bytes));
      missing = batch.slice(written).reduce((sum, { stands }) => sum + stands, 0);
    } while (waiting.length > 0);
    pumping = undefined;
  }

  /** The line that stands for so many that are not there. */
  function notice(count: number): { readonly bytes: Uint8Array; readonly stands: number }[] {
    return count === 0 ? [] : [{ bytes: encoder.encode(options.missing(count)), stands: count }];
  }

  /** @returns how many of the lines were written */
  async function append(lines: readonly Uint8Array[]): Promise<number> {
    let written = 0;
    try {
      using lock = await Deno.open(lockFileName(path), { write: true, create: true, mode: 0o600 });
      await lock.lock(true);
      for (const chunk of chunksFor(lines, await sizeOf(path), maxSize)) {
        if (chunk.rotate) await rotate();
        await appendWhole(path, chunk.bytes);
        written += chunk.lines;
      }
    } catch (error) {
      tell(error);
    }
    return written;
  }

  function tell(error: unknown): void {
    if (toldOfFailure) return;
    toldOfFailure = true;
    options.failed(error);
  }

  /** Begins a new file. Where that can't be done the present one grows on: better too large than lost. */
  async function rotate(): Promise<void> {
    const names = logFileNames(options);
    try {
      if (names.length === 1) await Deno.truncate(path, 0);
      for (let age = names.length - 1; age > 0; age--) {
        try {
          await Deno.rename(names[age - 1]!, names[age]!);
        } catch (error) {
          if (!(error instanceof Deno.errors.NotFound)) throw error;
        }
      }
    } catch (error) {
      tell(error);
    }
  }

  return {
    write(line) {
      if (waitingLength + line.length > MOST_WAITING) {
        overflowed++;
        return;
      }
      waiting.push(line);
      waitingLength += line.length;
      pumping ??= pump();
    },
    async flush() {
      while (pumping !== undefined) await pumping;
    },
  };
}

/** Opens a file for appending; it is made, for its owner alone, where there is none. */
function openEnd(path: string): Promise<Deno.FsFile> {
  return Deno.open(path, { append: true, create: true, mode: 0o600 });
}

/** The bytes in a file, which is made where there is none. */
async function sizeOf(path: string): Promise<number> {
  using file = await openEnd(path);
  try {
    return await file.seek(0, Deno.SeekMode.End);
  } catch {
    // A pipe or a terminal has no size.
    return 0;
  }
}

/** Writes all of `bytes` or, when the disk is full, nothing that stays: no line is left in pieces. */
async function appendWhole(path: string, bytes: Uint8Array): Promise<void> {
  const size = await sizeOf(path);
  using file = await openEnd(path);
  let rest = bytes;
  try {
    while (rest.length > 0) rest = rest.subarray(await file.write(rest));
  } catch (error) {
    if (rest.length < bytes.length) await Deno.truncate(path, size).catch(() => {});
    throw error;
  }
}
