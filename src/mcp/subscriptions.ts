import { edit } from "../jsonrpc/edit.ts";
import type { Id } from "../jsonrpc/id.ts";
import { Message } from "../jsonrpc/message.ts";
import { META } from "./modern.ts";
import { asObject } from "./revision.ts";

/** What a `subscriptions/listen` is for (S/2026-07-28/basic/patterns/subscriptions, Notification Filter). */
export interface ListenFilter {
  readonly toolsListChanged?: true;
  readonly promptsListChanged?: true;
  readonly resourcesListChanged?: true;
  readonly resourceSubscriptions?: readonly string[];
}

/** The changes of lists: the name each has in a filter, its notification, and the capability that announces it. */
export const LIST_CHANGES = [
  ["toolsListChanged", "notifications/tools/list_changed", "tools"],
  ["promptsListChanged", "notifications/prompts/list_changed", "prompts"],
  ["resourcesListChanged", "notifications/resources/list_changed", "resources"],
] as const;

/** Reads what a `subscriptions/listen` asks for; what is of another kind than it must be is left out. */
export function readFilter(params: unknown): ListenFilter {
  const given = asObject(asObject(params).notifications);
  const uris = given.resourceSubscriptions;
  const texts = Array.isArray(uris) ? uris.filter((uri) => typeof uri === "string") : [];
  return {
    ...Object.fromEntries(
      LIST_CHANGES.filter(([name]) => given[name] === true).map(([name]) => [name, true]),
    ),
    ...(texts.length > 0 ? { resourceSubscriptions: [...new Set(texts)] } : {}),
  };
}

/** The part of a filter that a legacy server can serve, by what it has declared. */
export function servedFilter(
  filter: ListenFilter,
  capabilities: Readonly<Record<string, unknown>>,
): ListenFilter {
  const declared = (name: string, what: string) => asObject(capabilities[name])[what] === true;
  const { resourceSubscriptions } = filter;
  return {
    ...Object.fromEntries(
      LIST_CHANGES.filter(([name, , owner]) => filter[name] === true && declared(owner, "listChanged"))
        .map(([name]) => [name, true]),
    ),
    ...(resourceSubscriptions !== undefined && declared("resources", "subscribe")
      ? { resourceSubscriptions }
      : {}),
  };
}

/** Tells whether a notification is of what a filter asks for. */
export function isListenedFor(
  filter: ListenFilter,
  { method, uri }: { method: string; uri: unknown },
): boolean {
  if (method !== "notifications/resources/updated") {
    return LIST_CHANGES.some(([name, changed]) => changed === method && filter[name] === true);
  }
  const { resourceSubscriptions = [] } = filter;
  // A server may tell of what is inside of the resource that was subscribed to (S/2025-11-25/server/resources).
  return typeof uri === "string" &&
    resourceSubscriptions.some((it) => uri === it || uri.startsWith(it.endsWith("/") ? it : `${it}/`));
}

/** The notification as one of the listening with this id. */
export function tagged(message: Message, id: Id): Message {
  return edit(message, [{ path: ["params", "_meta", META.subscriptionId], value: id }]);
}

/** The first that is said to who listens: what is listened for. */
export function acknowledgement(id: Id, filter: ListenFilter): Message {
  const params = `{"_meta":{${JSON.stringify(META.subscriptionId)}:${id}},"notifications":${
    JSON.stringify(filter)
  }}`;
  return Message.fromText(
    `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":${params}}`,
  );
}
