import { idKey } from "../jsonrpc/id.ts";
import type { Message } from "../jsonrpc/message.ts";
import type { OpenExchange } from "../link/exchange.ts";

/** What the client has said and must wait its turn. */
export interface Held {
  readonly message: Message;
  /** What the Face holds of a request; `undefined` for a notification. */
  readonly exchange: OpenExchange | undefined;
  /** Sends it on its way. */
  readonly begin: () => void;
}

/** What has been read ahead, in the order it came. */
export interface Backlog {
  /** How many messages wait. */
  readonly size: number;
  /** About how much memory they take, in bytes. */
  readonly bytes: number;
  add(held: Held): void;
  /** Tells whether a request with this key of an id waits. */
  has(key: string): boolean;
  /** Takes out what came first. */
  shift(): Held | undefined;
  /** Takes out the request with this key. */
  take(key: string): Held | undefined;
}

/** What a message takes beside its text, in bytes. */
const OVERHEAD = 1024;

/** Makes a {@linkcode Backlog}. */
export function createBacklog(): Backlog {
  const all = new Set<Held>();
  const requests = new Map<string, Held>();
  let bytes = 0;

  const keyOf = ({ message, exchange }: Held) => exchange === undefined ? undefined : idKey(message.id!);

  function remove(held: Held | undefined): Held | undefined {
    if (held === undefined) return undefined;
    all.delete(held);
    bytes -= held.message.bytes.length + OVERHEAD;
    const key = keyOf(held);
    if (key !== undefined) requests.delete(key);
    return held;
  }

  return {
    get size() {
      return all.size;
    },
    get bytes() {
      return bytes;
    },
    add(held) {
      all.add(held);
      bytes += held.message.bytes.length + OVERHEAD;
      const key = keyOf(held);
      if (key !== undefined) requests.set(key, held);
    },
    has: (key) => requests.has(key),
    shift: () => remove(all.values().next().value),
    take: (key) => remove(requests.get(key)),
  };
}
