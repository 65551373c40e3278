/** What is sent back. */
export interface CallbackResponse {
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One connection that carries one request. */
export interface HttpConnection {
  /**
   * The head of the request, without the empty line at its end; `"long"` when it is longer than anyone needs, nothing
   * when none came.
   */
  readHead(): Promise<{ readonly head: string } | "long" | undefined>;
  /** Sends the answer and closes. Never rejects. */
  respond(response: CallbackResponse): Promise<void>;
  /** Closes at once; what was sent still arrives. Idempotent. */
  close(): void;
}

/** Authorization codes run to some kilobytes. */
const LONGEST_HEAD = 64 * 1024;
/** How long the head may take, in milliseconds. Browsers open connections that they then don't need. */
const HEAD_MS = 10_000;
/** How long an answer may take to be read, in milliseconds. */
const WRITE_MS = 5000;
/** How long, and how much, what nobody asked for is read, so that the answer before it is not lost by a reset. */
const LINGER_MS = 500;
const LINGER_BYTES = 1024 * 1024;

/**
 * Makes an {@linkcode HttpConnection}.
 *
 * Not `Deno.serve`: it keeps connections alive beyond their use, and with telemetry on it records the URL, and with it
 * the authorization code.
 */
export function httpConnection(conn: Deno.TcpConn): HttpConnection {
  let closed = false;
  const close = () => {
    if (closed) return;
    closed = true;
    try {
      conn.close();
    } catch {
      // It was broken already.
    }
  };

  /** Closes when `work` takes longer; a read or a write that is under way then fails. */
  async function inTime<T>(ms: number, work: () => Promise<T>): Promise<T | undefined> {
    const timer = setTimeout(close, ms);
    try {
      return await work();
    } catch {
      close();
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  async function head(): Promise<{ head: string } | "long" | undefined> {
    const buffer = new Uint8Array(LONGEST_HEAD);
    for (let length = 0; length < buffer.length;) {
      const count = await conn.read(buffer.subarray(length));
      if (count === null) return undefined;
      const end = emptyLine(buffer.subarray(0, length + count), length);
      if (end !== undefined) return { head: new TextDecoder("latin1").decode(buffer.subarray(0, end)) };
      length += count;
    }
    return "long";
  }

  async function write({ status, reason, headers, body }: CallbackResponse): Promise<void> {
    const content = new TextEncoder().encode(body);
    const lines = Object.entries({
      ...headers,
      "Content-Length": String(content.length),
      "Connection": "close",
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    const start = new TextEncoder().encode(`HTTP/1.1 ${status} ${reason}\r\n${lines.join("")}\r\n`);
    const bytes = new Uint8Array([...start, ...content]);
    for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
    await conn.closeWrite();
  }

  async function drain(): Promise<void> {
    const waste = new Uint8Array(16 * 1024);
    for (let seen = 0; seen < LINGER_BYTES;) {
      const count = await conn.read(waste);
      if (count === null) return;
      seen += count;
    }
  }

  return {
    readHead: () => inTime(HEAD_MS, head),
    async respond(response) {
      await inTime(WRITE_MS, () => write(response));
      if (!closed) await inTime(LINGER_MS, drain);
      close();
    },
    close,
  };
}

/** Where CR LF CR LF begins; what is before `seen` was looked at before. */
function emptyLine(bytes: Uint8Array, seen: number): number | undefined {
  for (let i = Math.max(3, seen); i < bytes.length; i++) {
    if (bytes[i] === 10 && bytes[i - 1] === 13 && bytes[i - 2] === 10 && bytes[i - 3] === 13) return i - 3;
  }
  return undefined;
}
