/** How a stream ended that may be resumed. */
export interface ResumeSituation {
  /** How often it has been asked for since it last said something. */
  readonly silent: number;
  /** It was broken off; else it was closed in good order, to be polled. */
  readonly broken: boolean;
  /** How long the server wants us to wait, in milliseconds. */
  readonly retryMs: number | undefined;
}

/** However soon the server wants us back, in milliseconds. */
const LEAST_MS = 100;
/** The wait before a stream that was closed is polled, in milliseconds. */
const POLL_MS = 1000;
/** The wait before a broken one is resumed, in milliseconds. */
const BROKEN_MS = 200;
/** The longest wait of our own choosing, in milliseconds. */
const MOST_MS = 10_000;
/** A broken stream is asked for so often. */
const MOST_BROKEN = 6;

/**
 * The wait before a stream is asked for again, in milliseconds: what the server says, or what we choose, doubled while
 * nothing comes; `undefined` when it is given up. A stream that is closed in good order is polled as long as the request
 * may take (S/2025-11-25/basic/transports, Sending Messages to the Server 6).
 */
export function resumeAfterMs({ silent, broken, retryMs }: ResumeSituation): number | undefined {
  if (broken && silent >= MOST_BROKEN) return undefined;
  const base = Math.max(LEAST_MS, retryMs ?? (broken ? BROKEN_MS : POLL_MS));
  return Math.max(base, Math.min(MOST_MS, base * 2 ** Math.min(silent, 10)));
}
