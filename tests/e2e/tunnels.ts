/** An HTTP proxy that knows CONNECT alone, and leads all tunnels to one port of this machine. */
export interface Tunnels extends AsyncDisposable {
  readonly port: number;
  /** What each client asked with, up to the blank line. */
  readonly heads: readonly string[];
}

/** Starts the proxy; when it is disposed of, its tunnels are cut. */
export function startTunnels(to: number): Tunnels {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const heads: string[] = [];
  const open = new Set<Deno.Conn>();
  const dig = async (client: Deno.Conn) => {
    open.add(client);
    let server: Deno.Conn | undefined;
    try {
      heads.push(await readHead(client));
      open.add(server = await Deno.connect({ hostname: "127.0.0.1", port: to }));
      await client.write(new TextEncoder().encode("HTTP/1.1 200 Connection established\r\n\r\n"));
      // Either end is the end of both.
      await Promise.race([copy(client, server), copy(server, client)]);
    } catch {
      // One of them has gone, or the test has.
    }
    cut(client);
    if (server !== undefined) cut(server);
  };
  const cut = (connection: Deno.Conn) => {
    if (open.delete(connection)) connection.close();
  };
  const serving = (async () => {
    const all: Promise<void>[] = [];
    try {
      for await (const client of listener) all.push(dig(client));
    } catch {
      // Closed.
    }
    await Promise.all(all);
  })();
  return {
    port: listener.addr.port,
    heads,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of [...open]) cut(connection);
      await serving;
    },
  };
}

async function readHead(client: Deno.Conn): Promise<string> {
  let head = "";
  const buffer = new Uint8Array(4096);
  while (!head.endsWith("\r\n\r\n")) {
    const count = await client.read(buffer);
    if (count === null) throw new Error("gone");
    head += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return head;
}

async function copy(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  try {
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      for (let rest = buffer.subarray(0, count); rest.length > 0;) rest = rest.subarray(await to.write(rest));
    }
  } catch {
    // One of them has gone.
  }
}
