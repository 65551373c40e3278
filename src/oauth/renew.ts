import { type DpopHandle, dpopHandle } from "./dpop.ts";
import { grantWithoutPerson } from "./grant_without_person.ts";
import type { GuardedFetch } from "./guarded_fetch.ts";
import { splitScope } from "./scopes.ts";
import type { OAuthSettings } from "./settings.ts";
import { refreshGrant, revokeToken, type TokenContext } from "./token_requests.ts";
import type { Tokens } from "./tokens.ts";

/** What {@linkcode renew} and {@linkcode revoke} need. */
export interface RenewRequest {
  readonly tokens: Tokens;
  readonly settings: OAuthSettings;
  readonly fetch: GuardedFetch;
  readonly signal: AbortSignal;
  /** The key's handle, where one is in use: it knows the server's nonce. @default one is made from the tokens */
  readonly dpop?: DpopHandle;
}

/**
 * Gets the next tokens in place of these, without a person: with the refresh token, or as the first ones were got.
 * What the server does not say again stays as it was, the refresh token (OAuth 2.1, section 4.3.3) included.
 *
 * @throws {SignInError}
 */
export async function renew(request: RenewRequest): Promise<Tokens> {
  const { tokens, settings } = request;
  const context = await contextOf(request);
  const issuedAt = Date.now();
  const given = tokens.refreshToken === undefined
    ? await grantWithoutPerson(context, settings, tokens.requestedScopes)
    : await refreshGrant(context, tokens.refreshToken);
  const { expiresAt: _, ...rest } = tokens;
  const scopes = splitScope(given.scope);
  return {
    ...rest,
    accessToken: given.accessToken,
    tokenType: given.tokenType,
    ...(given.refreshToken === undefined ? {} : { refreshToken: given.refreshToken }),
    issuedAt,
    ...(!given.expiresIn ? {} : { expiresAt: issuedAt + given.expiresIn * 1000 }),
    ...(scopes === undefined ? {} : { scopes }),
  };
}

/**
 * Makes tokens worthless, the refresh token first: with it many servers take back all that came of it (RFC 7009,
 * section 2.1).
 *
 * @returns whether the server can do that
 * @throws {SignInError} when the refresh token could not be revoked
 */
export async function revoke(request: RenewRequest): Promise<boolean> {
  const { accessToken, refreshToken } = request.tokens;
  const context = await contextOf(request);
  const can = refreshToken === undefined || await revokeToken(context, refreshToken, "refresh_token");
  if (!can) return false;
  try {
    return await revokeToken(context, accessToken, "access_token");
  } catch (error) {
    // Some servers revoke nothing but refresh tokens, and say so.
    if (refreshToken === undefined) throw error;
    return true;
  }
}

async function contextOf({ tokens, settings, fetch, signal, dpop }: RenewRequest): Promise<TokenContext> {
  const { dpopKey } = tokens;
  return {
    server: tokens.server,
    client: tokens.client,
    privateKey: settings.privateKey,
    privateKeyAlgorithm: settings.privateKeyAlgorithm,
    resource: tokens.resource,
    dpop: dpop ?? (dpopKey === undefined ? undefined : await dpopHandle(dpopKey)),
    fetch,
    signal,
  };
}
