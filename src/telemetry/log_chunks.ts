/** Lines that go into a file at once. */
export interface LogChunk {
  /** The next file has to be begun first. */
  readonly rotate: boolean;
  readonly bytes: Uint8Array;
  /** How many lines it is made of. */
  readonly lines: number;
}

/**
 * Shares lines out among a file and those after it, so that none grows beyond its size: a line is never cut, so one
 * that is longer alone than a file may be gets a file for itself.
 *
 * @param size the bytes that are in the file already
 * @param maxSize the most bytes of a file
 */
export function chunksFor(lines: readonly Uint8Array[], size: number, maxSize: number): LogChunk[] {
  const chunks: LogChunk[] = [];
  let gathered: Uint8Array[] = [];
  let filled = size;
  let rotate = false;
  const close = () => {
    if (gathered.length > 0) chunks.push({ rotate, bytes: joined(gathered), lines: gathered.length });
    gathered = [];
  };
  for (const line of lines) {
    if (filled > 0 && filled + line.length > maxSize) {
      close();
      rotate = true;
      filled = 0;
    }
    gathered.push(line);
    filled += line.length;
  }
  close();
  return chunks;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
