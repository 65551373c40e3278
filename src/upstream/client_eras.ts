import { errorAnswer, resultAnswer } from "../jsonrpc/answers.ts";
import { ErrorCode } from "../jsonrpc/error_codes.ts";
import type { Message } from "../jsonrpc/message.ts";
import { openExchange, settledExchange } from "../link/exchange.ts";
import type { Exchange, Peer, PeerListener, RequestOptions } from "../link/peer.ts";
import { claimOf } from "../mcp/claim.ts";
import { META } from "../mcp/modern.ts";

/** What {@linkcode clientEras} needs. */
export interface ClientErasOptions {
  /** The server as legacy clients see it. */
  readonly legacy: Peer;
  /** Makes the server as modern clients see it; called when one asks for something. */
  readonly openModern: () => Promise<Peer>;
  /** Whether a legacy client has begun a session. */
  readonly hasSession: () => boolean;
}

/**
 * A Peer for clients of either era, which is decided by each request: one with an envelope in its `_meta` is modern, whatever
 * was before it, and all else belongs to the session that a legacy client has begun. Both may be served at once.
 */
export function clientEras({ legacy, openModern, hasSession }: ClientErasOptions): Peer {
  let opening: Promise<Peer> | undefined;
  let modern: Peer | undefined;
  let listener: PeerListener | undefined;
  let closed = false;

  function open(): Promise<Peer> {
    return opening ??= openModern().then((it) => {
      if (listener !== undefined) it.listen(listener);
      if (closed) void it.close();
      return modern = it;
    });
  }

  function requestModern(message: Message, requestOptions: RequestOptions | undefined): Exchange {
    if (modern !== undefined) return modern.request(message, requestOptions);
    let sent: Exchange | undefined;
    const exchange = openExchange((notice) => sent?.cancel(notice), () => sent?.held ?? sent === undefined);
    void open().then((it) => {
      if (exchange.settled) return;
      sent = it.request(message, requestOptions);
      sent.whenOver(exchange.settle);
    });
    return exchange;
  }

  /** Requests without an envelope, when no legacy client has begun anything and a modern one is there. */
  function answerPlain(message: Message): Message {
    const id = message.id!;
    if (message.method === "ping") return resultAnswer(id, {});
    return errorAnswer(
      id,
      ErrorCode.InvalidParams,
      `Invalid params: _meta must have a string as "${META.protocolVersion}" and an object as ` +
        `"${META.clientCapabilities}"`,
    );
  }

  return {
    ...legacy,
    request(message, requestOptions) {
      const claim = claimOf(message);
      if (claim.kind === "modern") return requestModern(message, requestOptions);
      if (claim.kind === "malformed") {
        const why = `Invalid params: ${claim.why}`;
        return answered(errorAnswer(message.id!, ErrorCode.InvalidParams, why));
      }
      if (message.method === "initialize" || hasSession()) return legacy.request(message, requestOptions);
      // Without a legacy session it is for clients of the other era that a sign of life is asked for.
      if (requestOptions?.probe === true) return requestModern(message, requestOptions);
      return opening !== undefined || message.method === "server/discover"
        ? answered(answerPlain(message))
        : legacy.request(message, requestOptions);
    },
    notify(message, notifyOptions) {
      const isModern = !hasSession() || claimOf(message).kind === "modern";
      return modern !== undefined && isModern
        ? modern.notify(message, notifyOptions)
        : legacy.notify(message, notifyOptions);
    },
    listen(it) {
      listener = it;
      legacy.listen(it);
      modern?.listen(it);
    },
    wake() {
      legacy.wake?.();
      modern?.wake?.();
    },
    async close() {
      closed = true;
      await Promise.all([legacy.close(), modern?.close()]);
    },
  };
}

function answered(message: Message): Exchange {
  return settledExchange({ kind: "answered", message });
}
