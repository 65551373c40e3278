import { notification, request } from "../jsonrpc/answers.ts";
import { textAt } from "../jsonrpc/edit.ts";
import type { Message } from "../jsonrpc/message.ts";
import type { Peer, Receive } from "../link/peer.ts";
import { SERVER_LISTS } from "../mcp/lists.ts";
import { elementsOf, type Listings } from "./listings.ts";

/** What {@linkcode tellChanges} needs. */
export interface ChangesOptions {
  /** The server that is there now, or what answers in its place. */
  readonly peer: Peer;
  readonly listings: Listings;
  /** Makes the id of a request of ours. */
  readonly newId: () => string;
  /** Takes what arrives on the requests' behalf. */
  readonly receive: Receive;
  /** Takes the notifications for the client. */
  readonly tell: (message: Message) => void;
}

/** Pages asked for at most. */
const MOST_PAGES = 256;
/** How often the lists are read in a row, when the server has become another meanwhile. */
const MOST_ROUNDS = 3;

/**
 * Makes what is to be called whenever the server may have become another. One reading of the lists at a time: a call during
 * one makes it begin again, a few times at most, for reading may itself be what the server forgets its sessions over.
 */
export function changesTeller(options: ChangesOptions): () => void {
  let reading = false;
  let again = false;

  async function read(): Promise<void> {
    reading = true;
    for (let round = 0; round < MOST_ROUNDS; round++) {
      again = false;
      await tellChanges(options);
      if (!again) break;
    }
    reading = false;
  }

  return () => {
    again = true;
    if (!reading && options.listings.methods.length > 0) void read();
  };
}

/**
 * Reads the lists that the client has read once more, and tells it of those that have changed: the server may be another
 * than the one it knew. A list that was not read to its end is taken to have changed.
 */
export async function tellChanges(options: ChangesOptions): Promise<void> {
  const { listings } = options;
  const changed = new Set<string>();
  for (const method of listings.methods) {
    const list = SERVER_LISTS[method]!;
    const before = listings.pages(method);
    const after = await readPages(method, options);
    if (after === undefined) continue;
    listings.replace(method, after);
    if (before === undefined || elementsOf(method, before) !== elementsOf(method, after)) {
      changed.add(list.changed);
    }
  }
  for (const method of changed) options.tell(notification(method));
}

/** All pages of a list; `undefined` when they can't be had. */
async function readPages(method: string, options: ChangesOptions): Promise<Message[] | undefined> {
  const pages: Message[] = [];
  let cursor: unknown;
  do {
    const params = cursor === undefined ? undefined : { cursor };
    const exchange = options.peer.request(request(options.newId(), method, params), {
      receive: options.receive,
      fresh: true,
    });
    const outcome = await exchange.outcome;
    if (outcome.kind !== "answered" || outcome.message.kind !== "result") return undefined;
    pages.push(outcome.message);
    const text = textAt(outcome.message, ["result", "nextCursor"]);
    cursor = text === undefined ? undefined : JSON.parse(text);
  } while (typeof cursor === "string" && pages.length < MOST_PAGES);
  return pages;
}
