import type { DefaultAnswers } from "./default_answers.ts";
import type { EventStream } from "./event_stream.ts";
import { createInbox, DEFAULT_WAIT_MS } from "./inbox.ts";
import { type RawHandler, type RawHttpServer, startRawHttp } from "./raw_http.ts";
import { handlePeerMessage, type PeerOverride, type RawPeer, rawPeer } from "./raw_peer.ts";
import type { RawListenOptions } from "./raw_socket.ts";

export interface RawSseServerOptions extends RawListenOptions, DefaultAnswers {
  /** Where a client GETs the stream. @default "/sse" */
  readonly at?: string;
  /** What a POST to that place gets, as from a server that knows no Streamable HTTP. @default 405 */
  readonly postStatus?: number;
  /**
   * The `endpoint` event's data for a session; `undefined` sends none.
   *
   * @default "/messages?sessionId=ID"
   */
  readonly endpoint?: (session: string, origin: string) => string | undefined;
  /** What a POST of a message gets. @default 202 */
  readonly acceptedStatus?: number;
  /** Overrides by JSON-RPC method, or `"notification"`, `"response"`. */
  readonly on?: Readonly<Record<string, PeerOverride>>;
  /** Overrides by HTTP method and path, `"POST /messages"`; `"default"` leaves it to the default behaviour. */
  readonly onHttp?: Readonly<Record<string, RawHandler>>;
}

/** A server of the HTTP+SSE transport of 2024-11-05 that a test scripts. */
export interface RawSseServer extends RawHttpServer {
  /** The URL a client is given. */
  readonly url: string;
  on(key: string, override: PeerOverride): void;
  onHttp(key: string, handler: RawHandler): void;
  /** The clients that have opened a stream, oldest first. */
  readonly peers: readonly RawPeer[];
  /** Their streams. */
  readonly streams: readonly EventStream[];
  /** The next client that opens a stream; each is given out once. */
  peer(timeoutMs?: number): Promise<RawPeer>;
}

/** Starts an HTTP+SSE server that behaves well until told otherwise. */
export async function startRawSseServer(options: RawSseServerOptions = {}): Promise<RawSseServer> {
  const { at = "/sse", postStatus = 405, acceptedStatus = 202 } = options;
  const endpoint = options.endpoint ?? ((session) => `/messages?sessionId=${session}`);
  const overrides = new Map(Object.entries(options.on ?? {}));
  const httpOverrides = new Map(Object.entries(options.onHttp ?? {}));
  const sessions = new Map<string, RawPeer>();
  const peers = createInbox<RawPeer>((items) => `${items.length} clients opened a stream`);
  const streams: EventStream[] = [];

  const handler: RawHandler = async (request, reply) => {
    const { method, url } = request;
    const override = httpOverrides.get(`${method} ${url.pathname}`);
    if (override !== undefined && await override(request, reply) !== "default") return;
    if (method === "GET" && url.pathname === at) {
      const session = crypto.randomUUID();
      const stream = await reply.sse();
      const peer = rawPeer({
        number: peers.items.length + 1,
        send: (message) => stream.send(message),
        raw: stream.raw,
        end: stream.end,
        reset: stream.reset,
        gone: stream.gone,
        answer: http.answer,
      });
      sessions.set(session, peer);
      streams.push(stream);
      const data = endpoint(session, http.origin);
      if (data !== undefined) await stream.event({ event: "endpoint", data });
      return peers.push(peer);
    }
    const peer = sessions.get(url.searchParams.get("sessionId") ?? "");
    if (method !== "POST" || peer === undefined) {
      return await reply.status(url.pathname === at ? postStatus : 404);
    }
    await reply.status(acceptedStatus, acceptedStatus === 202 ? "Accepted" : "");
    if (acceptedStatus >= 300) return;
    for (const message of request.messages) await handlePeerMessage(message, peer, overrides, options);
  };

  const http = await startRawHttp(handler, options);
  return {
    ...http,
    url: `${http.origin}${at}`,
    on: (key, override) => void overrides.set(key, override),
    onHttp: (key, override) => void httpOverrides.set(key, override),
    peers: peers.items,
    streams,
    peer: (timeoutMs = DEFAULT_WAIT_MS) => peers.take(() => true, timeoutMs),
  };
}
