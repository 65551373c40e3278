/**
 * What is wrong with the configuration, in one line that never holds a secret.
 *
 * `code` is `usage` for a mistake in an option, variable or file, and `permission` when Deno was started
 * without a permission that the configuration needs.
 */
export class ConfigError extends Error {
  /** Whether the user's input is wrong or a Deno permission is missing. */
  readonly code: "usage" | "permission";

  constructor(message: string, options: { code?: "usage" | "permission"; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ConfigError";
    this.code = options.code ?? "usage";
  }
}

/** Tells whether this is a {@linkcode ConfigError}, by its name: bundled, a command may have a copy of the class. */
export function isConfigError(error: unknown): error is ConfigError {
  return error instanceof Error && error.name === "ConfigError";
}
