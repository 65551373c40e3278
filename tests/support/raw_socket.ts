/**
 * A listening socket whose connections a test holds by the bytes, over TCP, TLS or a Unix socket. Node's API,
 * because it alone can reset a connection.
 */
import net from "node:net";
import tls from "node:tls";

/** One accepted connection. */
export interface RawConnection {
  /** Counts from 1 in the order of acceptance. */
  readonly number: number;
  /** The next bytes, or `null` once the client sent its FIN or the connection broke. One call at a time. */
  read(): Promise<Uint8Array | null>;
  /** Writes and waits until the bytes are handed to the system; rejects when the connection is gone. */
  write(bytes: Uint8Array | string): Promise<void>;
  /** Sends a FIN after what was written; reading goes on. */
  end(): Promise<void>;
  /** Sends a RST. What was written and not yet read by the client is lost. */
  reset(): void;
  /** Closes at once. */
  destroy(): void;
  /** Settles when the connection is closed on both sides. */
  readonly closed: Promise<void>;
}

export interface RawListenOptions {
  /** @default 0: any free port */
  readonly port?: number;
  /** @default "127.0.0.1" */
  readonly hostname?: string;
  /** A Unix socket instead of TCP. */
  readonly path?: string;
  /** Certificate and key, PEM, to serve TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A listening socket. */
export interface RawListener extends AsyncDisposable {
  /** 0 for a Unix socket. */
  readonly port: number;
  /** The connections that are open. */
  readonly open: ReadonlySet<RawConnection>;
  /** How many connections were ever accepted. */
  accepted(): number;
  /** What `serve` threw. */
  readonly errors: readonly unknown[];
  /** Stops listening; open connections go on. */
  stopListening(): Promise<void>;
  /** Destroys all connections and stops listening. Idempotent. */
  close(): Promise<void>;
}

/**
 * Listens and hands each connection to `serve`, which owns it; when `serve` is done the connection is closed.
 */
export async function listenRaw(
  serve: (connection: RawConnection) => Promise<void>,
  options: RawListenOptions = {},
): Promise<RawListener> {
  const open = new Set<RawConnection>();
  const errors: unknown[] = [];
  const serving = new Set<Promise<void>>();
  let accepted = 0;

  const accept = (socket: net.Socket) => {
    const connection = rawConnection(socket, ++accepted);
    open.add(connection);
    const done = serve(connection)
      .catch((error) => void errors.push(error))
      .then(() => connection.destroy())
      .then(() => connection.closed)
      .then(() => {
        open.delete(connection);
        serving.delete(done);
      });
    serving.add(done);
  };
  const server = options.tls === undefined
    ? net.createServer({ allowHalfOpen: true, noDelay: true }, accept)
    : tls.createServer({ ...options.tls, allowHalfOpen: true, noDelay: true } as tls.TlsOptions, accept);
  // A client that breaks off its TLS handshake is no error of ours.
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => resolve());
    if (options.path !== undefined) server.listen(options.path);
    else server.listen(options.port ?? 0, options.hostname ?? "127.0.0.1");
  });
  const address = server.address();

  let stopping: Promise<void> | undefined;
  const stopListening = () =>
    stopping ??= new Promise<void>((resolve) => {
      // Its callback waits for the last connection, which may well live on.
      server.close();
      if (server.listening) server.once("close", () => resolve());
      else resolve();
    });
  const close = async () => {
    const closed = stopListening();
    for (const connection of open) connection.destroy();
    await Promise.all(serving);
    await closed;
  };

  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    open,
    accepted: () => accepted,
    errors,
    stopListening,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function rawConnection(socket: net.Socket, number: number): RawConnection {
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  let ended = false;
  let wake: (() => void) | undefined;
  const stir = () => {
    wake?.();
    wake = undefined;
  };
  socket.on("readable", stir);
  socket.on("end", () => {
    ended = true;
    stir();
  });
  socket.on("close", () => {
    ended = true;
    stir();
  });
  // Its effect is seen by read and write.
  socket.on("error", () => {});
  socket.setNoDelay(true);

  return {
    number,
    closed,
    async read() {
      while (true) {
        const chunk: Uint8Array | null = socket.destroyed ? null : socket.read();
        if (chunk !== null) return new Uint8Array(chunk);
        if (ended || socket.destroyed) return null;
        await new Promise<void>((resolve) => wake = resolve);
      }
    },
    write(bytes) {
      return new Promise<void>((resolve, reject) => {
        if (socket.destroyed) return reject(new ConnectionGone());
        // The callback may never come when the connection is destroyed under a pending write.
        const gone = () => reject(new ConnectionGone());
        socket.once("close", gone);
        socket.write(bytes, (error) => {
          socket.off("close", gone);
          if (error === undefined || error === null) resolve();
          else reject(new ConnectionGone());
        });
      });
    },
    end: () =>
      new Promise<void>((resolve) => {
        if (socket.destroyed) return resolve();
        socket.once("close", () => resolve());
        socket.end(() => resolve());
      }),
    reset: () => void socket.resetAndDestroy(),
    destroy: () => void socket.destroy(),
  };
}

/** The client closed the connection under a write. */
export class ConnectionGone extends Error {
  override readonly name = "ConnectionGone";
}
