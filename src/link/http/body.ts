import { ByteRope } from "../../jsonrpc/byte_rope.ts";
import { pause } from "../pause.ts";
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

/** How long the rest of a body that nobody waits for may take to come, in milliseconds. */
const REST_MS = 1000;
/** A longer rest is not worth reading for the sake of its connection, in bytes. */
const SHORT = 64 * 1024;

/**
 * Lets go of a body that nobody reads: unread bodies hold their connection. Takes a second at the most, even when the
 * rest of the body never comes; never rejects.
 */
export async function dropBody(response: Response): Promise<void> {
  if (response.body === null) return;
  const announced = Number(response.headers.get("content-length"));
  // A short rest is read, so that the connection can be used again.
  await readStart(response, announced > 0 && announced < SHORT ? SHORT : 0, REST_MS);
}

/**
 * Reads as much of a body as comes within `ms` milliseconds, and no more than `limit` bytes; the rest is cancelled. Never
 * rejects: of a body that breaks it gives what had come.
 */
export async function readStart(
  response: Response,
  limit: number,
  ms = REST_MS,
): Promise<Uint8Array<ArrayBuffer>> {
  const rope = new ByteRope();
  if (response.body === null) return rope.take();
  const over = new AbortController();
  try {
    const reader = response.body.getReader();
    // A reader whose body is cancelled is at its end.
    void pause(ms, over.signal).then((elapsed) => elapsed ? reader.cancel() : undefined).catch(() => {});
    while (rope.length < limit) {
      const { value, done } = await reader.read();
      if (done) return rope.take();
      rope.append(value);
    }
    await reader.cancel();
  } catch {
    // The connection is gone, and the body with it.
  } finally {
    over.abort();
  }
  return rope.take(limit);
}
