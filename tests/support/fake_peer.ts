import { resultAnswer } from "../../src/jsonrpc/answers.ts";
import type { Message } from "../../src/jsonrpc/message.ts";
import { type OpenExchange, openExchange } from "../../src/link/exchange.ts";
import type { Failure } from "../../src/link/failure.ts";
import type { Peer, PeerListener, RequestOptions } from "../../src/link/peer.ts";

/** A request that a {@linkcode FakePeer} was given. */
export interface FakeRequest {
  readonly message: Message;
  readonly options: RequestOptions | undefined;
  readonly exchange: OpenExchange;
  /** The notices it was cancelled with. */
  readonly cancelled: readonly (Message | undefined)[];
  /** Answers it with a result. */
  answer(result?: unknown): void;
}

/** A Peer that does nothing by itself. */
export interface FakePeer extends Peer {
  /** What it was given, in order. */
  readonly requests: readonly FakeRequest[];
  readonly notified: readonly Message[];
  /** Everything it was given, by method. */
  readonly order: readonly string[];
  readonly listener: PeerListener | undefined;
  readonly closed: number;
}

/**
 * Makes a {@linkcode FakePeer}.
 *
 * @param notify what becomes of notifications; they go through at once by default
 */
export function fakePeer(
  notify: () => Promise<Failure | undefined> = () => Promise.resolve(undefined),
): FakePeer {
  const requests: FakeRequest[] = [];
  const notified: Message[] = [];
  const order: string[] = [];
  let listener: PeerListener | undefined;
  let closed = 0;
  return {
    requests,
    notified,
    order,
    get listener() {
      return listener;
    },
    get closed() {
      return closed;
    },
    request(message, options) {
      const cancelled: (Message | undefined)[] = [];
      const exchange = openExchange((notice) => void cancelled.push(notice));
      requests.push({
        message,
        options,
        exchange,
        cancelled,
        answer(result = {}) {
          exchange.settle({ kind: "answered", message: resultAnswer(message.id!, result) });
        },
      });
      order.push(message.method!);
      return exchange;
    },
    notify(message) {
      notified.push(message);
      order.push(message.method ?? message.kind);
      return notify();
    },
    listen(it) {
      listener = it;
    },
    close() {
      closed++;
      return Promise.resolve();
    },
  };
}
