import {
  AliasNotFoundError,
  type ApplicationText,
  ArgumentParseError,
  FlagNotFoundError,
  InvalidNegatedFlagSyntaxError,
  text_en,
  UnexpectedFlagError,
  UnexpectedPositionalError,
  UnsatisfiedFlagError,
} from "@stricli/core";
import { ConfigError } from "../config/config_error.ts";
import { type CommandName, OPTIONS, optionsOf } from "../config/options.ts";
import { type Arrangement, COMMANDS } from "./arrange_arguments.ts";
import { nearest } from "./nearest.ts";
import { oneLine } from "./write_text.ts";

/**
 * The parser's errors in our words: always one line, which names the option and the nearest right one and
 * never shows a value, as that may be a secret.
 */
export function errorText(arrangement: Arrangement, debug: boolean): ApplicationText {
  const unexpected = (error: unknown) => unexpectedError(error, debug);
  return {
    ...text_en,
    noCommandRegisteredForInput: ({ input }) => unknownCommand(input),
    exceptionWhileParsingArguments: (error) => parsingError(error, arrangement) ?? unexpected(error),
    exceptionWhileRunningCommand: (error) =>
      error instanceof ConfigError ? configError(error, arrangement) : unexpected(error),
    exceptionWhileLoadingCommandFunction: unexpected,
    exceptionWhileLoadingCommandContext: unexpected,
    exceptionWhileRunningIntegrationFlag: ({ exception }) => unexpected(exception),
    exceptionWhileRunningIntegrationHook: ({ exception }) => unexpected(exception),
  };
}

/** The line for a command that does not exist. */
export function unknownCommand(input: string): string {
  const name = oneLine(input).slice(0, 60);
  const near = nearest(input, COMMANDS);
  const guess = near !== undefined
    ? `; did you mean ${near}?`
    : /\.|^localhost$/i.test(input)
    ? "; an endpoint is written as a URL or host:port."
    : ".";
  return `mcp-connect: unknown command ${name}${guess} See mcp-connect --help`;
}

/** The line for a failure nobody foresaw; with `debug` the stack follows. */
export function unexpectedError(error: unknown, debug: boolean): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const line = `mcp-connect: unexpected failure: ${oneLine(text)}`;
  if (!debug) return `${line} (run with --debug for details)`;
  return error instanceof Error && error.stack !== undefined ? `${line}\n${error.stack}` : line;
}

function configError(error: ConfigError, { command }: Arrangement): string {
  const line = `mcp-connect: ${oneLine(error.message)}`;
  if (error.code === "permission") return line;
  return `${line}${/[.?…]$/.test(line) ? "" : "."} See ${helpCommand(command)}`;
}

function helpCommand(command: Arrangement["command"]): string {
  return command === undefined || command === "help" ? "mcp-connect --help" : `mcp-connect ${command} --help`;
}

function parsingError(error: unknown, arrangement: Arrangement): string | undefined {
  const see = `See ${helpCommand(arrangement.command)}`;
  if (error instanceof FlagNotFoundError) {
    return `mcp-connect: ${unknownOption(error.input, arrangement)} ${see}`;
  }
  if (error instanceof AliasNotFoundError) {
    const word = arrangement.words.find((w) => /^-[a-z]+$/i.test(w) && w.includes(error.input));
    return `mcp-connect: unknown option ${word ?? `-${error.input}`}; ${
      shortHint(word, arrangement)
    }. ${see}`;
  }
  if (error instanceof UnsatisfiedFlagError) {
    const dash = error.nextFlagName === undefined
      ? ""
      : ` (a value that begins with - is written --${error.externalFlagName}=VALUE)`;
    return `mcp-connect: --${error.externalFlagName} needs a value${dash}. ${see}`;
  }
  if (error instanceof UnexpectedFlagError) {
    return `mcp-connect: --${error.externalFlagName} is given more than once. ${see}`;
  }
  if (error instanceof ArgumentParseError) {
    if (error.exception instanceof ConfigError) return configError(error.exception, arrangement);
    return `mcp-connect: --${error.externalFlagNameOrPlaceholder} takes no value, or true or false. ${see}`;
  }
  if (error instanceof InvalidNegatedFlagSyntaxError) {
    return `mcp-connect: unknown option --${error.externalFlagName}. ${see}`;
  }
  if (error instanceof UnexpectedPositionalError) return `mcp-connect: too many arguments. ${see}`;
  return undefined;
}

/** What to say of `--name`, which the command does not have. */
export function unknownOption(name: string, { command }: Arrangement): string {
  const shown = `unknown option --${oneLine(name).slice(0, 60)}`;
  if (command === undefined || command === "help") return `${shown}.`;
  const own = optionsOf(command).map((option) => option.name);
  const elsewhere = OPTIONS.find((option) => option.name === name)?.commands as CommandName[] | undefined;
  if (elsewhere !== undefined) return `${shown} for ${command}; it belongs to ${elsewhere.join(" and ")}.`;
  const near = nearest(name, [...own, "help", "version"]);
  return near === undefined ? `${shown}.` : `${shown}; did you mean --${near}?`;
}

/** What to say of `-x`: there are only `-h` and `-V`. */
function shortHint(word: string | undefined, { words, command }: Arrangement): string {
  const at = word === undefined ? -1 : words.indexOf(word);
  const previous = words[at - 1];
  if (previous?.startsWith("--") && !previous.includes("=")) {
    const option = OPTIONS.find((o) => `--${o.name}` === previous);
    if (option !== undefined && option.kind !== "switch") {
      return `if it is the value of ${previous}, write ${previous}=VALUE`;
    }
  }
  if (previous !== undefined && at > 1 && (command === "proxy" || command === "test")) {
    return "if it belongs to a command, put -- before the command";
  }
  const near = word === undefined || command === undefined || command === "help" || word.length < 4
    ? undefined
    : nearest(word.slice(1), optionsOf(command).map((option) => option.name));
  return near === undefined ? "options begin with --" : `did you mean --${near}?`;
}
