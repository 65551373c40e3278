import { Message, type Span } from "./message.ts";
import { newNotes, scanArray, scanObject, skipSpace } from "./scan.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

/** A change of one member: its path from the top of the message, and the JSON text it shall hold. */
export interface Edit {
  /** Names of members, outermost first: `["params", "_meta", "traceparent"]`. */
  readonly path: readonly string[];
  /** The member's new JSON text; `undefined` removes the member. */
  readonly value: string | undefined;
}

/** Where a member stands inside its object. */
interface Place {
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** The members of the object at `start`, and where it ends. */
function members(bytes: Uint8Array, start: number): { places: Place[]; end: number } {
  const places: Place[] = [];
  const end = scanObject(
    bytes,
    start,
    bytes.length,
    newNotes(),
    (nameStart, nameEnd, valueStart, valueEnd) => {
      places.push({ nameStart, nameEnd, valueStart, valueEnd });
    },
  );
  return { places, end };
}

/** The member of that name, of several the last one, as in `JSON.parse`. */
function memberOf(bytes: Uint8Array, places: readonly Place[], name: string): Place | undefined {
  return places.findLast((place) => isNamed(bytes, place, name));
}

/** Most names are compared as they stand: only escapes, and what is no ASCII, spell a name otherwise. */
function isNamed(bytes: Uint8Array, { nameStart, nameEnd }: Place, name: string): boolean {
  const from = nameStart + 1;
  const length = nameEnd - 1 - from;
  let equal = length === name.length;
  for (let i = 0; i < length; i++) {
    const byte = bytes[from + i]!;
    if (byte === 0x5c || byte >= 0x80) {
      return JSON.parse(decodeUtf8(bytes.subarray(nameStart, nameEnd))) === name;
    }
    if (equal && byte !== name.charCodeAt(i)) equal = false;
  }
  return equal;
}

function isObject(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x7b;
}

function splice(
  bytes: Uint8Array<ArrayBuffer>,
  start: number,
  end: number,
  text: string,
): Uint8Array<ArrayBuffer> {
  const middle = encodeUtf8(text);
  if (middle.length === end - start && middle.every((byte, i) => byte === bytes[start + i])) return bytes;
  const out = new Uint8Array(bytes.length - (end - start) + middle.length);
  out.set(bytes.subarray(0, start));
  out.set(middle, start);
  out.set(bytes.subarray(end), start + middle.length);
  return out;
}

/** The JSON text that sets `path` in an object that is not there yet. */
function nest(path: readonly string[], value: string): string {
  return path.reduceRight((inner, name) => `{${JSON.stringify(name)}:${inner}}`, value);
}

function applyEdit(bytes: Uint8Array<ArrayBuffer>, edit: Edit): Uint8Array<ArrayBuffer> {
  let start = skipSpace(bytes, 0, bytes.length, newNotes());
  for (let depth = 0; depth < edit.path.length; depth++) {
    const name = edit.path[depth]!;
    const { places, end } = members(bytes, start);
    const place = memberOf(bytes, places, name);
    const last = depth === edit.path.length - 1;
    if (place === undefined) {
      if (edit.value === undefined) return bytes;
      const member = `${JSON.stringify(name)}:${nest(edit.path.slice(depth + 1), edit.value)}`;
      return splice(bytes, end - 1, end - 1, places.length === 0 ? member : `,${member}`);
    }
    if (last) {
      return edit.value === undefined
        ? cutNamed(bytes, places, [name])
        : splice(bytes, place.valueStart, place.valueEnd, edit.value);
    }
    if (!isObject(bytes, place.valueStart)) {
      if (edit.value === undefined) return bytes;
      return splice(bytes, place.valueStart, place.valueEnd, nest(edit.path.slice(depth + 1), edit.value));
    }
    start = place.valueStart;
  }
  return bytes;
}

/** Takes every member of these names out, each with the comma that parts it from its neighbour. */
function cutNamed(
  bytes: Uint8Array<ArrayBuffer>,
  places: readonly Place[],
  names: readonly string[],
): Uint8Array<ArrayBuffer> {
  let some = false;
  const items = places.map((place) => {
    const cut = names.some((name) => isNamed(bytes, place, name));
    some ||= cut;
    return { start: place.nameStart, end: place.valueEnd, cut };
  });
  return some ? cutOut(bytes, items) : bytes;
}

interface Item {
  readonly start: number;
  readonly end: number;
  readonly cut: boolean;
}

/** Takes items of a comma-separated list out; the others, and what stands around them, keep their bytes. */
function cutOut(bytes: Uint8Array<ArrayBuffer>, items: readonly Item[]): Uint8Array<ArrayBuffer> {
  const keep: [start: number, end: number][] = [];
  let from = 0;
  let kept = 0;
  for (let i = 0; i < items.length; i++) {
    const item = items[i]!;
    if (!item.cut) {
      kept++;
      continue;
    }
    // With a kept item before it, an item goes together with the comma in front, else with the one behind.
    const start = kept > 0 ? items[i - 1]!.end : item.start;
    const next = items[i + 1];
    const end = kept > 0 || next === undefined ? item.end : next.start;
    keep.push([from, Math.max(from, start)]);
    from = Math.max(from, end);
  }
  keep.push([from, bytes.length]);
  const out = new Uint8Array(keep.reduce((sum, [start, end]) => sum + end - start, 0));
  let at = 0;
  for (const [start, end] of keep) {
    out.set(bytes.subarray(start, end), at);
    at += end - start;
  }
  return out;
}

/**
 * Returns `message` with members set, inserted or removed by splicing its text; everything else keeps its bytes.
 * Objects on the way that are not there are made; a new member goes last. Edits that change nothing return `message`.
 *
 * @example
 * ```ts
 * import { Message, type Span } from "./message.ts";
 * import { edit } from "./edit.ts";
 * import { strictEqual } from "node:assert/strict";
 *
 * const message = Message.fromText('{"jsonrpc":"2.0", "id":1,"result":{"n":1E400}}');
 * const edited = edit(message, [{ path: ["id"], value: '"a"' }, { path: ["result", "_meta", "x"], value: "1" }]);
 * strictEqual(edited.text, '{"jsonrpc":"2.0", "id":"a","result":{"n":1E400,"_meta":{"x":1}}}');
 * ```
 *
 * @throws {InvalidMessage} when the edits leave no valid message
 */
export function edit(message: Message, edits: readonly Edit[]): Message {
  const bytes = edits.reduce(applyEdit, message.bytes);
  return bytes === message.bytes ? message : Message.parse(bytes);
}

/** Returns `message` with another id. */
export function withId(message: Message, id: string): Message {
  return message.id === id ? message : edit(message, [{ path: ["id"], value: id }]);
}

/**
 * Returns `message` without the members of these names in the object at `path`; everything else keeps its bytes. One look
 * at that object does for all of them.
 */
export function withoutMembers(
  message: Message,
  path: readonly string[],
  names: readonly string[],
): Message {
  const { bytes } = message;
  const start = locate(message, path)?.start;
  if (start === undefined || !isObject(bytes, start)) return message;
  const left = cutNamed(bytes, members(bytes, start).places, names);
  return left === bytes ? message : Message.parse(left);
}

/** Where the value at `path` stands; `undefined` when it is not there. */
function locate(message: Message, path: readonly string[]): Span | undefined {
  const { bytes } = message;
  const [first, ...rest] = path;
  if (first !== "params" && first !== "result" && first !== "error") {
    return locateFrom(bytes, skipSpace(bytes, 0, bytes.length, newNotes()), path);
  }
  // The message knows where these stand.
  const span = message[first];
  return rest.length === 0 || span === undefined ? span : locateFrom(bytes, span.start, rest);
}

function locateFrom(bytes: Uint8Array, from: number, path: readonly string[]): Span | undefined {
  let start = from;
  let end = bytes.length;
  for (const name of path) {
    if (!isObject(bytes, start)) return undefined;
    const place = memberOf(bytes, members(bytes, start).places, name);
    if (place === undefined) return undefined;
    start = place.valueStart;
    end = place.valueEnd;
  }
  return { start, end };
}

/** Returns the JSON text of the member at `path`, `undefined` when it is not there. */
export function textAt(message: Message, path: readonly string[]): string | undefined {
  const place = locate(message, path);
  return place && decodeUtf8(message.bytes.subarray(place.start, place.end));
}

/**
 * Returns the members of the object at `path`, in order: the JSON texts of their names and values, of equal names the last
 * one. Empty when no object stands there.
 */
export function membersAt(
  message: Message,
  path: readonly string[],
): readonly (readonly [name: string, value: string])[] {
  const { bytes } = message;
  const start = locate(message, path)?.start;
  if (start === undefined || !isObject(bytes, start)) return [];
  const text = (from: number, to: number) => decodeUtf8(bytes.subarray(from, to));
  const last = new Map<string, readonly [name: string, value: string]>();
  for (const { nameStart, nameEnd, valueStart, valueEnd } of members(bytes, start).places) {
    const name = text(nameStart, nameEnd);
    last.set(JSON.parse(name), [name, text(valueStart, valueEnd)]);
  }
  return [...last.values()];
}

/**
 * Returns `message` with other elements in the array at `path`: each element's JSON text is given to `change`, which returns
 * the text to put in its place, or `undefined` to leave it out. What is returned unchanged keeps its bytes. A message
 * without such an array is returned as it is.
 */
export function changeElements(
  message: Message,
  path: readonly string[],
  change: (text: string) => string | undefined,
): Message {
  const changed: (string | undefined)[] = [];
  const before: string[] = [];
  const kept = filterElements(message, path, (text) => {
    const now = change(text);
    if (now === undefined) return false;
    before.push(text);
    changed.push(now);
    return true;
  });
  if (before.every((text, i) => text === changed[i])) return kept;
  return edit(kept, [{ path, value: `[${changed.join(",")}]` }]);
}

/**
 * Returns `message` without the elements of the array at `path` whose JSON text `keep` refuses; everything else keeps
 * its bytes. A message without such an array is returned as it is.
 */
export function filterElements(
  message: Message,
  path: readonly string[],
  keep: (text: string) => boolean,
): Message {
  const { bytes } = message;
  const start = locate(message, path)?.start;
  if (start === undefined || bytes[start] !== 0x5b) return message;
  const items: Item[] = [];
  scanArray(bytes, start, bytes.length, newNotes(), (from, to) => {
    items.push({ start: from, end: to, cut: !keep(decodeUtf8(bytes.subarray(from, to))) });
  });
  return items.some((item) => item.cut) ? Message.parse(cutOut(bytes, items)) : message;
}
