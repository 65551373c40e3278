import { ByteRope } from "../jsonrpc/byte_rope.ts";
import type { Id } from "../jsonrpc/id.ts";
import { Message } from "../jsonrpc/message.ts";
import { withoutMark } from "../link/http/body.ts";
import { mediaType } from "../link/http/headers.ts";
import { SseDecoder } from "../link/http/sse_decoder.ts";
import { isLegacyRevision, readInitializeResult } from "../mcp/revision.ts";

/** What a look into a response gives. */
export interface Look {
  /** The answer in it, where it is there and plain. */
  readonly answer: Message | undefined;
  /** The response as it came, for whoever reads it. To be called once. */
  whole(): Response;
}

/** How far a response is looked into, in bytes. */
const MOST = 64 * 1024;

/**
 * Looks for the answer to the `initialize` of the id `id`: a result that names a revision of the legacy era, in a JSON body or
 * as the first event of a stream. All else needs more than a look. Never rejects: what breaks breaks for the reader.
 */
export async function lookInto(response: Response, id: Id): Promise<Look> {
  const type = mediaType(response);
  const streamed = type === "text/event-stream";
  if (response.status !== 200 || response.body === null || (type !== "application/json" && !streamed)) {
    return { answer: undefined, whole: () => response };
  }
  if (!streamed && isShort(response)) return await lookIntoShort(response, id);
  const reader = response.body.getReader();
  const read: Uint8Array<ArrayBuffer>[] = [];
  const answer = await (streamed ? firstEvent(reader, read) : wholeBody(reader, read)).then(
    (bytes) => bytes === undefined ? undefined : answerIn(bytes, id),
    () => undefined,
  );
  const { headers, status } = response;
  return { answer, whole: () => new Response(stream(read, reader), { headers, status }) };
}

/** Whether a body says that it is not long: such a one is read at once, which takes half the time. */
function isShort({ headers }: Response): boolean {
  const length = Number(headers.get("content-length"));
  return length > 0 && length < MOST && headers.get("content-encoding") === null;
}

async function lookIntoShort(response: Response, id: Id): Promise<Look> {
  const { headers, status } = response;
  try {
    const body = await response.bytes();
    const answer = answerIn(withoutMark(body.slice()), id);
    // It is read at once again, so it need not be a stream.
    return { answer, whole: () => new Response(body, { headers, status }) };
  } catch (error) {
    const broken = { read: () => Promise.reject(error), cancel: () => Promise.resolve() };
    return { answer: undefined, whole: () => new Response(stream([], broken), { headers, status }) };
  }
}

type Reader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;

/** The data of a stream's first event. @param read takes what has been read */
async function firstEvent(
  reader: Reader,
  read: Uint8Array<ArrayBuffer>[],
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const decoder = new SseDecoder(MOST);
  for (let length = 0; length < MOST;) {
    const { value, done } = await reader.read();
    if (done) return undefined;
    read.push(value);
    length += value.length;
    const event = decoder.push(value)[0];
    if (event !== undefined) return event.type === "message" ? event.data : undefined;
  }
  return undefined;
}

/** A body that is not long. @param read takes what has been read */
async function wholeBody(
  reader: Reader,
  read: Uint8Array<ArrayBuffer>[],
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const rope = new ByteRope();
  while (rope.length < MOST) {
    const { value, done } = await reader.read();
    if (done) return withoutMark(rope.take());
    read.push(value);
    rope.append(value);
  }
  return undefined;
}

function answerIn(bytes: Uint8Array<ArrayBuffer>, id: Id): Message | undefined {
  try {
    const message = Message.parse(bytes);
    if (message.kind !== "result" || message.id !== id) return undefined;
    return isLegacyRevision(readInitializeResult(message)?.protocolVersion) ? message : undefined;
  } catch {
    return undefined;
  }
}

/** A body that begins with what has been read. @param rest reads on */
function stream(
  read: Uint8Array<ArrayBuffer>[],
  rest: Pick<Reader, "read" | "cancel">,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const piece = read.shift() ?? (await rest.read()).value;
      if (piece !== undefined) return controller.enqueue(piece);
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel: (why) => rest.cancel(why),
  });
}
