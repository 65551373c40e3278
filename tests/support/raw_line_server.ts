import type { DefaultAnswers } from "./default_answers.ts";
import { createInbox, DEFAULT_WAIT_MS, excerpt } from "./inbox.ts";
import { handlePeerMessage, type PeerOverride, type RawPeer, rawPeer } from "./raw_peer.ts";
import { ConnectionGone, listenRaw, type RawConnection, type RawListenOptions } from "./raw_socket.ts";
import { isResponse, messagesIn, tryParse, type WireMessage } from "./wire_message.ts";

export interface RawLineServerOptions extends RawListenOptions, DefaultAnswers {
  /** Overrides by JSON-RPC method, or `"notification"`, `"response"`. */
  readonly on?: Readonly<Record<string, PeerOverride>>;
  /** Called with each connection before its first message is read. */
  readonly onConnect?: (peer: RawPeer, connection: RawConnection) => unknown;
}

/** A line as it came in. */
export interface ReceivedLine {
  /** The client that sent it. */
  readonly peer: RawPeer;
  /** Its text, without the newline. */
  readonly text: string;
  readonly messages: readonly WireMessage[];
}

/** A server of newline-delimited messages over TCP or a Unix socket that a test scripts. */
export interface RawLineServer extends AsyncDisposable {
  /** `tcp://127.0.0.1:PORT` or `unix:PATH`. */
  readonly endpoint: string;
  readonly port: number;
  readonly received: readonly ReceivedLine[];
  /** The first message, past or future, that matches. */
  message(predicate: (message: WireMessage) => boolean, timeoutMs?: number): Promise<WireMessage>;
  on(key: string, override: PeerOverride): void;
  readonly peers: readonly RawPeer[];
  /** The next client that connects; each is given out once. */
  peer(timeoutMs?: number): Promise<RawPeer>;
  /** How many connections are open. */
  open(): number;
  /** How many connections were ever accepted. */
  accepted(): number;
  /** Stops and resumes reading from all clients, to be a slow server. */
  pause(): void;
  resume(): void;
  stopListening(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a line server that behaves well until told otherwise.
 *
 * @example
 * ```ts ignore
 * await using server = await startRawLineServer();
 * server.on("tools/call", async (message, peer) => {
 *   await peer.raw('{"jsonrpc":"2.0",');
 *   await peer.raw(`"id":${JSON.stringify(message.id)},"result":{}}\r\n`);
 * });
 * ```
 */
export async function startRawLineServer(options: RawLineServerOptions = {}): Promise<RawLineServer> {
  const overrides = new Map(Object.entries(options.on ?? {}));
  const received = createInbox<ReceivedLine>((items) =>
    `received ${items.map(({ text }) => excerpt(text)).join("\n") || "nothing"}`
  );
  const peers = createInbox<RawPeer>((items) => `${items.length} clients connected`);
  const errors: unknown[] = [];
  let gate: PromiseWithResolvers<void> | undefined;
  const resume = () => {
    gate?.resolve();
    gate = undefined;
  };
  const message = async (predicate: (message: WireMessage) => boolean, timeoutMs = DEFAULT_WAIT_MS) => {
    const line = await received.find(({ messages }) => messages.some(predicate), timeoutMs);
    return line.messages.find(predicate) as WireMessage;
  };

  const receive = (text: string, peer: RawPeer) => {
    const messages = messagesIn(tryParse(text));
    received.push({ peer, text, messages });
    for (const one of messages) {
      handlePeerMessage(one, peer, overrides, options).catch((error) => {
        if (!(error instanceof ConnectionGone)) errors.push(error);
      });
    }
  };

  const listener = await listenRaw(async (connection) => {
    const gone = Promise.withResolvers<void>();
    connection.closed.then(gone.resolve);
    const peer = rawPeer({
      number: connection.number,
      send: (value) => connection.write(`${typeof value === "string" ? value : JSON.stringify(value)}\n`),
      raw: (bytes) => connection.write(bytes),
      end: connection.end,
      reset: connection.reset,
      gone: gone.promise,
      answer: (id, timeoutMs) => message((one) => isResponse(one) && one.id === id, timeoutMs),
    });
    peers.push(peer);
    await options.onConnect?.(peer, connection);
    let rest = "";
    const decoder = new TextDecoder();
    while (true) {
      await gate?.promise;
      const chunk = await connection.read();
      if (chunk === null) break;
      // Only the new text is searched: a line of many megabytes comes in thousands of chunks.
      const [first = "", ...lines] = decoder.decode(chunk, { stream: true }).split("\n");
      rest += first;
      for (const next of lines) {
        receive(rest, peer);
        rest = next;
      }
    }
    gone.resolve();
  }, options);

  const close = async () => {
    resume();
    await listener.close();
  };
  return {
    endpoint: options.path === undefined
      ? `tcp://${options.hostname ?? "127.0.0.1"}:${listener.port}`
      : `unix:${options.path}`,
    port: listener.port,
    received: received.items,
    message,
    on: (key, override) => void overrides.set(key, override),
    peers: peers.items,
    peer: (timeoutMs = DEFAULT_WAIT_MS) => peers.take(() => true, timeoutMs),
    open: () => listener.open.size,
    accepted: listener.accepted,
    pause: () => void (gate ??= Promise.withResolvers<void>()),
    resume,
    stopListening: listener.stopListening,
    close,
    async [Symbol.asyncDispose]() {
      await close();
      const all = [...errors, ...listener.errors];
      if (all.length > 0) throw new AggregateError(all, `raw server: ${all.map(String).join("; ")}`);
    },
  };
}
