/** Lines of text over what has bytes. */

/** The lines of a stream, without their ends. */
export async function* lines(readable: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of readable) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}

const pending = new WeakMap<object, Promise<void>>();
const encoder = new TextEncoder();

/** Writes a line, whole and after those before it. */
export function write(
  to: { write(bytes: Uint8Array): Promise<number> },
  line: string,
): Promise<void> {
  const written = (pending.get(to) ?? Promise.resolve()).then(async () => {
    for (let bytes = encoder.encode(`${line}\n`); bytes.length > 0;) {
      bytes = bytes.subarray(await to.write(bytes));
    }
  });
  pending.set(to, written.catch(() => {}));
  return written;
}
