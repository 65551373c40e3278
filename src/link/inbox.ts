import { ErrorCode } from "../jsonrpc/error_codes.ts";
import type { InvalidMessage, Message } from "../jsonrpc/message.ts";
import { readBroken } from "../jsonrpc/overlong.ts";
import { decodeUtf8 } from "../jsonrpc/utf8.ts";
import { allowsBatches } from "../mcp/revision.ts";
import type { Logger } from "../telemetry/logger.ts";
import { batchRefused, type Correlator, refusedOutcome } from "./correlator.ts";
import { failure } from "./failure.ts";
import { readIncoming } from "./incoming.ts";
import type { Receive } from "./peer.ts";

/** What an {@linkcode inbox} needs. */
export interface InboxOptions {
  /** The endpoint, for logs and errors. */
  readonly endpoint: string;
  readonly logger: Logger;
  readonly correlator: Correlator;
}

/**
 * Takes the bytes of one message or batch; messages that are no answers go to `receive`.
 *
 * @param about the request on whose stream they came: an answer whose id can't be read is its
 */
export type Inbox = (
  bytes: Uint8Array<ArrayBuffer>,
  receive: Receive,
  about?: Message,
) => void | Promise<void>;

/** How much of something unreadable is shown in the log, in bytes. */
const SHOWN = 200;

/** Makes what takes in the server's messages: answers find their request, all else is handed on. */
export function inbox({ endpoint, logger, correlator }: InboxOptions): Inbox {
  function take(message: Message, receive: Receive): void | Promise<void> {
    if (!message.isAnswer) return receive(message);
    if (correlator.answer(message)) return;
    logger.debug("dropped an answer to no request in flight", { endpoint, id: message.id });
  }

  function unreadable(problem: InvalidMessage, bytes: Uint8Array, about: Message | undefined): void {
    const shown = decodeUtf8(bytes.subarray(0, SHOWN));
    logger.warn(`dropped what is no MCP message: ${problem.message}`, { endpoint, received: shown });
    const { id, meant } = problem.code === ErrorCode.ParseError ? readBroken(bytes) : problem;
    // What names no request may be any noise, unless it looks like an answer: then it is that of the one there is.
    const whose = id ?? (meant === "answer" ? about?.id ?? "null" : undefined);
    if (whose === undefined || meant === "call") return;
    const why = `the server's answer is no valid JSON-RPC message (${problem.message})`;
    const hint = "the server breaks the protocol here; what was asked of it has probably been carried out";
    correlator.settle(whose, refusedOutcome(failure("NOT_MCP", endpoint, why, hint)));
  }

  async function takeBatch(members: readonly (Message | InvalidMessage)[], receive: Receive): Promise<void> {
    const allowed = allowsBatches(correlator.revision);
    if (!allowed) {
      logger.warn("refused a batch from the server: only revision 2025-03-26 allows them", { endpoint });
    }
    for (const member of members) {
      if (member instanceof Error) unreadable(member, new Uint8Array(0), undefined);
      else if (allowed) await take(member, receive);
      else if (member.isAnswer) {
        correlator.settle(member.id!, batchRefused(endpoint, member.id!, correlator.revision));
      }
    }
  }

  return (bytes, receive, about) => {
    const incoming = readIncoming(bytes);
    switch (incoming.kind) {
      case "message":
        return take(incoming.message, receive);
      case "batch":
        return takeBatch(incoming.members, receive);
      case "invalid":
        return unreadable(incoming.problem, bytes, about);
    }
  };
}
