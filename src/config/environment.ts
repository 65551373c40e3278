import { ConfigError } from "./config_error.ts";

/** What was found of an environment variable. */
export type VariableState =
  | { readonly kind: "set"; readonly value: string }
  | { readonly kind: "unset" }
  | { readonly kind: "forbidden" };

/** Looks up one environment variable; never prompts and never throws. */
export type Environment = (name: string) => VariableState;

/**
 * The process's environment as far as Deno's permissions show it. A variable that may not be read is
 * `forbidden`, not an error: options whose variable is hidden count as not set.
 */
export function processEnvironment(): Environment {
  const all = Deno.permissions.querySync({ name: "env" }).state === "granted";
  return (name) => {
    if (!all && Deno.permissions.querySync({ name: "env", variable: name }).state !== "granted") {
      return { kind: "forbidden" };
    }
    const value = Deno.env.get(name);
    return value === undefined ? { kind: "unset" } : { kind: "set", value };
  };
}

/**
 * Replaces each `${NAME}` in `text` by that environment variable; `$${` stands for a literal `${`. Nothing
 * else is special: a `$` without a brace stays.
 *
 * @param where names the option in errors; the text itself is never shown, as it may hold a secret
 * @throws {ConfigError} a variable is not set, may not be read, or a `${` is not closed
 */
export function expandVariables(text: string, environment: Environment, where: string): string {
  if (!text.includes("${")) return text;
  return text.replace(/\$\$\{|\$\{([^}]*)\}|\$\{/g, (match, name: string | undefined) => {
    if (match === "$${") return "${";
    if (name === undefined) {
      throw new ConfigError(`${where} has a "\${" without its "}"; write "$\${" for a literal one`);
    }
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw new ConfigError(`${where} has a "\${…}" that does not hold a variable's name`);
    }
    const variable = environment(name);
    if (variable.kind === "forbidden") {
      throw new ConfigError(
        `${where} needs the environment variable ${name}: run Deno with --allow-env=${name}`,
        {
          code: "permission",
        },
      );
    }
    if (variable.kind === "unset") {
      throw new ConfigError(`${where} needs the environment variable ${name}, which is not set`);
    }
    return variable.value;
  });
}
