import { ConfigError } from "./config_error.ts";
import type { OptionValue, OptionValues } from "./option_values.ts";
import { OPTIONS } from "./options.ts";
import type { EndpointInput } from "./resolve_endpoint.ts";

/** The commands that may have more than one upstream. */
export type BalancingCommand = "proxy" | "load-balance" | "auth-proxy";

/** All that names upstreams, as texts: of the command line if that names any, else of the environment. */
export interface NamedUpstreams {
  readonly bare: readonly string[];
  readonly vector: readonly string[] | undefined;
  readonly endpoint: OptionValue<readonly string[]>;
  readonly endpoints: OptionValue<readonly string[]>;
  readonly file: OptionValue<string> | undefined;
}

/** Collects what names upstreams. The command line replaces the environment wholly, as it does for one option. */
export function namedUpstreams(values: OptionValues, input: EndpointInput): NamedUpstreams {
  const { bare, vector } = input;
  const [endpoint, endpoints] = [values.list("endpoint"), values.list("endpoints")];
  const file = values.text("endpoints-file");
  const typed = bare.length > 0 || vector !== undefined ||
    [endpoint, endpoints, file].some((option) => option?.level === 2);
  if (!typed) return { bare, vector, endpoint, endpoints, file };
  const kept = (option: OptionValue<readonly string[]>) =>
    option.level === 2 ? option : { ...option, value: [] };
  return {
    bare,
    vector,
    endpoint: kept(endpoint),
    endpoints: kept(endpoints),
    file: file?.level === 2 ? file : undefined,
  };
}

/** The options that make a pool, or name its upstreams. */
const MAKERS: readonly string[] = ["endpoints", "endpoints-file", "status-port"];

/**
 * Tells whether there is more to the upstreams than one endpoint. That one alone is dealt with as if there were no
 * balancing, so that it costs nothing.
 *
 * @throws {ConfigError} when there is one endpoint alone, and an option on the command line that is of no use to it
 */
export function wantsPool(command: BalancingCommand, values: OptionValues, input: EndpointInput): boolean {
  if (command === "load-balance") return true;
  // More often words of a command than upstreams.
  if (input.bare.length > 1) return false;
  const { bare, endpoint, endpoints, file } = namedUpstreams(values, input);
  if (endpoint.value.length > 1 || endpoints.value.length > 0 || file !== undefined) return true;
  if ([...bare, ...endpoint.value].some((text) => /^\s*(?:dns|srv)\+/i.test(text))) return true;
  if (values.text("status-port") !== undefined) return true;
  for (const { name, group } of OPTIONS) {
    if (group !== "Load balancing" || MAKERS.includes(name)) continue;
    const option = values.text(name);
    if (option?.level === 2) {
      throw new ConfigError(
        `${option.where} needs several upstreams: name them with --endpoints A,B or more than one --endpoint, ` +
          "or run load-balance",
      );
    }
  }
  return false;
}
