import { ConfigError } from "../../src/config/config_error.ts";
import type { Environment } from "../../src/config/environment.ts";
import type { Files } from "../../src/config/files.ts";
import type { BalancingCommand } from "../../src/config/named_upstreams.ts";
import { wantsPool } from "../../src/config/named_upstreams.ts";
import { optionsOf } from "../../src/config/options.ts";
import { optionValues } from "../../src/config/option_values.ts";
import { resolveBalance } from "../../src/config/resolve_balance.ts";
import { resolveSettings } from "../../src/config/resolve_settings.ts";
import { parseOptions } from "../../src/cli/parse_options.ts";
import { findPlaces } from "../../src/permissions/find_places.ts";
import type { Facts, Use } from "../../src/permissions/use.ts";

/** The commands that connect. */
export type Connecting = BalancingCommand | "test" | "login" | "logout";

const FACTS: Omit<Facts, "places" | "lookups" | "notFound"> = {
  os: "linux",
  variables: [],
  files: [],
  proxyVariables: {},
  loaderVariables: [],
  browser: { commands: ["xdg-open"], variables: ["DISPLAY"], files: [] },
  variablesHidden: false,
  signIns: [],
  sealed: false,
};

const files: Files = {
  readText(path, where) {
    if (path !== "upstreams") throw new ConfigError(`${where}: ${path} does not exist`);
    return "http://file.example/mcp\n";
  },
  checkDirectory() {},
  checkKeyPair: () => undefined,
};

/** The use that a command line is, on a machine without variables, or with these facts of it. */
export async function useOf(
  command: Connecting,
  words: readonly string[],
  facts: Partial<Facts> = {},
  vector?: readonly string[],
): Promise<Use> {
  const { options, bare, finding } = parseOptions(optionsOf(command), words);
  if (finding !== undefined) throw new Error(JSON.stringify(finding));
  const environment: Environment = () => ({ kind: "unset" });
  const values = optionValues(command, options, environment);
  const input = { bare, vector, platform: "posix" } as const;
  const pool = command !== "test" && command !== "login" && command !== "logout" &&
    wantsPool(command, values, input);
  const settings = resolveSettings(values, input, environment, files, pool ? resolveBalance : undefined);
  const found = await findPlaces({
    settings,
    files,
    platform: "posix",
    offline: false,
    signal: AbortSignal.timeout(10_000),
    resolver: {
      addresses: () => Promise.resolve(["192.0.2.1", "2001:db8::1"]),
      records: () => Promise.resolve([{ priority: 1, weight: 1, port: 8443, target: "a.example." }]),
    },
  });
  return {
    command,
    settings,
    ...(settings.store === undefined ? {} : { store: settings.store }),
    facts: { ...FACTS, ...found, ...facts },
  };
}
