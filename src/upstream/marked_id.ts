import type { Id } from "../jsonrpc/id.ts";

const MARK = "mcp-connect-from-";

/**
 * An id with the mark of the server it is from: those of several servers never meet. What the server 0 says stays as it is,
 * unless it looks as if it were another's.
 */
export function markedId(serial: number, id: Id): Id {
  return serial === 0 && !seemsMarked(id) ? id : JSON.stringify(`${MARK}${serial}-${id}`);
}

/** Which server an id is from, and how that server has written it. */
export function readMarkedId(id: Id): { readonly serial: number; readonly id: Id } {
  if (!seemsMarked(id)) return { serial: 0, id };
  const [, serial, own] = /^mcp-connect-from-(\d+)-(.*)$/s.exec(JSON.parse(id)) ?? [];
  return serial === undefined || own === undefined ? { serial: 0, id } : { serial: Number(serial), id: own };
}

/** Whoever passes an id on may spell it in its own way. */
function seemsMarked(id: Id): boolean {
  if (id.charCodeAt(0) !== 0x22) return false;
  return id.startsWith(`"${MARK}`) || (id.includes("\\") && String(JSON.parse(id)).startsWith(MARK));
}
