import type { Failure } from "../failure.ts";

/** A request that is to be shown credentials. */
export interface CredentialRequest {
  /** `GET`, `POST` or `DELETE`. */
  readonly method: string;
  /** Where it goes, its query included. */
  readonly url: URL;
  /** The address that has named this one as a part of itself: what is for that is for this. @default none */
  readonly namedBy?: URL;
}

/** A response by which the server asks for credentials, or for others. */
export interface CredentialRefusal extends CredentialRequest {
  /** 403 only where more scopes are asked for. */
  readonly status: 401 | 403;
  /** `WWW-Authenticate`; `undefined` when there was none. */
  readonly challenge: string | undefined;
  /** `DPoP-Nonce`; `undefined` when there was none. */
  readonly nonce: string | undefined;
  /** What the request had been shown: the value of its `Authorization`. */
  readonly shown: string | undefined;
  /** Nobody has asked for the request: the user is not to be bothered for it. @default false */
  readonly background?: boolean;
  /** Aborts when nobody waits for the request any more. */
  readonly signal: AbortSignal;
}

/** What is to be done about a refusal. */
export type RefusalVerdict =
  /** There are other credentials now: the request is sent again. */
  | { readonly kind: "again" }
  /** There are none, and this is why. */
  | { readonly kind: "failed"; readonly failure: Failure }
  /** Nothing: the refusal is the answer. */
  | { readonly kind: "stands" };

/** Credentials that come and go, for one origin: whoever sends requests asks for them, and tells of refusals. */
export interface Credentials {
  /** Who the user is at the origin, as far as answers depend on it; the same when credentials are only renewed. */
  readonly identity: string;
  /**
   * The headers for a request to the origin, or why there are none and it is of no use to send it. May wait for credentials
   * that are about to be renewed. Never rejects.
   */
  headersFor(request: CredentialRequest): Promise<Readonly<Record<string, string>> | Failure>;
  /** May take as long as a person takes to sign in. Never rejects. */
  refused(refusal: CredentialRefusal): Promise<RefusalVerdict>;
  /** A request that was shown some has succeeded. @default nobody wants to know */
  accepted?(): void;
}

/** How often one request is sent again with other credentials. */
export const MOST_ATTEMPTS = 3;

/** Tells whether a response asks for (other) credentials (S/2025-11-25/basic/authorization, Error Handling). */
export function asksForCredentials(status: number, challenge: string | null): status is 401 | 403 {
  return status === 401 || (status === 403 && challenge !== null && /insufficient_scope/i.test(challenge));
}
