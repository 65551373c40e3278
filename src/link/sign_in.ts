/** What the rest of the program may know of signing in at an endpoint. */
export interface SignIn {
  /** Somebody is asked to sign in. */
  readonly pending: boolean;
  /** Where; `undefined` when that is not known. */
  readonly url: string | undefined;
  /** The server has been shown what a sign-in gave. */
  readonly used: boolean;
  /** Names who is told what becomes of it. Set once. */
  listen(listener: SignInListener): void;
}

/** Who is told what becomes of a sign-in. */
export interface SignInListener {
  /** It is known where the user is asked to. */
  shown(): void;
  /** The user has signed in. */
  signedIn(): void;
}
