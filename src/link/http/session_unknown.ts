import type { Message } from "../../jsonrpc/message.ts";
import { ErrorCode } from "../../jsonrpc/error_codes.ts";
import { ModernErrorCode } from "../../mcp/modern.ts";
import { asObject } from "../../mcp/revision.ts";
import { failure } from "../failure.ts";
import type { Outcome } from "../peer.ts";

/** What servers say of a session they don't know. */
export const LOST_SESSION =
  /session(?:[\s_-]?id)?\b[^.]{0,40}\b(?:not found|unknown|invalid|expired|terminated|does not exist|no longer|not exist|missing)|(?:unknown|invalid|expired|no(?: valid)?|no such|missing) session|(?:server|session) (?:is )?not (?:yet )?initialized/i;

/**
 * The same, of a text that speaks of nothing else: other statuses than a refusal may come from a tool that failed half-way,
 * and name a session of its own.
 */
const NOTHING_ELSE =
  /^(?:bad request|error|mcp error -?\d+)?:? *(?:(?:invalid|unknown|expired|no(?: valid)?|no such|missing) (?:mcp )?session(?:[ _-]?id)?(?: provided)?|(?:the )?(?:mcp )?session(?:[ _-]?id)?(?: "?[\w-]{8,}"?)? *(?:is |was |has )?(?:not found|unknown|invalid|expired|terminated|does not exist)|server not initialized)[.!]?$/i;

/** Codes under which SDKs send it; a tool's own errors come as results, or under others. */
const CODES: readonly unknown[] = [-32000, -32001];
/** Tells whether an error answer says that the server does not know our session. */
export function saysSessionUnknown(answer: Message): boolean {
  const { code, message } = asObject(answer.parsed("error"));
  return CODES.includes(code) && typeof message === "string" && saysNothingElse(message);
}

/** Tells whether a text says that the session is unknown, and nothing else. */
export function saysNothingElse(text: string): boolean {
  return NOTHING_ELSE.test(text.trim());
}

/** What a modern server says of a request without an envelope, which it misses in whatever words. */
const MISSES_ENVELOPE = /_meta\b|\benvelope\b|io\.modelcontextprotocol|protocol ?version/i;

/**
 * Tells whether an error to a request within a session, with status 400, is one of a modern server's that has taken the place
 * of the one that knew the session: there are none in that era (S/2026-07-28/basic, Error Codes).
 */
export function saysNoSessions(answer: Message): boolean {
  const { code, message } = asObject(answer.parsed("error"));
  return code === ModernErrorCode.UnsupportedProtocolVersion ||
    code === ModernErrorCode.MissingClientCapability ||
    (code === ErrorCode.InvalidParams && typeof message === "string" && MISSES_ENVELOPE.test(message));
}

/** The outcome of a request that the server refused since it does not know our session. */
export function sessionUnknown(endpoint: string, answer: Message | undefined, status?: number): Outcome {
  const why = failure("SESSION_LOST", endpoint, "the server no longer knows this session", undefined, status);
  return { kind: "session_unknown", failure: why, status, answer };
}
