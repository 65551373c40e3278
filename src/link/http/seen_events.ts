import type { SseEvent } from "./sse_decoder.ts";

/** Remembers events, so that one that is sent again is not delivered again. */
export interface SeenEvents {
  /** Takes note of an event; tells whether it has been seen before. One without an id never has. */
  again(event: SseEvent): boolean;
}

/** How many are remembered. */
const MOST = 4096;

/**
 * Makes {@linkcode SeenEvents}. An id is unique in a session (S/2025-11-25/basic/transports, Resumability and Redelivery);
 * where a server does not keep to that, events of another length are taken for others.
 */
export function createSeenEvents(): SeenEvents {
  let lengths: Map<string, number> | undefined;
  return {
    again({ id, data }) {
      if (id === undefined || id === "") return false;
      lengths ??= new Map();
      if (lengths.get(id) === data.length) return true;
      lengths.set(id, data.length);
      if (lengths.size > MOST) lengths.delete(lengths.keys().next().value!);
      return false;
    },
  };
}
