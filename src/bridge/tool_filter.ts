import { filterElements, textAt } from "../jsonrpc/edit.ts";
import { paramNames } from "../jsonrpc/member_names.ts";
import type { Message } from "../jsonrpc/message.ts";
import { asObject } from "../mcp/revision.ts";
import { settledExchange } from "../link/exchange.ts";
import { failure } from "../link/failure.ts";
import type { Exchange, Layer, Outcome } from "../link/peer.ts";

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

/**
 * The tool a call names; `undefined` when that is not beyond doubt. A name given twice, or in another case, is
 * refused: servers differ in which one they take.
 */
function calledTool(message: Message): string | undefined {
  if (paramNames(message).filter((name) => name.toLowerCase() === "name").length !== 1) return undefined;
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

  function refuse(name: string | undefined): Exchange {
    const which = name === undefined
      ? "the call does not name one tool"
      : `the tool ${JSON.stringify(name)} is hidden`;
    const why = failure(
      "TOOL_FILTERED",
      endpoint,
      `${which}; the call was not sent`,
      "see --allow-tool and --ignore-tool",
    );
    return settledExchange({ kind: "refused", failure: why, status: undefined, answer: undefined });
  }

  function filtered(outcome: Outcome): Outcome {
    if (outcome.kind !== "answered") return outcome;
    const message = filterElements(outcome.message, ["result", "tools"], (text) => shown(listedTool(text)));
    return { kind: "answered", message };
  }

  return (next) => ({
    request(message, options) {
      if (message.method === "tools/call") {
        const name = calledTool(message);
        if (!shown(name)) return refuse(name);
      }
      const exchange = next.request(message, options);
      if (message.method !== "tools/list") return exchange;
      return { outcome: exchange.outcome.then(filtered), cancel: (notice) => exchange.cancel(notice) };
    },
    notify: (message) => next.notify(message),
    listen: (listener) => next.listen(listener),
    close: () => next.close(),
  });
}
