import type { Endpoint } from "../link/endpoint.ts";
import { EndpointError } from "../link/endpoint_error.ts";
import { parseEndpoint } from "../link/parse_endpoint.ts";
import type { CommandPlatform } from "../link/split_command_line.ts";
import { transportMisfit } from "../link/transport_misfit.ts";
import { ConfigError } from "./config_error.ts";
import type { OptionValues } from "./option_values.ts";
import type { TransportChoice } from "./settings.ts";

/** The three ways to name the endpoint beside the environment. */
export interface EndpointInput {
  /** Bare arguments. */
  readonly bare: readonly string[];
  /** What follows `--`, exactly as it was given; undefined without `--`. */
  readonly vector: readonly string[] | undefined;
  /** Whose rules command lines follow. */
  readonly platform: CommandPlatform;
}

/**
 * Finds the one endpoint: a bare argument, `--endpoint`, the words after `--`, or the environment.
 *
 * @throws {ConfigError} when there is none, more than one, or one that can't be read
 */
export function resolveEndpoint(values: OptionValues, input: EndpointInput): Endpoint {
  if (input.bare.length > 1) {
    throw new ConfigError(
      "too many arguments: quote a value with spaces, and put a command after --, as in: -- CMD ARGS…",
    );
  }
  const [bare] = input.bare;
  const option = values.list("endpoint");
  // Several are a pool's.
  const [named] = option.value;
  const flag = option.level === 2 ? named : undefined;
  const given = [
    ...(bare === undefined ? [] : ["a bare argument"]),
    ...(flag === undefined || flag === bare ? [] : ["--endpoint"]),
    ...(input.vector === undefined ? [] : ["a command after --"]),
  ];
  if (given.length > 1) throw new ConfigError(`the endpoint is given more than once: ${given.join(" and ")}`);

  if (input.vector !== undefined) return vectorEndpoint(input.vector);
  const text = bare ?? named;
  if (text === undefined) {
    throw new ConfigError("no endpoint given; name one with --endpoint, or a command after --");
  }
  const where = bare === undefined ? option.where : undefined;
  try {
    return parseEndpoint(text, input.platform);
  } catch (error) {
    if (!(error instanceof EndpointError)) throw error;
    throw new ConfigError(where === undefined ? error.message : `${where}: ${error.message}`, {
      cause: error,
    });
  }
}

/** The command that the words after `--` are. @throws {ConfigError} when there is none */
export function vectorEndpoint(vector: readonly string[]): Endpoint {
  const [command, ...args] = vector;
  if (command === undefined) throw new ConfigError("no command after --");
  if (command.trim() === "") throw new ConfigError("the command after -- has an empty name");
  // A word of a running process's arguments can't hold a NUL, so there is nothing else to check.
  return { kind: "command", command, args };
}

/**
 * Checks that a transport can serve an endpoint.
 *
 * @param where how the transport was given
 * @throws {ConfigError} with a hint
 */
export function checkTransport(transport: TransportChoice, endpoint: Endpoint, where: string): void {
  const misfit = transportMisfit(transport, endpoint);
  if (misfit !== undefined) throw new ConfigError(`${where} ${transport} ${misfit}`);
}
