import { browserCommands } from "../oauth/browser/browser_commands.ts";
import { processSurroundings } from "../oauth/browser/open_browser.ts";
import { PROXY_VARIABLES } from "./permissions_for.ts";
import type { BrowserFacts, Facts } from "./use.ts";

/** Those of the loader that Deno minds most; it refuses whatever begins with `LD_` or `DYLD_`. */
const LOADER_VARIABLES = [
  "LD_PRELOAD",
  "LD_LIBRARY_PATH",
  "LD_AUDIT",
  "DYLD_INSERT_LIBRARIES",
  "DYLD_LIBRARY_PATH",
];

/** What is known of this machine, as far as Deno's permissions show it; never prompts. */
export function lookAround(): Pick<
  Facts,
  "os" | "proxied" | "loaderVariables" | "browser" | "systemRoot" | "variablesHidden"
> {
  const { os, env } = processSurroundings();
  const isSet = (name: string) => (env(name) ?? "") !== "";
  const systemRoot = env("SystemRoot");
  return {
    os,
    proxied: PROXY_VARIABLES.some((name) => !/^no_/i.test(name) && isSet(name)),
    loaderVariables: LOADER_VARIABLES.filter((name) => env(name) !== undefined),
    browser: browserFacts(),
    ...(systemRoot === undefined ? {} : { systemRoot }),
    variablesHidden: Deno.permissions.querySync({ name: "env" }).state !== "granted",
  };
}

/** What decides how a browser is opened is found by deciding it. */
function browserFacts(): BrowserFacts {
  const surroundings = processSurroundings();
  const variables = new Set<string>();
  const files = new Set<string>();
  const { commands } = browserCommands("https://example.com/", {
    ...surroundings,
    env(name) {
      const value = surroundings.env(name);
      if (value !== undefined) variables.add(name);
      return value;
    },
    isFile(path) {
      const found = surroundings.isFile(path);
      // Whether it is one matters only where it would be read as something else.
      if (found && /[\s:;]/.test(path)) files.add(path);
      return found;
    },
  });
  const names = [...new Set(commands.map(({ command }) => command))];
  const there = names.filter((name) => isThere(name, surroundings.os, surroundings.env("PATH")));
  return {
    commands: there.length > 0 ? there : names.slice(0, 1),
    variables: [...variables],
    files: [...files],
  };
}

/** Whether there is a program of this name; Deno complains at its start of one that is not. */
function isThere(command: string, os: Facts["os"], path = ""): boolean {
  const { isFile } = processSurroundings();
  if (/[\\/]/.test(command)) return isFile(command);
  const [between, slash] = os === "windows" ? [";", "\\"] : [":", "/"];
  return path.split(between).some((folder) => folder !== "" && isFile(`${folder}${slash}${command}`));
}
