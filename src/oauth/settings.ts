/**
 * The ways to get a token: by a person, by the client itself (`client_credentials`), for the workload it runs in
 * (`jwt_bearer`), or for a user whom an identity provider vouches for (`id_jag`).
 */
export type Grant = "authorization_code" | "device_code" | "client_credentials" | "jwt_bearer" | "id_jag";

/** Tells whether a person has to do something for a token. */
export function needsPerson(grant: Grant): boolean {
  return grant === "authorization_code" || grant === "device_code";
}

/** The identity provider that vouches for the user. */
export interface IdentityProvider {
  /** The file with the user's ID token. */
  readonly idTokenFile: string;
  /** Where it is exchanged. */
  readonly tokenUrl: string;
  /** The client that the ID token was issued to. */
  readonly clientId: string;
  /** Its secret. @default none: a public client */
  readonly clientSecret?: string;
}

/** How a client proves to the token endpoint who it is (RFC 7591, section 2). */
export type TokenAuthMethod = "none" | "client_secret_basic" | "client_secret_post" | "private_key_jwt";

/** What the user decided about OAuth: plain data, one for each server. */
export interface OAuthSettings {
  /**
   * How a token is got.
   * @default "authorization_code"
   */
  readonly grant: Grant;
  /** A client that is registered already. @default none: a document or dynamic registration */
  readonly clientId?: string;
  /** Its secret. @default none: a public client */
  readonly clientSecret?: string;
  /** Its private key, PEM or JWK, for `private_key_jwt`. @default none */
  readonly privateKey?: string;
  /** The algorithm to sign with (RFC 7518, section 3.1). @default the first that goes with the key */
  readonly privateKeyAlgorithm?: string;
  /** The file with the JWT that the platform gives this workload, for `jwt_bearer`. @default none */
  readonly workloadTokenFile?: string;
  /** Who vouches for the user, for `id_jag`. @default nobody */
  readonly identityProvider?: IdentityProvider;
  /** How the client shows who it is. @default what the authorization server advertises */
  readonly authMethod?: TokenAuthMethod;
  /** The issuer that `clientId` belongs to. @default the one it is first used with */
  readonly issuer?: string;
  /** The URL of a client ID metadata document that the user publishes. @default none */
  readonly clientMetadataUrl?: string;
  /** Where to send the person. @default the metadata's `authorization_endpoint` */
  readonly authUrl?: string;
  /** Where tokens are got. @default the metadata's `token_endpoint` */
  readonly tokenUrl?: string;
  /** Where the browser comes back to. @default a random port of this machine */
  readonly redirectUrl?: string;
  /** The port of this machine that the browser comes back to. @default a random one */
  readonly callbackPort?: number;
  /** The scopes to ask for. @default those of the challenge, else of the metadata, else none */
  readonly scopes?: readonly string[];
  /** The `resource` parameter (RFC 8707); `false` leaves it out of every request. @default the metadata's */
  readonly resource?: string | false;
  /** More parameters of the authorization request. @default none */
  readonly authorizeParams: readonly (readonly [name: string, value: string])[];
  /** Whether a browser is opened, or the URL only printed. @default "open" */
  readonly browser: "open" | "print";
  /** Whether private and link-local addresses may be asked. @default false, unless the MCP server is there itself */
  readonly allowPrivate: boolean;
  /** Whether to go on where the metadata does not say that PKCE is supported. @default false */
  readonly pkceOptional: boolean;
  /** Whether tokens are bound to a key (RFC 9449). @default "auto", where the MCP server demands it */
  readonly dpop: "auto" | "always" | "off";
}

/** The settings of a user who decided nothing. */
export const DEFAULT_SETTINGS: OAuthSettings = {
  grant: "authorization_code",
  authorizeParams: [],
  browser: "open",
  allowPrivate: false,
  pkceOptional: false,
  dpop: "auto",
};
