import { type Edit, edit, textAt, withoutMembers } from "../jsonrpc/edit.ts";
import type { Id } from "../jsonrpc/id.ts";
import { Message } from "../jsonrpc/message.ts";
import type { ClientFacts } from "./envelope.ts";
import { META } from "./modern.ts";
import { LATEST_LEGACY_REVISION } from "./revision.ts";

/** The keys of the envelope. */
const ENVELOPE: readonly string[] = [
  META.protocolVersion,
  META.clientCapabilities,
  META.clientInfo,
  META.logLevel,
];

/**
 * A modern client's request as a legacy server reads it: without the envelope and what belongs to the retry of a request; all
 * else keeps its bytes.
 *
 * @param id the id it goes under
 * @param token the JSON text of the progress token it goes with, if it has one
 */
export function legacyForm(message: Message, id: Id, token: string): Message {
  const hasToken = textAt(message, ["params", "_meta", "progressToken"]) !== undefined;
  const edits: Edit[] = [
    { path: ["id"], value: id },
    ...(hasToken ? [{ path: ["params", "_meta", "progressToken"], value: token }] : []),
  ];
  return withoutMembers(withoutEnvelope(edit(message, edits)), ["params"], [
    "inputResponses",
    "requestState",
  ]);
}

/** A modern client's cancellation as a legacy server reads it, with the id that the request has there. */
export function legacyCancellation(notice: Message, id: Id): Message {
  return withoutEnvelope(edit(notice, [{ path: ["params", "requestId"], value: id }]));
}

function withoutEnvelope(message: Message): Message {
  const bare = withoutMembers(message, ["params", "_meta"], ENVELOPE);
  // What held nothing else goes too.
  return bare !== message && textAt(bare, ["params", "_meta"]) === "{}"
    ? withoutMembers(bare, ["params"], ["_meta"])
    : bare;
}

/** The `initialize` of a session that is begun for a modern client; `capabilities` is a JSON text. */
export function initializeFor(id: Id, capabilities: string, info: ClientFacts["info"], own: string): Message {
  const params = `{"protocolVersion":"${LATEST_LEGACY_REVISION}","capabilities":${capabilities},` +
    `"clientInfo":${hasNameAndVersion(info) ? info : own}}`;
  return Message.fromText(`{"jsonrpc":"2.0","id":${id},"method":"initialize","params":${params}}`);
}

/** A legacy server demands both of whoever speaks to it. */
function hasNameAndVersion(info: string | undefined): boolean {
  if (info === undefined) return false;
  const { name, version } = JSON.parse(info);
  return typeof name === "string" && typeof version === "string";
}
