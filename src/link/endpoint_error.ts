/** A text that names no endpoint. The message is one line and holds no credentials. */
export class EndpointError extends Error {
  /** What the user can write instead, where that can be told. */
  readonly hint: string | undefined;

  /** Makes one; `message` says what is wrong in one line. */
  constructor(message: string, hint?: string) {
    super(hint === undefined ? message : `${message}; ${hint}`);
    this.name = "EndpointError";
    this.hint = hint;
  }
}
