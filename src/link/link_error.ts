/** What kept a wire from being opened, or broke it. */
export type LinkErrorCode =
  /** No such command, directory, host or socket file. */
  | "NOT_FOUND"
  /** The file is there, and the system can't run it. */
  | "NOT_EXECUTABLE"
  /** Deno, or the operating system, does not permit it. */
  | "PERMISSION"
  /** What was asked for can't be expressed: a NUL byte in an argument, a line break for a batch file. */
  | "INVALID"
  /** Nobody listens there. */
  | "REFUSED"
  /** There is no way to the host, or the system would not open another file or process. */
  | "UNREACHABLE"
  /** The signal's time ran out first. */
  | "TIMEOUT"
  /** The other side, or this one, has ended the wire. */
  | "CLOSED";

/** Why a wire can't be used, in words for the user; the message is one line without secrets. */
export class LinkError extends Error {
  override readonly name = "LinkError";
  /** The kind of failure, for decisions. */
  readonly code: LinkErrorCode;
  /** What the user can do about it. */
  readonly hint: string | undefined;

  constructor(
    code: LinkErrorCode,
    message: string,
    options: { hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** Tells one by its name: the files of a bundle that load each other have a copy of the class each. */
export function isLinkError(error: unknown): error is LinkError {
  return error instanceof Error && error.name === "LinkError";
}
