/** A response as it came, byte for byte. */
export interface RawResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** A connection that is open and has sent something. */
export interface RawClient extends Disposable {
  send(text: string): Promise<void>;
  /** What comes until the other end closes; `undefined` when it is no HTTP, or nothing. */
  readonly response: Promise<RawResponse | undefined>;
}

/** Opens a connection and sends `text`. */
export async function rawConnect(port: number, text = "", hostname = "127.0.0.1"): Promise<RawClient> {
  const conn = await Deno.connect({ hostname, port });
  const send = async (more: string) => {
    const bytes = Uint8Array.from(more, (char) => char.charCodeAt(0));
    for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
  };
  const response = (async () => {
    const chunks: number[] = [];
    try {
      for (const buffer = new Uint8Array(65536);;) {
        const count = await conn.read(buffer);
        if (count === null) break;
        chunks.push(...buffer.subarray(0, count));
      }
    } catch {
      // A reset ends it as well.
    }
    return parse(new TextDecoder().decode(new Uint8Array(chunks)));
  })();
  if (text !== "") await send(text);
  return {
    send,
    response,
    [Symbol.dispose]() {
      try {
        conn.close();
      } catch {
        // It is closed.
      }
    },
  };
}

/** Sends `text` on a connection of its own and reads until the other end closes. */
export async function rawRequest(
  port: number,
  text: string,
  hostname?: string,
): Promise<RawResponse | undefined> {
  using client = await rawConnect(port, text, hostname);
  return await client.response;
}

/** The text of a GET as a browser would send it. */
export function get(port: number, target: string, headers: readonly string[] = []): string {
  return [`GET ${target} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...headers, "", ""].join("\r\n");
}

function parse(text: string): RawResponse | undefined {
  const [head = "", ...body] = text.split("\r\n\r\n");
  const [start = "", ...lines] = head.split("\r\n");
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(start)?.[1];
  if (status === undefined) return undefined;
  const headers = new Headers(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as [string, string];
  }));
  return { status: Number(status), headers, body: body.join("\r\n\r\n") };
}
