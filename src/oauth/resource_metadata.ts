import { shownUrl, SignInError } from "./errors.ts";
import type { GuardedFetch } from "./guarded_fetch.ts";
import { flagMember, type JsonObject, listMember, readJson, textMember } from "./read_json.ts";

/** What an MCP server says about who may use it (RFC 9728, section 2), as far as a client needs it. */
export interface ResourceMetadata {
  /** Where the document was found. */
  readonly url: string;
  /** The resource's identifier, exactly as it is spelt. */
  readonly resource: string;
  /** The issuers of tokens for it, in the server's order; at least one. */
  readonly authorizationServers: readonly string[];
  readonly scopes?: readonly string[];
  /** Tokens must be bound to a key. */
  readonly dpop: boolean;
}

const WELL_KNOWN = "/.well-known/oauth-protected-resource";

/**
 * The places where an MCP server's metadata may be, in the order they are tried: the challenge's, the server's path, the
 * root (S/2026-07-28/basic/authorization/authorization-server-discovery, "Protected Resource Metadata Discovery
 * Requirements"; RFC 9728, section 3.1).
 */
export function resourceMetadataUrls(mcpUrl: URL, challenged?: string): string[] {
  const urls = [];
  if (challenged !== undefined && URL.canParse(challenged, mcpUrl)) {
    urls.push(new URL(challenged, mcpUrl).href);
  }
  const { origin, pathname, search } = mcpUrl;
  if (pathname !== "/" || search !== "") {
    urls.push(`${origin}${WELL_KNOWN}${pathname === "/" ? "" : pathname}${search}`);
  }
  urls.push(`${origin}${WELL_KNOWN}`);
  return [...new Set(urls)];
}

/**
 * Tells whether a resource identifier is that of an MCP server, or of something that the server is a part of: the same
 * origin, and a path that leads to the server's (RFC 9728, section 3.3; S/2026-07-28/basic/authorization, "Canonical
 * Server URI"). Spelling does not matter here, only where it leads.
 */
export function isResourceOf(resource: string, mcpUrl: URL): boolean {
  if (!URL.canParse(resource) || resource.includes("#")) return false;
  const url = new URL(resource);
  if (url.origin !== mcpUrl.origin || url.username !== "" || url.password !== "") return false;
  if (url.search !== "" && url.search !== mcpUrl.search) return false;
  const folder = (path: string) => path.endsWith("/") ? path : `${path}/`;
  return folder(mcpUrl.pathname).startsWith(folder(url.pathname));
}

/**
 * Reads a document of resource metadata.
 *
 * @throws {SignInError} `RESOURCE_MISMATCH` when it is about another resource, `BAD_METADATA` when it names nobody
 */
export function readResourceMetadata(json: JsonObject, url: string, mcpUrl: URL): ResourceMetadata {
  const resource = textMember(json, "resource", url);
  if (resource === undefined) {
    throw new SignInError(
      "BAD_METADATA",
      `the metadata at ${shownUrl(url)} does not say which resource it is about`,
    );
  }
  // A document about another resource would get its owner's tokens sent here (RFC 9728, section 7.3).
  if (!isResourceOf(resource, mcpUrl)) {
    throw new SignInError(
      "RESOURCE_MISMATCH",
      `the metadata at ${shownUrl(url)} is about ${shownUrl(resource)}, not about ${shownUrl(mcpUrl)}`,
      { hint: "use the address that the server calls its own, or ask whoever runs it to mend its metadata" },
    );
  }
  const authorizationServers = listMember(json, "authorization_servers", url) ?? [];
  // S/2026-07-28/basic/authorization/authorization-server-discovery, "Authorization Server Location"
  if (authorizationServers.length === 0) {
    throw new SignInError("BAD_METADATA", `the metadata at ${shownUrl(url)} names no authorization server`);
  }
  const scopes = listMember(json, "scopes_supported", url);
  return {
    url,
    resource,
    authorizationServers,
    ...(scopes === undefined ? {} : { scopes }),
    // RFC 9449, section 10.1; RFC 9728, section 2
    dpop: flagMember(json, "dpop_bound_access_tokens_required"),
  };
}

/** What {@linkcode findResourceMetadata} needs. */
export interface FindResourceMetadata {
  readonly mcpUrl: URL;
  /** What the challenge named. */
  readonly challenged?: string | undefined;
  readonly fetch: GuardedFetch;
  readonly signal: AbortSignal;
}

/**
 * Finds an MCP server's metadata.
 *
 * @returns `undefined` when every place says that there is none, as servers of 2025-03-26 do
 * @throws {SignInError} when a document breaks the rules, or when a place could not be asked and no other has one
 */
export async function findResourceMetadata(
  request: FindResourceMetadata,
): Promise<ResourceMetadata | undefined> {
  const { mcpUrl, fetch, signal } = request;
  let failed: SignInError | undefined;
  for (const url of resourceMetadataUrls(mcpUrl, request.challenged)) {
    const found = await getDocument(url, fetch, signal);
    if (found instanceof SignInError) {
      // What must not be asked is not made good by asking elsewhere.
      if (!found.transient) throw found;
      failed ??= found;
    } else if (found !== undefined) {
      return readResourceMetadata(found, url, mcpUrl);
    }
  }
  if (failed !== undefined) throw failed;
  return undefined;
}

/**
 * Gets a document that may not be there.
 *
 * @returns `undefined` when it is not: a 4xx, or a page in its place; an error when that is not known
 */
export async function getDocument(
  url: string,
  fetch: GuardedFetch,
  signal: AbortSignal,
): Promise<JsonObject | SignInError | undefined> {
  let response: Response;
  try {
    response = await fetch.send(url, { method: "GET", headers: { accept: "application/json" }, signal });
  } catch (error) {
    if (error instanceof SignInError && error.code !== "CANCELLED") return error;
    throw error;
  }
  if (response.status === 200) return await readJson(response);
  if (response.status < 500 && response.status !== 429) return undefined;
  return new SignInError("BUSY", `${shownUrl(url)} answered with HTTP ${response.status}`, {
    hint: "try again later",
  });
}
