import type { Message } from "../jsonrpc/message.ts";
import type { Failure } from "./failure.ts";

/** How an {@linkcode Exchange} ended. All but the first carry what to say when nothing better can be done. */
export type Outcome =
  /** The peer's result or error. Its id is the request's. */
  | { readonly kind: "answered"; readonly message: Message }
  /** The request surely never reached the peer. */
  | { readonly kind: "not_sent"; readonly failure: Failure }
  /** The peer wants (other) credentials. `challenge` is the `WWW-Authenticate` header. */
  | Rejected & { readonly kind: "unauthorized"; readonly challenge: string | undefined }
  /** The peer does not know our session. */
  | Rejected & { readonly kind: "session_unknown" }
  /** The peer asks to be left alone for a while; `afterMs` when it said for how long. */
  | Rejected & { readonly kind: "retry_later"; readonly afterMs: number | undefined }
  /** The peer refused, or what answered does not speak MCP. */
  | Rejected & { readonly kind: "refused" }
  /** The connection broke after the request had left: whether it ran is unknown. */
  | { readonly kind: "lost"; readonly failure: Failure; readonly lastEventId: string | undefined }
  /** We gave up: {@linkcode Exchange.cancel} was called. */
  | { readonly kind: "cancelled" };

/** What came back in place of an answer. */
export interface Rejected {
  /** What to say of it. */
  readonly failure: Failure;
  /** HTTP status; `undefined` on wires without one. */
  readonly status: number | undefined;
  /** The JSON-RPC error in the body, its id set to the request's, where there was one. */
  readonly answer: Message | undefined;
}

/**
 * Takes a message. A promise means "slow down": whoever delivers waits for it before reading on, which is how
 * backpressure reaches the other side.
 */
export type Receive = (message: Message) => void | Promise<void>;

/** One request and all that belongs to it. */
export interface Exchange {
  /**
   * Calls `take` once: at once when the outcome is known, else in the moment it becomes known, before anything that the
   * peer said later is delivered. Whoever passes answers on uses this, and so keeps them in their order.
   */
  whenOver(take: (outcome: Outcome) => void): void;
  /** The same for those who don't mind the order. Never rejects. */
  readonly outcome: Promise<Outcome>;
  /** The request still waits on this side: nothing of it has left. Absent where that can't be told. */
  readonly held?: boolean;
  /**
   * Gives the request up: the peer is told in the way its wire has for it, `outcome` becomes `cancelled`, and nothing
   * of the exchange is delivered any more. Without effect once the outcome is known.
   *
   * @param notice the `notifications/cancelled` to send, where the wire uses one; without it the peer is not told
   */
  cancel(notice?: Message): void;
}

/** What may go with a request. */
export interface RequestOptions {
  /** Takes the messages that arrive on the request's behalf: progress, logs, the server's own requests. */
  readonly receive?: Receive;
  /** More headers, for wires that have them. */
  readonly headers?: Readonly<Record<string, string>>;
  /** It stands for itself: it belongs to no session, and a stream that breaks is not resumed. @default false */
  readonly final?: boolean;
  /** It asks for a sign of life: an answer from this side would be none. @default false */
  readonly probe?: boolean;
  /** What was answered before won't do, however fresh it is. @default false */
  readonly fresh?: boolean;
}

/**
 * The other side of the conversation, whatever the wire. A layer is a function from Peer to Peer.
 */
export interface Peer {
  /** Sends a request. Never throws. */
  request(message: Message, options?: RequestOptions): Exchange;
  /**
   * Sends what expects no answer: a notification, or the answer to the peer's own request. Resolves when the wire
   * has taken it; `undefined` means that it went; a failure is returned, not thrown.
   */
  notify(message: Message, options?: Pick<RequestOptions, "headers">): Promise<Failure | undefined>;
  /** Names who receives the messages that belong to no request of ours. Set once, before the first request. */
  listen(listener: PeerListener): void;
  /**
   * Gives the wire up, where it is one connection: what is in flight is lost, and the next `initialize` opens another.
   * Absent where each request has a connection of its own.
   */
  drop?(): Promise<void>;
  /**
   * The machine was asleep, or this program stopped: connections may be dead without a word. Streams that the server
   * holds open for us are opened anew.
   */
  wake?(): void;
  /** Ends the session and the wire. Idempotent; never rejects. */
  close(): Promise<void>;
}

/** Who is told what arrives without having been asked for. */
export interface PeerListener {
  /** Takes what arrives. */
  readonly receive: Receive;
  /** The wire has ended by itself; requests in flight have been settled. */
  readonly closed?: (why: Failure) => void;
  /** The peer has forgotten our session, as something other than a request has shown. */
  readonly forgotten?: () => void;
}

/** Adds one thing to a Peer. */
export type Layer = (next: Peer) => Peer;
