import { textAt } from "../jsonrpc/edit.ts";
import { idKey } from "../jsonrpc/id.ts";
import type { Message } from "../jsonrpc/message.ts";
import { META } from "../mcp/modern.ts";

/** Lets one notification through where several upstreams say the same. */
export interface Merging {
  /** Tells whether the client is to be told what the upstream with this serial number says. */
  isNews(message: Message, serial: number): boolean;
}

/** What several upstreams say of the same change comes within this, in milliseconds. */
const TOGETHER_MS = 500;
/** Different things that are kept account of, and changes of each. */
const MOST = 4096;
const MOST_CHANGES = 1024;

/** What the client was told of one thing. */
interface Told {
  /** When: the last changes. */
  at: number[];
  /** How many there were before these. */
  before: number;
  /** Up to which of them each upstream has spoken, by serial number. */
  readonly said: Map<number, number>;
}

/** Tells whether a notification says that something has changed, which replicas say together. */
export function isChange(method: string | undefined): boolean {
  return method === "notifications/resources/updated" || method?.endsWith("/list_changed") === true;
}

/**
 * Makes a {@linkcode Merging}. What an upstream says is taken for the first change that the client was told of within the last
 * half second and this upstream has not spoken of yet; where there is none, it is news. So what one says twice are two
 * changes, and what two say once is one.
 *
 * @param now the time in milliseconds
 */
export function createMerging(now: () => number = () => performance.now()): Merging {
  const all = new Map<string, Told>();

  return {
    isNews(message, serial) {
      const key = keyOf(message);
      const time = now();
      let it = all.get(key);
      if (it === undefined) {
        all.set(key, it = { at: [], before: 0, said: new Map() });
        if (all.size > MOST) all.delete(all.keys().next().value!);
      }
      const old = it.at.findIndex((at, i) => time - at <= TOGETHER_MS && it.at.length - i <= MOST_CHANGES);
      const gone = old < 0 ? it.at.length : old;
      it.at.splice(0, gone);
      it.before += gone;
      const next = Math.max(it.before, it.said.get(serial) ?? 0);
      it.said.set(serial, next + 1);
      if (next < it.before + it.at.length) return false;
      it.at.push(time);
      return true;
    },
  };
}

/** What has changed, and for whom: servers write the same in different ways. */
function keyOf(message: Message): string {
  const about = [["params", "uri"], ["params", "_meta", META.subscriptionId]];
  return [message.method, ...about.map((path) => idKey(textAt(message, path) ?? ""))].join(" ");
}
