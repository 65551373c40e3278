import type { Logger } from "../../telemetry/logger.ts";
import { pause } from "../pause.ts";
import { dropBody } from "./body.ts";
import { readEvents } from "./event_stream.ts";
import { mediaType } from "./headers.ts";
import type { HttpReply } from "./http_client.ts";
import { createSeenEvents } from "./seen_events.ts";
import { EventTooLarge } from "./sse_decoder.ts";

/** What {@linkcode keepServerStream} needs. */
export interface ServerStreamOptions {
  /** Sends the GET; the id is that of the last event seen, if any had one. */
  readonly open: (lastEventId: string | undefined, signal: AbortSignal) => Promise<HttpReply>;
  /** Takes the data of an event. */
  readonly take: (data: Uint8Array<ArrayBuffer>) => void | Promise<void>;
  /** Largest event taken, in bytes. */
  readonly maxEventSize: number;
  /** Aborts when the session ends. */
  readonly signal: AbortSignal;
  /** Aborts when the stream that is open is not to be trusted any more; a new one each time. */
  readonly renewed: () => AbortSignal;
  /** Reads a refusal to its end, and tells whether it means that the server does not know the session. */
  readonly isForgotten: (response: Response) => Promise<boolean>;
  /** Called when the server does not know the session any more. */
  readonly forgotten: () => void;
  /**
   * The first wait before the stream is opened again, in milliseconds; doubled while nothing comes.
   * @default 1_000
   */
  readonly reopenMs?: number;
  /** The endpoint, for logs. */
  readonly endpoint: string;
  readonly logger: Logger;
}

/** The waits before the stream is opened again, in milliseconds: doubled from the first up to the second. */
const REOPEN_MS = 1000;
const REOPEN_MOST_MS = 30_000;
/** However soon the server wants us back, in milliseconds. */
const REOPEN_LEAST_MS = 100;
/** A stream that was open for so long has ended for being idle, and is opened again soon, in milliseconds. */
const LASTED_MS = 10_000;
/** Refusals that may be over the next time. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);

/**
 * Keeps the stream of what the server says unasked open for as long as the session lasts (S/2025-11-25/basic/transports,
 * Listening for Messages from the Server): opened again after a pause when it ends, where it left off. A server that
 * refuses it (405: it has nothing to say unasked) is not asked again. Never rejects.
 */
export async function keepServerStream(options: ServerStreamOptions): Promise<void> {
  const { signal, endpoint, logger, reopenMs = REOPEN_MS } = options;
  let lastEventId: string | undefined;
  let wait = reopenMs;
  /** How often in a row the stream has ended without a word. */
  let silent = 0;
  const seen = createSeenEvents();
  /** It was open once: the session was known then. */
  let known = false;
  while (!signal.aborted) {
    const renewed = options.renewed();
    const reply = await options.open(lastEventId, AbortSignal.any([signal, renewed]));
    if ("response" in reply) {
      const { response } = reply;
      if (!response.ok || mediaType(response) !== "text/event-stream") {
        // Servers that have no such stream may say 404 too; the session's end is meant where there was one.
        const forgotten = known && await options.isForgotten(response);
        if (!known) await dropBody(response);
        if (forgotten || (!PASSING.has(response.status) && response.status < 500)) {
          if (forgotten && !signal.aborted) options.forgotten();
          return logger.debug("no stream from the server", { status: response.status });
        }
      } else {
        known = true;
        logger.debug("the server's stream is open", { endpoint });
        const before = silent++;
        const openedAt = performance.now();
        const end = await readEvents(
          response,
          options.maxEventSize,
          (event) => {
            wait = reopenMs;
            silent = 0;
            return event.type === "message" ? options.take(event.data) : undefined;
          },
          logger,
          seen,
        );
        lastEventId = end.lastEventId ?? lastEventId;
        if (performance.now() - openedAt > LASTED_MS) {
          wait = reopenMs;
          silent = 0;
        }
        if (end.retryMs !== undefined) {
          // Soon is not at once, and one that never says anything is not asked more than once a second.
          const least = Math.min(REOPEN_MS, REOPEN_LEAST_MS * 2 ** Math.min(silent === 0 ? 0 : before, 10));
          wait = Math.max(end.retryMs, least);
        }
        if (end.error instanceof EventTooLarge) {
          logger.warn("an event on the server's stream is over --max-message-size; it is left out", {
            endpoint,
          });
          // Resumed where it was, the stream would begin with that event again.
          lastEventId = undefined;
        }
      }
    }
    if (renewed.aborted) {
      wait = reopenMs;
      continue;
    }
    if (!await pause(wait, AbortSignal.any([signal, renewed])) && signal.aborted) return;
    wait = Math.min(Math.max(wait, 1) * 2, REOPEN_MOST_MS);
  }
}
