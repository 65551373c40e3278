import type { Message } from "../../jsonrpc/message.ts";

/** Header values that need no encoding: visible ASCII with inner spaces. */
const PLAIN = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

/** What `initialize` established, as far as headers tell of it. */
export interface SessionHeaders {
  /** `Mcp-Session-Id` */
  readonly id: string | undefined;
  /** `MCP-Protocol-Version` */
  readonly revision: string | undefined;
}

/** The headers of a request that the user has a say in, names in lower case; those of one name are joined. */
export function userHeaders(
  userAgent: string,
  given: readonly (readonly [name: string, value: string])[],
): Record<string, string> {
  const headers: Record<string, string> = { "user-agent": userAgent };
  for (const [name, value] of given) {
    const key = name.toLowerCase();
    headers[key] = headers[key] === undefined || key === "user-agent"
      ? value
      : `${headers[key]}${key === "cookie" ? "; " : ", "}${value}`;
  }
  return headers;
}

function sessionHeaders({ id, revision }: SessionHeaders): Record<string, string> {
  const headers: Record<string, string> = {};
  if (id !== undefined) headers["mcp-session-id"] = id;
  if (revision !== undefined && PLAIN.test(revision)) headers["mcp-protocol-version"] = revision;
  return headers;
}

/**
 * The transport's headers of a POST (S/2025-11-25/basic/transports): what may come back, the session, the negotiated
 * revision, and `Mcp-Method`, which modern servers demand and others ignore.
 */
export function postHeaders(message: Message, session: SessionHeaders): Record<string, string> {
  const headers = sessionHeaders(session);
  headers["accept"] = "application/json, text/event-stream";
  headers["content-type"] = "application/json";
  if (message.method !== undefined && PLAIN.test(message.method)) headers["mcp-method"] = message.method;
  return headers;
}

/** The transport's headers of a GET that opens the server's stream, or of the DELETE that ends the session. */
export function streamHeaders(session: SessionHeaders, lastEventId?: string): Record<string, string> {
  const headers = sessionHeaders(session);
  headers["accept"] = "text/event-stream";
  if (lastEventId !== undefined && lastEventId !== "") headers["last-event-id"] = lastEventId;
  return headers;
}

/** The media type of a response, lower case and without parameters; empty when there is none. */
export function mediaType(response: Response): string {
  return (response.headers.get("content-type") ?? "").split(";", 1)[0]!.trim().toLowerCase();
}
