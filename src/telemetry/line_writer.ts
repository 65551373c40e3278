/** Writes lines to a stream that its reader may neglect. */
export interface LineWriter {
  /** Queues a line, which brings its own line break. When too many wait, it is dropped and counted. Never throws. */
  write(line: string): void;
  /** Resolves when everything queued has been written, or nobody reads any more. */
  flush(): Promise<void>;
}

/** Characters that may wait. */
const MOST_WAITING = 256 * 1024;

/**
 * Makes a {@linkcode LineWriter}. A host that does not read our stderr must not stop the program, as a blocking write
 * would, nor make its memory grow.
 *
 * @param write writes some of the bytes, and says how many
 */
export function lineWriter(write: (bytes: Uint8Array) => Promise<number>): LineWriter {
  const encoder = new TextEncoder();
  let waiting = "";
  let dropped = 0;
  let pumping: Promise<void> | undefined;
  let broken = false;

  async function pump(): Promise<void> {
    try {
      while (waiting !== "") {
        let bytes = encoder.encode(waiting);
        waiting = "";
        while (bytes.length > 0) bytes = bytes.subarray(await write(bytes));
        if (dropped > 0) waiting += `(${dropped} lines were dropped here: nobody read them in time)\n`;
        dropped = 0;
      }
    } catch {
      // Nobody is left to tell.
      broken = true;
    } finally {
      pumping = undefined;
    }
  }

  return {
    write(line) {
      if (broken) return;
      if (waiting.length + line.length > MOST_WAITING) {
        dropped++;
        return;
      }
      waiting += line;
      pumping ??= pump();
    },
    async flush() {
      while (pumping !== undefined) await pumping;
    },
  };
}
