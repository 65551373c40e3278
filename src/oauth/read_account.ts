import type { KnownServer } from "../mcp/early_answers.ts";
import type { Client, Tokens } from "./tokens.ts";

/** What is kept for one endpoint. Another version is not read. */
export interface AccountEntry {
  readonly version: 1;
  /** The MCP server, as it is shown. */
  readonly name: string;
  readonly tokens?: Tokens;
  /** The clients that were registered, one for each issuer. */
  readonly clients: readonly Client[];
  /** The port the browser came back to. */
  readonly port?: number;
  /** What the server has said of itself. */
  readonly server?: KnownServer;
  /** Where the user is asked to sign in right now, and until when, in milliseconds since the epoch. */
  readonly pending?: { readonly url: string; readonly until: number };
}

/**
 * Reads what was stored for an endpoint: whatever a person or a broken disk has made of it, what makes sense is kept, and the
 * rest is as if it had never been stored.
 *
 * @returns undefined for what is no entry, or one of another version
 */
export function readAccount(value: unknown): AccountEntry | undefined {
  const { version, name, tokens, clients, port, server, pending } = Object(value);
  if (version !== 1) return undefined;
  return {
    version,
    name: isText(name) ? name : "",
    clients: Array.isArray(clients) ? clients.filter(isClient) : [],
    ...(isTokens(tokens) ? { tokens } : {}),
    ...(Number.isInteger(port) && port > 0 && port < 65_536 ? { port } : {}),
    ...(isKnownServer(server) ? { server } : {}),
    ...(isText(pending?.url) && isNumber(pending.until) ? { pending } : {}),
  };
}

function isTokens(value: unknown): value is Tokens {
  const it = Object(value) as Partial<Record<keyof Tokens, unknown>>;
  return isText(it.accessToken) && (it.tokenType === "bearer" || it.tokenType === "dpop") &&
    isOptional(it.refreshToken, isText) && isNumber(it.issuedAt) && isOptional(it.expiresAt, isNumber) &&
    isOptional(it.scopes, isTexts) && isOptional(it.requestedScopes, isTexts) && isText(it.issuer) &&
    isText(Object(it.server).issuer) && isText(it.mcpUrl) && URL.canParse(it.mcpUrl) &&
    isOptional(it.resource, isText) && isClient(it.client) && isText(it.grant) &&
    isOptional(it.dpopKey, isKey);
}

function isClient(value: unknown): value is Client {
  const it = Object(value) as Partial<Record<keyof Client, unknown>>;
  return isText(it.issuer) && isText(it.clientId) && isOptional(it.clientSecret, isText) &&
    isOptional(it.secretExpiresAt, isNumber) && isText(it.authMethod) && isTexts(it.redirectUris) &&
    isText(it.origin);
}

function isKnownServer(value: unknown): value is KnownServer {
  const { capabilities, serverInfo, instructions } = Object(value);
  return isJson(capabilities, "{") && isJson(serverInfo, "{") &&
    isOptional(instructions, (it) => isJson(it, '"'));
}

/** A text of JSON that begins so; it becomes a part of our own messages. */
function isJson(value: unknown, first: string): boolean {
  if (!isText(value) || !value.startsWith(first)) return false;
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}

function isKey(value: unknown): boolean {
  const { privateJwk, publicJwk } = Object(value);
  return isText(Object(privateJwk).d) && isText(Object(publicJwk).x);
}

function isOptional(value: unknown, is: (value: unknown) => boolean): boolean {
  return value === undefined || is(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

function isNumber(value: unknown): boolean {
  return Number.isFinite(value);
}
