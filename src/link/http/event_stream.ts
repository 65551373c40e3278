import type { Logger } from "../../telemetry/logger.ts";
import { readChunks } from "./read_chunks.ts";
import { createSeenEvents, type SeenEvents } from "./seen_events.ts";
import { SseDecoder, type SseEvent } from "./sse_decoder.ts";

/** What came of reading an event stream. */
export interface StreamEnd {
  /** What broke the stream; `undefined` when it ended as it should. */
  readonly error: unknown;
  /** What to resume with. */
  readonly lastEventId: string | undefined;
  /** How long the server wants us to wait before that, in milliseconds. */
  readonly retryMs: number | undefined;
}

/**
 * Reads the events of a response until it ends. Never rejects.
 *
 * @param limit the largest event, in bytes
 * @param seen remembers events: those that come again are dropped
 */
export async function readEvents(
  response: Response,
  limit: number,
  take: (event: SseEvent) => void | Promise<void>,
  logger: Logger,
  seen: SeenEvents = createSeenEvents(),
): Promise<StreamEnd> {
  const decoder = new SseDecoder(limit);

  function takeOne(event: SseEvent): void | Promise<void> {
    if (!seen.again(event)) return take(event);
    logger.debug("dropped an event that was sent again", { id: event.id });
  }

  async function takeAll(events: readonly SseEvent[], from: number): Promise<void> {
    for (let i = from; i < events.length; i++) await takeOne(events[i]!);
  }

  let error: unknown;
  try {
    if (response.body !== null) {
      await readChunks(response.body, (chunk) => {
        const events: SseEvent[] = [];
        try {
          decoder.push(chunk, events);
        } catch (problem) {
          return takeAll(events, 0).then(() => Promise.reject(problem));
        }
        for (let i = 0; i < events.length; i++) {
          const slow = takeOne(events[i]!);
          if (slow !== undefined) return slow.then(() => takeAll(events, i + 1));
        }
        return;
      });
    }
  } catch (problem) {
    error = problem;
    logger.trace("an event stream broke", { error: problem });
  }
  return { error, lastEventId: decoder.lastEventId, retryMs: decoder.retryMs };
}
