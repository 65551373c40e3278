import { filterElements, textAt } from "../jsonrpc/edit.ts";
import type { Message } from "../jsonrpc/message.ts";
import { SERVER_LISTS } from "../mcp/lists.ts";
import { asObject } from "../mcp/revision.ts";
import type { ToolHints } from "../mcp/safety.ts";

/** What the client has been shown of the server's lists. */
export interface Listings {
  /** Takes note of an answer; of those to other requests nothing is kept. */
  note(request: Message, answer: Message): void;
  /** What the tool says of itself that `call` calls; `undefined` when it was never listed, or `call` calls none. */
  hintsFor(call: Message): ToolHints | undefined;
  /** The methods of the lists that the client has read. */
  readonly methods: readonly string[];
  /** The pages of a list, in order; `undefined` when the client has not read it to its end, or it is too long. */
  pages(method: string): readonly Message[] | undefined;
  /** Puts other pages in the place of a list's: those of the server that is there now. */
  replace(method: string, pages: readonly Message[]): void;
  /** Forgets what tools say of themselves: another server's would be meant. */
  forgetHints(): void;
  /** Forgets what one tool says of itself, until the list is read again: not all servers say the same. */
  dispute(tool: string): void;
}

/** Pages of one list that are kept at most, and their bytes. */
const MOST_PAGES = 256;
const MOST_BYTES = 16 * 1024 * 1024;

interface Shown {
  pages: Message[];
  bytes: number;
  /** The last page has been read. */
  whole: boolean;
}

/** Makes {@linkcode Listings}. Answers are kept as they are, and looked into only when something has failed. */
export function createListings(): Listings {
  const lists = new Map<string, Shown>();
  let hints: Map<string, ToolHints> | undefined;
  let hintsKnown = true;
  const disputed = new Set<string>();

  function readHints(): Map<string, ToolHints> {
    const found = new Map<string, ToolHints>();
    for (const page of lists.get("tools/list")?.pages ?? []) {
      const { tools } = asObject(page.parsed("result"));
      for (const tool of Array.isArray(tools) ? tools : []) {
        const { name, annotations } = asObject(tool);
        const { readOnlyHint, idempotentHint } = asObject(annotations);
        if (typeof name !== "string") continue;
        found.set(name, { readOnly: readOnlyHint === true, idempotent: idempotentHint === true });
      }
    }
    return found;
  }

  return {
    note(request, answer) {
      const method = request.method!;
      if (answer.kind !== "result" || !Object.hasOwn(SERVER_LISTS, method)) return;
      const first = textAt(request, ["params", "cursor"]) === undefined;
      let shown = lists.get(method);
      if (first || shown === undefined) lists.set(method, shown = { pages: [], bytes: 0, whole: false });
      shown.pages.push(answer);
      shown.bytes += answer.bytes.length;
      shown.whole = textAt(answer, ["result", "nextCursor"]) === undefined;
      if (shown.pages.length > MOST_PAGES || shown.bytes > MOST_BYTES) shown.pages = [];
      if (method !== "tools/list") return;
      hints = undefined;
      hintsKnown = true;
      disputed.clear();
    },
    hintsFor(call) {
      if (call.method !== "tools/call" || !hintsKnown) return undefined;
      const name = textAt(call, ["params", "name"]);
      const value = name === undefined ? undefined : JSON.parse(name);
      if (typeof value !== "string" || disputed.has(value)) return undefined;
      return (hints ??= readHints()).get(value);
    },
    get methods() {
      return [...lists.keys()];
    },
    pages(method) {
      const shown = lists.get(method);
      return shown?.whole && shown.pages.length > 0 ? shown.pages : undefined;
    },
    replace(method, pages) {
      const bytes = pages.reduce((sum, page) => sum + page.bytes.length, 0);
      lists.set(method, { pages: bytes > MOST_BYTES ? [] : [...pages], bytes, whole: true });
      if (method !== "tools/list") return;
      hints = undefined;
      hintsKnown = true;
    },
    forgetHints() {
      hintsKnown = false;
    },
    dispute(tool) {
      disputed.add(tool);
    },
  };
}

/** The elements of some pages of a list, as one text: equal for lists that say the same in the same words. */
export function elementsOf(method: string, pages: readonly Message[]): string {
  const texts: string[] = [];
  const path = ["result", SERVER_LISTS[method]!.member];
  for (const page of pages) {
    filterElements(page, path, (text) => {
      texts.push(text);
      return true;
    });
  }
  return texts.join("\n");
}
