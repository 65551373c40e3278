import { errorAnswer } from "../jsonrpc/answers.ts";
import { ByteRope } from "../jsonrpc/byte_rope.ts";
import { ErrorCode } from "../jsonrpc/error_codes.ts";
import type { Id } from "../jsonrpc/id.ts";
import { LineDecoder, type OverlongLine } from "../jsonrpc/line_decoder.ts";
import { InvalidMessage, type Message } from "../jsonrpc/message.ts";
import { readOverlong } from "../jsonrpc/overlong.ts";
import { decodeUtf8, encodeUtf8 } from "../jsonrpc/utf8.ts";
import { failure } from "../link/failure.ts";
import { failureAnswer } from "../link/failure_answer.ts";
import { readIncoming } from "../link/incoming.ts";
import { createOutbox } from "../link/outbox.ts";
import type { Outcome } from "../link/peer.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Face, Handler } from "./face.ts";

/** What a {@linkcode stdioFace} needs. */
export interface StdioFaceOptions {
  /** Reads the client's next bytes into `buffer`; `null` at the end. */
  readonly read: (buffer: Uint8Array) => Promise<number | null>;
  /** Writes some bytes, and says how many. */
  readonly write: (bytes: Uint8Array) => Promise<number>;
  /** The answer to the client's `initialize`, which it has already: it is not written again. @default none */
  readonly told?: Uint8Array;
  /** The endpoint behind this Face, for errors. */
  readonly endpoint: string;
  /** Longest line taken, in bytes. */
  readonly maxMessageSize: number;
  /** Told what the client does wrong. */
  readonly logger: Logger;
}

/** How much is read at a time, in bytes. */
const READ_SIZE = 64 * 1024;
/** How much a client may say without reading its answers before it is not read on, in bytes. */
const READ_AHEAD = 8 * 1024 * 1024;
/** What a line may cost beside its own bytes: our complaint of it, in bytes. */
const LINE_COST = 1024;

/** A Face for one client that speaks newline-delimited JSON-RPC (S/2025-11-25/basic/transports#stdio). */
export function stdioFace(options: StdioFaceOptions): Face {
  const { endpoint, logger, maxMessageSize } = options;
  let { told } = options;
  /** There while the client is ahead of us: what it says next waits. */
  let retelling: Promise<void> | undefined;
  const gone = new AbortController();
  const outbox = createOutbox(
    async (bytes) => {
      for (let from = 0; from < bytes.length;) from += await options.write(bytes.subarray(from));
    },
    (error) => {
      logger.debug("the client takes no more", { error });
      gone.abort();
    },
  );
  const receive = (message: Message) => outbox.send(message.bytes);
  /** There while more waits for the client than it should; resolves when there is room again. */
  let full: Promise<void> | undefined;
  /** How much has been read meanwhile. */
  let ahead = 0;
  let serving: Handler | undefined;

  /** Writes an answer. For a client that does not read its answers nothing new is begun. */
  function write(bytes: Uint8Array): void {
    const slow = outbox.send(bytes);
    if (slow === undefined || slow === full) return;
    full = slow;
    ahead = 0;
    serving?.unread(slow);
    void slow.then(() => {
      if (full === slow) full = undefined;
    });
  }

  /** What the client is told of an outcome, given how the request came in. */
  function answer(outcome: Outcome): void {
    if (outcome.kind === "answered") write(outcome.message.bytes);
  }

  function take(line: Uint8Array<ArrayBuffer>, handler: Handler): void {
    const incoming = readIncoming(line);
    switch (incoming.kind) {
      case "message":
        return takeMessage(incoming.message, handler);
      case "invalid":
        return takeInvalid(incoming.problem, handler);
      case "batch":
        void takeBatch(incoming.members, handler);
    }
  }

  function takeMessage(message: Message, handler: Handler): void {
    if (message.kind !== "request") return handler.notify(message);
    const exchange = handler.request(message, { receive });
    if (told === undefined || message.method !== "initialize") return exchange.whenOver(answer);
    retelling = exchange.outcome.then(retold);
  }

  /** Takes what the client has been told already. */
  function retold(outcome: Outcome): void {
    const same = outcome.kind === "answered" && decodeUtf8(outcome.message.bytes) === decodeUtf8(told!);
    if (!same) logger.warn("the client was told another answer to initialize than this", { endpoint });
    told = retelling = undefined;
  }

  function takeInvalid(problem: InvalidMessage, handler: Handler): void {
    logger.warn(`the client sent what is no message: ${problem.message}`, { id: problem.id });
    write(complaint(problem).bytes);
    disown(problem, handler);
  }

  /** What the client is told of what is no message. */
  function complaint(problem: InvalidMessage): Message {
    const code = problem.code === ErrorCode.ParseError ? "PARSE_ERROR" : "INVALID_REQUEST";
    return failureAnswer(ownId(problem), failure(code, endpoint, problem.message));
  }

  function invalidRequest(reason: string, id: Id | null = null): InvalidMessage {
    return new InvalidMessage(ErrorCode.InvalidRequest, `Invalid Request: ${reason}`, id, "call");
  }

  /** The id of what was meant as a request; that of an answer names a request of the server's. */
  function ownId({ meant, id }: InvalidMessage): Id | null {
    return meant === "answer" ? null : id;
  }

  /** A question that the client has answered with what is no message is answered all the same. */
  function disown({ meant, id }: InvalidMessage, handler: Handler): void {
    if (meant !== "answer" || id === null) return;
    handler.notify(errorAnswer(id, ErrorCode.InternalError, "the client's answer was no valid message"));
  }

  /** Answers a batch with a batch (JSON-RPC 2.0, section 6); one without requests with nothing. */
  async function takeBatch(members: readonly (Message | InvalidMessage)[], handler: Handler): Promise<void> {
    const allowed = handler.allowsBatches();
    if (!(typeof allowed === "boolean" ? allowed : await allowed)) {
      return takeInvalid(invalidRequest("this revision has no batches"), handler);
    }
    const answers: Promise<Message | undefined>[] = [];
    for (const member of members) {
      if (member instanceof InvalidMessage) {
        answers.push(Promise.resolve(complaint(member)));
        disown(member, handler);
      } else if (member.method === "initialize") {
        // S/2025-03-26/basic/lifecycle, Initialization: it must not be part of a batch.
        const why = invalidRequest("initialize must not be part of a batch", member.id ?? null);
        answers.push(Promise.resolve(complaint(why)));
      } else if (member.kind === "request") {
        const exchange = handler.request(member, { receive });
        answers.push(
          exchange.outcome.then((outcome) => outcome.kind === "answered" ? outcome.message : undefined),
        );
      } else {
        handler.notify(member);
      }
    }
    const given = (await Promise.all(answers)).filter((message) => message !== undefined);
    if (given.length > 0) write(joinBatch(given));
  }

  function tooLong(line: OverlongLine, handler: Handler): void {
    const { id, hasMethod } = readOverlong(line);
    const why = `Invalid Request: the message is longer than ${maxMessageSize} bytes (--max-message-size)`;
    takeInvalid(
      new InvalidMessage(ErrorCode.InvalidRequest, why, id ?? null, hasMethod ? "call" : "answer"),
      handler,
    );
  }

  /** Reads on; `null` at the end, and when there is nothing to read from any more. */
  async function read(buffer: Uint8Array): Promise<number | null> {
    try {
      return await options.read(buffer);
    } catch (error) {
      logger.debug("reading from the client ended", { error });
      return null;
    }
  }

  return {
    gone: gone.signal,
    flush: () => outbox.flush(),
    async serve(handler) {
      serving = handler;
      handler.listen({ receive });
      const wait = () => handler.congested() ?? (ahead < READ_AHEAD ? undefined : full);
      const decoder = new LineDecoder(maxMessageSize);
      const buffer = new Uint8Array(READ_SIZE);
      for (;;) {
        const count = await read(buffer);
        for (const line of count === null ? decoder.end() : decoder.push(buffer.subarray(0, count))) {
          if (full !== undefined) ahead += LINE_COST + (line instanceof Uint8Array ? line.length : 0);
          if (line instanceof Uint8Array) take(line, handler);
          else tooLong(line, handler);
          if (retelling !== undefined) await retelling;
        }
        if (count === null) return;
        // Where there is room again in the one place, there need not be in the other.
        for (let busy = wait(); busy !== undefined; busy = wait()) await busy;
      }
    },
  };
}

/** The array of some messages, as bytes: their text together may be longer than a string can be. */
function joinBatch(messages: readonly Message[]): Uint8Array {
  const rope = new ByteRope();
  for (const [i, { bytes }] of messages.entries()) {
    rope.append(encodeUtf8(i === 0 ? "[" : ","));
    rope.append(bytes);
  }
  rope.append(encodeUtf8("]"));
  return rope.take();
}
