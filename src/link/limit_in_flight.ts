import type { Message } from "../jsonrpc/message.ts";
import { type OpenExchange, openExchange, settledExchange } from "./exchange.ts";
import { failure } from "./failure.ts";
import type { Exchange, Layer, RequestOptions } from "./peer.ts";

/** What {@linkcode limitInFlight} needs. */
export interface LimitOptions {
  /** Requests in flight at most. */
  readonly maxInFlight: number;
  /** Requests that may wait beyond those. */
  readonly maxWaiting: number;
  /** The endpoint, for errors. */
  readonly endpoint: string;
}

interface Held {
  readonly message: Message;
  readonly options: RequestOptions | undefined;
  readonly exchange: OpenExchange;
  sent: Exchange | undefined;
}

/** A layer that keeps no more than so many requests in flight; the rest wait their turn, first come, first served. */
export function limitInFlight({ maxInFlight, maxWaiting, endpoint }: LimitOptions): Layer {
  return (next) => {
    let inFlight = 0;
    let releasing = false;
    /** Requests that wait their turn, in the order they came. */
    const held = new Set<Held>();

    function release(): void {
      inFlight--;
      // What is sent may be over at once: the loop that is under way goes on then.
      if (releasing) return;
      releasing = true;
      for (const it of held) {
        if (inFlight >= maxInFlight) break;
        held.delete(it);
        it.sent = send(it.message, it.options);
        it.sent.whenOver(it.exchange.settle);
      }
      releasing = false;
    }

    function send(message: Message, options: RequestOptions | undefined): Exchange {
      inFlight++;
      const exchange = next.request(message, options);
      exchange.whenOver(release);
      return exchange;
    }

    function wait(message: Message, options: RequestOptions | undefined): Exchange {
      if (held.size >= maxWaiting) {
        const why = `${maxInFlight} requests are in flight and ${maxWaiting} wait already`;
        return settledExchange({ kind: "not_sent", failure: failure("OVERLOADED", endpoint, why) });
      }
      const exchange = openExchange((notice) => {
        if (!held.delete(it)) it.sent?.cancel(notice);
      }, () => it.sent?.held ?? it.sent === undefined);
      const it: Held = { message, options, exchange, sent: undefined };
      held.add(it);
      return exchange;
    }

    return {
      ...next,
      request(message, options) {
        // It lasts as long as the client likes, and would leave no room for others.
        if (message.method === "subscriptions/listen") return next.request(message, options);
        // Those in flight may have lost the session that an `initialize` is to bring back.
        return inFlight < maxInFlight || message.method === "initialize"
          ? send(message, options)
          : wait(message, options);
      },
    };
  };
}
