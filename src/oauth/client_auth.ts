import * as oauth from "@panva/oauth4webapi";
import { SignInError } from "./errors.ts";
import type { TokenAuthMethod } from "./settings.ts";

/** What a client can show. */
export interface Credentials {
  readonly clientSecret?: string | undefined;
  readonly privateKey?: string | undefined;
}

/**
 * Chooses how a client shows the token endpoint who it is.
 *
 * - What the user says, or what the server said when it registered the client (RFC 7591, section 3.2.1), holds.
 * - A private key is given to be used.
 * - A secret goes in the way the server supports; in the header where it does not say (RFC 8414, section 2), or
 *   supports both (RFC 6749, section 2.3.1).
 * - Without either there is nothing to show.
 *
 * @throws {SignInError} `SETTINGS`, `UNSUPPORTED`
 */
export function chooseAuthMethod(
  { clientSecret, privateKey }: Credentials,
  decided: string | undefined,
  supported: readonly string[] | undefined,
): TokenAuthMethod {
  switch (decided) {
    case "none":
      return decided;
    case "client_secret_basic":
    case "client_secret_post":
      if (clientSecret === undefined) throw new SignInError("SETTINGS", `${decided} needs a client secret`);
      return decided;
    case "private_key_jwt":
      if (privateKey === undefined) throw new SignInError("SETTINGS", `${decided} needs a private key`);
      return decided;
    case undefined:
      break;
    default:
      throw new SignInError(
        "UNSUPPORTED",
        `no client authentication with ${JSON.stringify(decided).slice(0, 60)}`,
      );
  }
  if (privateKey !== undefined) return "private_key_jwt";
  if (clientSecret === undefined) return "none";
  if (supported === undefined) return "client_secret_basic";
  const method = (["client_secret_basic", "client_secret_post", "none"] as const).find((it) =>
    supported.includes(it)
  );
  if (method !== undefined) return method;
  throw new SignInError("UNSUPPORTED", "the token endpoint takes no client secret", {
    hint: `it takes ${supported.slice(0, 8).join(", ") || "nothing"}; is a private key needed?`,
  });
}

/** Makes what the library shows the token endpoint. */
export async function clientAuth(
  method: TokenAuthMethod,
  { clientSecret, privateKey }: Credentials,
  algorithm?: string,
): Promise<oauth.ClientAuth> {
  switch (method) {
    case "none":
      return oauth.None();
    case "client_secret_basic":
      return basic(clientSecret!);
    case "client_secret_post":
      return oauth.ClientSecretPost(clientSecret!);
    case "private_key_jwt":
      if (privateKey === undefined) throw new SignInError("SETTINGS", `${method} needs a private key`);
      return oauth.PrivateKeyJwt(await importPrivateKey(privateKey, algorithm));
  }
}

/**
 * Shows a secret in the header (RFC 6749, section 2.3.1), form-encoded as its appendix B says. The library encodes `-`,
 * `_` and `.` as well, which changes nothing for servers that decode and everything for the many that don't.
 */
function basic(clientSecret: string): oauth.ClientAuth {
  const encoded = (text: string) => new URLSearchParams([["", text]]).toString().slice(1);
  return (_server, { client_id }, _body, headers) => {
    headers.set("authorization", `Basic ${btoa(`${encoded(client_id)}:${encoded(clientSecret)}`)}`);
  };
}

/** What WebCrypto needs for each algorithm (RFC 7518, section 3.1; RFC 9864). */
const PARAMETERS: Readonly<Record<string, RsaHashedImportParams | EcKeyImportParams | Algorithm>> = {
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  ES384: { name: "ECDSA", namedCurve: "P-384" },
  ES512: { name: "ECDSA", namedCurve: "P-521" },
  EdDSA: { name: "Ed25519" },
  Ed25519: { name: "Ed25519" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  RS384: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-384" },
  RS512: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-512" },
  PS256: { name: "RSA-PSS", hash: "SHA-256" },
  PS384: { name: "RSA-PSS", hash: "SHA-384" },
  PS512: { name: "RSA-PSS", hash: "SHA-512" },
};

/** The algorithm that goes with a key, where nothing else is said. */
function algorithmFor({ kty, crv, alg }: JsonWebKey): string | undefined {
  if (alg !== undefined && alg in PARAMETERS) return alg;
  if (kty === "RSA") return "RS256";
  return ({ "P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "Ed25519" } as const)[crv ?? ""];
}

/**
 * Reads a private key: PEM of any common form, or a JWK.
 *
 * @throws {SignInError} `SETTINGS`, with nothing of the key in it
 */
export async function importPrivateKey(text: string, algorithm?: string): Promise<oauth.PrivateKey> {
  const refuse = (why: string) =>
    new SignInError("SETTINGS", `the client's private key can't be used: ${why}`, {
      hint: "it must be an unencrypted private key, PEM or JWK",
    });
  const jwk = await readJwk(text);
  if (jwk?.d === undefined) throw refuse("it is no private key");
  const chosen = algorithm ?? algorithmFor(jwk);
  const parameters = PARAMETERS[chosen ?? ""];
  if (parameters === undefined) throw refuse(`no algorithm ${chosen ?? "goes with it"}`);
  const { kty, crv, x, y, d, n, e, p, q, dp, dq, qi } = jwk;
  try {
    const bare = without({ kty, crv, x, y, d, n, e, p, q, dp, dq, qi });
    const key = await crypto.subtle.importKey("jwk", bare, parameters, false, ["sign"]);
    const { kid } = jwk as { kid?: unknown };
    return typeof kid === "string" && kid !== "" ? { key, kid } : { key };
  } catch {
    throw refuse(`it does not go with ${chosen}`);
  }
}

async function readJwk(text: string): Promise<JsonWebKey | undefined> {
  try {
    if (text.trimStart().startsWith("{")) return JSON.parse(text);
    const { createPrivateKey } = await import("node:crypto");
    return createPrivateKey(text).export({ format: "jwk" }) as JsonWebKey;
  } catch {
    // What the error says may hold a part of the key.
    return undefined;
  }
}

function without(jwk: Record<string, string | undefined>): JsonWebKey {
  return Object.fromEntries(Object.entries(jwk).filter(([, value]) => value !== undefined));
}
