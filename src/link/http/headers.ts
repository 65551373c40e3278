import type { Message } from "../../jsonrpc/message.ts";

/** Header values that need no encoding: visible ASCII with inner spaces. */
const PLAIN = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

/**
 * The transport's headers of a POST (S/2025-11-25/basic/transports): what may come back, the session, the negotiated
 * revision, and `Mcp-Method`, which modern servers demand and others ignore.
 */
export function postHeaders(
  message: Message,
  session: { readonly id: string | undefined; readonly revision: string | undefined },
): Record<string, string> {
  const headers: Record<string, string> = {
    "accept": "application/json, text/event-stream",
    "content-type": "application/json",
  };
  if (session.id !== undefined) headers["mcp-session-id"] = session.id;
  if (session.revision !== undefined) headers["mcp-protocol-version"] = session.revision;
  if (message.method !== undefined && PLAIN.test(message.method)) headers["mcp-method"] = message.method;
  return headers;
}

/** The media type of a response, lower case and without parameters; empty when there is none. */
export function mediaType(response: Response): string {
  return (response.headers.get("content-type") ?? "").split(";", 1)[0]!.trim().toLowerCase();
}
