/** The beginning of what a client says. */
export interface FirstLine {
  /**
   * Resolves to its first line, without the line break; to `undefined` where that is no JSON object, is long, or has no end.
   * Never rejects.
   */
  readonly found: Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Reads on, as `read` does; what has been read comes first. */
  read(buffer: Uint8Array): Promise<number | null>;
}

/** How much is read, in bytes: no client introduces itself at greater length. */
const MOST = 64 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const BRACE = 0x7b;

/**
 * Reads a client's first line.
 *
 * @param read reads the client's next bytes into a buffer; `null` at the end
 */
export function firstLine(read: (buffer: Uint8Array) => Promise<number | null>): FirstLine {
  let buffer = new Uint8Array(MOST);
  /** What has been read and not been given on. */
  let [from, to] = [0, 0];
  /** A terminal does not say twice that it is at its end. */
  let ended = false;
  const found = find().catch(() => undefined);

  async function find(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    while (to < MOST) {
      const count = await read(buffer.subarray(to));
      if (count === null) {
        ended = true;
        return undefined;
      }
      const end = buffer.subarray(0, to + count).indexOf(LF, to);
      to += count;
      if (buffer[0] !== BRACE) return undefined;
      if (end !== -1) return buffer.slice(0, buffer[end - 1] === CR ? end - 1 : end);
    }
    return undefined;
  }

  return {
    found,
    async read(target) {
      await found;
      if (from === to) return ended ? null : await read(target);
      const piece = buffer.subarray(from, Math.min(to, from + target.length));
      target.set(piece);
      from += piece.length;
      if (from === to) buffer = new Uint8Array(0);
      return piece.length;
    },
  };
}
