import { ErrorCode } from "./error_codes.ts";
import { type Id, isRequestId } from "./id.ts";
import { JsonSyntaxError, newNotes, scanObject, skipSpace, skipValue, type VisitMember } from "./scan.ts";
import { decodeUtf8, encodeUtf8, isUtf8 } from "./utf8.ts";

/** What a JSON-RPC message is. */
export type MessageKind = "request" | "notification" | "result" | "error";

/** A member of the envelope, as offsets into the message's bytes. */
export interface Span {
  /** Offset of the first byte. */
  readonly start: number;
  /** Offset behind the last byte. */
  readonly end: number;
}

/** A message that is no valid JSON-RPC 2.0, with what can be said of it to its sender. */
export class InvalidMessage extends Error {
  /** `InvalidMessage` */
  override readonly name = "InvalidMessage";
  /** `-32700` when the text is not JSON, else `-32600`. */
  readonly code: number;
  /** The id to answer with: the message's own where it could be read, else `null`. */
  readonly id: Id | null;
  /** What it was meant as: `call` with a `method`, `answer` without one but with a `result` or an `error`. */
  readonly meant: "call" | "answer" | "unknown";
  /** Makes one; `reason` says what is wrong in one line. */
  constructor(
    code: number,
    reason: string,
    id: Id | null = null,
    meant: InvalidMessage["meant"] = "unknown",
  ) {
    super(reason);
    this.code = code;
    this.id = id;
    this.meant = meant;
  }
}

/** Members of the envelope that JSON-RPC 2.0 defines. */
type EnvelopeName = "jsonrpc" | "id" | "method" | "params" | "result" | "error";

const ENVELOPE_NAMES: ReadonlySet<string> = new Set<EnvelopeName>([
  "jsonrpc",
  "id",
  "method",
  "params",
  "result",
  "error",
]);

/** Longest name of the envelope, quotes included. */
const LONGEST_NAME = '"jsonrpc"'.length;

/**
 * One JSON-RPC message: the bytes it came in, and a view of its envelope.
 *
 * The bytes are never re-encoded: what a bridge does not have to change leaves as it came, numbers, key order and
 * unknown members included.
 *
 * @example
 * ```ts
 * import { Message } from "./message.ts";
 * import { strictEqual } from "node:assert/strict";
 *
 * const message = Message.fromText('{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}');
 * strictEqual(message.kind, "request");
 * strictEqual(message.id, "9007199254740993");
 * ```
 */
export class Message {
  /** The message's UTF-8 text, on one line, without its line break. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What the message is. */
  readonly kind: MessageKind;
  /** The id as it was written; `undefined` for notifications, `"null"` for an error that answers no known request. */
  readonly id: Id | undefined;
  /** The method of a request or notification. */
  readonly method: string | undefined;
  /** Where `params` stands; `undefined` when it is not there. */
  readonly params: Span | undefined;
  /** Where `result` stands; `undefined` when it is not there. */
  readonly result: Span | undefined;
  /** Where `error` stands; `undefined` when it is not there. */
  readonly error: Span | undefined;
  /**
   * Some member in it, at whatever depth, has a name that begins with `io.`, as reserved names do. Known from the reading: who
   * looks for such a name need not search messages without.
   */
  readonly hasIoName: boolean;

  private constructor(
    bytes: Uint8Array<ArrayBuffer>,
    kind: MessageKind,
    envelope: Envelope,
    hasIoName: boolean,
  ) {
    this.bytes = bytes;
    this.hasIoName = hasIoName;
    this.kind = kind;
    this.id = envelope.id;
    this.method = envelope.method;
    this.params = envelope.spans.params;
    this.result = envelope.spans.result;
    this.error = envelope.spans.error;
  }

  /**
   * Reads a message from its bytes, which it keeps: they must not change afterwards. Raw line breaks between
   * tokens are replaced by spaces, in place, so that a message always fits on one line.
   *
   * @throws {InvalidMessage} when it is no JSON, no UTF-8 or no JSON-RPC 2.0 message
   */
  static parse(bytes: Uint8Array<ArrayBuffer>): Message {
    const notes = newNotes();
    const envelope: Envelope = { spans: {}, id: undefined, method: undefined };
    let duplicate: string | undefined;
    let isObject: boolean;
    try {
      const start = skipSpace(bytes, 0, bytes.length, notes);
      if (start === bytes.length) throw new JsonSyntaxError(start);
      isObject = bytes[start] === 0x7b;
      const visit: VisitMember = (nameStart, nameEnd, valueStart, valueEnd) => {
        const name = envelopeName(bytes, nameStart, nameEnd);
        if (name === undefined) return;
        // An id that is there twice is not known, whatever else is.
        if (envelope.spans[name] !== undefined && duplicate !== "id") duplicate = name;
        envelope.spans[name] = { start: valueStart, end: valueEnd };
      };
      let end = isObject
        ? scanObject(bytes, start, bytes.length, notes, visit)
        : skipValue(bytes, start, bytes.length, notes);
      end = skipSpace(bytes, end, bytes.length, notes);
      if (end !== bytes.length) throw new JsonSyntaxError(end);
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error;
      throw new InvalidMessage(ErrorCode.ParseError, `Parse error: ${error.message}`);
    }
    if ((notes.bits & 0x80) !== 0 && !isUtf8(bytes)) {
      throw new InvalidMessage(ErrorCode.ParseError, "Parse error: the text is not valid UTF-8");
    }
    if (!isObject) {
      throw new InvalidMessage(ErrorCode.InvalidRequest, "Invalid Request: a message is a JSON object");
    }
    if (notes.lineBreak) joinLines(bytes);
    return new Message(bytes, kindOf(bytes, envelope, duplicate), envelope, notes.ioName);
  }

  /** Reads a message from text; see {@linkcode Message.parse}. */
  static fromText(text: string): Message {
    return Message.parse(encodeUtf8(text));
  }

  /** Makes a message from a value that `JSON.stringify` takes. */
  static of(value: Readonly<Record<string, unknown>>): Message {
    return Message.fromText(JSON.stringify(value));
  }

  /** Tells whether this is an answer: a result or an error. */
  get isAnswer(): boolean {
    return this.kind === "result" || this.kind === "error";
  }

  /** The message as text. */
  get text(): string {
    return decodeUtf8(this.bytes);
  }

  /** The text of one member of the envelope, `undefined` when it is not there. */
  textOf(member: "params" | "result" | "error"): string | undefined {
    const span = this[member];
    return span && decodeUtf8(this.bytes.subarray(span.start, span.end));
  }

  /**
   * The value of one member of the envelope, `undefined` when it is not there. Meant for small messages and for looking
   * only: numbers lose what a double can't hold.
   */
  parsed(member: "params" | "result" | "error"): unknown {
    const text = this.textOf(member);
    return text === undefined ? undefined : JSON.parse(text);
  }
}

interface Envelope {
  readonly spans: { [Name in EnvelopeName]?: Span };
  id: Id | undefined;
  method: string | undefined;
}

function envelopeName(bytes: Uint8Array, start: number, end: number): EnvelopeName | undefined {
  // A name with escapes is longer than it reads: "\u0069d" is "id".
  if (end - start > LONGEST_NAME && bytes.subarray(start, end).indexOf(0x5c) === -1) return undefined;
  const text = decodeUtf8(bytes.subarray(start, end));
  const name = text.includes("\\") ? JSON.parse(text) as string : text.slice(1, -1);
  return ENVELOPE_NAMES.has(name) ? name as EnvelopeName : undefined;
}

function joinLines(bytes: Uint8Array): void {
  for (const lineBreak of [0x0a, 0x0d]) {
    for (let at = bytes.indexOf(lineBreak); at !== -1; at = bytes.indexOf(lineBreak, at + 1)) {
      bytes[at] = 0x20;
    }
  }
}

/** Checks the envelope (JSON-RPC 2.0, sections 4 and 5) and fills in its id and method. */
function kindOf(bytes: Uint8Array, envelope: Envelope, duplicate: string | undefined): MessageKind {
  const { spans } = envelope;
  const textAt = (span: Span) => decodeUtf8(bytes.subarray(span.start, span.end));
  const idText = spans.id && textAt(spans.id);
  const knownId = idText !== undefined && isRequestId(idText) && duplicate !== "id" ? idText : null;
  const invalid = (reason: string) =>
    new InvalidMessage(
      ErrorCode.InvalidRequest,
      `Invalid Request: ${reason}`,
      knownId,
      spans.method !== undefined ? "call" : spans.result ?? spans.error ? "answer" : "unknown",
    );

  if (duplicate !== undefined) throw invalid(`"${duplicate}" is there twice`);
  const { jsonrpc } = spans;
  if (jsonrpc === undefined || stringAt(bytes, jsonrpc) !== "2.0") throw invalid('"jsonrpc" must be "2.0"');
  if (spans.method !== undefined) {
    if (spans.result !== undefined || spans.error !== undefined) {
      throw invalid("both a request and an answer");
    }
    envelope.method = stringAt(bytes, spans.method);
    if (envelope.method === undefined) throw invalid('"method" must be a string');
    const params = spans.params && bytes[spans.params.start];
    if (params !== undefined && params !== 0x7b && params !== 0x5b) {
      throw invalid('"params" must be an object');
    }
    if (idText === undefined) return "notification";
    if (knownId === null) throw invalid('"id" must be a string or a number');
    envelope.id = knownId;
    return "request";
  }
  if (spans.result === undefined && spans.error === undefined) {
    throw invalid("neither a request nor an answer");
  }
  if (spans.result !== undefined && spans.error !== undefined) throw invalid("both a result and an error");
  const kind = spans.error !== undefined ? "error" : "result";
  if (spans.error !== undefined && bytes[spans.error.start] !== 0x7b) {
    throw invalid('"error" must be an object');
  }
  if (knownId === null && !(kind === "error" && (idText === undefined || idText === "null"))) {
    throw invalid("an answer must carry the id of its request");
  }
  envelope.id = knownId ?? "null";
  return kind;
}

/** The string that stands at `span`, `undefined` when something else does. */
function stringAt(bytes: Uint8Array, span: Span): string | undefined {
  if (bytes[span.start] !== 0x22) return undefined;
  const text = decodeUtf8(bytes.subarray(span.start, span.end));
  return text.includes("\\") ? JSON.parse(text) as string : text.slice(1, -1);
}
