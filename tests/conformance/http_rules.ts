/** What a face over HTTP judges by itself, since nobody behind it sees headers and statuses. */
import type { WireMessage } from "../support/wire_message.ts";

const LOCAL = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;

/**
 * Whether a request comes from this machine, by what it says of itself: a server that listens on loopback refuses the
 * others, so that no web site can reach it through a browser (S/2026-07-28/basic/transports/streamable-http).
 */
export function isLocal(headers: Headers): boolean {
  const origin = headers.get("origin");
  const host = headers.get("host");
  if (host !== null && !LOCAL.test(host)) return false;
  return origin === null || LOCAL.test(origin.replace(/^https?:\/\//, ""));
}

/** Where the body has what `Mcp-Name` repeats. */
const NAMES: Readonly<Record<string, string>> = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri",
};

/**
 * The header of a modern request that misses or says something else than the body does. A body without an envelope is
 * not judged here: the server says what is wrong with it.
 */
export function contradiction(headers: Headers, message: WireMessage): string | undefined {
  const version = headers.get("mcp-protocol-version");
  const claimed = message.params?._meta?.["io.modelcontextprotocol/protocolVersion"];
  if (version === null || claimed !== undefined && claimed !== version) return "MCP-Protocol-Version";
  if (headers.get("mcp-method") !== message.method) return "Mcp-Method";
  const member = Object.hasOwn(NAMES, message.method ?? "") ? NAMES[message.method!] : undefined;
  const name = member === undefined ? undefined : message.params?.[member];
  if (typeof name === "string" && plainText(headers.get("mcp-name")) !== name) return "Mcp-Name";
  return undefined;
}

/** A header's value without its base64 wrapping. */
function plainText(value: string | null): string | undefined {
  const wrapped = value === null ? null : /^=\?base64\?(.*)\?=$/i.exec(value);
  if (wrapped === null) return value ?? undefined;
  return new TextDecoder().decode(Uint8Array.from(atob(wrapped[1]!), (char) => char.charCodeAt(0)));
}

const STATUSES: Readonly<Record<number, number>> = {
  [-32601]: 404,
  [-32600]: 400,
  [-32602]: 400,
  [-32700]: 400,
  [-32020]: 400,
  [-32021]: 400,
  [-32022]: 400,
};

/** The HTTP status of a modern answer that is given at once; a legacy one is 200 whatever it says. */
export function statusOf(answer: WireMessage): number {
  return answer.error === undefined ? 200 : STATUSES[answer.error.code] ?? 200;
}
