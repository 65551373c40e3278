import type { AuthorizationServer } from "@panva/oauth4webapi";
import type { DpopKey } from "./dpop.ts";
import { isResourceOf } from "./resource_metadata.ts";
import { type Grant, needsPerson, type OAuthSettings, type TokenAuthMethod } from "./settings.ts";

/** A client, as one authorization server knows it. Plain data, to be stored. */
export interface Client {
  /** Who knows it. It is of no use, and must not be shown, to any other. */
  readonly issuer: string;
  /** Empty for one that has none. */
  readonly clientId: string;
  readonly clientSecret?: string;
  /** When the secret runs out, in milliseconds since 1970. */
  readonly secretExpiresAt?: number;
  readonly authMethod: TokenAuthMethod;
  /** Where browsers may come back to; empty where that is not known. */
  readonly redirectUris: readonly string[];
  /** Whether the user gave it, published a document about it, it was registered on the way, or there is no need of one. */
  readonly origin: "given" | "document" | "registered" | "unnamed";
}

/** What a sign-in results in, and all that is needed to keep it alive. Plain data, to be stored. */
export interface Tokens {
  readonly accessToken: string;
  readonly tokenType: "bearer" | "dpop";
  readonly refreshToken?: string;
  /** When it was issued, in milliseconds since 1970. */
  readonly issuedAt: number;
  /** When it runs out, if that was said. */
  readonly expiresAt?: number;
  /** The scopes that were granted; those asked for where the server names none. */
  readonly scopes?: readonly string[];
  /** The scopes that were asked for, for the next step-up. */
  readonly requestedScopes?: readonly string[];
  /** The authorization server that issued it. */
  readonly issuer: string;
  /** Where it can be renewed and revoked, as its metadata said. */
  readonly server: AuthorizationServer;
  /** The MCP server it is for. */
  readonly mcpUrl: string;
  /** The resource it is for, exactly as it was asked for; `undefined` where none was named. */
  readonly resource?: string;
  readonly client: Client;
  readonly grant: Grant;
  /** The key it is bound to. */
  readonly dpopKey?: DpopKey;
}

/** The texts of tokens and their client that must be seen nowhere. */
export function secretsOf({ accessToken, refreshToken, client, dpopKey }: Tokens): string[] {
  return [accessToken, refreshToken, client.clientSecret, dpopKey?.privateJwk.d].filter((it) =>
    it !== undefined
  );
}

/**
 * Tells whether a token may go to a URL: to the origin it was issued for and no other, and there to its resource
 * (S/2026-07-28/basic/authorization, "Token Handling"; RFC 9728, section 7.3).
 */
export function isFor(tokens: Tokens, url: URL): boolean {
  if (new URL(tokens.mcpUrl).origin !== url.origin) return false;
  // A resource that the user named may be spelt in a way that leads nowhere, such as an application's ID.
  const { resource } = tokens;
  if (resource === undefined || !isResourceOf(resource, new URL(tokens.mcpUrl))) return true;
  return isResourceOf(resource, url);
}

/**
 * Tells whether tokens are what the user's settings would lead to: another client, resource, grant or issuer means
 * another sign-in.
 */
export function fits(tokens: Tokens, settings: OAuthSettings): boolean {
  const { client, resource } = tokens;
  const { clientId, clientMetadataUrl, issuer, grant } = settings;
  if (grant !== tokens.grant) return false;
  if (clientId !== undefined && clientId !== client.clientId) return false;
  if (clientId === undefined && client.origin === "given") return false;
  if (client.origin === "document" && client.clientId !== clientMetadataUrl) return false;
  if (issuer !== undefined && issuer !== tokens.issuer) return false;
  return settings.resource === undefined ||
    resource === (settings.resource === false ? undefined : settings.resource);
}

/** How long before its end a token is renewed, at most, in milliseconds. */
const LEAD_MS = 60_000;

/**
 * Tells whether a token should be renewed: in the last tenth of its life or the last minute, whichever is less, and up
 * to twice that early, so that many processes don't come at once.
 *
 * @param random from 0 to 1, the same for one token as long as it lives
 */
export function isDue({ issuedAt, expiresAt }: Tokens, now: number, random: number): boolean {
  if (expiresAt === undefined) return false;
  const lead = Math.min(LEAD_MS, (expiresAt - issuedAt) / 10);
  return now >= expiresAt - lead * (1 + random);
}

/** Tells whether a token has run out, by its own word. */
export function isOver({ expiresAt }: Tokens, now: number): boolean {
  return expiresAt !== undefined && now >= expiresAt;
}

/** Tells whether the next token comes without a person: client credentials are as good for that as a refresh token. */
export function isRenewable({ refreshToken, grant }: Tokens): boolean {
  return refreshToken !== undefined || !needsPerson(grant);
}

/** What to do for a token that can be used. */
export type Choice = "use" | "renew" | "sign in";

/**
 * Decides what to do with what the store holds.
 *
 * @param stored what was read just now: another process may have renewed or replaced it
 * @param refused the access token that the MCP server has refused, if one was
 */
export function chooseTokens(
  stored: Tokens | undefined,
  refused: string | undefined,
  now: number,
  random: number,
): Choice {
  if (stored === undefined) return "sign in";
  const good = stored.accessToken !== refused && !isOver(stored, now);
  if (good && !isDue(stored, now, random)) return "use";
  if (isRenewable(stored)) return "renew";
  return good ? "use" : "sign in";
}
