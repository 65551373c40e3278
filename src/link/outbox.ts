const LINE_BREAK = new Uint8Array([0x0a]);

/** Lines shorter than this are gathered and written together, in bytes. */
const GATHER_UNDER = 32 * 1024;
/** Above this many waiting bytes, senders are told to wait. */
const HIGH_WATER = 1024 * 1024;

/** Writes lines one after the other, many small ones at a time. */
export interface Outbox {
  /** A write has failed: the wire takes no more. */
  readonly broken: boolean;
  /**
   * Queues a line; the line break is added. Returns a promise when too much is waiting: it resolves when there is
   * room again, or when the wire is gone. Lines after the wire is gone are dropped.
   */
  send(line: Uint8Array): void | Promise<void>;
  /** Resolves when everything queued so far has been written, or the wire is gone. */
  flush(): Promise<void>;
}

/**
 * Makes an {@linkcode Outbox}.
 *
 * @param write writes all of the given bytes; never called while a call is pending
 * @param failed called once, when a write fails
 */
export function createOutbox(
  write: (bytes: Uint8Array) => Promise<void>,
  failed: (error: unknown) => void,
): Outbox {
  let queue: Uint8Array[] = [];
  let waiting = 0;
  let busy = false;
  let pumped: Promise<void> | undefined;
  let broken = false;
  let room: { promise: Promise<void>; resolve: () => void } | undefined;

  async function pump(): Promise<void> {
    busy = true;
    try {
      while (queue.length > 0) {
        const lines = queue;
        queue = [];
        for (let from = 0; from < lines.length;) {
          const { bytes, next } = gather(lines, from);
          await write(bytes);
          if (bytes === lines[from]) await write(LINE_BREAK);
          while (from < next) waiting -= lines[from++]!.length;
          if (waiting < HIGH_WATER && room !== undefined) {
            room.resolve();
            room = undefined;
          }
        }
      }
    } catch (error) {
      broken = true;
      queue = [];
      failed(error);
    } finally {
      busy = false;
      room?.resolve();
      room = undefined;
    }
  }

  return {
    get broken() {
      return broken;
    },
    send(line) {
      if (broken) return;
      queue.push(line);
      waiting += line.length;
      if (!busy) pumped = pump();
      if (waiting <= HIGH_WATER) return;
      room ??= Promise.withResolvers<void>();
      return room.promise;
    },
    async flush() {
      while (busy) await pumped;
    },
  };
}

/** The bytes of the line at `from` if it is long, else of it and the short ones behind it, line breaks included. */
function gather(lines: readonly Uint8Array[], from: number): { bytes: Uint8Array; next: number } {
  if (lines[from]!.length >= GATHER_UNDER) return { bytes: lines[from]!, next: from + 1 };
  let size = 0;
  let next = from;
  while (next < lines.length && lines[next]!.length < GATHER_UNDER && size < GATHER_UNDER) {
    size += lines[next++]!.length + 1;
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (let i = from; i < next; i++) {
    bytes.set(lines[i]!, at);
    at += lines[i]!.length;
    bytes[at++] = 0x0a;
  }
  return { bytes, next };
}
