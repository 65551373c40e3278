/** A slow, plain reading of JSON-RPC messages with `JSON.parse`, which the tests hold the fast one against. */

/** What a text is as a JSON-RPC message. */
export type Reading =
  | {
    readonly kind: "request" | "notification" | "result" | "error";
    readonly id?: string;
    readonly method?: string;
  }
  | { readonly kind: "invalid"; readonly code: -32700 | -32600; readonly id: string | null };

type Members = readonly (readonly [name: string, text: string])[];

/** The members of the object that `text` holds, as JSON texts; `text` must be valid JSON. */
export function topMembers(text: string): Members {
  const members: [name: string, text: string][] = [];
  let depth = 0;
  let name: string | undefined;
  let begin = -1;
  let last = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    const closes = token === "}" || token === "]";
    if (closes) depth--;
    if (name !== undefined && ((depth === 1 && token === ",") || depth === 0)) {
      members.push([name, text.slice(begin, last)]);
      name = undefined;
      begin = -1;
    } else if (depth === 1 && name === undefined && token.startsWith('"')) {
      name = JSON.parse(token) as string;
    } else if (name !== undefined && begin === -1 && !(depth === 1 && token === ":")) {
      begin = index;
    }
    last = index + token.length;
    if (token === "{" || token === "[") depth++;
  }
  return members;
}

const DEFINED = ["jsonrpc", "id", "method", "params", "result", "error"];

/** Reads a message. */
export function read(bytes: Uint8Array): Reading {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    return { kind: "invalid", code: -32700, id: null };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { kind: "invalid", code: -32600, id: null };
  }
  const names = topMembers(text).map(([name]) => name).filter((name) => DEFINED.includes(name));
  const has = (name: string) => names.includes(name);
  const twice = (name: string) => names.filter((other) => other === name).length > 1;
  const it = value as Record<string, unknown>;
  const idText = topMembers(text).find(([name]) => name === "id")?.[1];
  const id = typeof it.id === "string" || typeof it.id === "number" ? idText! : null;
  const invalid: Reading = { kind: "invalid", code: -32600, id: twice("id") ? null : id };

  if (names.some(twice)) return invalid;
  if (it.jsonrpc !== "2.0") return invalid;
  if (has("method")) {
    if (has("result") || has("error") || typeof it.method !== "string") return invalid;
    if (has("params") && (typeof it.params !== "object" || it.params === null)) return invalid;
    if (!has("id")) return { kind: "notification", method: it.method };
    return id === null ? invalid : { kind: "request", id, method: it.method };
  }
  if (has("result") === has("error")) return invalid;
  if (has("result")) return id === null ? invalid : { kind: "result", id };
  if (typeof it.error !== "object" || it.error === null || Array.isArray(it.error)) return invalid;
  if (id === null && has("id") && it.id !== null) return invalid;
  return { kind: "error", id: id ?? "null" };
}
