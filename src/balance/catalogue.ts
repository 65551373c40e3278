import type { Message } from "../jsonrpc/message.ts";
import { SERVER_LISTS } from "../mcp/lists.ts";
import { asObject } from "../mcp/revision.ts";

/** The elements of a list, by name: each as JSON text. */
export type Catalogue = ReadonlyMap<string, string>;

/** How one upstream's list differs from what the client was shown. */
export interface Difference {
  /** What the client was shown, and this one does not have. */
  readonly lacks: readonly string[];
  /** What only this one has. */
  readonly more: readonly string[];
  /** What both have, in other words. */
  readonly differs: readonly string[];
}

/** Reads the elements of a list from its pages. */
export function readCatalogue(method: string, pages: readonly Message[]): Catalogue {
  const found = new Map<string, string>();
  const { member } = SERVER_LISTS[method]!;
  for (const page of pages) {
    const elements = asObject(page.parsed("result"))[member];
    for (const element of Array.isArray(elements) ? elements : []) {
      const { name, uri, uriTemplate } = asObject(element);
      const key = uri ?? uriTemplate ?? name;
      if (typeof key === "string") found.set(key, JSON.stringify(element));
    }
  }
  return found;
}

/** Compares a list with what the client was shown; `undefined` when they say the same. */
export function compareCatalogues(shown: Catalogue, present: Catalogue): Difference | undefined {
  const lacks = [...shown.keys()].filter((name) => !present.has(name));
  const more = [...present.keys()].filter((name) => !shown.has(name));
  const differs = [...shown].filter(([name, text]) => present.has(name) && present.get(name) !== text)
    .map(([name]) => name);
  return lacks.length + more.length + differs.length === 0 ? undefined : { lacks, more, differs };
}

/** Whether two lists of tools say something else of how `name` may be repeated. */
export function hintsDiffer(name: string, one: Catalogue, other: Catalogue): boolean {
  const hints = (text: string | undefined) => {
    const { annotations } = asObject(text === undefined ? undefined : JSON.parse(text));
    const { readOnlyHint, idempotentHint } = asObject(annotations);
    return readOnlyHint === true || idempotentHint === true;
  };
  return hints(one.get(name)) !== hints(other.get(name));
}

/**
 * The signature that most lists have, where they differ; `undefined` when all are the same, or none is known.
 *
 * @param lists each upstream's, in the order of the upstreams: of equally many, the first counts
 */
export function commonSignature(lists: readonly Catalogue[]): string | undefined {
  const counts = new Map<string, number>();
  for (const list of lists) {
    const signature = signatureOf(list);
    counts.set(signature, (counts.get(signature) ?? 0) + 1);
  }
  if (counts.size < 2) return undefined;
  return [...counts].reduce((best, it) => it[1] > best[1] ? it : best)[0];
}

/** What is equal for lists that say the same, whatever their order. */
export function signatureOf(list: Catalogue): string {
  return [...list.values()].sort().join("\n");
}
