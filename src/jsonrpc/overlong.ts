import { type Id, isRequestId } from "./id.ts";
import type { OverlongLine } from "./line_decoder.ts";
import { JsonSyntaxError, newNotes, skipSpace, skipString, skipValue } from "./scan.ts";
import { decodeUtf8 } from "./utf8.ts";

/** What can be told of a message of which only the ends are known. */
export interface OverlongMessage {
  /** Its id; `undefined` when it can't be read. */
  readonly id: Id | undefined;
  /** It is a request or a notification. */
  readonly hasMethod: boolean;
}

/** The id of an envelope that ends with it: the last brace is the envelope's, and no other stands before it. */
const LAST_ID = /[,{]\s*"id"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+)\s*\}\s*$/;

/** Reads the members of the envelope that stand whole in the first bytes of a message, and an id in the last. */
export function readOverlong({ head, tail }: OverlongLine): OverlongMessage {
  const members = wholeMembers(head);
  const id = members.get("id") ?? LAST_ID.exec(decodeUtf8(tail))?.[1];
  return { id: id !== undefined && isRequestId(id) ? id : undefined, hasMethod: members.has("method") };
}

/** The texts of the members at the top of an object that is cut off somewhere. */
function wholeMembers(bytes: Uint8Array): Map<string, string> {
  const found = new Map<string, string>();
  const notes = newNotes();
  const end = bytes.length;
  try {
    let at = skipSpace(bytes, 0, end, notes);
    if (bytes[at] !== 0x7b) return found;
    do {
      const nameStart = skipSpace(bytes, at + 1, end, notes);
      const nameEnd = skipString(bytes, nameStart, end, notes);
      const colon = skipSpace(bytes, nameEnd, end, notes);
      const valueStart = skipSpace(bytes, colon + 1, end, notes);
      at = skipValue(bytes, valueStart, end, notes);
      // A number at the cut may go on behind it.
      if (at === end) return found;
      found.set(
        JSON.parse(decodeUtf8(bytes.subarray(nameStart, nameEnd))),
        decodeUtf8(bytes.subarray(valueStart, at)),
      );
      at = skipSpace(bytes, at, end, notes);
    } while (bytes[at] === 0x2c);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
  }
  return found;
}
