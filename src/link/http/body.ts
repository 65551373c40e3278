import { ByteRope } from "../../jsonrpc/byte_rope.ts";
import { readChunks } from "./read_chunks.ts";

/** Thrown when a body is larger than allowed. */
export class BodyTooLarge extends Error {
  override readonly name = "BodyTooLarge";
}

/**
 * Reads a body whole.
 *
 * @param limit the most bytes taken, counted after decompression
 * @throws {BodyTooLarge} when there are more; the rest is not read
 */
export async function readBody(response: Response, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  if (response.body === null) return new Uint8Array(0);
  const announced = Number(response.headers.get("content-length"));
  // Whoever announces a small body and does not compress it is taken at its word, which saves a stream.
  if (announced > 0 && announced <= limit && response.headers.get("content-encoding") === null) {
    return await response.bytes();
  }
  const rope = new ByteRope();
  await readChunks(response.body, (chunk) => {
    rope.append(chunk);
    if (rope.length > limit) throw new BodyTooLarge();
  });
  return rope.take();
}

/** The body without the byte order mark that some servers put before their JSON. */
export function withoutMark(body: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body;
}

/** Lets go of a body that nobody reads: unread bodies hold their connection. Never rejects. */
export async function dropBody(response: Response): Promise<void> {
  if (response.body === null) return;
  try {
    // A short rest is read, so that the connection can be used again.
    const announced = Number(response.headers.get("content-length"));
    if (announced > 0 && announced < 64 * 1024) await response.bytes();
    else await response.body.cancel();
  } catch {
    // The connection is gone, and the body with it.
  }
}
