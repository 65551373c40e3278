import { chooseAuthMethod } from "../client_auth.ts";
import type { Discovered } from "../discover.ts";
import { serverWords, shownUrl, SignInError } from "../errors.ts";
import type { OAuthSettings } from "../settings.ts";
import type { Client, Tokens } from "../tokens.ts";
import type { McpRemoteSignIn } from "./mcp_remote_files.ts";

/** What {@linkcode takeOver} makes tokens of. */
export interface TakeOver {
  readonly found: McpRemoteSignIn;
  readonly mcpUrl: URL;
  readonly settings: OAuthSettings;
  readonly discovered: Discovered;
  readonly now: number;
}

/** Tokens of another program, made ours. */
export interface TakenOver {
  readonly tokens: Tokens;
  /** What was left behind, and why, as sentences. */
  readonly notes: readonly string[];
}

/**
 * Makes tokens of what another program has kept. They are of use with the authorization server that has issued them, and
 * must not be shown to any other: where nothing says who that was, what would go there (the refresh token, the client's
 * secret) is left behind, unless it would go to the MCP server itself or to where the user has said.
 *
 * @throws {SignInError} `ISSUER_MISMATCH` when another has issued them, `NO_CLIENT` when their client is not known
 */
export function takeOver({ found, mcpUrl, settings, discovered, now }: TakeOver): TakenOver {
  const { server: { metadata, known }, resource, scopes: asked } = discovered;
  const { issuer } = metadata;
  const notes: string[] = [];
  const noted = found.issuer ?? found.client?.issuer;
  if (noted !== undefined && !isSame(noted, issuer) && known !== "settings") {
    throw new SignInError(
      "ISSUER_MISMATCH",
      `these tokens were issued by ${serverWords(noted)}, and the MCP server now names ${
        serverWords(issuer)
      }`,
      { hint: "sign in anew, with mcp-connect login" },
    );
  }
  const ends = [metadata.token_endpoint, metadata.revocation_endpoint].filter((it) => it !== undefined);
  const trusted = isSame(noted ?? issuerOf(found.accessToken), issuer) || settings.tokenUrl !== undefined ||
    ends.every((it) => new URL(it).origin === mcpUrl.origin);
  if (!trusted && found.refreshToken !== undefined) {
    notes.push(
      `the refresh token was left behind: nothing tells who has issued it, so it is not shown to ${
        shownUrl(issuer)
      } (if that is right, name its --token-url)`,
    );
  }
  const { refreshToken, expiresAt, requestedScopes = asked, scopes = requestedScopes } = found;
  return {
    notes,
    tokens: {
      accessToken: found.accessToken,
      tokenType: "bearer",
      ...(refreshToken === undefined || !trusted ? {} : { refreshToken }),
      issuedAt: now,
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(scopes === undefined ? {} : { scopes }),
      ...(requestedScopes === undefined ? {} : { requestedScopes }),
      issuer,
      server: metadata,
      mcpUrl: mcpUrl.href,
      ...(resource === undefined ? {} : { resource }),
      client: clientOf(found, settings, discovered, trusted),
      grant: settings.grant,
    },
  };
}

function clientOf(
  { client }: McpRemoteSignIn,
  settings: OAuthSettings,
  { server: { metadata } }: Discovered,
  trusted: boolean,
): Client {
  const { issuer, token_endpoint_auth_methods_supported: supported } = metadata;
  const { clientId, clientMetadataUrl } = settings;
  // No browser came back to us yet: for the next sign-in another client may have to be registered.
  const redirectUris: string[] = [];
  if (clientId !== undefined) {
    const { clientSecret } = settings;
    return {
      issuer,
      clientId,
      ...(clientSecret === undefined ? {} : { clientSecret }),
      authMethod: chooseAuthMethod(settings, settings.authMethod, supported),
      redirectUris,
      origin: "given",
    };
  }
  if (client === undefined && clientMetadataUrl !== undefined) {
    const { privateKey } = settings;
    const authMethod = chooseAuthMethod({ privateKey }, settings.authMethod, supported);
    return { issuer, clientId: clientMetadataUrl, authMethod, redirectUris, origin: "document" };
  }
  if (client === undefined) {
    throw new SignInError("NO_CLIENT", "mcp-remote has not noted the client that these tokens belong to", {
      hint: "pass the --client-id (and --client-secret), or the --client-metadata-url, that it was given",
    });
  }
  const clientSecret = trusted ? client.clientSecret : undefined;
  return {
    issuer,
    clientId: client.clientId,
    ...(clientSecret === undefined ? {} : { clientSecret }),
    ...(clientSecret === undefined || client.secretExpiresAt === undefined
      ? {}
      : { secretExpiresAt: client.secretExpiresAt }),
    authMethod: chooseAuthMethod({ clientSecret }, trusted ? client.authMethod : "none", supported),
    redirectUris,
    origin: "registered",
  };
}

/** Who says of himself, in a token that can be read, that he has issued it. */
function issuerOf(token: string): string | undefined {
  try {
    const { iss } = JSON.parse(
      new TextDecoder().decode(Uint8Array.fromBase64(token.split(".")[1]!, { alphabet: "base64url" })),
    );
    return typeof iss === "string" ? iss : undefined;
  } catch {
    return undefined;
  }
}

/** Notes of issuers differ in the slash at the end where they mean the same. */
function isSame(noted: string | undefined, issuer: string): boolean {
  return noted?.replace(/\/$/, "") === issuer.replace(/\/$/, "");
}
