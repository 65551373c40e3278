import { edit, membersAt, textAt, withoutMembers } from "../jsonrpc/edit.ts";
import type { Id } from "../jsonrpc/id.ts";
import { InvalidMessage, Message } from "../jsonrpc/message.ts";
import { asObject } from "./revision.ts";

/** One thing that a modern server asks of the client before it goes on (S/2026-07-28/basic/patterns/mrtr). */
export interface InputRequest {
  /** The JSON text of its name in `inputRequests`, quotes included. */
  readonly key: string;
  /** The JSON text of the whole: an object with `method` and `params`. */
  readonly text: string;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** The methods that may be asked for, and the capability each needs. */
const NEEDS: Readonly<Record<string, "elicitation" | "sampling" | "roots">> = {
  "elicitation/create": "elicitation",
  "sampling/createMessage": "sampling",
  "roots/list": "roots",
};

/** Tells whether this is something that a client may be asked for. */
export function isInputMethod(method: string): boolean {
  return Object.hasOwn(NEEDS, method);
}

/** Reads `inputRequests`, or says what is wrong with them. */
export function readInputRequests(text: string): readonly InputRequest[] | { readonly why: string } {
  if (!text.startsWith("{")) return { why: "the server asks for input, and does not say which" };
  const holder = Message.fromText(`{"jsonrpc":"2.0","id":0,"result":${text}}`);
  const found: InputRequest[] = [];
  for (const [key, value] of membersAt(holder, ["result"])) {
    const { method, params } = asObject(JSON.parse(value));
    if (typeof method !== "string" || !isInputMethod(method)) {
      const what = typeof method === "string" ? method.slice(0, 60) : "something without a method";
      return { why: `the server asks for ${what}, which no client is asked for` };
    }
    found.push({ key, text: value, method, params: asObject(params) });
  }
  return found;
}

/**
 * The request that puts it to a legacy client, in the server's own words; `undefined` when that would be none.
 */
export function legacyRequest({ text, params }: InputRequest, id: Id): Message | undefined {
  try {
    const holder = Message.fromText(`{"jsonrpc":"2.0","id":0,"result":${text}}`);
    const bare = withoutMembers(holder, ["result"], ["jsonrpc", "id", "result", "error"]).textOf("result")!;
    const message = Message.fromText(`{"jsonrpc":"2.0","id":${id},${bare.slice(1)}`);
    if (params.mode !== "url" || typeof params.elicitationId === "string") return message;
    // S/2025-11-25/client/elicitation demands it; the modern revision has none.
    const value = JSON.stringify(crypto.randomUUID());
    return edit(message, [{ path: ["params", "elicitationId"], value }]);
  } catch (error) {
    if (error instanceof InvalidMessage) return undefined;
    throw error;
  }
}

/** What belongs to the request that a question was, and to no question: the tokens of its progress and of its task. */
const OF_THE_REQUEST = ["progressToken", "io.modelcontextprotocol/related-task"];

/**
 * What a legacy server asks, as one of a modern result's `inputRequests`: the JSON text of an object with `method` and
 * `params`. A URL has no `elicitationId` there, and tasks are gone.
 */
export function inputRequestOf(question: Message): string {
  const own = withoutMembers(question, ["params", "_meta"], OF_THE_REQUEST);
  const gone = textAt(own, ["params", "_meta"]) === "{}" ? ["_meta"] : [];
  const plain = withoutMembers(own, ["params"], ["task", "elicitationId", ...gone]);
  const params = plain.textOf("params");
  const rest = params === undefined ? "" : `,"params":${params}`;
  return `{"method":${JSON.stringify(question.method)}${rest}}`;
}

/**
 * Says why a client can't be asked for something; `undefined` when it can.
 *
 * @param capabilities those the client has declared
 * @param revision the revision it speaks
 */
export function obstacleTo(
  { method, params }: Pick<InputRequest, "method" | "params">,
  capabilities: Readonly<Record<string, unknown>>,
  revision: string,
): string | undefined {
  const need = NEEDS[method]!;
  const declared = capabilities[need];
  const lacks = (what: string) => `the server asks for ${method}, and the client has declared no ${what}`;
  if (declared === undefined) return lacks(need);
  const { url, form, tools } = asObject(declared);
  if (method === "elicitation/create") {
    if (params.mode === "url") {
      // S/2025-11-25/client/elicitation: the revisions before have forms only.
      return revision < "2025-11-25" || url === undefined
        ? "the server asks the user to open a URL, which this client can't show"
        : undefined;
    }
    // Without either, forms are meant.
    return url !== undefined && form === undefined ? lacks("elicitation.form") : undefined;
  }
  if (method === "sampling/createMessage" && tools === undefined) {
    return params.tools === undefined && params.toolChoice === undefined
      ? undefined
      : lacks("sampling.tools");
  }
  return undefined;
}
