import type { AuthorizationServer } from "@panva/oauth4webapi";
import { serverWords, shownUrl, SignInError } from "./errors.ts";
import type { GuardedFetch } from "./guarded_fetch.ts";
import { flagMember, type JsonObject, listMember, textMember } from "./read_json.ts";
import { getDocument } from "./resource_metadata.ts";

/** An authorization server: who it is, where its endpoints are, and where we know that from. */
export interface Server {
  /** Its metadata; no member is there that was not checked. */
  readonly metadata: AuthorizationServer;
  /**
   * How it was found: by its metadata, by the default paths of 2025-03-26, or by the user's own URLs. Only the first
   * tells an issuer that answers can be compared with.
   */
  readonly known: "metadata" | "defaults" | "settings";
}

/**
 * The places where an issuer's metadata may be, in the order they are tried
 * (S/2026-07-28/basic/authorization/authorization-server-discovery, "Authorization Server Metadata Discovery";
 * RFC 8414, sections 3.1 and 5; OpenID Connect Discovery 1.0, section 4).
 */
export function serverMetadataUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  const oauth = `${origin}/.well-known/oauth-authorization-server${path}`;
  const openid = `${origin}/.well-known/openid-configuration${path}`;
  return path === "" ? [oauth, openid] : [oauth, openid, `${origin}${path}/.well-known/openid-configuration`];
}

/** Members of the metadata that are addresses. */
const URLS = [
  "authorization_endpoint",
  "token_endpoint",
  "registration_endpoint",
  "revocation_endpoint",
  "device_authorization_endpoint",
  "pushed_authorization_request_endpoint",
] as const;

/** Members that are lists of texts. */
const LISTS = [
  "scopes_supported",
  "grant_types_supported",
  "code_challenge_methods_supported",
  "token_endpoint_auth_methods_supported",
  "token_endpoint_auth_signing_alg_values_supported",
  "dpop_signing_alg_values_supported",
] as const;

/** Members that are true or false. */
const FLAGS = [
  "authorization_response_iss_parameter_supported",
  "client_id_metadata_document_supported",
  "require_pushed_authorization_requests",
] as const;

/**
 * Reads an authorization server's metadata (RFC 8414, section 2).
 *
 * @param issuers the issuer that the document was looked for with, as it may be spelt
 * @throws {SignInError} `ISSUER_MISMATCH` when it speaks in another's name, `BAD_METADATA` when it is malformed
 */
export function readServerMetadata(
  json: JsonObject,
  url: string,
  issuers: readonly string[],
): AuthorizationServer {
  const issuer = textMember(json, "issuer", url);
  // RFC 8414, section 3.3; S/2026-07-28/…/authorization-server-discovery: identical, or it MUST NOT be used.
  if (issuer === undefined || !issuers.includes(issuer)) {
    const nearly = issuer !== undefined &&
      issuers.some((it) => it.replace(/\/$/, "") === issuer.replace(/\/$/, ""));
    throw new SignInError(
      "ISSUER_MISMATCH",
      `the metadata at ${shownUrl(url)} is that of ${
        issuer === undefined ? "nobody" : `"${serverWords(issuer)}"`
      }, ` +
        `not of "${serverWords(issuers[0]!)}"`,
      {
        hint: nearly
          ? "they differ in the slash at the end alone, which counts: ask whoever runs the MCP server to name its authorization server exactly"
          : "it must not be trusted; ask whoever runs the server",
      },
    );
  }
  const metadata: Record<string, string | string[] | boolean> & { issuer: string } = { issuer };
  for (const name of URLS) {
    const value = textMember(json, name, url);
    if (value === undefined) continue;
    if (!URL.canParse(value)) {
      throw new SignInError("BAD_METADATA", `in the metadata at ${shownUrl(url)}, "${name}" is no URL`);
    }
    metadata[name] = value;
  }
  for (const name of LISTS) {
    const value = listMember(json, name, url);
    if (value !== undefined) metadata[name] = [...value];
  }
  for (const name of FLAGS) if (flagMember(json, name)) metadata[name] = true;
  return metadata;
}

/** The default endpoints of a server without metadata (S/2025-03-26/basic/authorization, "Fallbacks for Servers without Metadata Discovery"). */
export function defaultServer(mcpUrl: URL): Server {
  const { origin } = mcpUrl;
  return {
    known: "defaults",
    metadata: {
      issuer: origin,
      authorization_endpoint: `${origin}/authorize`,
      token_endpoint: `${origin}/token`,
      registration_endpoint: `${origin}/register`,
    },
  };
}

/** What {@linkcode findServer} needs. */
export interface FindServer {
  readonly mcpUrl: URL;
  /** The issuers that the resource's metadata names; `undefined` where there is none. */
  readonly issuers: readonly string[] | undefined;
  /** The issuer to take where several are named: one that we are registered with. */
  readonly prefers: (issuer: string) => boolean;
  readonly fetch: GuardedFetch;
  readonly signal: AbortSignal;
}

/** How many of the named authorization servers are tried. */
const MOST_ISSUERS = 4;

/**
 * Finds the authorization server for an MCP server: of those that its metadata names (RFC 9728, section 7.6) the one
 * that is known, else the first whose own metadata is sound. Without any, the MCP server's origin is its own
 * authorization server, with metadata or with default endpoints (S/2025-03-26/basic/authorization).
 */
export async function findServer(request: FindServer): Promise<Server> {
  const { mcpUrl, issuers, prefers, fetch, signal } = request;
  if (issuers === undefined) {
    const { origin } = mcpUrl;
    // The issuer is our own guess, and both spellings lead to this one place.
    const found = await findMetadata([origin, `${origin}/`], fetch, signal);
    return found === undefined ? defaultServer(mcpUrl) : { metadata: found, known: "metadata" };
  }
  const ordered = [...issuers.filter(prefers), ...issuers.filter((it) => !prefers(it))];
  let failed: SignInError | undefined;
  for (const issuer of ordered.slice(0, MOST_ISSUERS)) {
    try {
      if (!URL.canParse(issuer) || /[?#]/.test(issuer)) {
        throw new SignInError(
          "BAD_METADATA",
          `${shownUrl(issuer)} is no issuer: no URL, or one with a query`,
        );
      }
      const metadata = await findMetadata([issuer], fetch, signal);
      if (metadata !== undefined) return { metadata, known: "metadata" };
      throw new SignInError("NO_METADATA", `the authorization server ${shownUrl(issuer)} has no metadata`, {
        hint: "name its endpoints with --auth-url and --token-url",
      });
    } catch (error) {
      if (!(error instanceof SignInError) || error.code === "CANCELLED") throw error;
      failed ??= error;
    }
  }
  throw failed!;
}

async function findMetadata(
  issuers: readonly string[],
  fetch: GuardedFetch,
  signal: AbortSignal,
): Promise<AuthorizationServer | undefined> {
  let failed: SignInError | undefined;
  for (const url of serverMetadataUrls(issuers[0]!)) {
    const found = await getDocument(url, fetch, signal);
    if (found instanceof SignInError) {
      if (!found.transient) throw found;
      failed ??= found;
    } else if (found !== undefined) {
      return readServerMetadata(found, url, issuers);
    }
  }
  if (failed !== undefined) throw failed;
  return undefined;
}

/**
 * Decides whether a server's metadata allows to go on with PKCE
 * (S/2026-07-28/basic/authorization/security-considerations, "Authorization Code Protection"): it must list S256. A
 * server without any metadata can't say so, and a user may decide otherwise; the challenge is sent in any case.
 */
export function requirePkce({ metadata, known }: Server, optional: boolean): void {
  if (known !== "metadata" || optional) return;
  const methods = metadata.code_challenge_methods_supported;
  if (methods?.includes("S256")) return;
  throw new SignInError(
    "NO_PKCE",
    `the authorization server ${shownUrl(metadata.issuer)} does not say that it supports PKCE with S256`,
    {
      hint:
        "without it, codes can be stolen; if you trust it to support PKCE anyway, pass --allow-missing-pkce",
    },
  );
}
