import type { SseEvent } from "./sse_decoder.ts";

/** Remembers events, so that one that is sent again is not delivered again. */
export interface SeenEvents {
  /** Takes note of an event; tells whether it has been seen before. One without an id never has. */
  again(event: SseEvent): boolean;
}

/** How many are remembered. */
const MOST = 4096;
/** How much of an event's beginning and end is compared, in bytes: its JSON-RPC id stands in one of them. */
const EDGE = 512;

/**
 * Makes {@linkcode SeenEvents}. An id is unique in a session (S/2025-11-25/basic/transports, Resumability and Redelivery).
 * Some servers give all events one id, or count anew with each stream: as soon as an id comes with other data, ids say
 * nothing here, and every event is taken.
 */
export function createSeenEvents(): SeenEvents {
  let prints: Map<string, number> | undefined;
  let meaningless = false;
  return {
    again({ id, data }) {
      if (id === undefined || id === "" || meaningless) return false;
      prints ??= new Map();
      const print = fingerprint(data);
      const before = prints.get(id);
      if (before === print) return true;
      if (before !== undefined) {
        meaningless = true;
        prints.clear();
        return false;
      }
      prints.set(id, print);
      if (prints.size > MOST) prints.delete(prints.keys().next().value!);
      return false;
    },
  };
}

/** A number that tells events apart: FNV-1a of an event's length, beginning and end. */
function fingerprint(data: Uint8Array): number {
  const { length } = data;
  let hash = 0x811c9dc5 ^ length;
  const add = (from: number, to: number) => {
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ data[i]!, 0x01000193);
  };
  add(0, Math.min(length, EDGE));
  add(Math.max(EDGE, length - EDGE), length);
  return hash;
}
