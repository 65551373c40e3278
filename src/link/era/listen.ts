import { edit, textAt } from "../../jsonrpc/edit.ts";
import { type Id, idKey } from "../../jsonrpc/id.ts";
import type { Message } from "../../jsonrpc/message.ts";
import { META } from "../../mcp/modern.ts";
import { asObject } from "../../mcp/revision.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { pause } from "../pause.ts";
import type { Exchange, Outcome, Receive } from "../peer.ts";

/** What is listened for: the parameter `notifications` of `subscriptions/listen`. */
export type ListenFilter = Readonly<Record<string, unknown>>;

/** What {@linkcode keepListening} needs. */
export interface ListenOptions {
  /** What is to be listened for now; `undefined` for nothing. */
  readonly wanted: () => ListenFilter | undefined;
  /** Makes the id of a request. */
  readonly newId: () => Id;
  /** Sends `subscriptions/listen`; its exchange lasts as long as the server keeps it up. */
  readonly open: (id: Id, filter: ListenFilter, receive: Receive) => Exchange;
  /** Gives one up that the server still keeps up. */
  readonly giveUp: (exchange: Exchange, id: Id) => void;
  /** Takes what the server says. */
  readonly receive: Receive;
  /** Something may have been missed; nobody listened for a while. */
  readonly missed: () => void;
  /** The wire is one connection: when that is over, so is this. */
  readonly duplex: boolean;
  /** The endpoint, for logs. */
  readonly endpoint: string;
  readonly logger: Logger;
  /**
   * How long the server may take to acknowledge, in milliseconds.
   * @default 10_000
   */
  readonly acknowledgeMs?: number;
  /**
   * The first wait before it is opened again, in milliseconds; doubled each time.
   * @default 1000
   */
  readonly reopenMs?: number;
}

/** What came of it that something else is listened for. */
export type Renewed =
  /** The server listens to this: what it acknowledged. */
  | { readonly kind: "acknowledged"; readonly filter: ListenFilter }
  /** It does not. */
  | { readonly kind: "failed"; readonly outcome: Outcome };

/** A `subscriptions/listen` that is kept up. */
export interface Listening {
  /** Something else is to be listened for, or the stream is not to be trusted: it is opened anew. */
  renew(): Promise<Renewed>;
  /** Who takes a message from a wire that all share; `undefined` when it belongs to no listening. */
  receiverOf(message: Message): Receive | undefined;
  /** Ends it; `outcome` is what who waits for it gets. Idempotent. */
  end(outcome: Outcome): void;
}

const REOPEN_MS = 1000;
const REOPEN_MOST_MS = 30_000;
const ACKNOWLEDGE_MS = 10_000;

/** One `subscriptions/listen`. */
interface Stream {
  readonly id: Id;
  readonly filter: ListenFilter;
  readonly receive: Receive;
  /** There as soon as it has been sent. */
  exchange?: Exchange;
}

/** Notifications that belong to a listening, where they name it. */
const ABOUT: ReadonlySet<string> = new Set([
  "notifications/subscriptions/acknowledged",
  "notifications/resources/updated",
  "notifications/tools/list_changed",
  "notifications/prompts/list_changed",
  "notifications/resources/list_changed",
]);

/**
 * Keeps a `subscriptions/listen` up (S/2026-07-28/basic/patterns/subscriptions): opened when it is first renewed, again when
 * it ends, and anew when what is wanted changes; the new one is acknowledged before the old one is given up.
 */
export function keepListening(options: ListenOptions): Listening {
  const { endpoint, logger, receive, acknowledgeMs = ACKNOWLEDGE_MS, reopenMs = REOPEN_MS } = options;
  const ended = new AbortController();
  /** Why it has ended. */
  let end: Outcome | undefined;
  /** What the server listens to. */
  let present: Stream | undefined;
  /** What it has not acknowledged yet. */
  let opening: Stream | undefined;
  /** Who waits for the next that is opened. */
  let waiting: ((it: Renewed) => void)[] = [];
  /** Who waits for the one that is being opened. */
  let waitingNow: ((it: Renewed) => void)[] = [];
  let starting = false;
  /** Nobody has listened since something was. */
  let gap = false;
  let wait = reopenMs;
  let reopening: AbortController | undefined;

  function renew(): Promise<Renewed> {
    if (end !== undefined) return Promise.resolve({ kind: "failed", outcome: end });
    return new Promise((resolve) => {
      waiting.push(resolve);
      begin();
    });
  }

  /** Opens the next as soon as no other is being opened; what is asked for in the same turn is one. */
  function begin(): void {
    if (starting || opening !== undefined || ended.signal.aborted) return;
    starting = true;
    queueMicrotask(() => {
      starting = false;
      if (!ended.signal.aborted) open();
    });
  }

  function open(): void {
    reopening?.abort();
    waitingNow = waiting;
    waiting = [];
    const filter = options.wanted();
    if (filter === undefined) {
      replace(undefined);
      return tell({ kind: "acknowledged", filter: {} });
    }
    const id = options.newId();
    const stream: Stream = { id, filter, receive: (message) => fromStream(stream, message) };
    opening = stream;
    stream.exchange = options.open(id, filter, stream.receive);
    stream.exchange.whenOver((outcome) => over(stream, outcome));
    if (opening === stream) void giveTime(stream);
  }

  /** A server that says nothing is taken to listen: it must acknowledge, but need not be given up if it does not. */
  async function giveTime(stream: Stream): Promise<void> {
    if (!await pause(acknowledgeMs, ended.signal) || opening !== stream) return;
    logger.warn("the server has not acknowledged subscriptions/listen", { endpoint });
    acknowledged(stream, stream.filter);
  }

  function acknowledged(stream: Stream, filter: ListenFilter): void {
    if (opening !== stream) return;
    opening = undefined;
    wait = reopenMs;
    replace(stream);
    tell({ kind: "acknowledged", filter });
    if (gap) {
      gap = false;
      options.missed();
    }
    if (waiting.length > 0) begin();
  }

  function replace(stream: Stream | undefined): void {
    const before = present;
    present = stream;
    if (before?.exchange !== undefined) options.giveUp(before.exchange, before.id);
  }

  function tell(it: Renewed): void {
    const those = waitingNow;
    waitingNow = [];
    for (const take of those) take(it);
  }

  function over(stream: Stream, outcome: Outcome): void {
    if (ended.signal.aborted || (stream !== present && stream !== opening)) return;
    logger.debug("listening has ended", { endpoint, outcome: outcome.kind });
    const wasOpening = stream === opening;
    if (wasOpening) opening = undefined;
    else {
      present = undefined;
      gap = true;
    }
    if (wasOpening) tell({ kind: "failed", outcome });
    if (waiting.length > 0) return begin();
    // Another still listens, or is about to.
    if (present !== undefined || opening !== undefined) return;
    // Whoever refuses it has nothing to say, and a connection that is over begins with another handshake.
    if (
      isRefusal(outcome) || (options.duplex && outcome.kind !== "answered" && outcome.kind !== "cancelled")
    ) {
      return;
    }
    gap = true;
    void reopenLater("afterMs" in outcome ? outcome.afterMs ?? 0 : 0);
  }

  async function reopenLater(leastMs: number): Promise<void> {
    const stop = reopening = new AbortController();
    const signal = AbortSignal.any([ended.signal, stop.signal]);
    const ms = Math.max(leastMs, wait);
    wait = Math.min(wait * 2, REOPEN_MOST_MS);
    if (await pause(ms, signal)) begin();
  }

  function fromStream(stream: Stream, message: Message): void | Promise<void> {
    if (stream !== present && stream !== opening) return;
    if (message.kind !== "notification") return;
    if (message.method === "notifications/subscriptions/acknowledged") {
      return acknowledged(stream, asObject(asObject(message.parsed("params")).notifications));
    }
    return receive(withoutSubscription(message));
  }

  function find(id: Id | undefined): Stream | undefined {
    if (id === undefined) return undefined;
    const key = idKey(id);
    return [present, opening].find((it) => it !== undefined && idKey(it.id) === key);
  }

  return {
    renew,
    receiverOf(message) {
      if (message.kind !== "notification") return undefined;
      if (message.method === "notifications/cancelled") {
        // So a server ends a listening over stdio (S/2026-07-28/basic/patterns/cancellation).
        const stream = find(textAt(message, ["params", "requestId"]));
        return stream === undefined ? undefined : () => stream.exchange?.cancel();
      }
      if (!ABOUT.has(message.method!)) return undefined;
      const id = textAt(message, ["params", "_meta", META.subscriptionId]);
      if (id === undefined) return undefined;
      // What a listening says that has been given up, the one after it says as well.
      return find(id)?.receive ?? (() => {});
    },
    end(outcome) {
      if (end !== undefined) return;
      end = outcome;
      ended.abort();
      for (const it of [opening, present]) {
        if (it?.exchange !== undefined) options.giveUp(it.exchange, it.id);
      }
      waitingNow.push(...waiting);
      waiting = [];
      opening = present = undefined;
      tell({ kind: "failed", outcome });
    },
  };
}

/** The server has said that it does not take it, and would say so again. */
function isRefusal(outcome: Outcome): boolean {
  if (outcome.kind === "answered") return outcome.message.kind === "error";
  return outcome.kind === "refused" && outcome.answer !== undefined && (outcome.status ?? 400) < 500;
}

/** The notification as a legacy client knows it. */
function withoutSubscription(message: Message): Message {
  const plain = edit(message, [{ path: ["params", "_meta", META.subscriptionId], value: undefined }]);
  if (plain === message || textAt(plain, ["params", "_meta"]) !== "{}") return plain;
  const bare = edit(plain, [{ path: ["params", "_meta"], value: undefined }]);
  return bare.textOf("params") === "{}" ? edit(bare, [{ path: ["params"], value: undefined }]) : bare;
}
