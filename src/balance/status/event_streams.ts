import { pause } from "../../link/pause.ts";

/** Options of {@linkcode createEventStreams}. */
export interface EventStreamsOptions {
  /** Makes the data of the next event, one line. */
  readonly data: () => string;
  /** Is told when `data` throws; the streams go on. */
  readonly failed: (error: unknown) => void;
  /** How many may listen at a time. */
  readonly most: number;
  /** How often there is an event, in milliseconds. */
  readonly everyMs: number;
}

/** The same events for all who listen. */
export interface EventStreams {
  /** The bytes of a `text/event-stream`, with a first event at once; nothing when too many listen. */
  open(): ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  /** How many listen. */
  count(): number;
  /** Ends all streams; there are none afterwards. */
  close(): void;
}

interface Listener {
  readonly controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  /** How many events in a row it had no room for. */
  missed: number;
}

/** One that takes nothing for so many events has gone, or may as well. */
const MOST_MISSED = 30;

/** Makes event streams. Nothing is made, and no timer runs, while nobody listens. */
export function createEventStreams({ data, failed, most, everyMs }: EventStreamsOptions): EventStreams {
  const listeners = new Set<Listener>();
  const encoder = new TextEncoder();
  let isClosed = false;
  /** Stops the timer that runs. */
  let running: AbortController | undefined;

  async function run(stop: AbortSignal): Promise<void> {
    while (await pause(everyMs, stop)) {
      const event = make();
      if (event !== undefined) { for (const listener of [...listeners]) give(listener, event); }
    }
  }

  function make(): Uint8Array<ArrayBuffer> | undefined {
    try {
      return encoder.encode(`data: ${data()}\n\n`);
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  function give(listener: Listener, event: Uint8Array<ArrayBuffer>): void {
    // What it has not read yet is old; it gets the next one instead of this.
    if ((listener.controller.desiredSize ?? 0) > 0) {
      listener.missed = 0;
      listener.controller.enqueue(event);
    } else if (++listener.missed >= MOST_MISSED) {
      leave(listener);
      listener.controller.error(new Error("it reads nothing"));
    }
  }

  function leave(listener: Listener): void {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    running?.abort();
    running = undefined;
  }

  return {
    open() {
      if (isClosed || listeners.size >= most) return undefined;
      const first = make();
      let listener: Listener;
      return new ReadableStream({
        start(controller) {
          listener = { controller, missed: 0 };
          listeners.add(listener);
          controller.enqueue(first ?? encoder.encode(":\n\n"));
          if (running !== undefined) return;
          running = new AbortController();
          run(running.signal);
        },
        cancel: () => leave(listener),
      });
    },
    count: () => listeners.size,
    close() {
      isClosed = true;
      for (const listener of [...listeners]) {
        leave(listener);
        listener.controller.close();
      }
    },
  };
}
