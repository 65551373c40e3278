import { ByteRope } from "../../jsonrpc/byte_rope.ts";
import { decodeUtf8 } from "../../jsonrpc/utf8.ts";

/** One event of an event stream. */
export interface SseEvent {
  /** The event's type; `message` when the server gave none. */
  readonly type: string;
  /** The event's data as UTF-8 bytes, data lines joined by LF. Never empty: events without data are not dispatched. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** The id the server gave this very event; absent when it gave none. */
  readonly id?: string;
}

/** Thrown when an event grows over the size limit. */
export class EventTooLarge extends Error {
  override readonly name = "EventTooLarge";
}

const LF = 0x0a;
const LINE_BREAK = new Uint8Array([LF]);
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;

/** What may stand in a line beside its data, in bytes: a byte order mark and the field's name. */
const AROUND = 3 + "data: ".length;

/**
 * Reads an event stream from bytes, in whatever pieces they come (WHATWG HTML, section 9.2.6): LF, CR and CRLF end a
 * line, comments and unknown fields are ignored. Data stays bytes: it is neither decoded nor searched but for line
 * ends, so an event costs its own size and one copy.
 */
export class SseDecoder {
  /** Last event id the server set; `undefined` before the first. What `Last-Event-ID` resumes with. */
  lastEventId: string | undefined;
  /** Reconnection time the server asked for, in milliseconds. */
  retryMs: number | undefined;

  readonly #partial = new ByteRope();
  readonly #maxSize: number;
  /** The event's data so far: its first line, and all lines once there is a second. */
  #data: Uint8Array<ArrayBuffer> | undefined;
  readonly #lines = new ByteRope();
  #dataSize = 0;
  #type = "";
  #id: string | undefined;
  /** The event at hand has set the id. */
  #ownId = false;
  #atStart = true;
  /** The last chunk ended with a CR: an LF at the start of the next belongs to it. */
  #afterCr = false;

  /** @param maxSize the largest event taken, in bytes */
  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  /**
   * Takes the next chunk, which may be reused afterwards, and adds the events it completes to `events`.
   *
   * @throws {EventTooLarge} when an event is larger than allowed; the decoder is of no use afterwards, the events
   * before that one have been added
   */
  push(chunk: Uint8Array, events: SseEvent[] = []): SseEvent[] {
    let from = 0;
    if (this.#afterCr && chunk.length > 0) {
      if (chunk[0] === LF) from = 1;
      this.#afterCr = false;
    }
    // Each terminator is looked for once a chunk, not once a line.
    let lf = chunk.indexOf(LF, from);
    let cr = chunk.indexOf(CR, from);
    for (;;) {
      if (lf !== -1 && lf < from) lf = chunk.indexOf(LF, from);
      if (cr !== -1 && cr < from) cr = chunk.indexOf(CR, from);
      const at = lf === -1 ? cr : cr === -1 ? lf : Math.min(lf, cr);
      if (at === -1) break;
      if (this.#partial.length === 0) this.#line(chunk.subarray(from, at), events, false);
      else this.#line(this.#join(chunk.subarray(from, at)), events, true);
      from = at + 1;
      if (at === cr) {
        if (from === chunk.length) this.#afterCr = true;
        else if (chunk[from] === LF) from++;
      }
    }
    if (from < chunk.length) {
      this.#checkLine(this.#partial.length + chunk.length - from);
      this.#partial.append(chunk.subarray(from));
    }
    return events;
  }

  #join(end: Uint8Array): Uint8Array<ArrayBuffer> {
    this.#partial.append(end);
    return this.#partial.take();
  }

  #checkLine(length: number): void {
    if (length > this.#maxSize + AROUND) throw new EventTooLarge();
  }

  /** Takes a line; unless it is `ours`, what is kept of it must be copied. */
  #line(line: Uint8Array, events: SseEvent[], ours: boolean): void {
    this.#checkLine(line.length);
    if (this.#atStart) {
      this.#atStart = false;
      if (line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf) line = line.subarray(3);
    }
    if (line.length === 0) return this.#dispatch(events);
    let colon = 0;
    // The longest field name that matters has five letters.
    while (colon < line.length && colon <= 5 && line[colon] !== COLON) colon++;
    if (colon === 0 || colon > 5) return;
    const name = decodeUtf8(line.subarray(0, colon));
    const value = line.subarray(line[colon + 1] === SPACE ? colon + 2 : colon + 1);
    switch (name) {
      case "data":
        if (this.#dataSize + value.length > this.#maxSize) throw new EventTooLarge();
        this.#addData(value, ours);
        this.#dataSize += value.length + 1;
        break;
      case "event":
        this.#type = decodeUtf8(value);
        break;
      case "id":
        if (value.indexOf(0) !== -1) break;
        this.#id = decodeUtf8(value);
        this.#ownId = true;
        break;
      case "retry": {
        const text = decodeUtf8(value);
        if (/^\d{1,9}$/.test(text)) this.retryMs = Number(text);
        break;
      }
    }
  }

  #dispatch(events: SseEvent[]): void {
    if (this.#id !== undefined) this.lastEventId = this.#id;
    const type = this.#type;
    const data = this.#lines.length > 0 ? this.#lines.take() : this.#data;
    this.#type = "";
    this.#data = undefined;
    this.#dataSize = 0;
    const id = this.#ownId ? this.#id : undefined;
    this.#ownId = false;
    if (data === undefined || data.length === 0) return;
    events.push({ type: type === "" ? "message" : type, data, ...(id === undefined ? {} : { id }) });
  }

  #addData(value: Uint8Array, ours: boolean): void {
    if (this.#data === undefined) {
      this.#data = ours ? value as Uint8Array<ArrayBuffer> : new Uint8Array(value);
      return;
    }
    if (this.#lines.length === 0) this.#lines.append(this.#data);
    this.#lines.append(LINE_BREAK);
    this.#lines.append(value);
  }
}
