/** A place of the system's that keeps short secrets for this user: a keychain. */
export interface SecretBox {
  /** What it is called, in messages. */
  readonly name: string;
  /**
   * The secret under a name; `undefined` where there is none.
   *
   * @param id letters, digits, `-` and `_`
   * @throws {SecretBoxError}
   */
  get(id: string): Promise<string | undefined>;
  /**
   * Keeps a secret, in place of the one before.
   *
   * @param secret letters and digits, a few dozen of them
   * @param label what a person sees of it in the keychain's own window; not secret
   * @throws {SecretBoxError}
   */
  set(id: string, secret: string, label: string): Promise<void>;
  /**
   * Forgets a secret, where there is one.
   *
   * @throws {SecretBoxError}
   */
  delete(id: string): Promise<void>;
}

/** Why a keychain could not be used. */
export class SecretBoxError extends Error {
  /** What the user can do about it. */
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.name = "SecretBoxError";
    this.hint = hint;
  }
}
