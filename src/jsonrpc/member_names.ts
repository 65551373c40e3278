import type { Message } from "./message.ts";
import { newNotes, scanObject, skipSpace } from "./scan.ts";
import { decodeUtf8 } from "./utf8.ts";

/** The names of the members of a message's envelope, in order and as often as they are there. */
export function envelopeNames({ bytes }: Message): string[] {
  return namesAt(bytes, skipSpace(bytes, 0, bytes.length, newNotes()), bytes.length);
}

/** The names of the members of a message's `params`; none when it is no object. */
export function paramNames({ bytes, params }: Message): string[] {
  if (params === undefined || bytes[params.start] !== 0x7b) return [];
  return namesAt(bytes, params.start, params.end);
}

function namesAt(bytes: Uint8Array, start: number, end: number): string[] {
  const names: string[] = [];
  scanObject(bytes, start, end, newNotes(), (nameStart, nameEnd) => {
    names.push(JSON.parse(decodeUtf8(bytes.subarray(nameStart, nameEnd))));
  });
  return names;
}
