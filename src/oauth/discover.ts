import type { Challenge } from "./challenge.ts";
import type { GuardedFetch } from "./guarded_fetch.ts";
import type { Known } from "./registration.ts";
import { findResourceMetadata, type ResourceMetadata } from "./resource_metadata.ts";
import { chooseScopes } from "./scopes.ts";
import { findServer, type Server } from "./server_metadata.ts";
import { needsPerson, type OAuthSettings } from "./settings.ts";

/** What {@linkcode discover} needs. */
export interface DiscoverRequest {
  readonly mcpUrl: URL;
  /** What the MCP server said with its 401 or 403. */
  readonly challenge: Challenge | undefined;
  readonly settings: OAuthSettings;
  readonly known: Known;
  readonly fetch: GuardedFetch;
  readonly signal: AbortSignal;
  /** The scopes that were asked for before, for a step-up. */
  readonly before?: readonly string[] | undefined;
}

/** All that is known before the first request that means something. */
export interface Discovered {
  /** `undefined` for servers of 2025-03-26. */
  readonly resourceMetadata: ResourceMetadata | undefined;
  readonly server: Server;
  /** What is sent as `resource` with every request; `undefined` for none. */
  readonly resource: string | undefined;
  /** What is sent as `scope`; `undefined` for none. */
  readonly scopes: readonly string[] | undefined;
  /** Whether tokens are to be bound to a key. */
  readonly dpop: boolean;
}

/** Finds out who gives tokens for an MCP server, and which. */
export async function discover(request: DiscoverRequest): Promise<Discovered> {
  const { mcpUrl, challenge, settings, known, fetch, signal, before } = request;
  const own = serverOfSettings(settings);
  const needless = own !== undefined && settings.resource !== undefined && settings.scopes !== undefined;
  const resourceMetadata = needless
    ? undefined
    : await findResourceMetadata({ mcpUrl, challenged: challenge?.resourceMetadata, fetch, signal });
  const server = own ?? withOwnUrls(
    await findServer({
      mcpUrl,
      issuers: resourceMetadata?.authorizationServers,
      prefers: (issuer) =>
        settings.issuer === undefined ? known.client(issuer) !== undefined : settings.issuer === issuer,
      fetch,
      signal,
    }),
    settings,
  );
  return {
    resourceMetadata,
    server,
    // On no leg, or on every one (S/2026-07-28/basic/authorization, "Resource Parameter Implementation"). A server
    // without metadata is of a revision that knows no such parameter.
    resource: settings.resource === false ? undefined : settings.resource ?? resourceMetadata?.resource,
    scopes: chooseScopes({
      settings: settings.scopes,
      challenge: challenge?.scopes,
      resource: resourceMetadata?.scopes,
      server: server.metadata.scopes_supported,
      before,
      refreshable: needsPerson(settings.grant),
    }),
    dpop: settings.dpop === "always" ||
      settings.dpop === "auto" && (challenge?.dpop === true || resourceMetadata?.dpop === true),
  };
}

/** The server that the user named whole, so that nothing has to be asked. */
export function serverOfSettings({ authUrl, tokenUrl, issuer, grant }: OAuthSettings): Server | undefined {
  if (tokenUrl === undefined) return undefined;
  // Who vouches for a user has to name the issuer, which an address alone does not tell.
  if (grant === "id_jag" && issuer === undefined) return undefined;
  if (grant === "device_code" || grant === "authorization_code" && authUrl === undefined) return undefined;
  return {
    known: "settings",
    metadata: {
      issuer: issuer ?? new URL(tokenUrl).origin,
      token_endpoint: tokenUrl,
      ...(authUrl === undefined ? {} : { authorization_endpoint: authUrl }),
    },
  };
}

/** The user's own URLs in place of those that were found. */
function withOwnUrls(server: Server, { authUrl, tokenUrl }: OAuthSettings): Server {
  return {
    ...server,
    metadata: {
      ...server.metadata,
      ...(authUrl === undefined ? {} : { authorization_endpoint: authUrl }),
      ...(tokenUrl === undefined ? {} : { token_endpoint: tokenUrl }),
    },
  };
}
