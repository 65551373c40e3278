/** The HTTP answer to a POST: JSON while nothing but the answer is there, a stream of events as soon as there is more. */
import type { WireMessage } from "../../support/wire_message.ts";

export interface Reply {
  readonly response: Promise<Response>;
  /** Sends a message that comes before the answer. */
  send(message: WireMessage): void;
  /** Sends the answer. */
  finish(message: WireMessage): void;
  /** Ends without an answer. */
  abandon(): void;
}

export interface ReplyOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** The status of an answer that goes out as JSON. @default 200 for all */
  readonly statusOf?: (answer: WireMessage) => number;
  /** Told when the client has closed the stream before the answer. */
  readonly gone?: () => void;
  /** Aborts when the client goes before there is a stream. */
  readonly signal?: AbortSignal;
}

const encoder = new TextEncoder();

/** A stream of events; `gone` is told when its reader goes. */
export function openEvents(gone: () => void): {
  readonly body: ReadableStream<Uint8Array>;
  send(message: WireMessage): void;
  close(): void;
} {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start: (it) => void (controller = it),
    cancel() {
      controller = undefined;
      gone();
    },
  });
  return {
    body,
    send: (message) =>
      controller?.enqueue(encoder.encode(`event: message\ndata: ${JSON.stringify(message)}\n\n`)),
    close() {
      controller?.close();
      controller = undefined;
    },
  };
}

/** The headers of a stream of events. */
export const EVENT_HEADERS = { "content-type": "text/event-stream", "cache-control": "no-cache" };

/** Begins an answer. */
export function openReply({ headers = {}, statusOf = () => 200, gone, signal }: ReplyOptions): Reply {
  const { promise, resolve } = Promise.withResolvers<Response>();
  let events: ReturnType<typeof openEvents> | undefined;
  let over = false;
  const leave = () => {
    if (over) return;
    over = true;
    // Nobody gets it, but the server waits for it.
    if (events === undefined) resolve(new Response(null, { status: 499, headers }));
    gone?.();
  };
  signal?.addEventListener("abort", leave, { once: true });
  return {
    response: promise,
    send(message) {
      if (over) return;
      if (events === undefined) {
        events = openEvents(leave);
        resolve(new Response(events.body, { headers: { ...EVENT_HEADERS, ...headers } }));
      }
      events.send(message);
    },
    finish(message) {
      if (over) return;
      over = true;
      if (events === undefined) resolve(Response.json(message, { status: statusOf(message), headers }));
      events?.send(message);
      events?.close();
    },
    abandon() {
      if (over) return;
      over = true;
      if (events === undefined) resolve(new Response(null, { status: 502, headers }));
      events?.close();
    },
  };
}
