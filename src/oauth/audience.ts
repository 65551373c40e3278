import type { AuthorizationServer } from "@panva/oauth4webapi";

/** The audiences that a JWT names (RFC 7519, section 4.1.3); none where it can't be read. */
export function audiencesOf(jwt: string): readonly string[] {
  try {
    const claims = Uint8Array.fromBase64(jwt.split(".")[1]!, { alphabet: "base64url" });
    const { aud } = Object(JSON.parse(new TextDecoder().decode(claims)));
    return [aud].flat().filter((it) => typeof it === "string");
  } catch {
    return [];
  }
}

/**
 * Tells whether one of the audiences is an authorization server: its issuer or its token endpoint (RFC 7523, section 3),
 * whatever stands at the end of them.
 */
export function isAudience(
  audiences: readonly string[],
  { issuer, token_endpoint: endpoint }: AuthorizationServer,
): boolean {
  const bare = (url: string) => url.replace(/\/$/, "");
  return audiences.some((it) =>
    bare(it) === bare(issuer) || endpoint !== undefined && bare(it) === bare(endpoint)
  );
}
