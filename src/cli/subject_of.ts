import { ConfigError } from "../config/config_error.ts";
import { arrangeArguments, type COMMANDS } from "./arrange_arguments.ts";
import { unknownCommand } from "./error_text.ts";

/** A command line that `permissions` is asked about. */
export interface Subject {
  readonly command: typeof COMMANDS[number];
  /** The words behind the command's name. */
  readonly words: readonly string[];
  /** The words as they were given, those of `permissions` itself left out. */
  readonly given: readonly string[];
  readonly json: boolean;
  readonly offline: boolean;
}

/**
 * Finds the command line in what follows `permissions`. Its own switches may stand anywhere, but after `--`.
 *
 * @param hasEndpoint tells whether the environment names the endpoint
 * @throws {ConfigError} when there is no command in it
 */
export function subjectOf(
  words: readonly string[],
  vector: readonly string[] | undefined,
  hasEndpoint: () => boolean,
): Subject {
  const [json, offline] = [words.includes("--json"), words.includes("--offline")];
  const rest = words.filter((word) => word !== "--json" && word !== "--offline");
  const given = vector === undefined ? rest : [...rest, "--", ...vector];
  const { command, words: arranged } = arrangeArguments(given, hasEndpoint);
  if (command === undefined) {
    const [word] = arranged;
    throw new ConfigError(
      word !== undefined && !word.startsWith("-")
        ? unknownCommand(word)
        : "permissions is followed by a command and its options, as in: mcp-connect permissions proxy --endpoint URL",
    );
  }
  return { command, words: arranged.slice(1), given, json, offline };
}
