/** What went wrong between this program and the browser of the person who signs in. */
export type BrowserErrorCode =
  /** `--redirect-url` is none that can be used. */
  | "REDIRECT_URL"
  /** Another program has the port. */
  | "PORT_IN_USE"
  /** The system lets nobody, or not this user, have the port. */
  | "PORT_FORBIDDEN"
  /** Deno was not given the permission. */
  | "PERMISSION"
  /** This machine has no loopback address that can be listened on. */
  | "NO_LOOPBACK"
  /** An address that must not be opened or shown. */
  | "URL_REFUSED"
  /** Nobody came back in time. */
  | "DEADLINE"
  /** It was closed before anybody came back. */
  | "CLOSED";

/** Options of a {@linkcode BrowserError}. */
export interface BrowserErrorOptions {
  /** What the user can do about it, as a sentence without its full stop. */
  hint?: string;
  cause?: unknown;
}

/** A sign-in that could not begin, or was not ended, on the person's side. The message is one line. */
export class BrowserError extends Error {
  readonly code: BrowserErrorCode;
  /** What the user can do about it, as a sentence without its full stop. */
  readonly hint: string | undefined;

  /** Makes one. */
  constructor(code: BrowserErrorCode, message: string, options: BrowserErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = "BrowserError";
    this.code = code;
    this.hint = options.hint;
  }
}
