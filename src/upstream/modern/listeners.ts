import { notification, request as newRequest } from "../../jsonrpc/answers.ts";
import type { Id } from "../../jsonrpc/id.ts";
import type { Message } from "../../jsonrpc/message.ts";
import { type OpenExchange, openExchange } from "../../link/exchange.ts";
import { failure } from "../../link/failure.ts";
import { within } from "../../link/pause.ts";
import type { Exchange, Outcome, Receive, RequestOptions } from "../../link/peer.ts";
import { asObject } from "../../mcp/revision.ts";
import {
  acknowledgement,
  isListenedFor,
  LIST_CHANGES,
  type ListenFilter,
  readFilter,
  servedFilter,
  tagged,
} from "../../mcp/subscriptions.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { LegacyHost } from "./legacy_host.ts";

/** What {@linkcode createListeners} needs. */
export interface ListenersOptions {
  /** Makes the id of a request of ours. */
  readonly newId: () => Id;
  /** The endpoint, for logs. */
  readonly endpoint: string;
  readonly logger: Logger;
}

/** Who listens to a legacy server, each for what it asked for. */
export interface Listeners {
  /** Carries a `subscriptions/listen`: its exchange lasts until the client has enough of it. */
  listen(message: Message, options: RequestOptions, host: LegacyHost): Exchange;
  /** Hands what the server says to all to those who listen for it. */
  announced(message: Message): void | Promise<void>;
  /** Something may have been missed: those who listen are told that it has changed. */
  missed(): void;
  /** Another session is listened to from now on. */
  move(host: LegacyHost): void;
  /** How many listen. */
  readonly size: number;
  /** Ends all: whoever still wants to listen begins anew. */
  end(): void;
}

/** So long one request for a resource waits for the one before it, in milliseconds. */
const ORDER_MS = 5000;

interface Listener {
  readonly id: Id;
  readonly exchange: OpenExchange;
  readonly receive: Receive;
  readonly filter: ListenFilter;
}

/** Makes {@linkcode Listeners}. */
export function createListeners({ newId, endpoint, logger }: ListenersOptions): Listeners {
  const listeners = new Set<Listener>();
  /** The resources that are subscribed to, or about to be. */
  const subscribed = new Map<string, { listeners: number; readonly taken: Promise<boolean> }>();
  /** What is under way for a resource: over HTTP a server may carry two requests out in either order. */
  const pending = new Map<string, Promise<boolean>>();
  let present: LegacyHost | undefined;

  function listen(message: Message, { receive }: RequestOptions, host: LegacyHost): Exchange {
    present ??= host;
    const id = message.id!;
    let listener: Listener | undefined;
    const exchange = openExchange(() => listener !== undefined && leave(listener));
    void join().catch((error) => logger.debug("listening failed", { endpoint, error }));
    return exchange;

    async function join(): Promise<void> {
      const wanted = servedFilter(readFilter(message.parsed("params")), host.serverCapabilities);
      const uris: string[] = [];
      await Promise.all((wanted.resourceSubscriptions ?? []).map(async (uri) => {
        if (await subscribe(uri)) uris.push(uri);
      }));
      const { resourceSubscriptions: asked, ...rest } = wanted;
      // In the order they were asked for.
      const taken = (asked ?? []).filter((uri) => uris.includes(uri));
      const filter = taken.length > 0 ? { ...rest, resourceSubscriptions: taken } : rest;
      listener = { id, exchange, receive: receive ?? (() => {}), filter };
      if (exchange.settled) return leave(listener);
      listeners.add(listener);
      void listener.receive(acknowledgement(id, filter));
    }
  }

  function leave(listener: Listener): void {
    listeners.delete(listener);
    for (const uri of listener.filter.resourceSubscriptions ?? []) void unsubscribe(uri);
  }

  // Resources are subscribed to once, however many listen -----------------------------------------------------------

  function subscribe(uri: string): Promise<boolean> {
    const it = subscribed.get(uri) ?? { listeners: 0, taken: ask(present!, "resources/subscribe", uri) };
    it.listeners++;
    subscribed.set(uri, it);
    return it.taken.then((taken) => {
      if (!taken) release(uri);
      return taken;
    });
  }

  async function unsubscribe(uri: string): Promise<void> {
    if (release(uri)) await ask(present!, "resources/unsubscribe", uri);
  }

  /** Tells whether it was the last who listened for it. */
  function release(uri: string): boolean {
    const it = subscribed.get(uri);
    if (it === undefined || --it.listeners > 0) return false;
    return subscribed.delete(uri);
  }

  function ask(host: LegacyHost, method: string, uri: string): Promise<boolean> {
    const before = pending.get(uri);
    const mine = before === undefined
      ? askNow(host, method, uri)
      : within(before, ORDER_MS).then(() => askNow(host, method, uri));
    pending.set(uri, mine);
    void mine.then(() => pending.get(uri) === mine && pending.delete(uri));
    return mine;
  }

  async function askNow(host: LegacyHost, method: string, uri: string): Promise<boolean> {
    const it = newRequest(newId(), method, { uri });
    const outcome: Outcome = await host.peer.request(it).outcome;
    const done = outcome.kind === "answered" && outcome.message.kind === "result";
    if (done) host.note(it, outcome.message);
    else logger.debug(`${method} was not taken`, { endpoint, uri, outcome: outcome.kind });
    return done;
  }

  function announced(message: Message): void | Promise<void> {
    const method = message.method!;
    const { uri } = method === "notifications/resources/updated"
      ? asObject(message.parsed("params"))
      : { uri: undefined };
    const slow: Promise<void>[] = [];
    for (const { id, filter, receive } of listeners) {
      const full = isListenedFor(filter, { method, uri }) ? receive(tagged(message, id)) : undefined;
      if (full !== undefined) slow.push(full);
    }
    if (slow.length > 0) return Promise.all(slow).then(() => {});
  }

  function missed(): void {
    for (const { id, filter, receive } of listeners) {
      for (const [name, method] of LIST_CHANGES) {
        if (filter[name] === true) void receive(tagged(notification(method), id));
      }
      for (const uri of filter.resourceSubscriptions ?? []) {
        void receive(tagged(notification("notifications/resources/updated", { uri }), id));
      }
    }
  }

  return {
    listen,
    announced,
    missed,
    move(host) {
      if (present === host) return;
      present = host;
      if (listeners.size === 0) return;
      for (const uri of subscribed.keys()) void ask(host, "resources/subscribe", uri);
      missed();
    },
    get size() {
      return listeners.size;
    },
    end() {
      const why = failure("CONNECTION_LOST", endpoint, "the session that was listened to has ended");
      for (const { exchange } of [...listeners]) {
        exchange.settle({ kind: "lost", failure: why, lastEventId: undefined });
      }
      listeners.clear();
      subscribed.clear();
    },
  };
}
