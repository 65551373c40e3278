import { changeElements, edit, textAt } from "../jsonrpc/edit.ts";
import { ErrorCode } from "../jsonrpc/error_codes.ts";
import type { Id } from "../jsonrpc/id.ts";
import { Message } from "../jsonrpc/message.ts";
import { META, MODERN_REVISION } from "./modern.ts";
import { asObject } from "./revision.ts";

/** The methods whose results say how long they hold (S/2026-07-28/server/utilities/caching). */
const CACHEABLE: ReadonlySet<string> = new Set([
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
]);

/** "Resource not found" of the legacy era, which modern peers say with another code (S/2026-07-28/server/resources). */
const RESOURCE_NOT_FOUND = -32002;

/** What is not known to hold for long, nor for others. */
const NOT_CACHED = `"ttlMs":0,"cacheScope":"private"`;

/**
 * A legacy server's answer as a modern client reads it: results say that they are complete, how long they hold and who gave
 * them; all else keeps its bytes.
 *
 * @param method the request's
 * @param serverInfo the JSON text of what the server says of itself
 */
export function modernAnswer(method: string, answer: Message, serverInfo: string): Message {
  if (answer.kind === "error") return modernError(answer);
  const plain = method === "tools/list" ? changeElements(answer, ["result", "tools"], modernTool) : answer;
  return edit(plain, [
    { path: ["result", "resultType"], value: '"complete"' },
    ...(CACHEABLE.has(method)
      ? [
        { path: ["result", "ttlMs"], value: "0" },
        { path: ["result", "cacheScope"], value: '"private"' },
      ]
      : []),
    { path: ["result", "_meta", META.serverInfo], value: serverInfo },
  ]);
}

function modernError(answer: Message): Message {
  return Number(textAt(answer, ["error", "code"])) === RESOURCE_NOT_FOUND
    ? edit(answer, [{ path: ["error", "code"], value: String(ErrorCode.InvalidParams) }])
    : answer;
}

/** Tools that run as tasks only have no modern form; that others may is not said any more. */
function modernTool(text: string): string | undefined {
  if (!text.includes('"execution"')) return text;
  const { execution } = asObject(JSON.parse(text));
  if (execution === undefined) return text;
  if (asObject(execution).taskSupport === "required") return undefined;
  const holder = Message.fromText(`{"jsonrpc":"2.0","id":0,"result":${text}}`);
  return edit(holder, [{ path: ["result", "execution"], value: undefined }]).textOf("result");
}

/**
 * The result of `server/discover`, made of what a legacy server said to `initialize` (S/2026-07-28/server/discover).
 *
 * @param id the id of the client's `server/discover`
 * @param serverInfo the JSON text of what the server says of itself
 */
export function discoverResult(id: Id, initialized: Message, serverInfo: string): Message {
  const capabilities = textAt(initialized, ["result", "capabilities"]);
  const instructions = textAt(initialized, ["result", "instructions"]);
  const answer = Message.fromText(
    `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"complete","supportedVersions":["${MODERN_REVISION}"],` +
      `"capabilities":${capabilities?.startsWith("{") ? capabilities : "{}"}` +
      `${instructions?.startsWith('"') ? `,"instructions":${instructions}` : ""},${NOT_CACHED},` +
      `"_meta":{${JSON.stringify(META.serverInfo)}:${serverInfo}}}}`,
  );
  return edit(answer, [{ path: ["result", "capabilities", "tasks"], value: undefined }]);
}

/** A result that asks for input; `requests` and `state` are JSON texts. */
export function inputRequired(
  id: Id,
  requests: readonly (readonly [key: string, text: string])[],
  state: string,
  serverInfo: string,
): Message {
  const asked = requests.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(",");
  return Message.fromText(
    `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"input_required","inputRequests":{${asked}},` +
      `"requestState":${state},"_meta":{${JSON.stringify(META.serverInfo)}:${serverInfo}}}}`,
  );
}
