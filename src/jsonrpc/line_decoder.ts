import { ByteRope } from "./byte_rope.ts";

/** A line that was longer than allowed: its ends, for what can be read of it. */
export interface OverlongLine {
  /** The first bytes of the line, at most {@linkcode OVERLONG_HEAD}. */
  readonly head: Uint8Array<ArrayBuffer>;
  /** The last bytes of the line, at most {@linkcode OVERLONG_TAIL}. */
  readonly tail: Uint8Array<ArrayBuffer>;
}

/** How much of an over-long line's beginning is kept, in bytes. */
export const OVERLONG_HEAD = 4096;
/** How much of its end, in bytes. */
export const OVERLONG_TAIL = 256;

/** What may stand around a line without counting: a byte order mark and a CR, in bytes. */
const AROUND = 4;

/** What a {@linkcode LineDecoder} finds: a line without its line break, or word of one that was too long. */
export type Line = Uint8Array<ArrayBuffer> | OverlongLine;

/**
 * Splits bytes into lines at LF, in whatever pieces they come. A CR before the LF, blank lines and a byte order mark
 * at the very start are dropped (MCP, transports/stdio; shells on Windows write the latter two).
 *
 * Lines are copies: the chunks may be reused. No more than one line's worth of bytes is held.
 */
export class LineDecoder {
  /** The beginning of a line whose end has not come yet. */
  readonly #partial = new ByteRope();
  /** The ends of a line that has grown too long, as far as it has come; the rest is dropped. */
  #overlong: OverlongLine | undefined;
  #first = true;
  readonly #maxLength: number;

  /** @param maxLength the longest line taken, in bytes */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** Takes the next chunk and returns the lines it completes. */
  push(chunk: Uint8Array): Line[] {
    const lines: Line[] = [];
    let from = 0;
    for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, from)) {
      this.#complete(chunk.subarray(from, at), lines);
      from = at + 1;
    }
    if (from < chunk.length) this.#hold(chunk.subarray(from));
    return lines;
  }

  /** Returns the last line, when the stream ended without a line break. */
  end(): Line[] {
    const lines: Line[] = [];
    this.#complete(new Uint8Array(0), lines);
    return lines;
  }

  #hold(piece: Uint8Array): void {
    if (this.#overlong !== undefined) {
      this.#overlong = { head: this.#overlong.head, tail: lastOf(this.#overlong.tail, piece) };
      return;
    }
    this.#partial.append(piece);
    if (this.#partial.length > this.#maxLength + AROUND) {
      this.#overlong = endsOf(this.#withoutMark(this.#partial.take()));
    }
  }

  #complete(last: Uint8Array, lines: Line[]): void {
    let line: Uint8Array<ArrayBuffer>;
    if (this.#overlong !== undefined) {
      lines.push({ head: this.#overlong.head, tail: lastOf(this.#overlong.tail, last) });
      this.#overlong = undefined;
      this.#first = false;
      return;
    } else if (this.#partial.length === 0) {
      line = new Uint8Array(last);
    } else {
      this.#partial.append(last);
      line = this.#partial.take();
    }
    if (line[line.length - 1] === 0x0d) line = line.subarray(0, -1);
    line = this.#withoutMark(line);
    this.#first = false;
    if (line.length > this.#maxLength) lines.push(endsOf(line));
    else if (!isBlank(line)) lines.push(line);
  }

  #withoutMark(line: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    return this.#first && line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf ? line.subarray(3) : line;
  }
}

function endsOf(line: Uint8Array): OverlongLine {
  return {
    head: new Uint8Array(line.subarray(0, OVERLONG_HEAD)),
    tail: new Uint8Array(line.subarray(-OVERLONG_TAIL)),
  };
}

/** The last bytes of two pieces that follow each other. */
function lastOf(before: Uint8Array<ArrayBuffer>, piece: Uint8Array): Uint8Array<ArrayBuffer> {
  const end = piece.subarray(-OVERLONG_TAIL);
  const start = before.subarray(Math.max(0, before.length - (OVERLONG_TAIL - end.length)));
  const out = new Uint8Array(start.length + end.length);
  out.set(start);
  out.set(end, start.length);
  return out;
}

function isBlank(line: Uint8Array): boolean {
  for (const byte of line) {
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  }
  return true;
}
