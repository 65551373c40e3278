import * as oauth from "@panva/oauth4webapi";
import { serverWords, shownUrl, SignInError } from "./errors.ts";
import { sameText } from "./same_text.ts";
import { OFFLINE_ACCESS } from "./scopes.ts";
import type { Server } from "./server_metadata.ts";

/** What an authorization request is made of. */
export interface AuthorizationRequest {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly state: string;
  readonly codeChallenge: string;
  readonly scopes: readonly string[] | undefined;
  readonly resource: string | undefined;
  /** The user's own parameters. */
  readonly more: readonly (readonly [name: string, value: string])[];
}

/** Parameters that a check hangs on, or that another option sets. */
const OURS: ReadonlySet<string> = new Set([
  "client_id",
  "code_challenge",
  "code_challenge_method",
  "redirect_uri",
  "resource",
  "response_mode",
  "response_type",
  "scope",
  "state",
]);

/**
 * The parameters of an authorization request (OAuth 2.1, section 4.1.1; RFC 7636, section 4.3; RFC 8707, section 2).
 * With `offline_access` the person is asked for consent, without which OpenID providers ignore it (OpenID Connect Core
 * 1.0, section 11), unless the user sets `prompt`. A parameter of the user's with an empty value is left out.
 *
 * @throws {SignInError} `SETTINGS` when the user's parameters would replace one that a check hangs on
 */
export function authorizationParameters(request: AuthorizationRequest): URLSearchParams {
  const { scopes, resource, more } = request;
  const parameters = new URLSearchParams({
    response_type: "code",
    client_id: request.clientId,
    redirect_uri: request.redirectUri,
    state: request.state,
    code_challenge: request.codeChallenge,
    code_challenge_method: "S256",
  });
  if (scopes !== undefined) parameters.set("scope", scopes.join(" "));
  // Exactly as it is spelt (S/2026-07-28/basic/authorization, "Resource Parameter Implementation").
  if (resource !== undefined) parameters.set("resource", resource);
  if (scopes?.includes(OFFLINE_ACCESS)) parameters.set("prompt", "consent");
  for (const [name] of more) {
    if (OURS.has(name.toLowerCase())) {
      throw new SignInError(
        "SETTINGS",
        `the parameter ${serverWords(name)} of the authorization request can't be set`,
        {
          hint: "--scopes, --resource, --redirect-url and --client-id set the ones that can",
        },
      );
    }
    parameters.delete(name);
  }
  for (const [name, value] of more) if (value !== "") parameters.append(name, value);
  return parameters;
}

/** The authorization endpoint with parameters; what its own query holds stays (RFC 6749, section 3.1). */
export function authorizationUrl(endpoint: string, parameters: URLSearchParams): string {
  const url = new URL(endpoint);
  url.hash = "";
  for (const name of new Set(parameters.keys())) url.searchParams.delete(name);
  for (const [name, value] of parameters) url.searchParams.append(name, value);
  return url.href;
}

/** What was recorded when the request was sent; an answer is checked against it and nothing else. */
export interface Expected {
  readonly state: string;
  /** The issuer of the metadata that was validated before. */
  readonly server: Server;
  readonly clientId: string;
}

/**
 * Checks what the browser came back with, in this order: `state`; `iss`; then `error` or `code`.
 *
 * The table for `iss` (S/2026-07-28/basic/authorization, "Authorization Response Validation"; RFC 9207, section 2.4):
 *
 * | advertised | in the answer | what is done |
 * | ---------- | ------------- | ------------ |
 * | yes        | yes           | compare      |
 * | yes        | no            | refuse       |
 * | no         | yes           | compare      |
 * | no         | no            | go on        |
 *
 * The comparison is of characters, nothing is normalised. Until it has succeeded nothing the answer says is looked at or
 * shown, an error included. Where the user named the endpoints there is no issuer to compare with, and none to be
 * confused with either: the code goes where the user said.
 *
 * @returns the parameters, for the token request
 * @throws {SignInError} `STATE_MISMATCH`, `ISS_MISMATCH`, `DENIED`, `BAD_RESPONSE`
 */
export function checkAnswer(answer: URLSearchParams, { state, server, clientId }: Expected): URLSearchParams {
  const { metadata, known } = server;
  const where = shownUrl(metadata.issuer);
  const states = answer.getAll("state");
  // S/…/security-considerations, "Open Redirection"
  if (states.length !== 1 || !sameText(states[0]!, state)) {
    throw new SignInError(
      "STATE_MISMATCH",
      "an answer came that belongs to no sign-in of ours; it was ignored",
    );
  }
  if (known !== "settings") {
    const issuers = answer.getAll("iss");
    const mismatch = (why: string) =>
      new SignInError("ISS_MISMATCH", `the answer is not from ${where}: ${why}`, {
        hint:
          "somebody may be trying to steal the sign-in; if not, whoever runs the authorization server must mend its iss",
      });
    if (issuers.length > 1) throw mismatch("it names several issuers");
    if (issuers.length === 1 && issuers[0] !== metadata.issuer) throw mismatch("it names another issuer");
    if (issuers.length === 0 && metadata.authorization_response_iss_parameter_supported === true) {
      throw mismatch("it names no issuer, though that server always does");
    }
  }
  // RFC 6749, section 3.1: no parameter comes twice.
  const twice = ["error", "code"].find((name) => answer.getAll(name).length > 1);
  if (twice !== undefined) {
    throw new SignInError("BAD_RESPONSE", `the answer of ${where} holds "${twice}" twice`);
  }
  const error = answer.get("error");
  if (error !== null) throw denied(error, answer.get("error_description"), where);
  if (!answer.get("code")) {
    throw new SignInError("BAD_RESPONSE", `the answer of ${where} holds neither a code nor an error`);
  }
  const checked = new URLSearchParams(answer);
  if (known === "settings") checked.delete("iss");
  try {
    return oauth.validateAuthResponse(metadata, { client_id: clientId }, checked, state);
  } catch {
    // Something the library knows and we don't: a JARM answer, an implicit flow's.
    throw new SignInError("BAD_RESPONSE", `the answer of ${where} is not one to a request for a code`);
  }
}

const HINTS: Readonly<Record<string, string>> = {
  access_denied: "sign in again, and allow it",
  invalid_scope: "choose others with --scopes",
  invalid_target:
    "the server does not know that resource: name it with --resource, or leave it out with --no-resource",
  unauthorized_client: "use another client with --client-id",
  server_error: "try again later",
  temporarily_unavailable: "try again later",
};

function denied(error: string, description: string | null, where: string): SignInError {
  const words = serverWords(description === null || description === "" ? error : `${error}: ${description}`);
  const hint = HINTS[error];
  return new SignInError("DENIED", `${where} did not sign you in: ${words}`, {
    oauthError: serverWords(error),
    ...(hint === undefined ? {} : { hint }),
  });
}
