/**
 * What the program's exit status means. The numbers are stable: a script may rely on them
 * (`docs/exit-codes.md` is the page for readers).
 */
export const ExitCode = {
  /** The command did what it was asked to do. */
  Ok: 0,
  /** A failure nobody foresaw: a defect of this program. */
  Unexpected: 1,
  /** A wrong option, argument, environment variable or file given to an option. */
  Usage: 2,
  /** The endpoint can't be reached: network, DNS, TLS, or the command was not found. */
  Unreachable: 3,
  /** Something answered, but refused, or does not speak MCP. */
  Refused: 4,
  /** The server wants a sign-in, or refused the credentials. */
  Unauthorized: 5,
  /** Deno was started without a permission that the job needs. */
  Permission: 6,
  /** Time ran out before an answer came. */
  TimedOut: 7,
  /** A second signal ended it at once. */
  Interrupted: 130,
} as const;

/** One of the numbers of {@linkcode ExitCode}. */
export type ExitCodeNumber = typeof ExitCode[keyof typeof ExitCode];

/** One line for each exit code, in order, as `--help` and `docs/exit-codes.md` show them. */
export const EXIT_CODE_MEANINGS: readonly (readonly [code: ExitCodeNumber, meaning: string])[] = [
  [ExitCode.Ok, "success"],
  [ExitCode.Unexpected, "unexpected failure (a defect of mcp-connect)"],
  [ExitCode.Usage, "wrong usage: option, argument, environment variable, or a file given to an option"],
  [ExitCode.Unreachable, "endpoint can't be reached: network, DNS, TLS, or command not found"],
  [ExitCode.Refused, "server refused, or does not speak MCP"],
  [ExitCode.Unauthorized, "authentication needed or refused"],
  [ExitCode.Permission, "a Deno permission is missing (the message names it)"],
  [ExitCode.TimedOut, "timed out"],
  [ExitCode.Interrupted, "ended at once by a second signal, with answers outstanding"],
];
