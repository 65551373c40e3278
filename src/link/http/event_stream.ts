import type { Logger } from "../../telemetry/logger.ts";
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
 * Reads the events of a response until it ends. Never rejects. The next chunk is asked for before the events of the
 * last are taken, so that a connection whose answer is complete is free again at once; a slow taker still holds
 * reading up.
 *
 * @param limit the largest event, in bytes
 */
export async function readEvents(
  response: Response,
  limit: number,
  take: (event: SseEvent) => void | Promise<void>,
  logger: Logger,
): Promise<StreamEnd> {
  const decoder = new SseDecoder(limit);
  const reader = response.body?.getReader();
  let error: unknown;
  try {
    for (let next = reader?.read(); next !== undefined;) {
      const { value, done } = await next;
      if (done) break;
      next = reader!.read();
      // Should taking the events throw, nobody waits for the chunk any more.
      next.catch(() => {});
      for (const event of decoder.push(value)) {
        const slow = take(event);
        if (slow !== undefined) await slow;
      }
    }
  } catch (problem) {
    error = problem;
    logger.trace("an event stream broke", { error: problem });
    await reader?.cancel().catch(() => {});
  }
  return { error, lastEventId: decoder.lastEventId, retryMs: decoder.retryMs };
}
