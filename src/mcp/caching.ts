import { edit, textAt, withoutMembers } from "../jsonrpc/edit.ts";
import type { Id } from "../jsonrpc/id.ts";
import { paramNames } from "../jsonrpc/member_names.ts";
import type { Message } from "../jsonrpc/message.ts";
import { newNotes, scanObject } from "../jsonrpc/scan.ts";
import { decodeUtf8 } from "../jsonrpc/utf8.ts";
import { SERVER_LISTS } from "./lists.ts";
import { META } from "./modern.ts";

/** A result is kept no longer than this, whatever the server says, in milliseconds. */
export const MOST_TTL_MS = 60 * 60 * 1000;

/** The methods whose results carry caching hints (S/2026-07-28/server/utilities/caching, Cacheable Results). */
const CACHEABLE: ReadonlySet<string> = new Set([
  "server/discover",
  ...Object.keys(SERVER_LISTS),
  "resources/read",
]);

/** Keys of `_meta` that say how a request is carried, and change nothing of its result. */
const CARRIED: readonly string[] = [
  "progressToken",
  "traceparent",
  "tracestate",
  "baggage",
  META.logLevel,
];

/** What tells a kept result apart. */
export interface CacheKey {
  /** Equal for requests that have the same result. */
  readonly text: string;
  readonly method: string;
  /** The resource that is read; `undefined` for lists. */
  readonly uri: string | undefined;
}

/** Tells whether results of a method may be kept. */
export function isCacheable(method: string): boolean {
  return CACHEABLE.has(method);
}

/**
 * The key of a modern request whose result may be kept; `undefined` for any other, and for the later rounds of one that the
 * server has asked something about. All of `_meta` that may have a say in the result counts: the revision, what the client
 * is and can do, and keys that are not known here.
 */
export function cacheKey(request: Message): CacheKey | undefined {
  const method = request.method!;
  if (!CACHEABLE.has(method)) return undefined;
  const names = paramNames(request);
  if (names.includes("inputResponses") || names.includes("requestState")) return undefined;
  const params = withoutMembers(request, ["params", "_meta"], CARRIED).textOf("params") ?? "{}";
  const uri: unknown = method === "resources/read"
    ? JSON.parse(textAt(request, ["params", "uri"]) ?? "null")
    : undefined;
  return { text: `${method} ${params}`, method, uri: typeof uri === "string" ? uri : undefined };
}

/**
 * For how long the server calls a result fresh, in milliseconds; 0 when it is not to be kept: an error, one that asks for
 * input or is of an unknown kind, or a time that is missing, negative or no integer. Whatever `cacheScope` says, the result
 * may be kept for the same user.
 */
export function ttlOf(answer: Message): number {
  const { bytes, result } = answer;
  if (answer.kind !== "result" || result === undefined || bytes[result.start] !== 0x7b) return 0;
  let type = '"complete"';
  let ttl = "";
  // One pass, since lists may be long.
  scanObject(bytes, result.start, result.end, newNotes(), (nameStart, nameEnd, valueStart, valueEnd) => {
    if (nameEnd - nameStart > LONGEST_NAME) return;
    const name: unknown = JSON.parse(decodeUtf8(bytes.subarray(nameStart, nameEnd)));
    if (name === "resultType") type = decodeUtf8(bytes.subarray(valueStart, valueEnd));
    if (name === "ttlMs") ttl = decodeUtf8(bytes.subarray(valueStart, valueEnd));
  });
  if (JSON.parse(type) !== "complete" || !/^\d/.test(ttl)) return 0;
  const ms = Number(ttl);
  return Number.isInteger(ms) ? ms : 0;
}

/** Names are written shorter than this, even with all their letters as escapes. */
const LONGEST_NAME = 64;

/** A kept result as the answer to another request; who keeps it in turn is told how much of its time is left. */
export function agedAnswer(answer: Message, id: Id, leftMs: number): Message {
  return edit(answer, [
    { path: ["id"], value: id },
    { path: ["result", "ttlMs"], value: `${Math.max(0, Math.floor(leftMs))}` },
  ]);
}

/** What is not fresh any more: results of methods, of all resources or of one. */
export interface Stale {
  readonly methods: readonly string[];
  /** The resource that has changed; `undefined` for all. */
  readonly uri?: string;
}

/** What a notification makes stale; `undefined` when it is about something else. */
export function staleAfter(notification: Message): Stale | undefined {
  if (notification.method === "notifications/resources/updated") {
    const uri: unknown = JSON.parse(textAt(notification, ["params", "uri"]) ?? "null");
    return { methods: ["resources/read"], ...(typeof uri === "string" && { uri }) };
  }
  return CHANGES.get(notification.method!);
}

const CHANGES: ReadonlyMap<string, Stale> = new Map(
  Object.values(SERVER_LISTS).map(({ changed }) => [changed, {
    methods: Object.keys(SERVER_LISTS).filter((method) => SERVER_LISTS[method]!.changed === changed),
  }]),
);

/**
 * What an error to a request gives reason to doubt: a list, one of whose pages is not known any more or whose element is
 * not (S/2026-07-28/server/utilities/caching, Freshness Calculation; Interaction with Pagination).
 */
export function doubtfulAfter(method: string): Stale | undefined {
  return DOUBTS.get(method);
}

const DOUBTS: ReadonlyMap<string, Stale> = new Map([
  ...Object.keys(SERVER_LISTS).map((method): [string, Stale] => [method, { methods: [method] }]),
  ["tools/call", { methods: ["tools/list"] }],
  ["prompts/get", { methods: ["prompts/list"] }],
  ["resources/read", { methods: ["resources/list", "resources/templates/list"] }],
]);

/** Tells whether a kept result is not fresh any more. What has changed may be a part of what was read. */
export function isStale({ method, uri }: Pick<CacheKey, "method" | "uri">, stale: Stale): boolean {
  if (!stale.methods.includes(method)) return false;
  return stale.uri === undefined || uri === undefined || stale.uri.startsWith(uri);
}
