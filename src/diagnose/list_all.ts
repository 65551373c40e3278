import { asObject } from "../mcp/revision.ts";
import type { Reply } from "./ask.ts";
import type { Listing, Problem } from "./report.ts";

/** The most pages and entries read of one list: a server that never ends its list must not hold us. */
const MAX_PAGES = 200;
const MAX_ENTRIES = 10_000;

/** A list a server may offer. */
export interface ListKind {
  /** The request: `tools/list`. */
  readonly method: string;
  /** The result's member that holds the entries. */
  readonly member: string;
  /** The entries' member that names them. */
  readonly label: "name" | "uri" | "uriTemplate";
}

/** A list that was not asked for. */
export const NOT_OFFERED: Listing = { offered: false, count: null, names: [], complete: false };

/**
 * Reads all pages of a list (MCP 2025-11-25, server/utilities/pagination), as far as they are sound.
 *
 * @param ask sends a request
 */
export async function listAll(
  ask: (method: string, params?: unknown) => Promise<Reply>,
  { method, member, label }: ListKind,
): Promise<{ listing: Listing; problem: Problem | undefined }> {
  const names: string[] = [];
  const cursors = new Set<string>();
  let cursor: string | undefined;
  const end = (complete: boolean, problem?: Problem) => ({
    listing: {
      offered: true,
      count: problem !== undefined && names.length === 0 ? null : names.length,
      names,
      complete,
    },
    problem,
  });
  const bad = (message: string) =>
    end(false, {
      step: method,
      code: "BAD_ANSWER",
      message,
      hint: "the server breaks the protocol here",
      status: null,
    });

  for (let page = 0; page < MAX_PAGES && names.length < MAX_ENTRIES; page++) {
    const reply = await ask(method, cursor === undefined ? {} : { cursor });
    if ("problem" in reply) return end(false, reply.problem);
    const entries = reply.result[member];
    if (!Array.isArray(entries)) return bad(`the result has no list "${member}"`);
    for (const entry of entries) {
      const name = asObject(entry)[label];
      if (typeof name !== "string") return bad(`entry ${names.length + 1} has no "${label}"`);
      names.push(name);
    }
    const next = reply.result.nextCursor;
    if (next === undefined || next === null) return end(true);
    if (typeof next !== "string") return bad('"nextCursor" is not a string');
    if (cursors.has(next)) return bad('"nextCursor" repeats: the list never ends');
    cursors.add(next);
    cursor = next;
  }
  return end(false);
}
