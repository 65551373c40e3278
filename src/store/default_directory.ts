/**
 * The directory that the platform has for what programs keep between their runs and no user edits; `undefined` when the
 * environment does not say where it is.
 *
 * @param variable looks an environment variable up
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { defaultDirectory } from "./default_directory.ts";
 *
 * const home = (name: string) => name === "HOME" ? "/home/ada" : undefined;
 * strictEqual(defaultDirectory("linux", home), "/home/ada/.local/state/mcp-connect");
 * ```
 */
export function defaultDirectory(
  os: typeof Deno.build.os,
  variable: (name: string) => string | undefined,
): string | undefined {
  // What is relative would be another place for each working directory (XDG Base Directory Specification).
  const place = (name: string, absolute: RegExp) => {
    const value = variable(name);
    return value !== undefined && absolute.test(value) ? value : undefined;
  };
  if (os === "windows") {
    const local = place("LOCALAPPDATA", /^(?:[a-z]:[\\/]|\\\\)/i);
    return local && `${local}\\mcp-connect`;
  }
  const home = place("HOME", /^\//);
  if (os === "darwin") return home && `${home}/Library/Application Support/mcp-connect`;
  const state = place("XDG_STATE_HOME", /^\//) ?? (home && `${home}/.local/state`);
  return state && `${state}/mcp-connect`;
}
