import { edit, textAt } from "../jsonrpc/edit.ts";
import type { Id } from "../jsonrpc/id.ts";
import { Message } from "../jsonrpc/message.ts";
import { META, MODERN_REVISION } from "./modern.ts";
import { asObject, LATEST_LEGACY_REVISION, LEGACY_REVISIONS } from "./revision.ts";

/** What a server has said of itself the last time, as JSON texts. */
export interface KnownServer {
  readonly capabilities: string;
  readonly serverInfo: string;
  readonly instructions: string | undefined;
}

/** What is shown of a server that nobody has seen yet: all that most have, and that it may change. */
export function unknownServer(host: string): KnownServer {
  return {
    capabilities:
      '{"tools":{"listChanged":true},"prompts":{"listChanged":true},"resources":{"listChanged":true}}',
    serverInfo: JSON.stringify({ name: host, version: "" }),
    instructions: undefined,
  };
}

/** What is to be remembered of a server's answer to `initialize` or `server/discover`; `undefined` when it says nothing. */
export function knownFrom(answer: Message): KnownServer | undefined {
  const at = (path: readonly string[], first: string) => {
    const text = textAt(answer, ["result", ...path]);
    return text?.startsWith(first) ? text : undefined;
  };
  const capabilities = at(["capabilities"], "{");
  const serverInfo = at(["serverInfo"], "{") ?? at(["_meta", META.serverInfo], "{");
  if (capabilities === undefined || serverInfo === undefined) return undefined;
  return { capabilities, serverInfo, instructions: at(["instructions"], '"') };
}

/**
 * The answer to a client's `initialize` while its server can't be asked: the client's own revision, and what is known. Lists
 * are said to change, since they will.
 */
export function earlyInitializeResult(initialize: Message, known: KnownServer): Message {
  const { protocolVersion: asked } = asObject(initialize.parsed("params"));
  const revision = LEGACY_REVISIONS.find((it) => it === asked) ?? LATEST_LEGACY_REVISION;
  const answer = Message.fromText(
    `{"jsonrpc":"2.0","id":${initialize.id},"result":{"protocolVersion":"${revision}",` +
      `"capabilities":${known.capabilities},"serverInfo":${known.serverInfo}${instructionsOf(known)}}}`,
  );
  return withChanges(answer);
}

/** The same for a modern client's `server/discover`. */
export function earlyDiscoverResult(id: Id, known: KnownServer): Message {
  const answer = Message.fromText(
    `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"complete","supportedVersions":["${MODERN_REVISION}"],` +
      `"capabilities":${known.capabilities}${instructionsOf(known)},"ttlMs":0,"cacheScope":"private",` +
      `"_meta":{${JSON.stringify(META.serverInfo)}:${known.serverInfo}}}}`,
  );
  return withChanges(edit(answer, [{ path: ["result", "capabilities", "tasks"], value: undefined }]));
}

function instructionsOf({ instructions }: KnownServer): string {
  return instructions === undefined ? "" : `,"instructions":${instructions}`;
}

function withChanges(answer: Message): Message {
  const lists = ["tools", "prompts", "resources"].filter((name) =>
    textAt(answer, ["result", "capabilities", name])?.startsWith("{")
  );
  return edit(
    answer,
    lists.map((name) => ({ path: ["result", "capabilities", name, "listChanged"], value: "true" })),
  );
}
