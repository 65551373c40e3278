/** What the rest of the program may know of signing in at an endpoint. */
export interface SignIn {
  /** Somebody is asked to sign in. */
  readonly pending: boolean;
  /** Where; `undefined` when that is not known. */
  readonly url: string | undefined;
  /** The server has been shown what a sign-in gave. */
  readonly used: boolean;
  /** Names who is told whenever the user has signed in. Set once. */
  listen(signedIn: () => void): void;
}
