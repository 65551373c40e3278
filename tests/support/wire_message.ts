/**
 * A JSON-RPC message as a test looks at it: any member may be there, and payloads are deliberately untyped,
 * because tests assert on them.
 */
export interface WireMessage {
  jsonrpc?: string;
  id?: string | number | null;
  method?: string;
  // deno-lint-ignore no-explicit-any
  params?: any;
  // deno-lint-ignore no-explicit-any
  result?: any;
  // deno-lint-ignore no-explicit-any
  error?: { code: number; message: string; data?: any };
}

/** Whether the message asks for an answer. */
export function isRequest(message: WireMessage): boolean {
  return typeof message.method === "string" && message.id !== undefined && message.id !== null;
}

/** Whether the message answers a request. */
export function isResponse(message: WireMessage): boolean {
  return message.method === undefined && ("result" in message || "error" in message);
}

/** The messages in a parsed JSON text: one, those of a batch, or none when it is not JSON-RPC at all. */
export function messagesIn(value: unknown): WireMessage[] {
  if (Array.isArray(value)) return value.flatMap(messagesIn);
  return typeof value === "object" && value !== null ? [value as WireMessage] : [];
}

/** Parses JSON, or gives `undefined`. */
export function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
