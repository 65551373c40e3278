import type { Message } from "../jsonrpc/message.ts";

/** Lets one notification through where several upstreams say the same. */
export interface Merging {
  /** Tells whether the client is to be told what the upstream with this serial number says. */
  isNews(message: Message, serial: number): boolean;
}

/** What several upstreams say of the same change comes within this, in milliseconds. */
const TOGETHER_MS = 500;
/** Different notifications that are kept account of. */
const MOST = 4096;

/** What has been said of one thing. */
interface Said {
  /** When it was said first. */
  readonly since: number;
  /** How often each upstream has said it, by serial number. */
  readonly counts: Map<number, number>;
  /** How often the client was told. */
  told: number;
}

/** Tells whether a notification says that something has changed, which replicas say together. */
export function isChange(method: string | undefined): boolean {
  return method === "notifications/resources/updated" || method?.endsWith("/list_changed") === true;
}

/**
 * Makes a {@linkcode Merging}. The client is told as often as the upstream that says it most often: what one says twice are two
 * changes, what two say once within half a second is one.
 *
 * @param now the time in milliseconds
 */
export function createMerging(now: () => number = () => performance.now()): Merging {
  const said = new Map<string, Said>();

  return {
    isNews(message, serial) {
      const key = `${message.method} ${message.textOf("params") ?? ""}`;
      const time = now();
      let it = said.get(key);
      if (it === undefined || time - it.since > TOGETHER_MS) {
        said.delete(key);
        said.set(key, it = { since: time, counts: new Map(), told: 0 });
        if (said.size > MOST) said.delete(said.keys().next().value!);
      }
      const count = (it.counts.get(serial) ?? 0) + 1;
      it.counts.set(serial, count);
      if (count <= it.told) return false;
      it.told = count;
      return true;
    },
  };
}
