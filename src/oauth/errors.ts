import { neutralise } from "../telemetry/neutralise.ts";

/** What kept a sign-in, or the use of a token endpoint, from succeeding. */
export type SignInErrorCode =
  /** An option is wrong, or two don't go together. */
  | "SETTINGS"
  /** The host could not be reached, or the connection broke. It may work later. */
  | "UNREACHABLE"
  /** Nothing came in time. It may work later. */
  | "TIMEOUT"
  /** The TLS handshake failed. */
  | "TLS"
  /** Deno was not given the permission. */
  | "PERMISSION"
  /** The address is none that a request of OAuth may go to. */
  | "BLOCKED"
  /** The answer is larger than any honest one, or no HTTP. */
  | "BAD_ANSWER"
  /** It redirects where it must not. */
  | "REDIRECT"
  /** The server is overloaded or out of order. It may work later. */
  | "BUSY"
  /** Nothing says where the authorization server is, or what it can do. */
  | "NO_METADATA"
  /** The metadata breaks the rules. */
  | "BAD_METADATA"
  /** The metadata speaks in the name of another issuer. */
  | "ISSUER_MISMATCH"
  /** The metadata is about another resource. */
  | "RESOURCE_MISMATCH"
  /** The authorization server does not say that it supports PKCE with S256. */
  | "NO_PKCE"
  /** There is no way to get a client ID. */
  | "NO_CLIENT"
  /** The client that was given belongs to another authorization server. */
  | "CLIENT_MISMATCH"
  /** The authorization server refused to register this client. */
  | "REGISTRATION_REFUSED"
  /** The answer's `state` is not the one that was sent. */
  | "STATE_MISMATCH"
  /** The answer comes from another authorization server than the one that was asked. */
  | "ISS_MISMATCH"
  /** The answer is malformed. */
  | "BAD_RESPONSE"
  /** The authorization server, or the person, said no. */
  | "DENIED"
  /** The token endpoint refused; `oauthError` says why. */
  | "TOKEN_REFUSED"
  /** The token endpoint's answer can't be used. */
  | "BAD_TOKEN_ANSWER"
  /** The authorization server can't do what was asked for. */
  | "UNSUPPORTED"
  /** Nobody confirmed in time. */
  | "EXPIRED"
  /** The signal said so. */
  | "CANCELLED";

/** What a {@linkcode SignInError} may hold beside its message. */
export interface SignInErrorOptions {
  /** What the user can do about it, as a sentence without its full stop. */
  readonly hint?: string;
  /** The error code the authorization server gave (RFC 6749, section 5.2). */
  readonly oauthError?: string;
  /** How long the server wants to be left alone, in milliseconds. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

const TRANSIENT: ReadonlySet<SignInErrorCode> = new Set(["UNREACHABLE", "TIMEOUT", "BUSY"]);

/** A sign-in that failed: the message is one line that says what and where, without secrets. */
export class SignInError extends Error {
  override readonly name = "SignInError";
  /** The kind of failure, for decisions. */
  readonly code: SignInErrorCode;
  /** What the user can do about it. */
  readonly hint: string | undefined;
  /** The error code the authorization server gave. */
  readonly oauthError: string | undefined;
  /** How long the server wants to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(code: SignInErrorCode, message: string, options: SignInErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.oauthError = options.oauthError;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** The same may succeed a little later. */
  get transient(): boolean {
    return TRANSIENT.has(this.code);
  }
}

/** How much of a server's own words is shown. */
const SHOWN = 200;

/**
 * A server's words as they may be shown: one line, no control characters, not too many of them, and none of the secrets
 * that it may have echoed.
 */
export function serverWords(text: string, secrets: readonly string[] = []): string {
  let clean = text;
  for (const secret of secrets) if (secret !== "") clean = clean.replaceAll(secret, "[redacted]");
  clean = neutralise(clean);
  return clean.length > SHOWN ? `${clean.slice(0, SHOWN)}…` : clean;
}

/** A URL as it may be shown: without query, fragment and user info, any of which may hold a secret. */
export function shownUrl(url: URL | string): string {
  if (typeof url === "string") {
    if (!URL.canParse(url)) return `"${serverWords(url.replace(/[?#].*$/s, ""))}"`;
    url = new URL(url);
  }
  return serverWords(`${url.protocol}//${url.host}${url.pathname === "/" ? "" : url.pathname}`);
}
