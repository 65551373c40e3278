import type { Message } from "./message.ts";
import { newNotes, scanObject } from "./scan.ts";
import { decodeUtf8 } from "./utf8.ts";

/** The names of the members of a message's `params`, in order and as often as they are there; none when it is no object. */
export function paramNames(message: Message): string[] {
  const { bytes, params } = message;
  if (params === undefined || bytes[params.start] !== 0x7b) return [];
  const names: string[] = [];
  scanObject(bytes, params.start, params.end, newNotes(), (start, end) => {
    names.push(JSON.parse(decodeUtf8(bytes.subarray(start, end))));
  });
  return names;
}
