import type { KnownServer } from "../mcp/early_answers.ts";
import type { Client, Tokens } from "./tokens.ts";

/** What is kept of an account that others must not see. */
export interface AccountSecrets {
  readonly tokens?: Tokens;
  /** The clients that were registered, one for each issuer. */
  readonly clients: readonly Client[];
}

/** What others may see, and all that `status` shows. */
export interface AccountFacts {
  /** The MCP server, as it is shown. */
  readonly name: string;
  /** The port the browser came back to. */
  readonly port?: number;
  /** What the server has said of itself. */
  readonly server?: KnownServer;
  /** Where the user is asked to sign in right now, and until when, in milliseconds since the epoch. */
  readonly pending?: { readonly url: string; readonly until: number };
}

/** What `status` shows of tokens: nothing of it is secret. */
export interface TokenSummary {
  readonly issuer: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** When the access token ends, in milliseconds since the epoch; `null` when nobody has said. */
  readonly expiresAt: number | null;
  /** It can be renewed without the user. */
  readonly renewable: boolean;
}

/** What is kept for one endpoint, in a file. Another version is not read. */
export interface AccountEntry extends AccountFacts, AccountSecrets {
  readonly version: 1;
  /** The secrets instead, sealed with a key that the keychain has; `clients` is empty then. */
  readonly sealed?: string;
  /** What `status` shows of sealed tokens. */
  readonly summary?: TokenSummary;
}

/**
 * Reads what was stored for an endpoint: whatever a person or a broken disk has made of it, what makes sense is kept, and the
 * rest is as if it had never been stored.
 *
 * @returns undefined for what is no entry, or one of another version
 */
export function readAccount(value: unknown): AccountEntry | undefined {
  const { version, name, tokens, clients, port, server, pending, sealed, summary } = Object(value);
  if (version !== 1) return undefined;
  return {
    version,
    name: isText(name) ? name : "",
    clients: Array.isArray(clients) ? clients.filter(isClient) : [],
    ...(isTokens(tokens) ? { tokens } : {}),
    ...(Number.isInteger(port) && port > 0 && port < 65_536 ? { port } : {}),
    ...(isKnownServer(server) ? { server } : {}),
    ...(isText(sealed) ? { sealed } : {}),
    ...(isSummary(summary) ? { summary } : {}),
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

function isSummary(value: unknown): value is TokenSummary {
  const { issuer, clientId, scopes, expiresAt, renewable } = Object(value) as Partial<TokenSummary>;
  return isText(issuer) && isText(clientId) && isTexts(scopes) && typeof renewable === "boolean" &&
    (expiresAt === null || isNumber(expiresAt));
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
