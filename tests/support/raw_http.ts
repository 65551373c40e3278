/**
 * An HTTP/1.1 server written for tests: it does on purpose what a well-behaved server never does, because
 * every byte of its answers is the test's to choose.
 */
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { type EventStream, type EventStreamOptions, openEventStream, type SseEvent } from "./event_stream.ts";
import { createInbox, DEFAULT_WAIT_MS, excerpt } from "./inbox.ts";
import { ConnectionGone, listenRaw, type RawConnection, type RawListenOptions } from "./raw_socket.ts";
import { isResponse, messagesIn, tryParse, type WireMessage } from "./wire_message.ts";

/** A request as it came in. */
export interface RawRequest {
  /** Counts from 1 over all connections. */
  readonly number: number;
  /** The {@linkcode RawConnection.number} of the connection that carried it. */
  readonly connection: number;
  readonly method: string;
  /** Path and query, as in the request line. */
  readonly path: string;
  readonly url: URL;
  readonly headers: Headers;
  /** The header lines in their order and spelling. */
  readonly headerLines: readonly string[];
  readonly bytes: Uint8Array;
  readonly body: string;
  /** The JSON-RPC messages in the body: one, those of a batch, or none. */
  readonly messages: readonly WireMessage[];
  /** The only message in the body; `{}` when there is none or a batch. */
  readonly message: WireMessage;
  /** When it had arrived in full, in `performance.now()` milliseconds. */
  readonly at: number;
  /** Settles when the client has closed its connection. */
  readonly gone: Promise<void>;
}

/** How a body goes out. */
export interface BodyOptions {
  /** @default 200 */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** @default "application/json" */
  readonly contentType?: string;
  /** Compresses the body and says so in `Content-Encoding`. */
  readonly encoding?: "gzip" | "br" | "deflate";
  /** Writes the body in pieces of this many bytes; under `chunked` each is a chunk of its own. */
  readonly split?: number;
  /** Awaited before each piece but the first. */
  readonly between?: (piece: number) => Promise<unknown>;
  /** `Transfer-Encoding: chunked` instead of `Content-Length`. @default false */
  readonly chunked?: boolean;
  /** The `Content-Length` to claim, true or not. */
  readonly contentLength?: number;
  /** Sends only so many bytes of the body and then closes the connection. */
  readonly truncateAt?: number;
  /** Closes the connection after the answer. @default false */
  readonly close?: boolean;
}

/** The answer to one request; use one of its functions once, or none to leave the client waiting. */
export interface RawReply {
  /** The connection below, for bytes that nothing here can send; call {@linkcode RawReply.finish} when done. */
  readonly connection: RawConnection;
  /** Whether anything was sent. */
  started(): boolean;
  /** Sends any body: a value becomes JSON, a string or bytes go out as they are. */
  body(value: unknown, options?: BodyOptions): Promise<void>;
  /** Answers the JSON-RPC request with a result, as JSON. */
  result(result: unknown, options?: BodyOptions): Promise<void>;
  /** Answers the JSON-RPC request with an error, as JSON. */
  error(code: number, message: string, data?: unknown, options?: BodyOptions): Promise<void>;
  /** Sends a bare status, with a text if given. */
  status(code: number, text?: string, headers?: Readonly<Record<string, string>>): Promise<void>;
  /** @param code @default 307 */
  redirect(location: string, code?: number): Promise<void>;
  /** Opens an event stream that the test writes to and ends. */
  sse(options?: EventStreamOptions): Promise<EventStream>;
  /** Sends these events and ends the stream; a bare value is a message event's data. */
  events(events: readonly (SseEvent | string)[], options?: EventStreamOptions): Promise<void>;
  /** Sends a body piece by piece as the consumer takes it, without ever holding it whole. */
  stream(
    pieces: Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>,
    options?: BodyOptions,
  ): Promise<void>;
  /** Leaves the client waiting; settles when it has gone. */
  hang(): Promise<void>;
  /** Closes the connection without a word: FIN. */
  drop(): void;
  /** Breaks the connection: RST. */
  reset(): void;
  /** Tells that the answer is complete, after bytes written to the connection by hand. */
  finish(keepAlive?: boolean): void;
}

/**
 * Answers a request. The reply may be finished after it returns. What it throws fails the test when the server
 * is disposed of, unless the client had gone.
 */
export type RawHandler = (request: RawRequest, reply: RawReply) => unknown;

/** A listening server. */
export interface RawHttpServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  readonly port: number;
  /** Every request, in the order in which they were complete. */
  readonly requests: readonly RawRequest[];
  /** The first request, past or future, that matches. */
  received(predicate: (request: RawRequest) => boolean, timeoutMs?: number): Promise<RawRequest>;
  /** The first `count` requests that match. */
  receivedMany(
    count: number,
    predicate: (request: RawRequest) => boolean,
    timeoutMs?: number,
  ): Promise<RawRequest[]>;
  /** The client's answer to the server request with this id. */
  answer(id: string | number, timeoutMs?: number): Promise<WireMessage>;
  /** How many connections are open. */
  open(): number;
  /** How many connections were ever accepted. */
  accepted(): number;
  /** What handlers threw. */
  readonly errors: readonly unknown[];
  /** Refuses new connections from now on; those that are open go on. */
  stopListening(): Promise<void>;
  /** Breaks all connections and stops listening. Idempotent. */
  close(): Promise<void>;
}

/** Starts a server of which nothing is fixed but HTTP's framing. */
export async function startRawHttp(
  handler: RawHandler,
  options: RawListenOptions = {},
): Promise<RawHttpServer> {
  const arrived = createInbox<RawRequest>((requests) =>
    `requests: ${
      requests.map(({ method, path, body }) => `\n${method} ${path} ${excerpt(body)}`).join("") || "none"
    }`
  );
  const errors: unknown[] = [];
  const answer = async (id: string | number, timeoutMs = DEFAULT_WAIT_MS): Promise<WireMessage> => {
    const matches = (message: WireMessage) => isResponse(message) && message.id === id;
    const request = await arrived.find(({ messages }) => messages.some(matches), timeoutMs);
    return request.messages.find(matches) as WireMessage;
  };
  let origin = "";

  const listener = await listenRaw(async (connection) => {
    const reader = byteReader(connection);
    const gone = Promise.withResolvers<void>();
    connection.closed.then(gone.resolve);
    while (true) {
      const parts = await readRequest(reader);
      if (parts === undefined) break;
      const messages = messagesIn(tryParse(parts.body));
      const request: RawRequest = {
        ...parts,
        number: arrived.items.length + 1,
        connection: connection.number,
        url: new URL(parts.path, origin),
        messages,
        message: messages.length === 1 && !parts.body.trimStart().startsWith("[") ? messages[0] ?? {} : {},
        at: performance.now(),
        gone: gone.promise,
      };
      // While the answer is under way, an end of the stream can only be the client's leaving.
      reader.watch().then((ended) => ended && gone.resolve());
      const finished = Promise.withResolvers<boolean>();
      const reply = rawReply(connection, request, finished.resolve, answer);
      arrived.push(request);
      const handled = (async () => {
        try {
          await handler(request, reply);
        } catch (error) {
          if (error instanceof ConnectionGone) return;
          errors.push(error);
          if (!reply.started()) await reply.status(500, String(error)).catch(() => {});
        }
      })();
      const left = gone.promise.then(() => false);
      await Promise.race([handled, left]);
      const keepAlive = await Promise.race([finished.promise, left]);
      if (!keepAlive || request.headers.get("connection") === "close") break;
    }
    // What was written last must arrive before the connection is destroyed.
    await connection.end();
  }, options);
  origin = `${options.tls === undefined ? "http" : "https"}://${
    options.hostname ?? "127.0.0.1"
  }:${listener.port}`;

  return {
    origin,
    port: listener.port,
    requests: arrived.items,
    received: arrived.find,
    receivedMany: arrived.findMany,
    answer,
    open: () => listener.open.size,
    accepted: listener.accepted,
    errors,
    stopListening: listener.stopListening,
    close: listener.close,
    async [Symbol.asyncDispose]() {
      await listener.close();
      if (errors.length > 0) throw new AggregateError(errors, `raw server: ${errors.map(String).join("; ")}`);
    },
  };
}

/** The text of a result that holds `size` bytes of text, in pieces; for answers of many megabytes. */
export function* resultPieces(
  id: WireMessage["id"],
  size: number,
  piece = 64 * 1024,
): Generator<Uint8Array> {
  const text = JSON.stringify({
    jsonrpc: "2.0",
    id,
    result: { content: [{ type: "text", text: "\u0000" }] },
  });
  const [before = "", after = ""] = text.split("\\u0000");
  yield encoder.encode(before);
  const filling = new Uint8Array(piece).fill(97);
  for (let left = size; left > 0; left -= piece) yield left >= piece ? filling : filling.subarray(0, left);
  yield encoder.encode(after);
}

const encoder = new TextEncoder();

function rawReply(
  connection: RawConnection,
  request: RawRequest,
  finish: (keepAlive: boolean) => void,
  answer: (id: string | number, timeoutMs?: number) => Promise<WireMessage>,
): RawReply {
  let started = false;
  const head = async (status: number, headers: Readonly<Record<string, string>>) => {
    if (started) throw new Error(`${request.method} ${request.path} is already being answered`);
    started = true;
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    await connection.write(`HTTP/1.1 ${status} ${REASONS[status] ?? "Status"}\r\n${lines.join("")}\r\n`);
  };

  async function body(value: unknown, options: BodyOptions = {}): Promise<void> {
    const plain = value instanceof Uint8Array
      ? value
      : encoder.encode(typeof value === "string" ? value : JSON.stringify(value) ?? "");
    const bytes = options.encoding === undefined ? plain : compress(plain, options.encoding);
    const sent = bytes.subarray(0, options.truncateAt ?? bytes.length);
    const chunked = options.chunked ?? false;
    await head(options.status ?? 200, bodyHeaders(options, chunked ? undefined : bytes.length));
    const size = options.split ?? Math.max(sent.length, 1);
    for (let start = 0; start < sent.length; start += size) {
      if (start > 0) await options.between?.(start / size);
      await connection.write(frame(sent.subarray(start, start + size), chunked));
    }
    if (options.truncateAt !== undefined) return finish(false);
    if (chunked) await connection.write("0\r\n\r\n");
    finish(options.close !== true);
  }

  const reply: RawReply = {
    connection,
    started: () => started,
    body,
    result: (result, options) => body({ jsonrpc: "2.0", id: request.message.id, result }, options),
    error: (code, message, data, options) =>
      body({
        jsonrpc: "2.0",
        id: request.message.id ?? null,
        error: { code, message, ...(data === undefined ? {} : { data }) },
      }, options),
    async status(code, text = "", headers = {}) {
      const bytes = encoder.encode(text);
      // 1xx, 204 and 304 have no body, not even an empty one (RFC 9110, section 8.6).
      const length: Record<string, string> = code === 204 || code === 304
        ? {}
        : { "content-length": `${bytes.length}` };
      await head(code, {
        ...(text === "" ? {} : { "content-type": text.startsWith("{") ? "application/json" : "text/plain" }),
        ...length,
        ...headers,
      });
      if (bytes.length > 0) await connection.write(bytes);
      finish(true);
    },
    redirect: (location, code = 307) => reply.status(code, "", { location }),
    async sse(options = {}) {
      const { status = 200, contentType = "text/event-stream", headers = {} } = options;
      await head(status, {
        "content-type": contentType,
        "cache-control": "no-cache",
        "transfer-encoding": "chunked",
        ...headers,
      });
      return openEventStream({
        id: request.message.id,
        write: (bytes) => connection.write(frame(bytes, true)),
        async end() {
          await connection.write("0\r\n\r\n");
          finish(true);
        },
        drop() {
          finish(false);
          connection.destroy();
        },
        reset() {
          finish(false);
          connection.reset();
        },
        gone: request.gone,
        answer,
      }, options);
    },
    async events(events, options = {}) {
      const stream = await reply.sse(options);
      for (const event of events) await stream.event(typeof event === "string" ? { data: event } : event);
      await stream.end();
    },
    async stream(pieces, options = {}) {
      const chunked = options.contentLength === undefined;
      await head(options.status ?? 200, bodyHeaders(options, undefined));
      for await (const piece of pieces) {
        const bytes = typeof piece === "string" ? encoder.encode(piece) : piece;
        if (bytes.length > 0) await connection.write(frame(bytes, chunked));
      }
      if (chunked) await connection.write("0\r\n\r\n");
      finish(options.close !== true);
    },
    hang: () => request.gone,
    drop() {
      started = true;
      finish(false);
      connection.destroy();
    },
    reset() {
      started = true;
      finish(false);
      connection.reset();
    },
    finish(keepAlive = true) {
      started = true;
      finish(keepAlive);
    },
  };
  return reply;
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  202: "Accepted",
  204: "No Content",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
};

function bodyHeaders(options: BodyOptions, length: number | undefined): Record<string, string> {
  const claimed = options.contentLength ?? length;
  return {
    "content-type": options.contentType ?? "application/json",
    ...(claimed === undefined
      ? { "transfer-encoding": "chunked" } as Record<string, string>
      : { "content-length": `${claimed}` }),
    ...(options.encoding === undefined ? {} : { "content-encoding": options.encoding }),
    ...(options.close === true ? { connection: "close" } : {}),
    ...options.headers,
  };
}

function compress(bytes: Uint8Array, encoding: "gzip" | "br" | "deflate"): Uint8Array {
  const packed = { gzip: gzipSync, br: brotliCompressSync, deflate: deflateSync }[encoding](bytes);
  return new Uint8Array(packed);
}

/** One chunk of a chunked body, in one write, or the bytes as they are. */
function frame(bytes: Uint8Array, chunked: boolean): Uint8Array {
  if (!chunked) return bytes;
  const size = encoder.encode(`${bytes.length.toString(16)}\r\n`);
  const framed = new Uint8Array(size.length + bytes.length + 2);
  framed.set(size);
  framed.set(bytes, size.length);
  framed.set([13, 10], size.length + bytes.length);
  return framed;
}

interface ByteReader {
  /** Up to and including the mark, or `undefined` at the end. */
  until(mark: string): Promise<Uint8Array | undefined>;
  exactly(count: number): Promise<Uint8Array | undefined>;
  /** Reads ahead; whether the stream ended. */
  watch(): Promise<boolean>;
}

function byteReader(connection: RawConnection): ByteReader {
  let held = new Uint8Array(0);
  let ended = false;
  let filling: Promise<boolean> | undefined;
  const fill = (): Promise<boolean> =>
    filling ??= (async () => {
      const chunk = ended ? null : await connection.read();
      filling = undefined;
      if (chunk === null) ended = true;
      else {
        const joined = new Uint8Array(held.length + chunk.length);
        joined.set(held);
        joined.set(chunk, held.length);
        held = joined;
      }
      return ended;
    })();
  const take = (count: number) => {
    const taken = held.slice(0, count);
    held = held.subarray(count);
    return taken;
  };
  return {
    async until(mark) {
      const wanted = encoder.encode(mark);
      while (true) {
        const at = indexOf(held, wanted);
        if (at >= 0) return take(at + wanted.length);
        if (await fill()) return undefined;
      }
    },
    async exactly(count) {
      // Bodies may be large: gathered as pieces, joined once.
      const result = new Uint8Array(count);
      let have = 0;
      while (true) {
        const piece = take(Math.min(held.length, count - have));
        result.set(piece, have);
        have += piece.length;
        if (have === count) return result;
        if (await fill()) return undefined;
      }
    },
    watch: fill,
  };
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  outer: for (let at = 0; at + wanted.length <= bytes.length; at++) {
    for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) continue outer;
    return at;
  }
  return -1;
}

type RequestParts = Pick<RawRequest, "method" | "path" | "headers" | "headerLines" | "bytes" | "body">;

async function readRequest(reader: ByteReader): Promise<RequestParts | undefined> {
  const head = await reader.until("\r\n\r\n");
  if (head === undefined) return undefined;
  const [requestLine = "", ...headerLines] = new TextDecoder("latin1").decode(head).trimEnd().split("\r\n");
  const [method = "", path = ""] = requestLine.split(" ");
  const headers = new Headers();
  for (const line of headerLines) {
    const colon = line.indexOf(":");
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const bytes = headers.get("transfer-encoding") === "chunked"
    ? await readChunks(reader)
    : await reader.exactly(Number(headers.get("content-length") ?? "0"));
  if (bytes === undefined) return undefined;
  return { method, path, headers, headerLines, bytes, body: new TextDecoder().decode(bytes) };
}

async function readChunks(reader: ByteReader): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  while (true) {
    const line = await reader.until("\r\n");
    if (line === undefined) return undefined;
    const size = parseInt(new TextDecoder().decode(line), 16);
    const chunk = await reader.exactly(size + 2);
    if (chunk === undefined) return undefined;
    if (size === 0) break;
    chunks.push(chunk.subarray(0, size));
  }
  const joined = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}
