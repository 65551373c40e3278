import { ConfigError } from "../config/config_error.ts";
import type { Environment } from "../config/environment.ts";

/**
 * Makes sure that Deno shows the store to a command that is about nothing else: that nothing is found where it may not look says
 * nothing.
 *
 * @param store its directory; undefined when there is none
 * @param off whether the user has said so
 * @param kinds what the command does with it
 * @throws {ConfigError} `permission`, naming the flags
 */
export function requireStore(
  command: string,
  { store, off, environment }: {
    readonly store: string | undefined;
    readonly off: boolean;
    readonly environment: Environment;
  },
  kinds: readonly ("read" | "write")[],
): void {
  if (store === undefined) {
    if (!off) requirePlace(command, environment);
    return;
  }
  const missing = kinds.filter((name) =>
    Deno.permissions.querySync({ name, path: store }).state !== "granted"
  );
  if (missing.length === 0) return;
  const flags = missing.map((name) => `--allow-${name}=${store}`).join(" ");
  throw new ConfigError(`${command} needs to ${missing.join(" and ")} ${store}: run Deno with ${flags}`, {
    code: "permission",
  });
}

/** Where the environment is hidden, that nothing is found there says nothing. */
function requirePlace(command: string, environment: Environment): void {
  const names = ["MCP_CONNECT_STORE", ...STORE_VARIABLES[Deno.build.os === "windows" ? "windows" : "posix"]];
  if (names.every((name) => environment(name).kind !== "forbidden")) return;
  throw new ConfigError(
    `${command} can't see where the store is: name it with --store, or run Deno with --allow-env=${
      names.join(",")
    }`,
    { code: "permission" },
  );
}

/** The variables that tell of the platform's place for a store. */
const STORE_VARIABLES = { windows: ["LOCALAPPDATA"], posix: ["XDG_STATE_HOME", "HOME"] } as const;
