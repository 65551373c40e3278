/** How a script of this folder ends. */
export const ExitCode = {
  Ok: 0,
  /** It did not work out. */
  Failed: 1,
  /** A wrong option. */
  Usage: 2,
  /** The base executable, which Deno provides, can't be had. */
  NoBase: 3,
} as const;

/** An error with the exit code that it means, and what can be done about it. */
export interface CompileError extends Error {
  readonly exitCode: number;
  readonly hint: string | undefined;
}

/** Makes a {@linkcode CompileError}. */
export function compileError(exitCode: number, message: string, hint?: string): CompileError {
  return Object.assign(new Error(message), { exitCode, hint });
}

/** Whether an error is a {@linkcode CompileError}. */
export function isCompileError(error: unknown): error is CompileError {
  return error instanceof Error && "exitCode" in error;
}
