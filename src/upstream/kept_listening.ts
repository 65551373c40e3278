import { notification } from "../jsonrpc/answers.ts";
import { edit, textAt, withId } from "../jsonrpc/edit.ts";
import { type Id, idKey } from "../jsonrpc/id.ts";
import type { Message } from "../jsonrpc/message.ts";
import { openExchange } from "../link/exchange.ts";
import { pause } from "../link/pause.ts";
import type { Exchange, Outcome, Receive, RequestOptions } from "../link/peer.ts";
import { META } from "../mcp/modern.ts";
import { LIST_CHANGES, type ListenFilter, readFilter, tagged } from "../mcp/subscriptions.ts";
import type { Logger } from "../telemetry/logger.ts";

/** What {@linkcode keptListening} needs. Times in milliseconds. */
export interface KeptListeningOptions {
  /** Sends a request. */
  readonly send: (message: Message, options: RequestOptions) => Exchange;
  /** Takes what the server says, where the request names nobody. */
  readonly receive: Receive;
  /** Makes the id of a request of ours. */
  readonly newId: () => Id;
  /** The endpoint, for logs. */
  readonly endpoint: string;
  readonly logger: Logger;
  /**
   * The first wait before it is opened again; doubled each time, up to 30 s.
   * @default 500
   */
  readonly reopenMs?: number;
}

const REOPEN_MS = 500;
const REOPEN_MOST_MS = 30_000;
/** So often one that was never acknowledged is sent again. */
const MOST_UNHEARD = 3;

/** A `subscriptions/listen` of a client's. */
interface Stream {
  /** The id it has with the client. */
  readonly id: Id;
  /** The id it has with the server. */
  present: Id;
  readonly receive: Receive;
  /** What the server has acknowledged first. */
  filter: ListenFilter | undefined;
  /** It has been opened again, and not acknowledged since. */
  reopening: boolean;
  /** Tells that it has ended in good order. */
  readonly over: () => void;
}

/** Subscriptions of modern clients that are kept up. */
export interface KeptListening {
  /** Carries a `subscriptions/listen`. */
  carry(message: Message, options: RequestOptions): Exchange;
  /** Who takes a message from a wire that all share; `undefined` when it belongs to no subscription. */
  receiverOf(message: Message): Receive | undefined;
  /** Opens none again. */
  close(): void;
}

/**
 * Keeps the `subscriptions/listen` of modern clients up: when the connection breaks on which the server keeps one, it is opened
 * again, under another id, and the client is told that what it listens for may have changed. It ends when the client or the
 * server ends it.
 */
export function keptListening(options: KeptListeningOptions): KeptListening {
  const { newId, endpoint, logger, reopenMs = REOPEN_MS } = options;
  const closing = new AbortController();
  /** By the id that each has with the server. */
  const streams = new Map<string, Stream>();

  function carry(message: Message, requestOptions: RequestOptions): Exchange {
    let present: Exchange | undefined;
    const gone = new AbortController();
    const exchange = openExchange((notice) => {
      gone.abort();
      streams.delete(idKey(stream.present));
      present?.cancel(notice === undefined ? undefined : renamed(notice, stream.present));
    }, () => stream.filter === undefined && present?.held === true);
    const stream: Stream = {
      id: message.id!,
      present: message.id!,
      receive: requestOptions.receive ?? options.receive,
      filter: undefined,
      reopening: false,
      over: () => exchange.settle({ kind: "cancelled" }),
    };
    let wait = reopenMs;
    let unheard = 0;
    send(message);
    return exchange;

    function send(it: Message): void {
      stream.present = it.id!;
      streams.set(idKey(it.id!), stream);
      present = options.send(it, { ...requestOptions, receive: (said) => fromStream(stream, said) });
      present.whenOver(ended);
    }

    function ended(outcome: Outcome): void {
      streams.delete(idKey(stream.present));
      if (exchange.settled) return;
      const broken = outcome.kind !== "answered" && outcome.kind !== "cancelled" && !closing.signal.aborted;
      // Before it was acknowledged it is a request like others, which does no harm twice.
      const again = stream.filter !== undefined || (outcome.kind === "lost" && unheard++ < MOST_UNHEARD);
      if (broken && again) return void sendAgain(outcome);
      exchange.settle(
        outcome.kind === "answered"
          ? { kind: "answered", message: withOwnId(stream, outcome.message) }
          : outcome,
      );
    }

    async function sendAgain(outcome: Outcome): Promise<void> {
      logger.debug("a subscription has broken off: it is opened again", {
        endpoint,
        outcome: outcome.kind,
      });
      if (stream.reopening) wait = Math.min(wait * 2, REOPEN_MOST_MS);
      else wait = reopenMs;
      stream.reopening = true;
      const stop = AbortSignal.any([gone.signal, closing.signal]);
      if (await pause(wait, stop)) send(withId(message, newId()));
      else if (closing.signal.aborted) exchange.settle(outcome);
    }
  }

  function fromStream(stream: Stream, message: Message): void | Promise<void> {
    if (message.method === "notifications/cancelled" && isAbout(message, stream)) {
      // So a server ends it over one connection (S/2026-07-28/basic/patterns/cancellation).
      const told = stream.receive(renamed(message, stream.id));
      stream.over();
      return told;
    }
    if (message.method !== "notifications/subscriptions/acknowledged") {
      return stream.receive(withOwnTag(stream, message));
    }
    const filter = readFilter(message.parsed("params"));
    if (stream.filter === undefined) {
      stream.filter = filter;
      return stream.receive(withOwnTag(stream, message));
    }
    stream.reopening = false;
    // Something may have been missed.
    for (const [name, method] of LIST_CHANGES) {
      if (filter[name] === true) void stream.receive(tagged(notification(method), stream.id));
    }
    for (const uri of filter.resourceSubscriptions ?? []) {
      void stream.receive(tagged(notification("notifications/resources/updated", { uri }), stream.id));
    }
  }

  function isAbout(message: Message, stream: Stream): boolean {
    const id = textAt(message, ["params", "requestId"]);
    return id !== undefined && idKey(id) === idKey(stream.present);
  }

  /** The stream that a message on a wire which all share belongs to. */
  function streamOf(message: Message): Stream | undefined {
    if (streams.size === 0 || message.kind !== "notification") return undefined;
    const id = message.method === "notifications/cancelled"
      ? textAt(message, ["params", "requestId"])
      : textAt(message, ["params", "_meta", META.subscriptionId]);
    return id === undefined ? undefined : streams.get(idKey(id));
  }

  return {
    carry,
    receiverOf(message) {
      const stream = streamOf(message);
      return stream === undefined ? undefined : (it) => fromStream(stream, it);
    },
    close() {
      closing.abort();
    },
  };
}

function renamed(notice: Message, id: Id): Message {
  return edit(notice, [{ path: ["params", "requestId"], value: id }]);
}

/** The notification with the id by which the client knows its subscription. */
function withOwnTag(stream: Stream, message: Message): Message {
  const id = textAt(message, ["params", "_meta", META.subscriptionId]);
  return id === undefined || id === stream.id ? message : tagged(message, stream.id);
}

function withOwnId(stream: Stream, answer: Message): Message {
  const own = withId(answer, stream.id);
  return textAt(own, ["result", "_meta", META.subscriptionId]) === undefined
    ? own
    : edit(own, [{ path: ["result", "_meta", META.subscriptionId], value: stream.id }]);
}
