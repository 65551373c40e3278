import type { Message } from "../jsonrpc/message.ts";
import { asObject } from "./revision.ts";

/** Parameters in which the retry of a request may differ from it (S/2026-07-28/basic/patterns/mrtr). */
const OF_THE_ROUND: ReadonlySet<string> = new Set(["_meta", "inputResponses", "requestState"]);

/** Tells whether `retry` asks for the same thing as `message`. */
export function isRetryOf(retry: Message, message: Message): boolean {
  return retry.method === message.method &&
    isSame(withoutRound(retry.parsed("params")), withoutRound(message.parsed("params")));
}

function withoutRound(params: unknown): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(asObject(params)).filter(([name]) => !OF_THE_ROUND.has(name)));
}

/** Compares JSON values; the order of members does not matter. */
function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length &&
      a.every((item, i) => isSame(item, b[i]));
  }
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) return a === b;
  const [x, y] = [asObject(a), asObject(b)];
  const names = Object.keys(x);
  return names.length === Object.keys(y).length &&
    names.every((name) => Object.hasOwn(y, name) && isSame(x[name], y[name]));
}

/**
 * The URLs a legacy server wants opened before it is asked again (`-32042`, S/2025-11-25/client/elicitation): each as the JSON
 * text of one of a modern result's `inputRequests`.
 */
export function readUrlElicitations(error: Message): readonly string[] {
  const { elicitations } = asObject(asObject(error.parsed("error")).data);
  return (Array.isArray(elicitations) ? elicitations : []).flatMap((it) => {
    const { elicitationId: _, ...params } = asObject(it);
    if (typeof params.url !== "string") return [];
    return [JSON.stringify({ method: "elicitation/create", params: { mode: "url", ...params } })];
  });
}
