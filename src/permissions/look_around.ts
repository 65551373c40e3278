import { browserCommands } from "../oauth/browser/browser_commands.ts";
import { processSurroundings } from "../oauth/browser/open_browser.ts";
import { isOfLoader } from "./place_needs.ts";
import { PROXY_VARIABLES } from "./proxy_needs.ts";
import type { BrowserFacts, Facts } from "./use.ts";

/** Those of the loader that are looked for where Deno does not show all variables. */
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
  "os" | "proxyVariables" | "loaderVariables" | "browser" | "systemRoot" | "variablesHidden"
> {
  const { os, env } = processSurroundings();
  const systemRoot = env("SystemRoot");
  const variablesHidden = Deno.permissions.querySync({ name: "env" }).state !== "granted";
  const names = variablesHidden ? LOADER_VARIABLES : Object.keys(Deno.env.toObject()).filter(isOfLoader);
  return {
    os,
    proxyVariables: Object.fromEntries(PROXY_VARIABLES.flatMap((name) => {
      const value = env(name) ?? "";
      return value === "" ? [] : [[name, value]];
    })),
    loaderVariables: names.filter((name) => (env(name) ?? "") !== ""),
    browser: browserFacts(),
    ...(systemRoot === undefined ? {} : { systemRoot }),
    variablesHidden,
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
