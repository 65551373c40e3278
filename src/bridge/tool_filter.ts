import { filterElements, textAt } from "../jsonrpc/edit.ts";
import { envelopeNames, paramNames } from "../jsonrpc/member_names.ts";
import type { Message } from "../jsonrpc/message.ts";
import { asObject } from "../mcp/revision.ts";
import { changedExchange, settledExchange } from "../link/exchange.ts";
import { type Failure, failure } from "../link/failure.ts";
import type { Layer, Outcome } from "../link/peer.ts";

/** Which tools a client may see and call. */
export interface ToolFilterOptions {
  /** Globs; when there are any, only tools that match one are shown. */
  readonly allow: readonly string[];
  /** Globs of tools that are hidden, whatever `allow` says. */
  readonly ignore: readonly string[];
  /** The endpoint, for errors. */
  readonly endpoint: string;
}

/** Makes a regular expression of a glob: `*` is any run of characters, `?` any one, all else itself. */
export function globToRegExp(glob: string): RegExp {
  const source = glob.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*+/g, ".*").replace(/\?/g, ".");
  return new RegExp(`^${source}$`, "su");
}

/** Decides whether a tool is shown. */
export function toolIsShown(allow: readonly RegExp[], ignore: readonly RegExp[], name: string): boolean {
  return (allow.length === 0 || allow.some((glob) => glob.test(name))) &&
    !ignore.some((glob) => glob.test(name));
}

/** Tells whether a server that takes no notice of case might read another member for `name`, or the last of two. */
function isDoubtful(names: readonly string[], name: string): boolean {
  const like = names.filter((other) => other.toLowerCase() === name);
  return like.length > 1 || (like.length === 1 && like[0] !== name);
}

/** Tells whether a server that takes no notice of case might read this method. */
function isLike({ method: said }: Message, method: string): boolean {
  return said === method || said?.toLowerCase() === method;
}

/** The tool a call names; `undefined` when that is not beyond doubt. */
function calledTool(message: Message): string | undefined {
  if (isDoubtful(paramNames(message), "name")) return undefined;
  const text = textAt(message, ["params", "name"]);
  const name = text === undefined ? undefined : JSON.parse(text);
  return typeof name === "string" ? name : undefined;
}

function listedTool(text: string): string | undefined {
  const { name } = asObject(JSON.parse(text));
  return typeof name === "string" ? name : undefined;
}

/**
 * A layer that hides tools: they are taken out of `tools/list`, the others keeping their bytes, and a call of one is
 * answered here and never leaves.
 */
export function toolFilter({ allow, ignore, endpoint }: ToolFilterOptions): Layer {
  const allowed = allow.map(globToRegExp);
  const ignored = ignore.map(globToRegExp);
  const shown = (name: string | undefined) => name !== undefined && toolIsShown(allowed, ignored, name);

  /** Why a message must not leave; `undefined` when it may. */
  function refusal(message: Message): Failure | undefined {
    const names = envelopeNames(message);
    if (isDoubtful(names, "method") || isDoubtful(names, "params")) {
      return failure(
        "TOOL_FILTERED",
        endpoint,
        "the message names its method or params twice; it was not sent",
      );
    }
    if (!isLike(message, "tools/call")) return undefined;
    const name = calledTool(message);
    if (shown(name)) return undefined;
    const which = name === undefined
      ? "the call does not name one tool"
      : `the tool ${JSON.stringify(name)} is hidden`;
    return failure("TOOL_FILTERED", endpoint, `${which}; the call was not sent`);
  }

  function filtered(outcome: Outcome): Outcome {
    if (outcome.kind !== "answered") return outcome;
    const message = filterElements(outcome.message, ["result", "tools"], (text) => shown(listedTool(text)));
    return { kind: "answered", message };
  }

  return (next) => ({
    ...next,
    request(message, options) {
      const why = refusal(message);
      if (why !== undefined) {
        return settledExchange({ kind: "refused", failure: why, status: undefined, answer: undefined });
      }
      const exchange = next.request(message, options);
      if (!isLike(message, "tools/list")) return exchange;
      return changedExchange(exchange, filtered);
    },
    notify(message) {
      const why = refusal(message);
      return why === undefined ? next.notify(message) : Promise.resolve(why);
    },
  });
}
