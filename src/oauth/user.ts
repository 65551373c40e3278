/** The person who signs in, as far as the flow needs them. */
export interface User {
  /** Binds the place the browser comes back to. Throws SignInError when it can't be bound. */
  listen(signal: AbortSignal): Promise<Redirect>;
  /** Shows the device code page. */
  showCode(code: { userCode: string; url: string; completeUrl?: string; expiresAt: number }): void;
}

/** The place the browser comes back to, for one sign-in. */
export interface Redirect extends AsyncDisposable {
  /** The redirect URI, exactly as it is registered and sent. */
  readonly uri: string;
  /** Opens (or prints) the authorization URL. */
  show(url: string): void;
  /** The parameters the browser came back with whose `state` is this one; others are ignored. Rejects on deadline/abort. */
  answer(state: string, signal: AbortSignal): Promise<URLSearchParams>;
  /** Shows the person how it ended. */
  done(outcome: { ok: true } | { ok: false; why: string }): void;
}
