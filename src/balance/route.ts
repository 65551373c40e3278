import { textAt } from "../jsonrpc/edit.ts";
import type { Message } from "../jsonrpc/message.ts";
import { SERVER_LISTS } from "../mcp/lists.ts";
import type { BelongingKind } from "./belongings.ts";
import { hashText } from "./policies/hash_text.ts";

/** What a request holds that one upstream has made. */
export interface Bond {
  readonly kind: BelongingKind;
  /** Where it stands. */
  readonly path: readonly string[];
  /** The JSON text. */
  readonly text: string;
}

const CURSOR = ["params", "cursor"];
const STATE = ["params", "requestState"];
const TASK = ["params", "taskId"];
const NAME = ["params", "name"];
const URI = ["params", "uri"];

/** What every upstream has to know. */
const FOR_ALL: ReadonlySet<string> = new Set([
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
]);

/** Tells whether what a request sets has to be set at every upstream. */
export function isForAll(method: string): boolean {
  return FOR_ALL.has(method);
}

/** Lists of which a cursor shows the next page. */
export function isList(method: string): boolean {
  return Object.hasOwn(SERVER_LISTS, method) || method === "tasks/list";
}

/** What binds a request to the upstream that has answered before; `undefined` for one that may go anywhere. */
export function bondOf(message: Message): Bond | undefined {
  const method = message.method!;
  if (isList(method)) return bond("cursor", message, CURSOR);
  if (method.startsWith("tasks/")) return bond("task", message, TASK);
  // Only modern requests carry states, and they have an envelope.
  return message.hasIoName ? bond("state", message, STATE) : undefined;
}

function bond(kind: BelongingKind, message: Message, path: readonly string[]): Bond | undefined {
  const text = textAt(message, path);
  return text === undefined ? undefined : { kind, path, text };
}

/** The resource that a request is about, as JSON text; `undefined` where it is about none. */
export function resourceOf(message: Message): string | undefined {
  const method = message.method!;
  if (method.startsWith("resources/")) return textAt(message, URI);
  return method === "completion/complete" ? textAt(message, ["params", "ref", "uri"]) : undefined;
}

/** What requests have in common that go to the same upstream: the tool, prompt or resource, else the method. */
export function keyOf(message: Message): number {
  const method = message.method!;
  const what = method === "tools/call" || method === "prompts/get"
    ? textAt(message, NAME)
    : resourceOf(message) ?? textAt(message, ["params", "ref", "name"]);
  return hashText(what === undefined ? method : `${method} ${what}`);
}

/** What requests have in common that take about as long: the method, and the tool or prompt. */
export function kindOf(message: Message): string {
  const method = message.method!;
  if (method !== "tools/call" && method !== "prompts/get") return method;
  return `${method} ${textAt(message, NAME) ?? ""}`;
}
