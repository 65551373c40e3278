import { ErrorCode } from "../jsonrpc/error_codes.ts";
import { InvalidMessage, Message } from "../jsonrpc/message.ts";
import { JsonSyntaxError, newNotes, scanArray, skipSpace } from "../jsonrpc/scan.ts";

/** What a line, a body or an event turned out to hold. */
export type Incoming =
  | { readonly kind: "message"; readonly message: Message }
  /** A JSON-RPC batch; its members, each on its own. Never empty. */
  | { readonly kind: "batch"; readonly members: readonly (Message | InvalidMessage)[] }
  | { readonly kind: "invalid"; readonly problem: InvalidMessage };

/** Reads what came over a wire: one message or a batch of them. Keeps `bytes`. */
export function readIncoming(bytes: Uint8Array<ArrayBuffer>): Incoming {
  try {
    const at = skipSpace(bytes, 0, bytes.length, newNotes());
    return bytes[at] === 0x5b ? readBatch(bytes, at) : { kind: "message", message: Message.parse(bytes) };
  } catch (error) {
    const problem = error instanceof JsonSyntaxError
      ? new InvalidMessage(ErrorCode.ParseError, `Parse error: ${error.message}`)
      : error;
    if (problem instanceof InvalidMessage) return { kind: "invalid", problem };
    throw error;
  }
}

/** Messages in a batch: each costs far more than the bytes it may have. */
const MOST_MEMBERS = 10_000;

function readBatch(bytes: Uint8Array<ArrayBuffer>, start: number): Incoming {
  const spans: [number, number][] = [];
  const notes = newNotes();
  const end = scanArray(bytes, start, bytes.length, notes, (from, to) => {
    if (spans.push([from, to]) > MOST_MEMBERS) {
      const why = `Invalid Request: a batch of more than ${MOST_MEMBERS} messages`;
      throw new InvalidMessage(ErrorCode.InvalidRequest, why);
    }
  });
  const rest = skipSpace(bytes, end, bytes.length, notes);
  if (rest !== bytes.length) throw new JsonSyntaxError(rest);
  if (spans.length === 0) {
    throw new InvalidMessage(ErrorCode.InvalidRequest, "Invalid Request: the batch is empty");
  }
  const members = spans.map(([from, to]) => {
    try {
      return Message.parse(bytes.slice(from, to));
    } catch (error) {
      if (error instanceof InvalidMessage) return error;
      throw error;
    }
  });
  return { kind: "batch", members };
}
