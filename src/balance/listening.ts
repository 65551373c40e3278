import { edit, textAt, withId } from "../jsonrpc/edit.ts";
import type { Id } from "../jsonrpc/id.ts";
import type { Message } from "../jsonrpc/message.ts";
import { type OpenExchange, openExchange } from "../link/exchange.ts";
import { pause } from "../link/pause.ts";
import type { Exchange, Outcome, Peer, Receive, RequestOptions } from "../link/peer.ts";
import { META } from "../mcp/modern.ts";
import { tagged } from "../mcp/subscriptions.ts";
import type { Logger } from "../telemetry/logger.ts";
import { type KeptListening, keptListening } from "../upstream/kept_listening.ts";
import type { Member } from "./member.ts";
import { isChange } from "./merging.ts";

/** What {@linkcode createListening} needs. */
export interface ListeningOptions {
  readonly members: ReadonlySet<Member>;
  /** Opens what is not open yet. */
  readonly peerOf: (member: Member) => Promise<Peer>;
  /** Whether the client is to be told what this upstream says. */
  readonly isNews: (message: Message, serial: number) => boolean;
  /** Takes what is for a client that has named nobody. */
  readonly receive: Receive;
  readonly newId: () => Id;
  readonly logger: Logger;
  /**
   * The first wait before one is asked again that could not be listened to, in milliseconds; doubled each time, up to 30 s.
   * @default 500
   */
  readonly rejoinMs?: number;
}

const REJOIN_MS = 500;
const REJOIN_MOST_MS = 30_000;

/** What modern clients listen for, at every upstream. */
export interface Listening {
  /** Carries a `subscriptions/listen`. */
  carry(message: Message, options: RequestOptions): Exchange;
  /** Who takes a message from a wire that all share; `undefined` when it belongs to no subscription. */
  receiverOf(member: Member, message: Message): Receive | undefined;
  /** An upstream has come, or is back. */
  joined(member: Member): void;
  /** What was open to an upstream is closed. */
  left(member: Member): void;
  close(): void;
}

/** A `subscriptions/listen` of a client's. */
interface Stream {
  readonly message: Message;
  readonly options: RequestOptions;
  readonly client: OpenExchange;
  /** The same at each upstream that has not ended it. */
  readonly parts: Map<Member, Exchange | undefined>;
  /** How often in a row each could not be listened to. */
  readonly failures: Map<Member, number>;
  acknowledged: boolean;
  /** The cancellation by which an upstream has ended its part last. */
  notice: Message | undefined;
  /** Aborts when it is over. */
  readonly over: AbortController;
}

/**
 * Makes {@linkcode Listening}: each subscription is kept up at every upstream, and its client sees one. It is acknowledged when
 * the first has acknowledged it, a change that several tell of is told once, and it ends when the last has ended it.
 */
export function createListening(options: ListeningOptions): Listening {
  const { rejoinMs = REJOIN_MS } = options;
  const closing = new AbortController();
  const streams = new Set<Stream>();
  const kept = new Map<Member, KeptListening>();

  function keptAt(member: Member): KeptListening {
    let it = kept.get(member);
    if (it !== undefined) return it;
    it = keptListening({
      send(message, requestOptions) {
        const exchange = openExchange((notice) => sent?.cancel(notice), () => sent === undefined);
        let sent: Exchange | undefined;
        void options.peerOf(member).then((peer) => {
          if (exchange.settled) return;
          sent = peer.request(message, requestOptions);
          sent.whenOver(exchange.settle);
        });
        return exchange;
      },
      receive: options.receive,
      newId: options.newId,
      endpoint: member.endpoint,
      logger: options.logger,
    });
    kept.set(member, it);
    return it;
  }

  function carry(message: Message, requestOptions: RequestOptions): Exchange {
    const client = openExchange(() => {
      end(stream);
      for (const [, part] of stream.parts) part?.cancel();
    });
    const stream: Stream = {
      message,
      options: requestOptions,
      client,
      parts: new Map(),
      failures: new Map(),
      acknowledged: false,
      notice: undefined,
      over: new AbortController(),
    };
    streams.add(stream);
    for (const member of options.members) if (!member.leaving && !member.draining) join(stream, member);
    return client;
  }

  function end(stream: Stream): void {
    streams.delete(stream);
    stream.over.abort();
  }

  function join(stream: Stream, member: Member): void {
    if (stream.parts.has(member) || stream.client.settled) return;
    stream.parts.set(member, undefined);
    const part = keptAt(member).carry(withId(stream.message, options.newId()), {
      ...stream.options,
      receive: (said) => fromPart(stream, member, said),
    });
    if (stream.parts.has(member)) stream.parts.set(member, part);
    part.whenOver((outcome) => partOver(stream, member, outcome));
  }

  function fromPart(stream: Stream, member: Member, said: Message): void | Promise<void> {
    // An end of good order is the end of this part, and the client's when it is the last.
    if (said.method === "notifications/cancelled") {
      stream.notice = said;
      return;
    }
    if (said.method === "notifications/subscriptions/acknowledged") {
      stream.failures.delete(member);
      if (stream.acknowledged) return;
      stream.acknowledged = true;
    }
    const id = stream.message.id!;
    const own = textAt(said, ["params", "_meta", META.subscriptionId]) === undefined
      ? said
      : tagged(said, id);
    if (isChange(own.method) && !options.isNews(own, member.serial)) return;
    return (stream.options.receive ?? options.receive)(own);
  }

  function partOver(stream: Stream, member: Member, outcome: Outcome): void {
    stream.parts.delete(member);
    if (stream.client.settled) return;
    const ended = outcome.kind === "answered" || outcome.kind === "cancelled";
    if (!ended) void joinLater(stream, member);
    // One that can't be reached is joined when it is there, as long as another serves or has served.
    if (stream.parts.size > 0 || (stream.acknowledged && !ended)) return;
    end(stream);
    if (outcome.kind === "cancelled") tellOfEnd(stream);
    stream.client.settle(
      outcome.kind === "answered"
        ? { kind: "answered", message: asClients(stream, outcome.message) }
        : outcome,
    );
  }

  async function joinLater(stream: Stream, member: Member): Promise<void> {
    const failures = stream.failures.get(member) ?? 0;
    stream.failures.set(member, failures + 1);
    const wait = Math.min(rejoinMs * 2 ** failures, REJOIN_MOST_MS);
    if (!await pause(wait, AbortSignal.any([closing.signal, stream.over.signal]))) return;
    if (options.members.has(member) && !member.leaving && !member.draining) join(stream, member);
  }

  /** So servers end it over one connection (S/2026-07-28/basic/patterns/cancellation). */
  function tellOfEnd({ notice, message, options: { receive = options.receive } }: Stream): void {
    if (notice !== undefined) {
      void receive(edit(notice, [{ path: ["params", "requestId"], value: message.id! }]));
    }
  }

  function asClients({ message }: Stream, answer: Message): Message {
    const own = withId(answer, message.id!);
    const path = ["result", "_meta", META.subscriptionId];
    return textAt(own, path) === undefined ? own : edit(own, [{ path, value: message.id! }]);
  }

  return {
    carry,
    receiverOf: (member, message) => kept.get(member)?.receiverOf(message),
    joined(member) {
      for (const stream of streams) join(stream, member);
    },
    left(member) {
      kept.get(member)?.close();
      kept.delete(member);
      for (const stream of streams) {
        const part = stream.parts.get(member);
        stream.parts.delete(member);
        part?.cancel();
        // What is open to it is opened anew for a client that begins anew.
        if (!member.leaving) join(stream, member);
      }
    },
    close() {
      closing.abort();
      for (const it of kept.values()) it.close();
    },
  };
}
