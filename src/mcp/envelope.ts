import { type Edit, edit, textAt } from "../jsonrpc/edit.ts";
import type { Message } from "../jsonrpc/message.ts";
import { META, MODERN_REVISION } from "./modern.ts";
import { asObject } from "./revision.ts";

/** What a legacy client has said of itself, for the envelope of each modern request. Values are JSON texts. */
export interface ClientFacts {
  /** `clientInfo` of its `initialize`. */
  readonly info: string | undefined;
  /** Its capabilities, as a modern client declares them. */
  readonly capabilities: string;
  /** The level of log messages it wants; `undefined` for none. */
  readonly logLevel: string | undefined;
}

/**
 * Reads what a client says of itself in its `initialize`. `tasks` and `roots.listChanged` have no modern form; all else,
 * unknown capabilities included, stays.
 */
export function readClientFacts(initialize: Message): ClientFacts {
  const capabilities = { ...asObject(asObject(initialize.parsed("params")).capabilities) };
  delete capabilities.tasks;
  if (capabilities.roots !== undefined) {
    const { listChanged: _, ...roots } = asObject(capabilities.roots);
    capabilities.roots = roots;
  }
  return {
    info: textAt(initialize, ["params", "clientInfo"]),
    capabilities: JSON.stringify(capabilities),
    logLevel: undefined,
  };
}

/** Makes a legacy request a modern one: everything stays, the envelope is added (S/2026-07-28/basic, `_meta`). */
export function withEnvelope(message: Message, client: ClientFacts, more: readonly Edit[] = []): Message {
  const meta = (key: string, value: string): Edit => ({ path: ["params", "_meta", key], value });
  return edit(message, [
    ...more,
    meta(META.protocolVersion, JSON.stringify(MODERN_REVISION)),
    meta(META.clientCapabilities, client.capabilities),
    ...(client.info === undefined ? [] : [meta(META.clientInfo, client.info)]),
    ...(client.logLevel === undefined ? [] : [meta(META.logLevel, client.logLevel)]),
  ]);
}

/** What a result is: complete, a question back, or something this program does not know. */
export function resultTypeOf(answer: Message): "complete" | "input_required" | "unknown" {
  const text = textAt(answer, ["result", "resultType"]);
  // S/2026-07-28/basic, ResultType: an absent one means that the result is complete.
  if (text === undefined) return "complete";
  const value: unknown = JSON.parse(text);
  return value === "complete" || value === "input_required" ? value : "unknown";
}

/** Takes out of a modern result what a legacy client does not know. */
export function withoutModernMembers(answer: Message): Message {
  if (answer.kind !== "result") return answer;
  const gone = (...path: string[]): Edit => ({ path: ["result", ...path], value: undefined });
  const plain = edit(answer, [
    gone("resultType"),
    gone("ttlMs"),
    gone("cacheScope"),
    gone("_meta", META.serverInfo),
  ]);
  // What held nothing else goes too.
  return plain !== answer && textAt(plain, ["result", "_meta"]) === "{}"
    ? edit(plain, [gone("_meta")])
    : plain;
}
