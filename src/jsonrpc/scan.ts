/**
 * A validating JSON scanner over UTF-8 bytes (RFC 8259). It builds no values: it tells where things
 * stand, so that a message can be checked, routed and spliced while its bytes stay as they came.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** What a scan noticed on its way. Owned by the caller, so that scans don't interfere. */
export interface ScanNotes {
  /** All bytes of strings or-ed together: bit 7 tells that some are not ASCII. */
  bits: number;
  /** A raw line break stands between tokens. */
  lineBreak: boolean;
  /** Some member's name begins with `io.`, as reserved names do, or may do so in another spelling. */
  ioName: boolean;
}

/** Thrown for text that is not JSON. */
export class JsonSyntaxError extends Error {
  override readonly name = "JsonSyntaxError";
  /** Offset of the offending byte. */
  readonly at: number;
  constructor(at: number) {
    super(`not JSON: unexpected byte or end of text at offset ${at}`);
    this.at = at;
  }
}

/** Returns the offset of the next byte that is no white space, at most `end`. */
export function skipSpace(bytes: Uint8Array, at: number, end: number, notes: ScanNotes): number {
  while (at < end) {
    const byte = bytes[at]!;
    if (byte > 0x20) return at;
    if (byte === 0x0a || byte === 0x0d) notes.lineBreak = true;
    else if (byte !== 0x20 && byte !== 0x09) throw new JsonSyntaxError(at);
    at++;
  }
  return at;
}

/** Returns the offset behind the string whose opening quote stands at `at`. */
export function skipString(bytes: Uint8Array, at: number, end: number, notes: ScanNotes): number {
  if (at >= end || bytes[at] !== QUOTE) throw new JsonSyntaxError(at);
  let bits = 0;
  for (let i = at + 1; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === QUOTE) {
      notes.bits |= bits;
      return i + 1;
    }
    if (byte === BACKSLASH) {
      i = escapeEnd(bytes, i, end);
    } else if (byte < 0x20) {
      throw new JsonSyntaxError(i);
    } else {
      bits |= byte;
    }
  }
  throw new JsonSyntaxError(end);
}

/** Returns the offset of the last byte of the escape whose backslash stands at `at`. */
function escapeEnd(bytes: Uint8Array, at: number, end: number): number {
  if (at + 1 >= end) throw new JsonSyntaxError(end);
  switch (bytes[at + 1]) {
    case 0x22: // "
    case 0x5c: // \
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return at + 1;
    case 0x75: // u
      for (let i = at + 2; i < at + 6; i++) {
        if (i >= end || !isHex(bytes[i]!)) throw new JsonSyntaxError(Math.min(i, end));
      }
      return at + 5;
    default:
      throw new JsonSyntaxError(at + 1);
  }
}

function isHex(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function skipDigits(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end || !isDigit(bytes[at])) throw new JsonSyntaxError(Math.min(at, end));
  do at++; while (at < end && isDigit(bytes[at]));
  return at;
}

function skipNumber(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] === 0x2d) at++;
  if (at < end && bytes[at] === 0x30) at++;
  else at = skipDigits(bytes, at, end);
  if (at < end && bytes[at] === 0x2e) at = skipDigits(bytes, at + 1, end);
  if (at < end && (bytes[at] === 0x65 || bytes[at] === 0x45)) {
    at++;
    if (at < end && (bytes[at] === 0x2b || bytes[at] === 0x2d)) at++;
    at = skipDigits(bytes, at, end);
  }
  return at;
}

const LITERALS: Readonly<Record<number, Uint8Array>> = {
  0x74: new TextEncoder().encode("true"),
  0x66: new TextEncoder().encode("false"),
  0x6e: new TextEncoder().encode("null"),
};

function skipLiteral(bytes: Uint8Array, at: number, end: number): number {
  const literal = LITERALS[bytes[at]!];
  if (literal === undefined) throw new JsonSyntaxError(at);
  for (let i = 0; i < literal.length; i++) {
    if (at + i >= end || bytes[at + i] !== literal[i]) throw new JsonSyntaxError(Math.min(at + i, end));
  }
  return at + literal.length;
}

function noteName(bytes: Uint8Array, start: number, notes: ScanNotes): void {
  const first = bytes[start + 1];
  if (first !== 0x69 && first !== BACKSLASH) return;
  const [second, third] = [bytes[start + 2], bytes[start + 3]];
  if (
    first === BACKSLASH || second === BACKSLASH ||
    (second === 0x6f && (third === 0x2e || third === BACKSLASH))
  ) notes.ioName = true;
}

/** Skips a member's name and colon, and returns the offset of its value. */
function skipName(bytes: Uint8Array, at: number, end: number, notes: ScanNotes): number {
  const start = skipSpace(bytes, at, end, notes);
  at = skipSpace(bytes, skipString(bytes, start, end, notes), end, notes);
  noteName(bytes, start, notes);
  if (at >= end || bytes[at] !== COLON) throw new JsonSyntaxError(at);
  return at + 1;
}

/**
 * Returns the offset behind the JSON value that begins at or after `at`.
 *
 * Nesting costs no call stack, so its depth is bounded by the message's length alone.
 *
 * @throws {JsonSyntaxError} when no valid value stands there
 */
export function skipValue(bytes: Uint8Array, at: number, end: number, notes: ScanNotes): number {
  // One entry for each open container: true for an object, false for an array.
  const open: boolean[] = [];
  for (;;) {
    at = skipSpace(bytes, at, end, notes);
    if (at >= end) throw new JsonSyntaxError(end);
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      at = skipString(bytes, at, end, notes);
    } else if (byte === OPEN_BRACE) {
      at = skipSpace(bytes, at + 1, end, notes);
      if (bytes[at] !== CLOSE_BRACE || at >= end) {
        open.push(true);
        at = skipName(bytes, at, end, notes);
        continue;
      }
      at++;
    } else if (byte === OPEN_BRACKET) {
      at = skipSpace(bytes, at + 1, end, notes);
      if (bytes[at] !== CLOSE_BRACKET || at >= end) {
        open.push(false);
        continue;
      }
      at++;
    } else if (byte === 0x2d || isDigit(byte)) {
      at = skipNumber(bytes, at, end);
    } else {
      at = skipLiteral(bytes, at, end);
    }
    // A value is complete: close what ends here, or go on to the next member.
    for (;;) {
      if (open.length === 0) return at;
      at = skipSpace(bytes, at, end, notes);
      if (at >= end) throw new JsonSyntaxError(end);
      const inObject = open[open.length - 1]!;
      const next = bytes[at++]!;
      if (next === COMMA) {
        if (inObject) at = skipName(bytes, at, end, notes);
        break;
      }
      if (next !== (inObject ? CLOSE_BRACE : CLOSE_BRACKET)) throw new JsonSyntaxError(at - 1);
      open.pop();
    }
  }
}

/** Called for each member: where its name (quotes included) and its value stand. */
export type VisitMember = (nameStart: number, nameEnd: number, valueStart: number, valueEnd: number) => void;

/**
 * Visits the members of the object whose brace stands at `at`, in order, and returns the offset behind it.
 *
 * @throws {JsonSyntaxError} when it is no valid object
 */
export function scanObject(
  bytes: Uint8Array,
  at: number,
  end: number,
  notes: ScanNotes,
  visit: VisitMember,
): number {
  if (at >= end || bytes[at] !== OPEN_BRACE) throw new JsonSyntaxError(Math.min(at, end));
  at = skipSpace(bytes, at + 1, end, notes);
  if (at < end && bytes[at] === CLOSE_BRACE) return at + 1;
  for (;;) {
    const nameStart = skipSpace(bytes, at, end, notes);
    const nameEnd = skipString(bytes, nameStart, end, notes);
    noteName(bytes, nameStart, notes);
    at = skipSpace(bytes, nameEnd, end, notes);
    if (at >= end || bytes[at] !== COLON) throw new JsonSyntaxError(at);
    const valueStart = skipSpace(bytes, at + 1, end, notes);
    const valueEnd = skipValue(bytes, valueStart, end, notes);
    visit(nameStart, nameEnd, valueStart, valueEnd);
    at = skipSpace(bytes, valueEnd, end, notes);
    if (at >= end) throw new JsonSyntaxError(end);
    const byte = bytes[at++];
    if (byte === CLOSE_BRACE) return at;
    if (byte !== COMMA) throw new JsonSyntaxError(at - 1);
  }
}

/**
 * Visits the elements of the array whose bracket stands at `at`, in order, and returns the offset behind it.
 *
 * @throws {JsonSyntaxError} when it is no valid array
 */
export function scanArray(
  bytes: Uint8Array,
  at: number,
  end: number,
  notes: ScanNotes,
  visit: (valueStart: number, valueEnd: number) => void,
): number {
  if (at >= end || bytes[at] !== OPEN_BRACKET) throw new JsonSyntaxError(Math.min(at, end));
  at = skipSpace(bytes, at + 1, end, notes);
  if (at < end && bytes[at] === CLOSE_BRACKET) return at + 1;
  for (;;) {
    const valueStart = skipSpace(bytes, at, end, notes);
    const valueEnd = skipValue(bytes, valueStart, end, notes);
    visit(valueStart, valueEnd);
    at = skipSpace(bytes, valueEnd, end, notes);
    if (at >= end) throw new JsonSyntaxError(end);
    const byte = bytes[at++];
    if (byte === CLOSE_BRACKET) return at;
    if (byte !== COMMA) throw new JsonSyntaxError(at - 1);
  }
}

/** Starts a scan's notes afresh. */
export function newNotes(): ScanNotes {
  return { bits: 0, lineBreak: false, ioName: false };
}
