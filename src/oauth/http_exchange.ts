import { SignInError } from "./errors.ts";

/** A connection that an exchange needs no more of than this. */
export interface Wire {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
}

/** A request, ready to be written. */
export interface WireRequest {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

/** The most bytes of a status line and its headers. */
const HEAD_LIMIT = 64 * 1024;
const encoder = new TextEncoder();
// Bytes as they are: header fields have no encoding.
const latin1 = new TextDecoder("latin1");

/**
 * Sends one HTTP/1.1 request over a connection of its own, and reads the answer (RFC 9112). `fetch` can't be told which
 * address to connect to, and tells nobody which one it was.
 *
 * @param limit the most bytes of a body
 */
export async function exchangeOver(wire: Wire, request: WireRequest, limit: number): Promise<Response> {
  await writeAll(wire, serialise(request));
  const source = new Source(wire);
  for (;;) {
    const { status, headers } = parseHead(latin1.decode(await source.until("\r\n\r\n", HEAD_LIMIT)));
    // Interim answers come before the real one (RFC 9110, section 15.2).
    if (status >= 100 && status < 200 && status !== 101) continue;
    if (status < 200 || status > 599) throw malformed(`HTTP status ${status}`);
    if (status === 204 || status === 304) return new Response(null, { status, headers });
    return new Response(await readBody(source, headers, limit), { status, headers });
  }
}

function serialise({ method, url, headers, body }: WireRequest): Uint8Array<ArrayBuffer> {
  const all = {
    host: url.host,
    ...headers,
    connection: "close",
    // Nothing is compressed, so that the limit is that of what comes.
    "accept-encoding": "identity",
    ...(body === undefined ? {} : { "content-length": String(body.length) }),
  };
  // `Headers` lets no line break into a value.
  const lines = [...new Headers(all)].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const head = encoder.encode(`${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines}\r\n`);
  return body === undefined ? head : joined([head, body]);
}

async function writeAll(wire: Wire, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await wire.write(rest));
}

function parseHead(text: string): { status: number; headers: Headers } {
  const [first = "", ...lines] = text.split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1];
  if (status === undefined) throw malformed("what answered there does not speak HTTP/1.1");
  const headers = new Headers();
  for (const line of lines) {
    if (line === "") continue;
    const colon = line.indexOf(":");
    try {
      headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
    } catch {
      throw malformed("a header that is none");
    }
  }
  return { status: Number(status), headers };
}

async function readBody(source: Source, headers: Headers, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const encoding = headers.get("transfer-encoding");
  if (encoding !== null) {
    if (encoding.trim().toLowerCase() !== "chunked") throw malformed(`transfer coding ${encoding}`);
    return await readChunks(source, limit);
  }
  const length = headers.get("content-length");
  if (length === null) return await source.rest(limit);
  if (!/^\d+$/.test(length)) throw malformed("a content length that is none");
  if (Number(length) > limit) throw tooLarge(limit);
  return await source.exactly(Number(length));
}

async function readChunks(source: Source, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const line = latin1.decode(await source.until("\r\n", 1024));
    const digits = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i.exec(line)?.[1];
    if (digits === undefined) throw malformed("a chunk size that is none");
    const length = parseInt(digits, 16);
    // Trailers are not read: nothing comes after them on this connection.
    if (length === 0) return joined(parts);
    if ((size += length) > limit) throw tooLarge(limit);
    parts.push(await source.exactly(length));
    if ((await source.until("\r\n", 2)).length > 0) throw malformed("a chunk that is longer than it says");
  }
}

/** What has come, and what is still to come. */
class Source {
  readonly #wire: Wire;
  #held: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Reads up to a mark, and past it. */
  async until(mark: string, limit: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = encoder.encode(mark);
    let from = 0;
    for (;;) {
      const at = indexOf(this.#held, bytes, from);
      if (at >= 0) {
        const found = this.#held.subarray(0, at);
        this.#held = this.#held.subarray(at + bytes.length);
        return found;
      }
      if (this.#held.length > limit + bytes.length) throw malformed("headers that never end");
      from = Math.max(0, this.#held.length - bytes.length + 1);
      if (!await this.#more()) throw cut();
    }
  }

  async exactly(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const parts = [];
    for (let missing = length; missing > 0;) {
      if (this.#held.length === 0 && !await this.#more()) throw cut();
      const part = this.#held.subarray(0, missing);
      this.#held = this.#held.subarray(part.length);
      missing -= part.length;
      parts.push(part);
    }
    return joined(parts);
  }

  async rest(limit: number): Promise<Uint8Array<ArrayBuffer>> {
    const parts = [];
    let size = 0;
    do {
      if ((size += this.#held.length) > limit) throw tooLarge(limit);
      parts.push(this.#held);
      this.#held = new Uint8Array(0);
    } while (await this.#more());
    return joined(parts);
  }

  async #more(): Promise<boolean> {
    const buffer = new Uint8Array(16 * 1024);
    let count: number | null;
    try {
      count = await this.#wire.read(buffer);
    } catch (error) {
      // Many end a TLS connection without saying so.
      if (!(error instanceof Deno.errors.UnexpectedEof)) throw error;
      count = null;
    }
    if (count === null) return false;
    this.#held = this.#held.length === 0
      ? buffer.subarray(0, count)
      : joined([this.#held, buffer.subarray(0, count)]);
    return true;
  }
}

function indexOf(bytes: Uint8Array, mark: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(mark[0]!, from); at >= 0; at = bytes.indexOf(mark[0]!, at + 1)) {
    if (at + mark.length > bytes.length) return -1;
    if (mark.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

function joined(parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const malformed = (what: string) => new SignInError("BAD_ANSWER", `a malformed HTTP answer: ${what}`);
const cut = () => new SignInError("UNREACHABLE", "the connection broke before the whole answer came");

/** The error of an answer that is larger than it may be. */
export function tooLarge(limit: number): SignInError {
  return new SignInError("BAD_ANSWER", `the answer is larger than ${Math.round(limit / 1024)} KiB`);
}
