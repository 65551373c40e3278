import { audiencesOf, isAudience } from "./audience.ts";
import { chooseAuthMethod } from "./client_auth.ts";
import { serverWords, shownUrl, SignInError } from "./errors.ts";
import type { OAuthSettings } from "./settings.ts";
import { readTokenFile } from "./token_file.ts";
import {
  clientCredentialsGrant,
  exchangeIdToken,
  jwtBearerGrant,
  type TokenAnswer,
  type TokenContext,
} from "./token_requests.ts";

/**
 * Gets a token without a person, the first one or the next: by the client itself, for the workload it runs in, or for a
 * user whom an identity provider vouches for.
 *
 * @throws {SignInError}
 */
export async function grantWithoutPerson(
  context: TokenContext,
  settings: OAuthSettings,
  scopes: readonly string[] | undefined,
): Promise<TokenAnswer> {
  switch (settings.grant) {
    case "client_credentials":
      return await clientCredentialsGrant(context, scopes);
    case "jwt_bearer":
      return await asWorkload(context, settings, scopes);
    case "id_jag":
      return await asVouchedFor(context, settings, scopes);
    case "authorization_code":
    case "device_code":
      throw new SignInError("EXPIRED", "the token can't be renewed", { hint: "sign in again" });
  }
}

/** Workload identity federation (SEP-1933): the platform's own token is the grant. */
async function asWorkload(
  context: TokenContext,
  { workloadTokenFile: file, tokenUrl }: OAuthSettings,
  scopes: readonly string[] | undefined,
): Promise<TokenAnswer> {
  if (file === undefined) throw new SignInError("SETTINGS", "a workload needs --workload-token-file");
  const token = await readTokenFile(file, "--workload-token-file");
  const { server } = context;
  const audiences = audiencesOf(token);
  // It is the MCP server that names the authorization server; one that the token is not for could use it elsewhere.
  if (tokenUrl === undefined && !isAudience(audiences, server)) {
    const meant = audiences.length === 0
      ? "nobody"
      : audiences.slice(0, 4).map((it) => serverWords(it)).join(", ");
    throw new SignInError(
      "SETTINGS",
      `the token in ${file} is meant for ${meant}, and not for ${shownUrl(server.issuer)}`,
      { hint: "have one issued with that audience; where the server takes this one, name its --token-url" },
    );
  }
  const hints = {
    invalid_grant: `has the token in ${file} run out, and does the server trust who issued it?`,
    unauthorized_client: "the server does not let this workload in: see what it trusts",
  };
  return await jwtBearerGrant({ ...context, hints }, token, scopes);
}

/** Enterprise-managed authorization (SEP-990): the identity provider vouches for the user at this one server. */
async function asVouchedFor(
  context: TokenContext,
  { identityProvider: provider }: OAuthSettings,
  scopes: readonly string[] | undefined,
): Promise<TokenAnswer> {
  if (provider === undefined) throw new SignInError("SETTINGS", "an ID token needs an identity provider");
  const { idTokenFile, tokenUrl, clientId, clientSecret } = provider;
  const issuer = new URL(tokenUrl).origin;
  const secret = clientSecret === undefined ? {} : { clientSecret };
  const { resource, fetch, signal, server } = context;
  const vouched = await exchangeIdToken(
    {
      server: { issuer, token_endpoint: tokenUrl },
      client: {
        issuer,
        clientId,
        ...secret,
        authMethod: chooseAuthMethod(secret, undefined, undefined),
        redirectUris: [],
        origin: "given",
      },
      resource,
      fetch,
      signal,
      hints: {
        access_denied: "the identity provider does not let you use this server: ask who administers it",
        invalid_client: "check --idp-client-id and --idp-client-secret",
        invalid_grant: `has the ID token in ${idTokenFile} run out, or was it issued to another client?`,
        invalid_target: "the identity provider does not know this server: ask who administers it",
        unreadable: "is it the right --idp-token-url?",
      },
    },
    await readTokenFile(idTokenFile, "--id-token-file"),
    server.issuer,
    scopes,
  );
  const hints = {
    invalid_grant:
      "does the server trust the identity provider, and is --client-id the one that this knows for it?",
  };
  return await jwtBearerGrant({ ...context, hints }, vouched.assertion, vouched.scopes);
}
