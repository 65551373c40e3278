import { openExchange } from "../exchange.ts";
import type { Message } from "../../jsonrpc/message.ts";
import type { Exchange, Outcome, Peer, PeerListener, RequestOptions } from "../peer.ts";
import type { Logger } from "../../telemetry/logger.ts";

/** What an {@linkcode autoPeer} needs. */
export interface AutoPeerOptions {
  readonly endpoint: string;
  readonly openStreamable: () => Peer;
  /** @param timeoutMs how long the `endpoint` event may take; by default as long as connecting may */
  readonly openSse: (timeoutMs?: number) => Promise<Peer>;
  readonly logger: Logger;
  /** Told which transport was chosen, and why. */
  readonly chosen?: (transport: "http" | "sse", why: string) => void;
}

/**
 * Tells whether the answer to a Streamable HTTP `initialize` calls for a try with HTTP+SSE: 400, 404 or 405
 * (S/2025-11-25/basic/transports, Backwards Compatibility).
 */
export function callsForSse(outcome: Outcome): outcome is Extract<Outcome, { kind: "refused" }> {
  return outcome.kind === "refused" && [400, 404, 405].includes(outcome.status ?? 0);
}

/**
 * How long the `endpoint` event may take when the refusal was a JSON-RPC error, in milliseconds: a server that reads what is
 * posted hardly wants it elsewhere, and its stream may be one that says nothing.
 */
const DOUBTFUL_MS = 2000;

/**
 * A Peer that speaks Streamable HTTP, or HTTP+SSE where the server knows only that: the client's own `initialize` finds
 * out, so a server of today costs no request more.
 */
export function autoPeer(options: AutoPeerOptions): Peer {
  const { logger, endpoint } = options;
  let peer = options.openStreamable();
  let listener: PeerListener | undefined;
  let decided = false;
  let closed = false;

  async function trySse(
    message: Message,
    outcome: Extract<Outcome, { kind: "refused" }>,
    requestOptions: RequestOptions,
    goOn: (second: Exchange) => void,
  ): Promise<Outcome> {
    const { status, answer } = outcome;
    const streamable = peer;
    const sse = await options.openSse(answer === undefined ? undefined : DOUBTFUL_MS);
    if (closed) return outcome;
    peer = sse;
    if (listener !== undefined) sse.listen(listener);
    const exchange = sse.request(message, requestOptions);
    goOn(exchange);
    const second = await exchange.outcome;
    if (second.kind !== "answered") {
      peer = streamable;
      await sse.close();
      logger.debug("no HTTP+SSE either", { endpoint, outcome: second.kind });
      // A broken stream, and what we ourselves refuse about it, tell more than the first refusal; otherwise that is what
      // the user should read.
      // That the user has to sign in is no refusal at all.
      return second.kind === "lost" || (second.kind === "refused" && second.status === undefined) ||
          ("failure" in second && second.failure.code === "LOGIN_REQUIRED")
        ? second
        : outcome;
    }
    settleOn("sse", `initialize over Streamable HTTP was refused with HTTP ${status}, HTTP+SSE answered`);
    await streamable.close();
    return second;
  }

  function settleOn(transport: "http" | "sse", why: string): void {
    decided = true;
    logger.debug(`transport: ${transport}`, { endpoint, why });
    options.chosen?.(transport, why);
  }

  return {
    request(message, requestOptions = {}) {
      const first = peer.request(message, requestOptions);
      if (decided || message.method !== "initialize") return first;
      let present = first;
      const exchange = openExchange((notice) => present.cancel(notice));
      first.whenOver((outcome) => {
        if (callsForSse(outcome)) {
          void trySse(message, outcome, requestOptions, (second) => present = second).then(exchange.settle);
          return;
        }
        if (outcome.kind === "answered") settleOn("http", "initialize was answered over Streamable HTTP");
        exchange.settle(outcome);
      });
      return exchange;
    },
    notify: (message, notifyOptions) => peer.notify(message, notifyOptions),
    drop: () => peer.drop?.() ?? Promise.resolve(),
    wake: () => peer.wake?.(),
    listen(it) {
      listener = it;
      peer.listen(it);
    },
    close() {
      closed = true;
      return peer.close();
    },
  };
}
