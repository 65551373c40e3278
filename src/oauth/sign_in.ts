import * as oauth from "@panva/oauth4webapi";
import { authorizationParameters, authorizationUrl, checkAnswer } from "./authorization.ts";
import { deviceSignIn } from "./device_code.ts";
import { discover, type Discovered, type DiscoverRequest } from "./discover.ts";
import { createDpopKey, dpopAlgorithm, dpopHandle, type DpopKey } from "./dpop.ts";
import { shownUrl, SignInError } from "./errors.ts";
import { grantWithoutPerson } from "./grant_without_person.ts";
import { obtainClient } from "./registration.ts";
import { splitScope } from "./scopes.ts";
import { requirePkce } from "./server_metadata.ts";
import { exchangeCode, pushParameters, type TokenAnswer, type TokenContext } from "./token_requests.ts";
import type { Client, Tokens } from "./tokens.ts";
import { unlessAborted } from "./unless_aborted.ts";
import type { Redirect, User } from "./user.ts";

/** What {@linkcode signIn} needs. */
export interface SignInRequest extends DiscoverRequest {
  readonly user: User;
}

/**
 * Gets tokens for an MCP server, by the grant that the settings name: finds out who gives them, gets a client there,
 * asks the person, and checks each step as the specification demands.
 *
 * The client is in the tokens; `origin: "registered"` ones are worth keeping for the next sign-in, too.
 *
 * @throws {SignInError}
 */
export async function signIn(request: SignInRequest): Promise<Tokens> {
  try {
    const found = await discover(request);
    await checkTokenEndpoint(request, found);
    switch (request.settings.grant) {
      case "authorization_code":
        return await withBrowser(request, found);
      case "device_code":
        return await withDevice(request, found);
      case "client_credentials":
      case "jwt_bearer":
      case "id_jag":
        return await withoutPerson(request, found);
    }
  } catch (error) {
    if (request.signal.aborted && !(error instanceof SignInError)) {
      throw new SignInError("CANCELLED", "the sign-in was given up", { cause: error });
    }
    throw error;
  }
}

/** Before a person is troubled: there must be a place for what they will come back with. */
async function checkTokenEndpoint(
  { fetch }: SignInRequest,
  { server: { metadata } }: Discovered,
): Promise<void> {
  if (metadata.token_endpoint === undefined) {
    throw new SignInError(
      "BAD_METADATA",
      `the authorization server ${shownUrl(metadata.issuer)} names no token endpoint`,
      {
        hint: "name it with --token-url",
      },
    );
  }
  await fetch.check(metadata.token_endpoint);
}

/** The authorization code grant with PKCE (OAuth 2.1, section 4.1; S/2026-07-28/basic/authorization). */
async function withBrowser(request: SignInRequest, found: Discovered): Promise<Tokens> {
  const { settings, user, fetch, signal } = request;
  const { server } = found;
  const { metadata } = server;
  requirePkce(server, settings.pkceOptional);
  if (metadata.authorization_endpoint === undefined) {
    throw new SignInError(
      "UNSUPPORTED",
      `the authorization server ${shownUrl(metadata.issuer)} has no page to sign in at`,
      {
        hint: "name it with --auth-url, or use a device code or client credentials",
      },
    );
  }
  // It is the browser that goes there, but no more than we do to a private address that a stranger named.
  await fetch.check(metadata.authorization_endpoint);
  // Before anything is opened or registered: the port has to be ours.
  await using redirect = await user.listen(signal);
  const client = await obtainClient({ ...request, server, redirectUri: redirect.uri, now: Date.now() }).catch(
    (error) => {
      // Where nobody has said a word of it, and what was guessed is not there either, there is no OAuth.
      if (server.known !== "defaults" || signal.aborted) throw error;
      throw new SignInError("NO_METADATA", `nothing at ${shownUrl(metadata.issuer)} tells how to sign in`, {
        cause: error,
      });
    },
  );
  const key = await newKey(found);
  const context = await contextOf(request, found, client, key);
  const codeVerifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const parameters = authorizationParameters({
    clientId: client.clientId,
    redirectUri: redirect.uri,
    state,
    codeChallenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
    scopes: found.scopes,
    resource: found.resource,
    more: settings.authorizeParams,
  });
  const shown = await parametersToShow(context, parameters);
  return await whileWatched(redirect, async () => {
    redirect.show(authorizationUrl(metadata.authorization_endpoint!, shown));
    const came = await unlessAborted(redirect.answer(state, signal), signal);
    const answer = checkAnswer(came, { state, server, clientId: client.clientId });
    const issuedAt = Date.now();
    const given = await exchangeCode(context, answer, redirect.uri, codeVerifier);
    return tokensOf(request, found, client, key, given, issuedAt);
  });
}

/** Tells the person how it ended, once the exchange has succeeded or something has failed. */
async function whileWatched(redirect: Redirect, work: () => Promise<Tokens>): Promise<Tokens> {
  try {
    const tokens = await work();
    redirect.done({ ok: true });
    return tokens;
  } catch (error) {
    redirect.done({ ok: false, why: error instanceof SignInError ? error.message : "the sign-in failed" });
    throw error;
  }
}

async function parametersToShow(
  context: TokenContext,
  parameters: URLSearchParams,
): Promise<URLSearchParams> {
  if (context.server.require_pushed_authorization_requests !== true) return parameters;
  const request_uri = await pushParameters(context, parameters);
  return new URLSearchParams({ client_id: context.client.clientId, request_uri });
}

async function withDevice(request: SignInRequest, found: Discovered): Promise<Tokens> {
  const client = await obtainClient({
    ...request,
    server: found.server,
    redirectUri: undefined,
    now: Date.now(),
  });
  const key = await newKey(found);
  const given = await deviceSignIn(await contextOf(request, found, client, key), found.scopes, request.user);
  return tokensOf(request, found, client, key, given, Date.now());
}

async function withoutPerson(request: SignInRequest, found: Discovered): Promise<Tokens> {
  const client = await obtainClient({
    ...request,
    server: found.server,
    redirectUri: undefined,
    now: Date.now(),
  });
  const key = await newKey(found);
  const issuedAt = Date.now();
  const context = await contextOf(request, found, client, key);
  const given = await grantWithoutPerson(context, request.settings, found.scopes);
  return tokensOf(request, found, client, key, given, issuedAt);
}

async function newKey({ dpop, server }: Discovered): Promise<DpopKey | undefined> {
  if (!dpop) return undefined;
  return await createDpopKey(dpopAlgorithm(server.metadata.dpop_signing_alg_values_supported));
}

async function contextOf(
  { settings, fetch, signal }: SignInRequest,
  { server, resource }: Discovered,
  client: Client,
  key: DpopKey | undefined,
): Promise<TokenContext> {
  return {
    server: server.metadata,
    client,
    privateKey: settings.privateKey,
    privateKeyAlgorithm: settings.privateKeyAlgorithm,
    resource,
    dpop: key === undefined ? undefined : await dpopHandle(key),
    fetch,
    signal,
  };
}

function tokensOf(
  { mcpUrl, settings }: SignInRequest,
  { server, resource, scopes }: Discovered,
  client: Client,
  dpopKey: DpopKey | undefined,
  given: TokenAnswer,
  issuedAt: number,
): Tokens {
  const { accessToken, tokenType, refreshToken, expiresIn, scope } = given;
  const granted = splitScope(scope) ?? scopes;
  return {
    accessToken,
    tokenType,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    issuedAt,
    ...(!expiresIn ? {} : { expiresAt: issuedAt + expiresIn * 1000 }),
    ...(granted === undefined ? {} : { scopes: granted }),
    ...(scopes === undefined ? {} : { requestedScopes: scopes }),
    issuer: server.metadata.issuer,
    server: server.metadata,
    mcpUrl: mcpUrl.href,
    ...(resource === undefined ? {} : { resource }),
    client,
    grant: settings.grant,
    ...(dpopKey === undefined ? {} : { dpopKey }),
  };
}
