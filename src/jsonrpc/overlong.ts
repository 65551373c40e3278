import { type Id, isRequestId } from "./id.ts";
import { OVERLONG_TAIL, type OverlongLine } from "./line_decoder.ts";
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
  const { whole } = membersOf(head);
  return { id: idIn(whole, tail), hasMethod: whole.has("method") };
}

function idIn(members: ReadonlyMap<string, string>, tail: Uint8Array): Id | undefined {
  const id = members.get("id") ?? LAST_ID.exec(decodeUtf8(tail))?.[1];
  return id !== undefined && isRequestId(id) ? id : undefined;
}

/** What can be told of a message that is no JSON, or no UTF-8, somewhere. */
export interface BrokenMessage {
  /** Its id; `undefined` when it can't be read. */
  readonly id: Id | undefined;
  /** Whether it was meant as an answer, as far as that can be told. */
  readonly meant: "answer" | "call" | "unknown";
}

/** Names of members that only a request or notification has. */
const OF_CALLS = ["method", "params"];
const OF_ANSWERS = ["result", "error"];

/** Reads what a message that can't be parsed was meant as, and the id, from the members around the fault. */
export function readBroken(bytes: Uint8Array): BrokenMessage {
  const { whole, cut } = membersOf(bytes);
  const has = (names: readonly string[]) => names.some((name) => whole.has(name) || name === cut);
  if (whole.size === 0 && cut === undefined) return { id: undefined, meant: "unknown" };
  return {
    id: idIn(whole, bytes.subarray(-OVERLONG_TAIL)),
    meant: has(OF_CALLS) ? "call" : has(OF_ANSWERS) ? "answer" : "unknown",
  };
}

/** The members at the top of an object that is cut off, or broken, somewhere. */
interface Members {
  /** The texts of those that are whole. */
  readonly whole: ReadonlyMap<string, string>;
  /** The name of the one that is not. */
  readonly cut: string | undefined;
}

function membersOf(bytes: Uint8Array): Members {
  const whole = new Map<string, string>();
  const notes = newNotes();
  const end = bytes.length;
  let cut: string | undefined;
  try {
    let at = skipSpace(bytes, 0, end, notes);
    if (bytes[at] !== 0x7b) return { whole, cut: undefined };
    do {
      const nameStart = skipSpace(bytes, at + 1, end, notes);
      const nameEnd = skipString(bytes, nameStart, end, notes);
      const name: string = JSON.parse(decodeUtf8(bytes.subarray(nameStart, nameEnd)));
      cut = name;
      const colon = skipSpace(bytes, nameEnd, end, notes);
      const valueStart = skipSpace(bytes, colon + 1, end, notes);
      at = skipValue(bytes, valueStart, end, notes);
      // A number at the cut may go on behind it.
      if (at === end) break;
      whole.set(name, decodeUtf8(bytes.subarray(valueStart, at)));
      cut = undefined;
      at = skipSpace(bytes, at, end, notes);
    } while (bytes[at] === 0x2c);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
  }
  return { whole, cut };
}
