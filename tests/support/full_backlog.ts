/** A port of this machine where nobody takes connections any more: to connect takes as long as one lets it. */
export interface FullBacklog extends Disposable {
  readonly port: number;
}

/**
 * Listens and fills the queue of connections that wait to be taken. On Linux further ones are not answered then; other
 * systems refuse them.
 */
export async function fullBacklog(): Promise<FullBacklog> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 } as Deno.TcpListenOptions);
  const { port } = listener.addr;
  const waiting: Deno.Conn[] = [];
  const close = () => {
    for (const connection of waiting) connection.close();
    listener.close();
  };
  for (;;) {
    try {
      waiting.push(await Deno.connect({ hostname: "127.0.0.1", port, signal: AbortSignal.timeout(300) }));
    } catch {
      return { port, [Symbol.dispose]: close };
    }
    if (waiting.length > 100) {
      close();
      throw new Error("the queue takes connections without end");
    }
  }
}
