const SMALL = 8 * 1024;
const LARGE = 64 * 1024;

/**
 * Buffers not in use: reading makes no garbage, where a default reader would leave 64 KiB behind for each chunk.
 */
const spareSmall: ArrayBuffer[] = [];
const spareLarge: ArrayBuffer[] = [];
const MOST_SMALL = 128;
const MOST_LARGE = 4;

function lend(size: typeof SMALL | typeof LARGE): Uint8Array<ArrayBuffer> {
  return new Uint8Array((size === SMALL ? spareSmall : spareLarge).pop() ?? new ArrayBuffer(size));
}

function giveBack(buffer: ArrayBuffer): void {
  const [spare, most] = buffer.byteLength === SMALL ? [spareSmall, MOST_SMALL] : [spareLarge, MOST_LARGE];
  if (spare.length < most) spare.push(buffer);
}

/**
 * Reads a body chunk by chunk until it ends or breaks. A chunk is good only until `take` returns, or the promise it
 * returned resolves. The next chunk is asked for before that, so that a connection whose body is complete is free
 * at once; a slow taker still holds reading up.
 *
 * @throws what the body, or `take`, throws; the body is cancelled then
 */
export async function readChunks(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  take: (chunk: Uint8Array<ArrayBuffer>) => void | Promise<void>,
): Promise<void> {
  const reader = body.getReader({ mode: "byob" });
  let size: typeof SMALL | typeof LARGE = SMALL;
  let ahead: Promise<ReadableStreamReadResult<Uint8Array<ArrayBuffer>>> | undefined;
  try {
    ahead = reader.read(lend(SMALL));
    for (;;) {
      const { value, done } = await ahead;
      if (done) {
        if (value !== undefined) giveBack(value.buffer);
        return;
      }
      // A full buffer promises more.
      if (value.length === value.buffer.byteLength) size = LARGE;
      ahead = reader.read(lend(size));
      const slow = take(value);
      if (slow !== undefined) await slow;
      giveBack(value.buffer);
    }
  } catch (error) {
    // Nobody waits for what was asked for ahead any more.
    ahead?.catch(() => {});
    await reader.cancel().catch(() => {});
    throw error;
  }
}
