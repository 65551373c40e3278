import { pause } from "../pause.ts";

/** Ends the streams that a server leaves open after the answer. */
export interface Sweeper {
  /** The answer has come: the stream may last a little longer. */
  add(stream: AbortController): void;
  /** The stream has ended by itself. */
  delete(stream: AbortController): void;
  /** Ends the sweeping. */
  stop(): void;
}

/** How long a stream may stay open after its answer, in milliseconds: at least once, at most twice that. */
const GRACE_MS = 5000;

/**
 * Makes a {@linkcode Sweeper}. A stream is not cut off with its answer, since its connection could not be used again;
 * most servers end it at once. One timer serves all streams, and only while there are any.
 */
export function createSweeper(graceMs = GRACE_MS): Sweeper {
  let fresh = new Set<AbortController>();
  let old = new Set<AbortController>();
  const stopped = new AbortController();
  let sweeping = false;

  async function sweep(): Promise<void> {
    sweeping = true;
    while (fresh.size + old.size > 0 && await pause(graceMs, stopped.signal)) {
      for (const stream of old) stream.abort();
      old = fresh;
      fresh = new Set();
    }
    sweeping = false;
  }

  return {
    add(stream) {
      fresh.add(stream);
      if (!sweeping) void sweep();
    },
    delete(stream) {
      fresh.delete(stream);
      old.delete(stream);
    },
    stop() {
      stopped.abort();
    },
  };
}
