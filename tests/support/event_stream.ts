import type { WireMessage } from "./wire_message.ts";

/** One server-sent event; `data` that is no string becomes JSON. */
export interface SseEvent {
  readonly data?: unknown;
  readonly event?: string;
  readonly id?: string;
  /** In milliseconds. */
  readonly retry?: number;
}

/** How an event stream goes out. */
export interface EventStreamOptions {
  /** @default 200 */
  readonly status?: number;
  /** @default "text/event-stream" */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The line end. @default "\n" */
  readonly newline?: "\n" | "\r\n" | "\r";
  /** Writes everything in pieces of this many bytes, each an HTTP chunk and a write of its own. */
  readonly split?: number;
  /** Awaited before each piece but the first. */
  readonly between?: (piece: number) => Promise<unknown>;
}

/** An event stream under way, from the server's side. */
export interface EventStream {
  /** Sends one event. */
  event(event: SseEvent): Promise<void>;
  /** Sends a message: an object as JSON, a string as it is. */
  send(message: unknown, fields?: Omit<SseEvent, "data">): Promise<void>;
  /** Answers the request that opened the stream. */
  result(result: unknown, fields?: Omit<SseEvent, "data">): Promise<void>;
  error(code: number, message: string, data?: unknown): Promise<void>;
  notify(method: string, params?: unknown): Promise<void>;
  /** Sends a server request and waits for the client's answer, by whatever way it comes. */
  request(method: string, params?: unknown, timeoutMs?: number): Promise<WireMessage>;
  comment(text?: string): Promise<void>;
  /** Sends text or bytes that need not be events at all. */
  raw(data: string | Uint8Array): Promise<void>;
  /** Sends one message event whose data comes in pieces without line ends. */
  pieces(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void>;
  /** Ends the stream in good order. */
  end(): Promise<void>;
  /** Breaks it off in the middle: FIN without the last chunk. */
  drop(): void;
  /** Breaks it off with a RST. */
  reset(): void;
  /** Whether it still goes on. */
  open(): boolean;
  /** Settles when the client has gone. */
  readonly gone: Promise<void>;
}

/** What an event stream stands on. */
export interface EventStreamBase {
  /** The id of the request that opened the stream. */
  readonly id: WireMessage["id"];
  write(bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
  drop(): void;
  reset(): void;
  readonly gone: Promise<void>;
  answer(id: string | number, timeoutMs?: number): Promise<WireMessage>;
}

const encoder = new TextEncoder();
let lastRequest = 0;

/** Makes an {@linkcode EventStream} whose head has been sent. */
export function openEventStream(base: EventStreamBase, options: EventStreamOptions = {}): EventStream {
  const { newline = "\n", split } = options;
  let open = true;
  base.gone.then(() => open = false);
  // Concurrent sends must not mix their pieces.
  let writing: Promise<unknown> = Promise.resolve();

  function raw(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    const written = writing.then(async () => {
      const size = split ?? Math.max(bytes.length, 1);
      for (let start = 0; start < bytes.length; start += size) {
        if (start > 0) await options.between?.(start / size);
        await base.write(bytes.subarray(start, start + size));
      }
    });
    writing = written.catch(() => {});
    return written;
  }

  function event({ data, event, id, retry }: SseEvent): Promise<void> {
    const lines: string[] = [];
    if (event !== undefined) lines.push(`event: ${event}`);
    if (id !== undefined) lines.push(`id: ${id}`);
    if (retry !== undefined) lines.push(`retry: ${retry}`);
    if (data !== undefined) {
      const text = typeof data === "string" ? data : JSON.stringify(data);
      for (const line of text.split("\n")) lines.push(`data: ${line}`);
    }
    return raw([...lines, "", ""].join(newline));
  }

  const send = (message: unknown, fields: Omit<SseEvent, "data"> = {}) =>
    event({ event: "message", ...fields, data: message });
  const close = (how: () => unknown) => {
    open = false;
    return how();
  };

  return {
    event,
    send,
    raw,
    result: (result, fields) => send({ jsonrpc: "2.0", id: base.id, result }, fields),
    error: (code, message, data) =>
      send({
        jsonrpc: "2.0",
        id: base.id,
        error: { code, message, ...(data === undefined ? {} : { data }) },
      }),
    notify: (method, params) => send({ jsonrpc: "2.0", method, ...(params === undefined ? {} : { params }) }),
    async request(method, params, timeoutMs) {
      const id = `server-${++lastRequest}`;
      await send({ jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) });
      return await base.answer(id, timeoutMs);
    },
    comment: (text = "") => raw(`:${text}${newline}`),
    async pieces(pieces) {
      await raw(`event: message${newline}data: `);
      for await (const piece of pieces) await raw(piece);
      await raw(`${newline}${newline}`);
    },
    async end() {
      await writing;
      await close(base.end);
    },
    drop: () => void close(base.drop),
    reset: () => void close(base.reset),
    open: () => open,
    gone: base.gone,
  };
}
