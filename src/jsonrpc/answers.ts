import type { Id } from "./id.ts";
import { Message } from "./message.ts";

/**
 * Makes an error answer.
 *
 * @param id the request's id as JSON text: `7`, or `"a"` with its quotes; `null` when it is not known
 * @param data what `JSON.stringify` takes; left out when `undefined`
 * @throws {InvalidMessage} when `id` is no JSON text of a string or a number
 * @throws {TypeError} when `JSON.stringify` does not take `data`
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { errorAnswer } from "./answers.ts";
 *
 * strictEqual(
 *   errorAnswer('"a"', -32601, "Method not found").text,
 *   '{"jsonrpc":"2.0","id":"a","error":{"code":-32601,"message":"Method not found"}}',
 * );
 * ```
 */
export function errorAnswer(id: Id | null, code: number, message: string, data?: unknown): Message {
  const error = JSON.stringify(data === undefined ? { code, message } : { code, message, data });
  return Message.fromText(`{"jsonrpc":"2.0","id":${id ?? "null"},"error":${error}}`);
}

/**
 * Makes a result answer from the result's value.
 *
 * @param id the request's id as JSON text: `7`, or `"a"` with its quotes
 * @param result what `JSON.stringify` takes
 * @throws {InvalidMessage} when `id` is no JSON text of a string or a number, or `result` is `undefined`
 * @throws {TypeError} when `JSON.stringify` does not take `result`
 *
 * @example
 * ```ts
 * import { strictEqual, throws } from "node:assert/strict";
 * import { resultAnswer } from "./answers.ts";
 *
 * strictEqual(resultAnswer("7", {}).text, '{"jsonrpc":"2.0","id":7,"result":{}}');
 * strictEqual(resultAnswer('"a"', {}).text, '{"jsonrpc":"2.0","id":"a","result":{}}');
 * throws(() => resultAnswer("a", {}), { name: "InvalidMessage" });
 * ```
 */
export function resultAnswer(id: Id, result: unknown): Message {
  return Message.fromText(`{"jsonrpc":"2.0","id":${id},"result":${JSON.stringify(result)}}`);
}

/**
 * Makes a notification.
 *
 * @param params an object (or an array); left out when `undefined`
 * @throws {InvalidMessage} when `params` is anything else
 * @throws {TypeError} when `JSON.stringify` does not take `params`
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { notification } from "./answers.ts";
 *
 * strictEqual(
 *   notification("notifications/initialized").text,
 *   '{"jsonrpc":"2.0","method":"notifications/initialized"}',
 * );
 * ```
 */
export function notification(method: string, params?: unknown): Message {
  return Message.of(params === undefined ? { jsonrpc: "2.0", method } : { jsonrpc: "2.0", method, params });
}

/**
 * Makes a request.
 *
 * @param id the request's id as JSON text: `7`, or `"a"` with its quotes
 * @param params an object (or an array); left out when `undefined`
 * @throws {InvalidMessage} when `id` is no JSON text of a string or a number, or `params` is anything else
 * @throws {TypeError} when `JSON.stringify` does not take `params`
 *
 * @example
 * ```ts
 * import { strictEqual, throws } from "node:assert/strict";
 * import { request } from "./answers.ts";
 *
 * strictEqual(
 *   request('"a"', "tools/call", { name: "echo" }).text,
 *   '{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"echo"}}',
 * );
 * throws(() => request("a", "ping"), { name: "InvalidMessage" });
 * ```
 */
export function request(id: Id, method: string, params?: unknown): Message {
  const rest = params === undefined ? "" : `,"params":${JSON.stringify(params)}`;
  return Message.fromText(`{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)}${rest}}`);
}
