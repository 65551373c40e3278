import { resultAnswer } from "../jsonrpc/answers.ts";
import type { Message } from "../jsonrpc/message.ts";
import { failure } from "../link/failure.ts";
import { failureAnswer } from "../link/failure_answer.ts";
import { SERVER_LISTS } from "../mcp/lists.ts";

/** Capabilities, by name. */
type Capabilities = Readonly<Record<string, unknown>>;

/** The capability that a method belongs to. */
const OWNERS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(SERVER_LISTS).map(([method, list]) => [method, list.capability])),
  "tools/call": "tools",
  "prompts/get": "prompts",
  "resources/read": "resources",
  "resources/subscribe": "resources",
  "resources/unsubscribe": "resources",
  "completion/complete": "completions",
  "logging/setLevel": "logging",
};

/** The capability that a server must have declared for this method; `undefined` for none. */
export function capabilityOf(method: string): string | undefined {
  return Object.hasOwn(OWNERS, method) ? OWNERS[method] : undefined;
}

/**
 * The answer to a request for something that the client was shown and that the server which is there now does not have:
 * an empty list, or `-32601`. `undefined` when the server is to answer.
 *
 * @param shown the capabilities the client was told of
 * @param present those of the server that is there now
 */
export function answerForLack(
  message: Message,
  shown: Capabilities,
  present: Capabilities,
  endpoint: string,
): Message | undefined {
  const method = message.method!;
  const owner = capabilityOf(method);
  if (owner === undefined || shown[owner] === undefined || present[owner] !== undefined) return undefined;
  const list = Object.hasOwn(SERVER_LISTS, method) ? SERVER_LISTS[method] : undefined;
  if (list !== undefined) return resultAnswer(message.id!, { [list.member]: [] });
  const why = `Method not found: the server that is there now has no ${owner}, which the one before it had`;
  return failureAnswer(message.id!, failure("METHOD_NOT_FOUND", endpoint, why), "not_run");
}
