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
