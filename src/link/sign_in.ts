/** What the rest of the program may know of signing in at an endpoint. */
export interface SignIn {
  /** Where the user is asked to sign in; `undefined` when nobody is. */
  readonly url: string | undefined;
  /** Names who is told whenever the user has signed in. Set once. */
  listen(signedIn: () => void): void;
}
