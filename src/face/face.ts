import type { Message } from "../jsonrpc/message.ts";
import type { Exchange, Receive } from "../link/peer.ts";

/** What a Face hands its client's messages to: a Bridge. */
export interface Handler {
  /** Takes a request; the outcome is `answered` or `cancelled`. */
  request(message: Message, options: { readonly receive: Receive }): Exchange;
  /** Takes a notification or an answer. */
  notify(message: Message): void;
  /** Names who takes what belongs to no request of the client's. */
  listen(listener: { readonly receive: Receive }): void;
  /** Tells whether the client may send batches, which the revision decides: once `initialize` is answered, if need be. */
  allowsBatches(): boolean | Promise<boolean>;
  /** Told that the client does not take its answers: nothing new is begun until the promise resolves. */
  unread(until: Promise<void>): void;
  /** A promise when no more should be read for now: it resolves when there is room again. */
  congested(): Promise<void> | undefined;
}

/** Where clients come in. */
export interface Face {
  /** Hands the client's messages to `handler`; resolves when the client has no more to say, never rejects. */
  serve(handler: Handler): Promise<void>;
  /** Resolves when everything handed over so far has been written, or the client is gone. */
  flush(): Promise<void>;
  /** Aborts when the client takes no more. */
  readonly gone: AbortSignal;
}
