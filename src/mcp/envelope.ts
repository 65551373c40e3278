import { type Edit, edit, membersAt, textAt, withoutMembers } from "../jsonrpc/edit.ts";
import { Message } from "../jsonrpc/message.ts";
import { META, MODERN_REVISION } from "./modern.ts";

/** What a client has said of itself: once for all, or in the envelope of one request. Values are JSON texts. */
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
 * unknown capabilities included, keeps its bytes.
 */
export function readClientFacts(initialize: Message): ClientFacts {
  const given = textAt(initialize, ["params", "capabilities"]);
  const holder = Message.fromText(
    `{"jsonrpc":"2.0","id":0,"result":${given?.startsWith("{") ? given : "{}"}}`,
  );
  const mapped = edit(holder, [
    { path: ["result", "tasks"], value: undefined },
    { path: ["result", "roots", "listChanged"], value: undefined },
  ]);
  const info = textAt(initialize, ["params", "clientInfo"]);
  return {
    info: info?.startsWith("{") ? info : undefined,
    capabilities: mapped.textOf("result")!,
    logLevel: undefined,
  };
}

/** Makes a legacy request a modern one: everything stays, the envelope is added (S/2026-07-28/basic, `_meta`). */
export function withEnvelope(message: Message, client: ClientFacts, more: readonly Edit[] = []): Message {
  const members: [key: string, value: string][] = [
    [META.protocolVersion, JSON.stringify(MODERN_REVISION)],
    [META.clientCapabilities, client.capabilities],
    ...(client.info === undefined ? [] : [[META.clientInfo, client.info] as [string, string]]),
    ...(client.logLevel === undefined ? [] : [[META.logLevel, client.logLevel] as [string, string]]),
  ];
  if (textAt(message, ["params", "_meta"])?.startsWith("{")) {
    return edit(message, [
      ...more,
      ...members.map(([key, value]) => ({ path: ["params", "_meta", key], value })),
    ]);
  }
  const meta = `{${members.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`;
  return edit(message, [...more, { path: ["params", "_meta"], value: meta }]);
}

/** Reads what a modern client says of itself in one request: whatever it says is good for that request alone. */
export function readEnvelope(message: Message): ClientFacts {
  let info: string | undefined;
  let capabilities: string | undefined;
  let logLevel: string | undefined;
  for (const [name, value] of membersAt(message, ["params", "_meta"])) {
    const key: unknown = JSON.parse(name);
    if (key === META.clientInfo) info = value;
    else if (key === META.clientCapabilities) capabilities = value;
    else if (key === META.logLevel) logLevel = value;
  }
  return {
    info: info?.startsWith("{") ? info : undefined,
    capabilities: capabilities?.startsWith("{") ? capabilities : "{}",
    logLevel: logLevel?.startsWith('"') ? logLevel : undefined,
  };
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
  const plain = withoutMembers(answer, ["result"], ["resultType", "ttlMs", "cacheScope"]);
  const bare = withoutMembers(plain, ["result", "_meta"], [META.serverInfo]);
  // What held nothing else goes too.
  return bare !== plain && textAt(bare, ["result", "_meta"]) === "{}"
    ? withoutMembers(bare, ["result"], ["_meta"])
    : bare;
}
