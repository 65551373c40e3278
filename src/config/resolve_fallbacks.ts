import { EndpointError } from "../link/endpoint_error.ts";
import type { Endpoint } from "../link/endpoint.ts";
import { parseEndpoint } from "../link/parse_endpoint.ts";
import type { CommandPlatform } from "../link/split_command_line.ts";
import { ConfigError } from "./config_error.ts";
import type { OptionValue, OptionValues } from "./option_values.ts";
import type { Fallback } from "./settings.ts";

/** What `stdio` and `tcp` mean where neither `--fallback-command` nor `--fallback-address` says. */
const PRESUMED_COMMAND = "mcp-server";
const PRESUMED_ADDRESS = "127.0.0.1:8080";

/**
 * Reads the `--fallbacks` list: endpoints, or names of transports, separated by commas. `stdio` is the command of
 * `--fallback-command`, `tcp` the address of `--fallback-address`; `http` and `sse` are the endpoint's own URL, spoken to
 * in that way alone.
 *
 * @throws {ConfigError} naming the entry's number
 */
export function resolveFallbacks(
  values: OptionValues,
  endpoint: Endpoint,
  platform: CommandPlatform,
): Fallback[] {
  const list = values.text("fallbacks");
  const command = values.text("fallback-command");
  const address = values.text("fallback-address");
  const entries = list === undefined ? [] : list.value.split(",").map((part) => part.trim());
  const names = entries.map((part) => part.toLowerCase());
  for (const [option, name] of [[command, "stdio"], [address, "tcp"]] as const) {
    if (option !== undefined && option.level === 2 && !names.includes(name)) {
      throw new ConfigError(`${option.where} needs --fallbacks ${name}`);
    }
  }
  const stdio = fallback(command, PRESUMED_COMMAND, "command", "--fallback-command", platform);
  const tcp = fallback(address, PRESUMED_ADDRESS, "tcp", "--fallback-address", platform);
  return entries.map((part, index): Fallback => {
    const where = `${list!.where}: entry ${index + 1}`;
    if (part === "") throw new ConfigError(`${where} is empty`);
    switch (names[index]) {
      case "http":
      case "sse":
        if (endpoint.kind !== "http") {
          throw new ConfigError(
            `${where}: ${names[index]} needs an endpoint that is a URL; name a whole one`,
          );
        }
        return { endpoint, transport: names[index] };
      case "stdio":
        return stdio;
      case "tcp":
        return tcp;
      default:
        return { endpoint: parse(part, where, platform), transport: "auto" };
    }
  });
}

/** What a transport's name stands for: what its option says, or what is presumed. */
function fallback(
  option: OptionValue<string> | undefined,
  presumed: string,
  kind: Endpoint["kind"],
  flag: string,
  platform: CommandPlatform,
): Fallback {
  if (option === undefined) {
    const warning = `no ${flag} was given, so ${presumed} is used`;
    return { endpoint: parseEndpoint(presumed, platform), transport: "auto", presumed: warning };
  }
  const endpoint = parse(option.value, option.where, platform);
  if (endpoint.kind !== kind) {
    throw new ConfigError(
      `${option.where} takes ${
        kind === "tcp" ? "an address, as HOST:PORT" : "a command line"
      }; other endpoints go ` +
        "into --fallbacks as they are",
    );
  }
  return { endpoint, transport: "auto" };
}

function parse(text: string, where: string, platform: CommandPlatform): Endpoint {
  try {
    return parseEndpoint(text, platform);
  } catch (error) {
    if (!(error instanceof EndpointError)) throw error;
    throw new ConfigError(`${where}: ${error.message}`, { cause: error });
  }
}
