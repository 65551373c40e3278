/**
 * A small HTTP/1.1 server over raw TCP, for the benchmark's server only: it costs a fraction of what a framework
 * does, so that the bridges are what is measured, and it decides itself how an answer is framed.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NOTHING = new Uint8Array(0);
const LAST_CHUNK = encoder.encode("\r\n0\r\n\r\n");
const MAX_HEAD = 64 * 1024;
/** Bodies up to this size leave in one write with their head. */
const ONE_WRITE = 64 * 1024;

/** One request, its body read to the end. */
export interface RawRequest {
  /** Upper-case method. */
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** The head, lower-cased: request line and header lines. */
  readonly head: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** What to send back; a body without `chunked` gets a `Content-Length`. */
export interface RawResponse {
  readonly status: number;
  /** Complete header lines, each ended by CRLF. @default "" */
  readonly headers?: string;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Frame the body with `Transfer-Encoding: chunked`, as streaming servers do. @default false */
  readonly chunked?: boolean;
  /** Leave the answer open after its head, until the client hangs up: an idle event stream. @default false */
  readonly open?: boolean;
}

/** Answers one request; it must not throw. */
export type RawHandler = (request: RawRequest) => RawResponse | Promise<RawResponse>;

/**
 * Reads the value of a header from a lower-cased head.
 * @returns the trimmed value, or undefined when the header is missing
 */
export function headerOf(head: string, name: string): string | undefined {
  const at = head.indexOf(`\r\n${name}:`);
  if (at < 0) return undefined;
  const start = at + name.length + 3;
  const end = head.indexOf("\r\n", start);
  return head.slice(start, end < 0 ? head.length : end).trim();
}

/** Serves one loopback port; answers each connection's requests in order, with Nagle's algorithm off. */
export function listenRaw(handler: RawHandler): RawListener {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.TcpConn>();
  acceptAll(listener, handler, open).catch(() => {});
  return {
    port: listener.addr.port,
    cut() {
      for (const connection of open) connection.close();
      open.clear();
    },
  };
}

/** A port that is served. */
export interface RawListener {
  readonly port: number;
  /** Closes all its connections, as a restart does. */
  cut(): void;
}

async function acceptAll(
  listener: Deno.TcpListener,
  handler: RawHandler,
  open: Set<Deno.TcpConn>,
): Promise<void> {
  for await (const connection of listener) {
    connection.setNoDelay(true);
    open.add(connection);
    serveConnection(connection, handler).catch(() => {}).finally(() => {
      if (!open.delete(connection)) return;
      try {
        connection.close();
      } catch {
        // closed by the other side already
      }
    });
  }
}

async function serveConnection(connection: Deno.TcpConn, handler: RawHandler): Promise<void> {
  let buffer = new Uint8Array(16 * 1024);
  let length = 0;
  for (;;) {
    let headEnd = findHeadEnd(buffer, length);
    while (headEnd < 0) {
      if (length > MAX_HEAD) return;
      if (length === buffer.length) buffer = grown(buffer, length * 2);
      const count = await connection.read(buffer.subarray(length));
      if (count === null) return;
      length += count;
      headEnd = findHeadEnd(buffer, length);
    }
    const rawHead = decoder.decode(buffer.subarray(0, headEnd));
    const head = rawHead.toLowerCase();
    const bodyLength = Number(headerOf(head, "content-length") ?? 0);
    if (headerOf(head, "transfer-encoding") !== undefined) {
      await writeResponse(connection, { status: 411 });
      return;
    }
    const total = headEnd + 4 + bodyLength;
    if (buffer.length < total) buffer = grown(buffer, total);
    while (length < total) {
      const count = await connection.read(buffer.subarray(length));
      if (count === null) return;
      length += count;
    }
    const body = buffer.slice(headEnd + 4, total);
    buffer.copyWithin(0, total, length);
    length -= total;
    const [method = "", target = ""] = rawHead.slice(0, rawHead.indexOf("\r\n")).split(" ");
    const answer = handler({ method, path: pathOf(target), head, body });
    const response = answer instanceof Promise ? await answer : answer;
    await writeResponse(connection, response);
    if (response.open === true) {
      while (await connection.read(buffer) !== null);
      return;
    }
  }
}

/** A target may be absolute, and servers must accept that (RFC 9112, section 3.2.2). */
function pathOf(target: string): string {
  return target.startsWith("/") ? target : target.replace(/^https?:\/\/[^/]*/i, "");
}

function findHeadEnd(buffer: Uint8Array, length: number): number {
  let at = buffer.indexOf(13);
  while (at >= 0 && at + 3 < length) {
    if (buffer[at + 1] === 10 && buffer[at + 2] === 13 && buffer[at + 3] === 10) return at;
    at = buffer.indexOf(13, at + 1);
  }
  return -1;
}

function grown(buffer: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(size);
  larger.set(buffer);
  return larger;
}

function responseHead(response: RawResponse): string {
  const length = response.body?.length ?? 0;
  const streamed = response.open === true || response.chunked === true;
  const framing = streamed ? "transfer-encoding: chunked\r\n" : `content-length: ${length}\r\n`;
  const chunkSize = response.chunked === true ? `${length.toString(16)}\r\n` : "";
  return `HTTP/1.1 ${response.status} x\r\n${response.headers ?? ""}${framing}\r\n${chunkSize}`;
}

async function writeResponse(connection: Deno.TcpConn, response: RawResponse): Promise<void> {
  const head = responseHead(response);
  const tail = response.chunked === true ? LAST_CHUNK : NOTHING;
  const body = response.body ?? NOTHING;
  if (body.length > ONE_WRITE) {
    await writeAll(connection, encoder.encode(head));
    await writeAll(connection, body);
    await writeAll(connection, tail);
    return;
  }
  const bytes = new Uint8Array(head.length + body.length + tail.length);
  encoder.encodeInto(head, bytes);
  bytes.set(body, head.length);
  bytes.set(tail, head.length + body.length);
  await writeAll(connection, bytes);
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  let at = 0;
  while (at < bytes.length) at += await connection.write(bytes.subarray(at));
}
