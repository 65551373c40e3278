import { Message } from "../jsonrpc/message.ts";
import { edit, textAt, withId } from "../jsonrpc/edit.ts";
import { META } from "./modern.ts";
import { asObject, LATEST_LEGACY_REVISION, LEGACY_REVISIONS } from "./revision.ts";

/**
 * The result of a legacy `initialize`, made of what a modern server says of itself (S/2026-07-28/server/discover). Its
 * capabilities keep their bytes, all but `tasks`, which means something else there.
 *
 * @param host the name of a server that does not give its own
 */
export function initializeResult(initialize: Message, discovered: Message, host: string): Message {
  const { protocolVersion: asked } = asObject(initialize.parsed("params"));
  const revision = LEGACY_REVISIONS.find((known) => known === asked) ?? LATEST_LEGACY_REVISION;
  const capabilities = objectAt(discovered, ["result", "capabilities"]) ?? "{}";
  const instructions = textAt(discovered, ["result", "instructions"]);
  const result = `{"protocolVersion":${JSON.stringify(revision)},"capabilities":${capabilities},` +
    `"serverInfo":${serverInfo(discovered, host)}` +
    `${instructions?.startsWith('"') ? `,"instructions":${instructions}` : ""}}`;
  const answer = Message.fromText(`{"jsonrpc":"2.0","id":0,"result":${result}}`);
  return withId(
    edit(answer, [{ path: ["result", "capabilities", "tasks"], value: undefined }]),
    initialize.id!,
  );
}

function serverInfo(discovered: Message, host: string): string {
  // Some servers put it at the top.
  const given = objectAt(discovered, ["result", "_meta", META.serverInfo]) ??
    objectAt(discovered, ["result", "serverInfo"]);
  return completeServerInfo(given, host);
}

/** What a client demands of what a server says of itself is filled in: a name and a version. JSON texts. */
export function completeServerInfo(given: string | undefined, host: string): string {
  const info = given?.startsWith("{") ? given : "{}";
  const { name, version } = asObject(JSON.parse(info));
  if (typeof name === "string" && typeof version === "string") return info;
  const holder = edit(Message.fromText(`{"jsonrpc":"2.0","id":0,"result":${info}}`), [
    ...(typeof name === "string" ? [] : [{ path: ["result", "name"], value: JSON.stringify(host) }]),
    ...(typeof version === "string" ? [] : [{ path: ["result", "version"], value: '""' }]),
  ]);
  return holder.textOf("result")!;
}

function objectAt(message: Message, path: readonly string[]): string | undefined {
  const text = textAt(message, path);
  return text?.startsWith("{") ? text : undefined;
}
