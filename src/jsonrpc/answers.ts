import type { Id } from "./id.ts";
import { Message } from "./message.ts";

/** Makes an error answer. `data` is left out when `undefined`. */
export function errorAnswer(id: Id | null, code: number, message: string, data?: unknown): Message {
  const error = JSON.stringify(data === undefined ? { code, message } : { code, message, data });
  return Message.fromText(`{"jsonrpc":"2.0","id":${id ?? "null"},"error":${error}}`);
}

/** Makes a result answer from the result's value. */
export function resultAnswer(id: Id, result: unknown): Message {
  return Message.fromText(`{"jsonrpc":"2.0","id":${id},"result":${JSON.stringify(result)}}`);
}

/** Makes a notification. */
export function notification(method: string, params?: unknown): Message {
  return Message.of(params === undefined ? { jsonrpc: "2.0", method } : { jsonrpc: "2.0", method, params });
}

/** Makes a request. */
export function request(id: Id, method: string, params?: unknown): Message {
  const rest = params === undefined ? "" : `,"params":${JSON.stringify(params)}`;
  return Message.fromText(`{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)}${rest}}`);
}
