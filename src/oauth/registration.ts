import * as oauth from "@panva/oauth4webapi";
import { chooseAuthMethod } from "./client_auth.ts";
import { serverWords, shownUrl, SignInError } from "./errors.ts";
import { libraryOptions } from "./library_options.ts";
import type { GuardedFetch } from "./guarded_fetch.ts";
import type { Server } from "./server_metadata.ts";
import { type Grant, needsPerson, type OAuthSettings } from "./settings.ts";
import type { Client } from "./tokens.ts";

/** What the store knows of clients. */
export interface Known {
  /** The client that was registered with an issuer. */
  client(issuer: string): Client | undefined;
  /** The issuer that a given client ID has been used with. */
  issuerOf(clientId: string): string | undefined;
}

/** Where the client comes from. */
export type Registration =
  | { readonly kind: "given"; readonly clientId: string }
  | { readonly kind: "document"; readonly clientId: string }
  | { readonly kind: "known"; readonly client: Client }
  | { readonly kind: "register" }
  /** A workload's token says all that is to be said. */
  | { readonly kind: "unnamed" };

/** What {@linkcode chooseRegistration} decides by. */
export interface RegistrationSources {
  readonly settings: OAuthSettings;
  readonly server: Server;
  readonly known: Known;
  /** Where the browser comes back to; `undefined` for grants without one. */
  readonly redirectUri: string | undefined;
  readonly now: number;
}

/**
 * Chooses where the client comes from (S/2026-07-28/basic/authorization/client-registration): the user, a client ID
 * metadata document where the server takes one, a registration, which may have been made before, or nowhere. A workload
 * needs none.
 *
 * Clients belong to the issuer that knows them ("Authorization Server Binding"), documents to nobody.
 *
 * @throws {SignInError} `CLIENT_MISMATCH`, `NO_CLIENT`, `SETTINGS`
 */
export function chooseRegistration(sources: RegistrationSources): Registration {
  const { settings, server, known, redirectUri, now } = sources;
  const { issuer, registration_endpoint, client_id_metadata_document_supported } = server.metadata;
  const { clientId, clientMetadataUrl } = settings;
  if (clientId !== undefined) {
    const owner = settings.issuer ?? known.issuerOf(clientId);
    if (owner !== undefined && owner !== issuer && server.known !== "settings") {
      throw new SignInError(
        "CLIENT_MISMATCH",
        `the client ID belongs to ${serverWords(owner)}, and the MCP server now names ${serverWords(issuer)}`,
        {
          hint:
            "if that is right, register a client there and pass its --client-id; else ask whoever runs the server",
        },
      );
    }
    return { kind: "given", clientId };
  }
  if (clientMetadataUrl !== undefined) {
    const url = URL.canParse(clientMetadataUrl) ? new URL(clientMetadataUrl) : undefined;
    // S/…/client-registration, "Implementation Requirements"
    if (url?.protocol !== "https:" || url.pathname === "/" || url.hash !== "" || url.username !== "") {
      throw new SignInError(
        "SETTINGS",
        "the URL of a client ID metadata document must be https: and have a path",
      );
    }
    if (client_id_metadata_document_supported === true) {
      return { kind: "document", clientId: clientMetadataUrl };
    }
  }
  if (settings.grant === "jwt_bearer") return { kind: "unnamed" };
  const client = known.client(issuer);
  if (
    client?.issuer === issuer && client.origin === "registered" &&
    (client.secretExpiresAt === undefined || client.secretExpiresAt > now) &&
    (redirectUri === undefined || client.redirectUris.includes(redirectUri))
  ) {
    return { kind: "known", client };
  }
  if (registration_endpoint !== undefined && needsPerson(settings.grant)) {
    return { kind: "register" };
  }
  const documents = client_id_metadata_document_supported === true
    ? ", or publish a client ID metadata document and pass its --client-metadata-url"
    : "";
  throw new SignInError(
    "NO_CLIENT",
    !needsPerson(settings.grant)
      ? `${
        settings.grant === "id_jag" ? "an ID token needs" : "client credentials need"
      } a client that is registered already`
      : `the authorization server ${shownUrl(issuer)} does not register clients by itself`,
    { hint: `register one there, and pass its --client-id (and --client-secret)${documents}` },
  );
}

/** What {@linkcode obtainClient} needs. */
export interface ObtainClient extends RegistrationSources {
  readonly fetch: GuardedFetch;
  readonly signal: AbortSignal;
}

/** Gets the client, registering one where there is none. */
export async function obtainClient(request: ObtainClient): Promise<Client> {
  const { settings, server, redirectUri } = request;
  const { issuer, token_endpoint_auth_methods_supported: supported } = server.metadata;
  const chosen = chooseRegistration(request);
  switch (chosen.kind) {
    case "known":
      return chosen.client;
    case "given":
    case "document": {
      const { clientSecret } = settings;
      return {
        issuer,
        clientId: chosen.clientId,
        ...(clientSecret === undefined || chosen.kind === "document" ? {} : { clientSecret }),
        authMethod: chooseAuthMethod(
          chosen.kind === "document" ? { privateKey: settings.privateKey } : settings,
          settings.authMethod,
          supported,
        ),
        redirectUris: redirectUri === undefined ? [] : [redirectUri],
        origin: chosen.kind,
      };
    }
    case "unnamed":
      return { issuer, clientId: "", authMethod: "none", redirectUris: [], origin: "unnamed" };
    case "register":
      return await register(request);
  }
}

const GRANT_TYPES: Readonly<Record<Grant, string>> = {
  authorization_code: "authorization_code",
  device_code: "urn:ietf:params:oauth:grant-type:device_code",
  client_credentials: "client_credentials",
  jwt_bearer: "urn:ietf:params:oauth:grant-type:jwt-bearer",
  id_jag: "urn:ietf:params:oauth:grant-type:jwt-bearer",
};

/** What is said of us in a registration (RFC 7591, section 2). */
export function registrationRequest(
  server: Server,
  grant: Grant,
  redirectUri: string | undefined,
): Record<string, string | string[]> {
  const { grant_types_supported: grants, token_endpoint_auth_methods_supported: methods } = server.metadata;
  // A public client keeps no secret (RFC 8252, section 8.4), unless the server knows only others.
  const method = methods === undefined || methods.includes("none")
    ? "none"
    : ["client_secret_basic", "client_secret_post"].find((it) => methods.includes(it)) ?? "none";
  return {
    client_name: "mcp-connect",
    // S/2026-07-28/…/client-registration, "Application Type and Redirect URI Constraints"
    application_type: "native",
    redirect_uris: redirectUri === undefined ? [] : [redirectUri],
    response_types: grant === "authorization_code" ? ["code"] : [],
    // S/2026-07-28/basic/authorization, "Refresh Tokens"; some servers refuse what they don't list.
    grant_types: [
      GRANT_TYPES[grant],
      ...(grants === undefined || grants.includes("refresh_token") ? ["refresh_token"] : []),
    ],
    token_endpoint_auth_method: method,
  };
}

async function register({ settings, server, redirectUri, fetch, signal }: ObtainClient): Promise<Client> {
  const { metadata } = server;
  const asked = registrationRequest(server, settings.grant, redirectUri);
  await fetch.check(metadata.registration_endpoint!);
  let answer: Awaited<ReturnType<typeof oauth.processDynamicClientRegistrationResponse>>;
  try {
    const response = await oauth.dynamicClientRegistrationRequest(
      metadata,
      asked,
      libraryOptions(fetch, signal),
    );
    answer = await oauth.processDynamicClientRegistrationResponse(await mended(response));
  } catch (error) {
    throw refused(error, metadata.issuer);
  }
  const { client_id: clientId, client_secret, client_secret_expires_at, token_endpoint_auth_method: said } =
    answer;
  const clientSecret = typeof client_secret === "string" ? client_secret : undefined;
  const expires = typeof client_secret_expires_at === "number" ? client_secret_expires_at : 0;
  // What the server registered counts, not what we asked for (RFC 7591, section 3.2.1).
  const decided = typeof said === "string" ? said : clientSecret === undefined ? "none" : undefined;
  return {
    issuer: metadata.issuer,
    clientId,
    ...(clientSecret === undefined ? {} : { clientSecret }),
    ...(clientSecret === undefined || expires === 0 ? {} : { secretExpiresAt: expires * 1000 }),
    authMethod: chooseAuthMethod({ clientSecret }, decided, metadata.token_endpoint_auth_methods_supported),
    redirectUris: redirectUri === undefined ? [] : [redirectUri],
    origin: "registered",
  };
}

/**
 * Makes good what servers often get wrong and what does no harm: 200 for 201, and no `client_secret_expires_at` (RFC
 * 7591, section 3.2.1), or `null` for what is not there.
 */
async function mended(response: Response): Promise<Response> {
  if (response.status !== 200 && response.status !== 201) return response;
  const text = await response.text();
  let body = text;
  try {
    const json: Record<string, unknown> = JSON.parse(text);
    for (const [name, value] of Object.entries(json)) if (value === null || value === "") delete json[name];
    json.client_secret_expires_at ??= 0;
    body = JSON.stringify(json);
  } catch {
    // The library says what is wrong with it.
  }
  return new Response(body, { status: 201, headers: { "content-type": "application/json" } });
}

function refused(error: unknown, issuer: string): SignInError {
  if (error instanceof SignInError) return error;
  const hint = "register a client there by hand, and pass its --client-id (and --client-secret); " +
    "if it was the redirect URI, choose one with --redirect-url or --callback-port";
  if (error instanceof oauth.ResponseBodyError) {
    const { error: code, error_description: description = "" } = error;
    const words = serverWords(description === "" ? code : `${code}: ${description}`);
    return new SignInError(
      "REGISTRATION_REFUSED",
      `${shownUrl(issuer)} refused to register this client: ${words}`,
      {
        hint,
        oauthError: serverWords(code),
      },
    );
  }
  const status = error instanceof Error && error.cause instanceof Response
    ? ` (HTTP ${error.cause.status})`
    : "";
  return new SignInError(
    "REGISTRATION_REFUSED",
    `${shownUrl(issuer)} did not register this client${status}`,
    { hint },
  );
}
