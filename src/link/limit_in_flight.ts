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
    const held: Held[] = [];
    /** Held requests before this place have gone. */
    let first = 0;
    /** Held requests that have neither gone nor been cancelled. */
    let waiting = 0;

    function release(): void {
      inFlight--;
      while (first < held.length && inFlight < maxInFlight) {
        const it = held[first++]!;
        if (it.exchange.settled) continue;
        waiting--;
        it.sent = send(it.message, it.options);
        it.sent.outcome.then(it.exchange.settle);
      }
      if (first === held.length || first > 1024) held.splice(0, first), first = 0;
    }

    function send(message: Message, options: RequestOptions | undefined): Exchange {
      inFlight++;
      const exchange = next.request(message, options);
      exchange.outcome.then(release);
      return exchange;
    }

    function wait(message: Message, options: RequestOptions | undefined): Exchange {
      if (waiting >= maxWaiting) {
        return settledExchange({
          kind: "not_sent",
          failure: failure(
            "OVERLOADED",
            endpoint,
            `${maxInFlight} requests are in flight and ${maxWaiting} wait already`,
            "send fewer at a time, or raise --max-in-flight",
          ),
        });
      }
      const exchange = openExchange((notice) => {
        if (it.sent === undefined) waiting--;
        else it.sent.cancel(notice);
      });
      const it: Held = { message, options, exchange, sent: undefined };
      held.push(it);
      waiting++;
      return it.exchange;
    }

    return {
      request(message, options) {
        return inFlight < maxInFlight ? send(message, options) : wait(message, options);
      },
      notify: (message) => next.notify(message),
      listen: (listener) => next.listen(listener),
      close: () => next.close(),
    };
  };
}
