import { Message } from "../../jsonrpc/message.ts";
import {
  agedAnswer,
  type CacheKey,
  cacheKey,
  doubtfulAfter,
  isCacheable,
  isStale,
  MOST_TTL_MS,
  type Stale,
  staleAfter,
  ttlOf,
} from "../../mcp/caching.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { settledExchange } from "../exchange.ts";
import type { Exchange, Layer, Outcome, Peer, Receive, RequestOptions } from "../peer.ts";

/** What {@linkcode caching} needs. */
export interface CachingOptions {
  /** The endpoint, for logs. */
  readonly endpoint: string;
  readonly logger: Logger;
  /**
   * What the user is known by at the endpoint: when it becomes another, all is forgotten.
   * @default what never changes
   */
  readonly credentials?: () => string;
  /**
   * Results that are kept at most.
   * @default 256
   */
  readonly mostEntries?: number;
  /**
   * Their bytes, altogether; one may take a quarter.
   * @default 16 MiB
   */
  readonly mostBytes?: number;
  /** A clock that never goes back, in milliseconds. @default performance.now */
  readonly now?: () => number;
}

/** A result that is kept. */
interface Entry {
  readonly key: CacheKey;
  readonly answer: Message;
  readonly ttlMs: number;
  readonly receivedAt: number;
}

/** A request whose result may be kept. */
interface Pending {
  readonly key: CacheKey;
  /** What it asks for has changed since. */
  stale: boolean;
}

const MOST_ENTRIES = 256;
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * A layer that answers modern requests with what the same request was answered with before, as long as the server calls
 * that fresh (S/2026-07-28/server/utilities/caching). What the server announces to have changed is forgotten, and so is all
 * when announcements may have been missed, the connection ends, or the machine has slept. It sits right above the wire;
 * messages of the legacy era pass.
 */
export function caching(options: CachingOptions): Layer {
  return (next) => keeping(options, next);
}

function keeping(options: CachingOptions, next: Peer): Peer {
  const { endpoint, logger, credentials = () => "", now = () => performance.now() } = options;
  const { mostEntries = MOST_ENTRIES, mostBytes = MOST_BYTES } = options;
  /** The oldest first. */
  const entries = new Map<string, Entry>();
  const underWay = new Set<Pending>();
  let bytes = 0;
  let known = credentials();
  /** A stream of announcements has ended, and none has begun since. */
  let gap = false;

  function drop(text: string): void {
    const entry = entries.get(text);
    if (entry === undefined) return;
    entries.delete(text);
    bytes -= entry.answer.bytes.length;
  }

  /** What is under way may have been read before the change. */
  function dropAll(stale?: Stale): void {
    const concerns = (key: CacheKey) => stale === undefined || isStale(key, stale);
    for (const [text, { key }] of entries) if (concerns(key)) drop(text);
    for (const pending of underWay) pending.stale ||= concerns(pending.key);
  }

  /** Another user's results are none of ours. */
  function checkCredentials(): void {
    const present = credentials();
    if (present === known) return;
    known = present;
    dropAll();
  }

  function find({ text }: CacheKey, message: Message): Message | undefined {
    const entry = entries.get(text);
    if (entry === undefined) return undefined;
    const age = now() - entry.receivedAt;
    if (age < Math.min(entry.ttlMs, MOST_TTL_MS)) {
      logger.debug("answered from the cache", { endpoint, method: message.method, id: message.id });
      return agedAnswer(entry.answer, message.id!, entry.ttlMs - age);
    }
    drop(text);
    return undefined;
  }

  function keep(key: CacheKey, answer: Message, receivedAt: number): void {
    drop(key.text);
    const ttlMs = ttlOf(answer);
    if (ttlMs === 0 || answer.bytes.length > mostBytes / 4) return;
    entries.set(key.text, { key, answer: alone(answer), ttlMs, receivedAt });
    bytes += answer.bytes.length;
    for (const text of entries.keys()) {
      if (entries.size <= mostEntries && bytes <= mostBytes) break;
      drop(text);
    }
  }

  function cacheable(message: Message, requestOptions: RequestOptions): Exchange {
    checkCredentials();
    const key = cacheKey(message);
    if (key === undefined) return doubting(message, requestOptions);
    if (requestOptions.fresh !== true) {
      const answer = find(key, message);
      if (answer !== undefined) return settledExchange({ kind: "answered", message: answer });
    } else if (message.method === "server/discover") {
      // Whoever wants to know for sure what the server is may find another.
      dropAll();
    }
    const pending: Pending = { key, stale: false };
    underWay.add(pending);
    const exchange = doubting(message, requestOptions);
    exchange.whenOver((outcome) => {
      const receivedAt = now();
      // Not before the answer has gone its way.
      queueMicrotask(() => {
        checkCredentials();
        underWay.delete(pending);
        if (outcome.kind === "answered" && !pending.stale) keep(key, outcome.message, receivedAt);
      });
    });
    return exchange;
  }

  /** An error shows that a list is not as it was. */
  function doubting(message: Message, requestOptions: RequestOptions): Exchange {
    const exchange = next.request(message, requestOptions);
    const doubtful = doubtfulAfter(message.method!);
    if (doubtful !== undefined) exchange.whenOver((outcome) => isError(outcome) && dropAll(doubtful));
    return exchange;
  }

  /** Announcements come on its stream, or, over one connection, beside it. */
  function listening(message: Message, requestOptions: RequestOptions): Exchange {
    const { receive } = requestOptions;
    const exchange = next.request(
      message,
      receive === undefined ? requestOptions : { ...requestOptions, receive: noticing(receive) },
    );
    exchange.whenOver(({ kind }) => {
      // One that we have given up has been replaced, or nobody listens any more.
      if (kind === "cancelled") return;
      gap = true;
      dropAll();
    });
    return exchange;
  }

  function noticing(receive: Receive): Receive {
    return (message) => {
      if (message.kind === "notification") notice(message);
      return receive(message);
    };
  }

  function notice(message: Message): void {
    if (message.method === "notifications/subscriptions/acknowledged") {
      if (gap) dropAll();
      gap = false;
    }
    if (entries.size === 0 && underWay.size === 0) return;
    const stale = staleAfter(message);
    if (stale !== undefined) dropAll(stale);
  }

  return {
    ...next,
    request(message, requestOptions) {
      // Only what is modern is final.
      if (requestOptions?.final !== true || requestOptions.probe === true) {
        return next.request(message, requestOptions);
      }
      const method = message.method!;
      if (isCacheable(method)) return cacheable(message, requestOptions);
      if (method === "subscriptions/listen") return listening(message, requestOptions);
      return entries.size === 0 ? next.request(message, requestOptions) : doubting(message, requestOptions);
    },
    listen(it) {
      next.listen({
        ...it,
        receive: noticing(it.receive),
        closed(why) {
          dropAll();
          it.closed?.(why);
        },
      });
    },
    wake() {
      dropAll();
      next.wake?.();
    },
  };
}

/** The message without the rest of the buffer that it came in. */
function alone(message: Message): Message {
  const { bytes } = message;
  return bytes.length * 2 > bytes.buffer.byteLength ? message : Message.parse(bytes.slice());
}

function isError(outcome: Outcome): boolean {
  return outcome.kind === "answered"
    ? outcome.message.kind === "error"
    : "answer" in outcome && outcome.answer !== undefined;
}
