import type { Id } from "../jsonrpc/id.ts";

const MARK = "mcp-connect-from-";

/** An id with the mark of the server it is from: those of several servers never meet. */
export function markedId(serial: number, id: Id): Id {
  return serial === 0 ? id : JSON.stringify(`${MARK}${serial}-${id}`);
}

/** Which server an id is from, and how that server has written it. */
export function readMarkedId(id: Id): { readonly serial: number; readonly id: Id } {
  if (!id.startsWith(`"${MARK}`)) return { serial: 0, id };
  const [, serial, own] = /^mcp-connect-from-(\d+)-(.*)$/s.exec(JSON.parse(id)) ?? [];
  return serial === undefined || own === undefined ? { serial: 0, id } : { serial: Number(serial), id: own };
}
