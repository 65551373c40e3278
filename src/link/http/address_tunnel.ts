/** Where a name's connections go in place of what the resolver says of it. */
export interface Address {
  /** An IP address, IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
}

/** A way to one address, for an HTTP client. */
export interface AddressTunnel {
  /** What the client needs to know: the proxy to use, and its password. */
  readonly proxy: { readonly url: string; readonly basicAuth: { username: string; password: string } };
  /** Why the address could not be connected to when that was last tried; undefined when it could. */
  failure(): unknown;
  /** Ends all connections, and takes no more. */
  close(): void;
}

/** The most bytes of a request for a connection. */
const LARGEST_HEAD = 8 * 1024;
const CHUNK = 64 * 1024;

/**
 * Opens a proxy of our own, on this machine and for this process alone, whose connections all lead to one address. It is
 * how `fetch` connects to an address of our choice and still asks its TLS for the URL's name: it offers no other way
 * (with a proxy of the kind `tcp` it would send a request to an https URL without TLS).
 *
 * What passes is the TLS of the two ends, which nobody in between can read.
 *
 * @param authority the only host and port that the client may ask for, such as `example.com:443`
 */
export function openAddressTunnel(address: Address, authority: string): AddressTunnel {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  // A tunnel is there for its client, and not to keep the program running.
  listener.unref();
  const password = crypto.randomUUID();
  const head = `CONNECT ${authority} HTTP/1.1\r\n`.toLowerCase();
  const proof = `\r\nproxy-authorization: basic ${btoa(`tunnel:${password}`)}\r\n`;
  const open = new Set<Deno.Conn>();
  const over = new AbortController();
  let failed: unknown;

  async function serve(client: Deno.TcpConn): Promise<void> {
    open.add(client);
    client.unref();
    client.setNoDelay(true);
    let server: Deno.TcpConn | undefined;
    // The client sends nothing before it is let through: what ends meanwhile is its patience.
    const gone = new AbortController();
    try {
      const asked = await readHead(client);
      if (asked === undefined) return;
      // The value of a header keeps its case; the rest has none.
      const [, name = "", value = ""] = /^([^]*\r\nproxy-authorization: basic )(\S+)/i.exec(asked) ?? [];
      if (!asked.toLowerCase().startsWith(head) || !`${name.toLowerCase()}${value}\r\n`.endsWith(proof)) {
        return void await writeAll(client, text("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"));
      }
      const first = new Uint8Array(CHUNK);
      const early = client.read(first).catch(() => null);
      early.then((count) => count === null && gone.abort());
      try {
        server = await Deno.connect({ ...address, signal: AbortSignal.any([gone.signal, over.signal]) });
        failed = undefined;
      } catch (error) {
        if (!gone.signal.aborted && !over.signal.aborted) failed = error;
        return void await writeAll(client, text("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"));
      }
      open.add(server);
      server.unref();
      server.setNoDelay(true);
      await writeAll(client, text("HTTP/1.1 200 Connection established\r\n\r\n"));
      const count = await early;
      if (count === null) return;
      await writeAll(server, first.subarray(0, count));
      const answers = pump(server, client, new Uint8Array(CHUNK)).then(() => client.closeWrite());
      // An HTTP client that ends its sending is gone; the server may end its own first, and be told the rest.
      await Promise.race([pump(client, server, first), answers.then(() => new Promise<never>(() => {}))]);
    } catch {
      // A connection that broke: the client sees its own side of it.
    } finally {
      for (const conn of [client, server]) if (conn !== undefined) end(conn);
    }
  }

  function end(conn: Deno.Conn): void {
    if (!open.delete(conn)) return;
    try {
      conn.close();
    } catch {
      // It broke, and is closed.
    }
  }

  async function accept(): Promise<void> {
    for (;;) {
      try {
        const client = await listener.accept();
        // One that came in the moment of closing.
        if (over.signal.aborted) return client.close();
        void serve(client);
      } catch {
        if (over.signal.aborted) return;
      }
    }
  }

  void accept();
  const { port } = listener.addr as Deno.NetAddr;
  return {
    proxy: { url: `http://127.0.0.1:${port}`, basicAuth: { username: "tunnel", password } },
    failure: () => failed,
    close() {
      if (over.signal.aborted) return;
      over.abort();
      listener.close();
      for (const conn of open) end(conn);
    },
  };
}

/** What a client asks for, up to the empty line; undefined when it asks for nothing or for too much. */
async function readHead(conn: Deno.Conn): Promise<string | undefined> {
  const buffer = new Uint8Array(LARGEST_HEAD);
  let length = 0;
  while (length < buffer.length) {
    const count = await conn.read(buffer.subarray(length));
    if (count === null) return undefined;
    length += count;
    const asked = new TextDecoder().decode(buffer.subarray(0, length));
    if (asked.endsWith("\r\n\r\n")) return asked;
  }
  return undefined;
}

async function pump(from: Deno.Conn, to: Deno.Conn, buffer: Uint8Array<ArrayBuffer>): Promise<void> {
  for (let count; (count = await from.read(buffer)) !== null;) await writeAll(to, buffer.subarray(0, count));
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
}

function text(head: string): Uint8Array {
  return new TextEncoder().encode(head);
}
