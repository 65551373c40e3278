import { textAt } from "../jsonrpc/edit.ts";
import type { Message } from "../jsonrpc/message.ts";
import { MCP_LOG_LEVELS } from "./log_levels.ts";
import { META } from "./modern.ts";

/** What a client's request says of its era. */
export type Claim =
  /** Nothing: it is of the legacy era, or lacks what a modern one must say. */
  | { readonly kind: "none" }
  /** It is of the modern era, in this revision. */
  | { readonly kind: "modern"; readonly revision: string }
  /** It means to be modern, and does not say all it must (S/2026-07-28/basic, `_meta`). */
  | { readonly kind: "malformed"; readonly why: string };

const NONE: Claim = { kind: "none" };

/** Any of these makes a request modern; other keys of that prefix are older. */
const CLAIMS: readonly string[] = [
  META.protocolVersion,
  META.clientCapabilities,
  META.clientInfo,
  META.logLevel,
];

/**
 * Reads which era a client's request belongs to: a modern one brings an envelope in its `_meta`, and each request is judged
 * by itself.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { request } from "../jsonrpc/answers.ts";
 * import { claimOf } from "./claim.ts";
 *
 * deepStrictEqual(claimOf(request("1", "tools/list")), { kind: "none" });
 * const _meta = {
 *   "io.modelcontextprotocol/protocolVersion": "2026-07-28",
 *   "io.modelcontextprotocol/clientCapabilities": {},
 * };
 * deepStrictEqual(claimOf(request("1", "tools/list", { _meta })), { kind: "modern", revision: "2026-07-28" });
 * ```
 */
export function claimOf(message: Message): Claim {
  // Legacy requests are not searched.
  if (!message.hasIoName) return NONE;
  const meta = textAt(message, ["params", "_meta"]);
  if (meta === undefined) return NONE;
  const parsed: unknown = JSON.parse(meta);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return NONE;
  const has = (key: string) => Object.hasOwn(parsed, key);
  if (!CLAIMS.some(has)) return NONE;
  const members = parsed as Readonly<Record<string, unknown>>;
  const revision = members[META.protocolVersion];
  if (typeof revision !== "string" || revision === "") return malformed(META.protocolVersion, "a string");
  const capabilities = members[META.clientCapabilities];
  if (typeof capabilities !== "object" || capabilities === null || Array.isArray(capabilities)) {
    return malformed(META.clientCapabilities, "an object");
  }
  const info = members[META.clientInfo];
  if (has(META.clientInfo) && (typeof info !== "object" || info === null || Array.isArray(info))) {
    return malformed(META.clientInfo, "an object or nothing");
  }
  const level = members[META.logLevel];
  if (has(META.logLevel) && !MCP_LOG_LEVELS.some((known) => known === level)) {
    return malformed(META.logLevel, `one of ${MCP_LOG_LEVELS.join(", ")} or nothing`);
  }
  return { kind: "modern", revision };
}

function malformed(key: string, what: string): Claim {
  return { kind: "malformed", why: `_meta must have ${what} as "${key}"` };
}
