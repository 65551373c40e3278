import type { Message } from "../jsonrpc/message.ts";
import { openExchange } from "./exchange.ts";
import type { Exchange, Peer, RequestOptions } from "./peer.ts";

/**
 * Keeps the handshake in order on wires whose messages may overtake each other: while `initialize` is unanswered, and
 * while `notifications/initialized` is on its way, everything waits but replies to the server. (The session's headers
 * come with the first; many servers refuse requests before the second.)
 */
export function handshakeGate(next: Peer): Peer {
  /** What later messages wait for; `undefined` when nothing holds them. */
  let gate: Promise<unknown> | undefined;

  function hold(until: Promise<unknown>): void {
    const mine = gate = until.then(() => {
      if (gate === mine) gate = undefined;
    });
  }

  function waitAndRequest(message: Message, options: RequestOptions | undefined): Exchange {
    let sent: Exchange | undefined;
    const exchange = openExchange((notice) => sent?.cancel(notice), () => sent === undefined);
    void gate!.then(() => {
      if (exchange.settled) return;
      sent = next.request(message, options);
      sent.whenOver(exchange.settle);
    });
    return exchange;
  }

  return {
    ...next,
    request(message, options) {
      const exchange = gate === undefined ? next.request(message, options) : waitAndRequest(message, options);
      if (message.method === "initialize") hold(exchange.outcome);
      return exchange;
    },
    async notify(message, options) {
      // The server may ask (ping, above all) before it answers `initialize`, and wait for the reply.
      const before = message.isAnswer ? undefined : gate;
      const told = before === undefined
        ? next.notify(message, options)
        : before.then(() => next.notify(message, options));
      if (message.method === "notifications/initialized") hold(told);
      return await told;
    },
  };
}
