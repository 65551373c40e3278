import type { RawConnection } from "../support/raw_socket.ts";

/** Joins a connection to a port of this machine, until one of the two sides ends. */
export async function relay(client: RawConnection, port: number): Promise<void> {
  using server = await Deno.connect({ hostname: "127.0.0.1", port });
  const back = (async () => {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (;;) {
        const count = await server.read(buffer);
        if (count === null) break;
        await client.write(buffer.slice(0, count));
      }
    } catch {
      // One of them has gone.
    }
    client.destroy();
  })();
  try {
    for (let chunk = await client.read(); chunk !== null; chunk = await client.read()) {
      for (let rest = chunk; rest.length > 0;) rest = rest.subarray(await server.write(rest));
    }
    await server.closeWrite();
  } catch {
    // As above.
  }
  await back;
}
