import * as oauth from "@panva/oauth4webapi";
import { SignInError } from "./errors.ts";

/** A key that tokens are bound to (RFC 9449). Plain data, to be stored beside them. */
export interface DpopKey {
  readonly algorithm: string;
  readonly privateJwk: JsonWebKey;
  readonly publicJwk: JsonWebKey;
}

/** A key that is in use: it makes proofs, and remembers each server's nonce. */
export type DpopHandle = oauth.DPoPHandle;

/** The algorithms we can sign proofs with, the preferred one first. */
const ALGORITHMS = ["ES256", "Ed25519", "EdDSA", "ES384", "PS256", "RS256"] as const;

const PARAMETERS: Readonly<Record<string, RsaHashedImportParams | EcKeyImportParams | Algorithm>> = {
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  ES384: { name: "ECDSA", namedCurve: "P-384" },
  Ed25519: { name: "Ed25519" },
  EdDSA: { name: "Ed25519" },
  PS256: { name: "RSA-PSS", hash: "SHA-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
};

/**
 * Chooses the algorithm of a proof (RFC 9449, section 5.1): ES256 where the server names none.
 *
 * @throws {SignInError} `UNSUPPORTED` when it names only others than ours
 */
export function dpopAlgorithm(supported: readonly string[] | undefined): string {
  if (supported === undefined) return "ES256";
  const algorithm = ALGORITHMS.find((it) => supported.includes(it));
  if (algorithm !== undefined) return algorithm;
  throw new SignInError("UNSUPPORTED", "the authorization server knows none of our algorithms for DPoP", {
    hint: `it should support one of ${ALGORITHMS.join(", ")}`,
  });
}

/** Makes a key for tokens to be bound to. */
export async function createDpopKey(algorithm: string): Promise<DpopKey> {
  const pair = await oauth.generateKeyPair(algorithm, { extractable: true });
  const [privateJwk, publicJwk] = await Promise.all(
    [pair.privateKey, pair.publicKey].map((key) => crypto.subtle.exportKey("jwk", key)),
  );
  return { algorithm, privateJwk: privateJwk!, publicJwk: publicJwk! };
}

/** Takes a key in use. */
export async function dpopHandle({ algorithm, privateJwk, publicJwk }: DpopKey): Promise<DpopHandle> {
  const parameters = PARAMETERS[algorithm];
  if (parameters === undefined) {
    throw new SignInError("UNSUPPORTED", `no DPoP with the algorithm ${algorithm}`);
  }
  const [privateKey, publicKey] = await Promise.all([
    crypto.subtle.importKey("jwk", privateJwk, parameters, false, ["sign"]),
    crypto.subtle.importKey("jwk", publicJwk, parameters, true, ["verify"]),
  ]);
  return oauth.DPoP({}, { privateKey, publicKey });
}

/**
 * The headers with which a bound token is shown (RFC 9449, section 7): each proof is for one request.
 */
export async function dpopHeaders(
  handle: DpopHandle,
  accessToken: string,
  method: string,
  url: URL,
): Promise<{ authorization: string; dpop: string }> {
  let shown: Headers | undefined;
  await passThrough(handle, accessToken, method, url, (headers) => {
    shown = headers;
    return new Response(null);
  });
  return { authorization: shown!.get("authorization")!, dpop: shown!.get("dpop")! };
}

/** Remembers the nonce that a server wants in the next proof (RFC 9449, section 8.2). */
export async function noteDpopNonce(handle: DpopHandle, url: URL, nonce: string): Promise<void> {
  await passThrough(
    handle,
    "none",
    "GET",
    url,
    () => new Response(null, { headers: { "dpop-nonce": nonce } }),
  );
}

/** Lets the library make a request, which it hands to us in place of a server. */
async function passThrough(
  handle: DpopHandle,
  accessToken: string,
  method: string,
  url: URL,
  answer: (headers: Headers) => Response,
): Promise<void> {
  await oauth.protectedResourceRequest(accessToken, method, url, undefined, undefined, {
    DPoP: handle,
    [oauth.allowInsecureRequests]: true,
    [oauth.customFetch]: (_url, { headers }) => Promise.resolve(answer(new Headers(headers))),
  });
}
