import { errorAnswer, resultAnswer } from "../jsonrpc/answers.ts";
import { ErrorCode } from "../jsonrpc/error_codes.ts";
import type { Message } from "../jsonrpc/message.ts";
import type { Peer } from "../link/peer.ts";
import type { Logger } from "../telemetry/logger.ts";

/** Answers the server's own requests: `ping` as one must, all else with "no such method", as we declared nothing. */
export async function answerServer(peer: Peer, message: Message, logger: Logger): Promise<void> {
  logger.debug("from the server", { method: message.method });
  if (message.kind !== "request") return;
  const id = message.id!;
  await peer.notify(
    message.method === "ping"
      ? resultAnswer(id, {})
      : errorAnswer(id, ErrorCode.MethodNotFound, "Method not found"),
  );
}
