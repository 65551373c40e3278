import * as oauth from "@panva/oauth4webapi";
import { retryAfterMs } from "../link/http/retry_after.ts";
import { clientAuth } from "./client_auth.ts";
import type { DpopHandle } from "./dpop.ts";
import { serverWords, shownUrl, SignInError } from "./errors.ts";
import type { GuardedFetch } from "./guarded_fetch.ts";
import { type LibraryOptions, libraryOptions } from "./library_options.ts";
import { splitScope } from "./scopes.ts";
import type { Client } from "./tokens.ts";

/** What all token requests need. */
export interface TokenContext {
  readonly server: oauth.AuthorizationServer;
  readonly client: Client;
  /** The client's private key, where it has one. */
  readonly privateKey?: string | undefined;
  readonly privateKeyAlgorithm?: string | undefined;
  /** Goes with every request, exactly as it is (RFC 8707, section 2.2). */
  readonly resource: string | undefined;
  /** The key that tokens are to be bound to. */
  readonly dpop?: DpopHandle | undefined;
  /**
   * What the user can do about a refusal, by its error code, or about an answer that is `unreadable`.
   * @default what helps with most grants
   */
  readonly hints?: Readonly<Record<string, string>>;
  readonly fetch: GuardedFetch;
  readonly signal: AbortSignal;
}

/** What a token endpoint gave. */
export interface TokenAnswer {
  readonly accessToken: string;
  readonly tokenType: "bearer" | "dpop";
  readonly refreshToken?: string;
  /** In seconds. */
  readonly expiresIn?: number;
  readonly scope?: string;
}

/**
 * Exchanges a code for tokens (OAuth 2.1, section 4.1.3).
 *
 * @param answer what `checkAnswer` returned, and nothing else
 */
export function exchangeCode(
  context: TokenContext,
  answer: URLSearchParams,
  redirectUri: string,
  codeVerifier: string,
): Promise<TokenAnswer> {
  return ask(context, [answer.get("code") ?? "", codeVerifier], async (auth, options) => {
    const { server, client } = context;
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      asLibraryClient(client),
      auth,
      answer,
      redirectUri,
      codeVerifier,
      { ...options, additionalParameters: resourceParameter(context) },
    );
    return await oauth.processAuthorizationCodeResponse(server, asLibraryClient(client), response);
  });
}

/** Spends a refresh token (OAuth 2.1, section 4.3). No scope is named: it is the same again. */
export function refreshGrant(context: TokenContext, refreshToken: string): Promise<TokenAnswer> {
  return ask(context, [refreshToken], async (auth, options) => {
    const { server, client } = context;
    const response = await oauth.refreshTokenGrantRequest(
      server,
      asLibraryClient(client),
      auth,
      refreshToken,
      {
        ...options,
        additionalParameters: resourceParameter(context),
      },
    );
    return await oauth.processRefreshTokenResponse(server, asLibraryClient(client), response);
  });
}

/** Gets a token in the client's own name (OAuth 2.1, section 4.2; RFC 7523, section 2.2). */
export function clientCredentialsGrant(
  context: TokenContext,
  scopes: readonly string[] | undefined,
): Promise<TokenAnswer> {
  return ask(context, [], async (auth, options) => {
    const { server, client } = context;
    const parameters = { ...resourceParameter(context), ...scopeParameter(scopes) };
    const response = await oauth.clientCredentialsGrantRequest(
      server,
      asLibraryClient(client),
      auth,
      parameters,
      options,
    );
    return await oauth.processClientCredentialsResponse(server, asLibraryClient(client), response);
  });
}

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token";
const ID_JAG = "urn:ietf:params:oauth:token-type:id-jag";

/** Gets a token for whomever a JWT speaks of, a workload or a user (RFC 7523, section 2.1). */
export function jwtBearerGrant(
  context: TokenContext,
  assertion: string,
  scopes: readonly string[] | undefined,
): Promise<TokenAnswer> {
  return ask(context, [assertion], async (auth, options) => {
    const { server, client } = context;
    const parameters = { assertion, ...resourceParameter(context), ...scopeParameter(scopes) };
    const response = await oauth.genericTokenEndpointRequest(
      server,
      asLibraryClient(client),
      auth,
      JWT_BEARER,
      parameters,
      options,
    );
    return await oauth.processGenericTokenEndpointResponse(server, asLibraryClient(client), response);
  });
}

/** What an identity provider has vouched for. */
export interface IdentityAssertion {
  /** An Identity Assertion JWT Authorization Grant (ID-JAG). */
  readonly assertion: string;
  /** The scopes that it is good for, where any are named. */
  readonly scopes: readonly string[] | undefined;
}

/**
 * Has an identity provider vouch for the user at an authorization server (RFC 8693, section 2;
 * draft-ietf-oauth-identity-assertion-authz-grant, section 4.3).
 *
 * @param context that of the identity provider
 * @param audience the issuer that the assertion is for
 */
export function exchangeIdToken(
  context: TokenContext,
  idToken: string,
  audience: string,
  scopes: readonly string[] | undefined,
): Promise<IdentityAssertion> {
  return attempt(context, [idToken], async (auth, options) => {
    const { server, client } = context;
    const parameters = {
      requested_token_type: ID_JAG,
      audience,
      ...resourceParameter(context),
      ...scopeParameter(scopes),
      subject_token: idToken,
      subject_token_type: ID_TOKEN,
    };
    const response = await oauth.genericTokenEndpointRequest(
      server,
      asLibraryClient(client),
      auth,
      TOKEN_EXCHANGE,
      parameters,
      options,
    );
    const answer = await oauth.processGenericTokenEndpointResponse(
      server,
      asLibraryClient(client),
      response,
      // It is no token that any resource takes.
      { recognizedTokenTypes: { n_a: () => {} } },
    );
    if (answer.issued_token_type !== ID_JAG) {
      // One of another kind may be good at the identity provider itself, and goes nowhere.
      throw new SignInError(
        "BAD_TOKEN_ANSWER",
        `${shownUrl(server.issuer)} gave something else than an ID-JAG`,
        {
          hint: "does the identity provider know enterprise-managed authorization (cross-app access)?",
        },
      );
    }
    return { assertion: answer.access_token, scopes: splitScope(answer.scope) ?? scopes };
  });
}

/** A code for a person to type into another device (RFC 8628, section 3.2). */
export interface DeviceCode {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly url: string;
  readonly completeUrl?: string;
  /** In seconds. */
  readonly expiresIn: number;
  /** In seconds. */
  readonly interval: number;
}

/** Asks for a device code (RFC 8628, section 3.1). */
export function askDeviceCode(
  context: TokenContext,
  scopes: readonly string[] | undefined,
): Promise<DeviceCode> {
  const { server, client } = context;
  if (server.device_authorization_endpoint === undefined) {
    throw new SignInError(
      "UNSUPPORTED",
      `the authorization server ${shownUrl(server.issuer)} knows no device codes`,
      {
        hint: "sign in with a browser; where there is none, --no-browser prints the address",
      },
    );
  }
  return attempt(context, [], async (auth, options) => {
    const parameters = { ...resourceParameter(context), ...scopeParameter(scopes) };
    const response = await oauth.deviceAuthorizationRequest(
      server,
      asLibraryClient(client),
      auth,
      parameters,
      options,
    );
    const answer = await oauth.processDeviceAuthorizationResponse(server, asLibraryClient(client), response);
    const { verification_uri_complete: completeUrl } = answer;
    return {
      deviceCode: answer.device_code,
      userCode: serverWords(answer.user_code),
      url: answer.verification_uri,
      ...(completeUrl === undefined ? {} : { completeUrl }),
      expiresIn: answer.expires_in,
      interval: answer.interval ?? 5,
    };
  });
}

/** Asks whether the person has confirmed; `authorization_pending` and `slow_down` are errors (RFC 8628, section 3.5). */
export function deviceCodeGrant(context: TokenContext, deviceCode: string): Promise<TokenAnswer> {
  return ask(context, [deviceCode], async (auth, options) => {
    const { server, client } = context;
    const response = await oauth.deviceCodeGrantRequest(server, asLibraryClient(client), auth, deviceCode, {
      ...options,
      additionalParameters: resourceParameter(context),
    });
    return await oauth.processDeviceCodeResponse(server, asLibraryClient(client), response);
  });
}

/**
 * Revokes a token (RFC 7009).
 *
 * @returns whether the server can do that at all
 */
export async function revokeToken(
  context: TokenContext,
  token: string,
  hint: "refresh_token" | "access_token",
): Promise<boolean> {
  const { server, client } = context;
  if (server.revocation_endpoint === undefined) return false;
  await attempt(context, [token], async (auth, options) => {
    const response = await oauth.revocationRequest(server, asLibraryClient(client), auth, token, {
      ...options,
      additionalParameters: { token_type_hint: hint },
    });
    await oauth.processRevocationResponse(response);
  });
  return true;
}

/**
 * Sends the parameters of an authorization request ahead (RFC 9126), for servers that take them no other way.
 *
 * @returns the `request_uri` that stands for them
 */
export function pushParameters(context: TokenContext, parameters: URLSearchParams): Promise<string> {
  return attempt(context, [], async (auth, options) => {
    const { server, client } = context;
    const response = await oauth.pushedAuthorizationRequest(
      server,
      asLibraryClient(client),
      auth,
      parameters,
      options,
    );
    return (await oauth.processPushedAuthorizationResponse(server, asLibraryClient(client), response))
      .request_uri;
  });
}

/** The library wants a name also of a client that has none; it stays here. */
const asLibraryClient = ({ clientId }: Client): oauth.Client => ({ client_id: clientId || "unnamed" });

function resourceParameter({ resource }: TokenContext): Record<string, string> {
  return resource === undefined ? {} : { resource };
}

function scopeParameter(scopes: readonly string[] | undefined): Record<string, string> {
  return scopes === undefined ? {} : { scope: scopes.join(" ") };
}

type Options = LibraryOptions & { DPoP?: DpopHandle };

async function ask(
  context: TokenContext,
  secrets: readonly string[],
  request: (auth: oauth.ClientAuth, options: Options) => Promise<oauth.TokenEndpointResponse>,
): Promise<TokenAnswer> {
  const answer = await attempt(context, secrets, request);
  const tokenType = answer.token_type === "dpop" ? "dpop" : "bearer";
  const where = shownUrl(context.server.issuer);
  if (context.dpop !== undefined && tokenType !== "dpop") {
    // RFC 9449, section 5: such a token is as good to a thief as to us, and we asked because that must not be.
    throw new SignInError(
      "BAD_TOKEN_ANSWER",
      `${where} was asked for a token bound to a key, and gave an unbound one`,
      {
        hint: "if the MCP server takes it anyway, pass --dpop off",
      },
    );
  }
  if (context.dpop === undefined && tokenType === "dpop") {
    throw new SignInError("BAD_TOKEN_ANSWER", `${where} gave a token that is bound to a key nobody has`);
  }
  const { refresh_token: refreshToken, expires_in: expiresIn, scope } = answer;
  return {
    accessToken: answer.access_token,
    tokenType,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(expiresIn === undefined ? {} : { expiresIn }),
    ...(scope === undefined ? {} : { scope }),
  };
}

/** Makes a request to an endpoint where the client shows who it is, once more where a proof lacked a nonce. */
async function attempt<T>(
  context: TokenContext,
  secrets: readonly string[],
  request: (auth: oauth.ClientAuth, options: Options) => Promise<T>,
): Promise<T> {
  const { client, privateKey, privateKeyAlgorithm, dpop, fetch, signal } = context;
  const auth = client.origin === "unnamed"
    ? () => {}
    : await clientAuth(client.authMethod, { ...client, privateKey }, privateKeyAlgorithm);
  const options = { ...libraryOptions(fetch, signal, mended), ...(dpop === undefined ? {} : { DPoP: dpop }) };
  const hidden = [...secrets, client.clientSecret ?? ""];
  try {
    return await request(auth, options);
  } catch (error) {
    // RFC 9449, section 8: the nonce came with the refusal, and the library has kept it.
    if (dpop === undefined || !oauth.isDPoPNonceError(error)) throw explain(error, context, hidden);
  }
  try {
    return await request(auth, options);
  } catch (error) {
    throw explain(error, context, hidden);
  }
}

/**
 * Makes an answer of a token endpoint one that the library understands, where it says the same in another way:
 *
 * - form-encoded, as OAuth never was and GitHub's is
 * - an error with status 200, as GitHub's and Slack's are
 * - `null` for what is not there
 * - an ID token, which nobody asked for and nobody uses, is left out
 *
 * What says that the server is out of order becomes an error that is.
 */
async function mended(response: Response, url: string): Promise<Response> {
  const { status, headers } = response;
  if (status === 429 || status >= 500) {
    const wait = retryAfterMs(headers.get("retry-after"), Date.now());
    throw new SignInError("BUSY", `${shownUrl(url)} answered with HTTP ${status}`, {
      hint: "try again later",
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
    });
  }
  // A revocation with nothing to say.
  if (status === 204) return new Response(null, { status: 200 });
  const text = await response.text();
  const json = readTokenAnswer(text, headers.get("content-type") ?? "");
  if (json === undefined) return new Response(text, { status, headers });
  const fields = new Headers(headers);
  fields.set("content-type", "application/json");
  // The error is in the body; the library would look at nothing but the challenge.
  fields.delete("www-authenticate");
  const failed = typeof json.error === "string" && json.access_token === undefined;
  return new Response(JSON.stringify(json), {
    status: failed && status === 200 ? 400 : status,
    headers: fields,
  });
}

/** Reads what a token endpoint sent, in any of the forms it may have; `undefined` where it is none of them. */
export function readTokenAnswer(text: string, contentType: string): Record<string, unknown> | undefined {
  let members: Record<string, unknown>;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    members = value as Record<string, unknown>;
  } catch {
    const form = new URLSearchParams(text.trim());
    const is = /^application\/x-www-form-urlencoded\b/i.test(contentType) ||
      /^text\/plain\b/i.test(contentType);
    if (!is || (!form.has("access_token") && !form.has("error"))) return undefined;
    members = Object.fromEntries(form);
  }
  return Object.fromEntries(
    Object.entries(members).filter(([name, value]) => value !== null && value !== "" && name !== "id_token"),
  );
}

function explain(
  error: unknown,
  { server, hints = {} }: TokenContext,
  secrets: readonly string[],
): SignInError {
  if (error instanceof SignInError) return error;
  const where = shownUrl(server.issuer);
  if (error instanceof oauth.ResponseBodyError) {
    const { error: code, error_description: description = "" } = error;
    const words = description === "" ? "" : `: ${serverWords(description, secrets)}`;
    const hint = hints[code] ?? HINTS[code];
    // In brackets: behind "token: " it would be taken for a secret, and blotted out.
    return new SignInError(
      "TOKEN_REFUSED",
      `${where} gave no token (${serverWords(code, secrets)})${words}`,
      {
        oauthError: serverWords(code, secrets),
        ...(hint === undefined ? {} : { hint }),
      },
    );
  }
  // What the library says of an answer quotes nothing of it; its `cause` does, and stays behind.
  const what = error instanceof Error ? serverWords(error.message, secrets) : "it can't be understood";
  const status = error instanceof Error && error.cause instanceof Response
    ? ` (HTTP ${error.cause.status})`
    : "";
  return new SignInError("BAD_TOKEN_ANSWER", `the answer of ${where} can't be used${status}: ${what}`, {
    hint: hints.unreadable ?? "is it the right --token-url?",
  });
}

const HINTS: Readonly<Record<string, string>> = {
  invalid_client: "check --client-id and --client-secret",
  invalid_grant: "sign in again",
  invalid_scope: "choose others with --scopes",
  invalid_target: "name the resource with --resource, or leave it out with --no-resource",
  unauthorized_client: "the client may not get tokens in this way: see its registration",
  unsupported_grant_type: "the server gives no tokens in this way",
};
