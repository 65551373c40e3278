const FIRST_BLOCK = 16 * 1024;
const LARGEST_BLOCK = 1024 * 1024;

/**
 * Gathers bytes that come in pieces, copying each once on the way in and once on the way out. Pieces may be of any
 * size and may be reused by their owner.
 */
export class ByteRope {
  #blocks: Uint8Array<ArrayBuffer>[] = [];
  #usedOfLast = 0;
  #length = 0;

  /** How many bytes are held. */
  get length(): number {
    return this.#length;
  }

  append(piece: Uint8Array): void {
    this.#length += piece.length;
    let from = 0;
    while (from < piece.length) {
      const last = this.#blocks[this.#blocks.length - 1];
      const room = last === undefined ? 0 : last.length - this.#usedOfLast;
      if (room === 0) {
        const size = last === undefined ? FIRST_BLOCK : Math.min(last.length * 2, LARGEST_BLOCK);
        this.#blocks.push(new Uint8Array(size));
        this.#usedOfLast = 0;
        continue;
      }
      const part = piece.subarray(from, from + room);
      last!.set(part, this.#usedOfLast);
      this.#usedOfLast += part.length;
      from += part.length;
    }
  }

  /** Returns the first `length` bytes, all of them by default, as a copy, and empties the rope. */
  take(length: number = this.#length): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(Math.min(length, this.#length));
    let at = 0;
    for (const block of this.#blocks) {
      if (at >= out.length) break;
      const part = block.length > out.length - at ? block.subarray(0, out.length - at) : block;
      out.set(part, at);
      at += part.length;
    }
    this.clear();
    return out;
  }

  /** Empties the rope, keeping one block for what comes next. */
  clear(): void {
    this.#blocks.length = Math.min(this.#blocks.length, 1);
    this.#usedOfLast = 0;
    this.#length = 0;
  }
}
