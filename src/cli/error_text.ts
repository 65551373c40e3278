import type { ConfigError } from "../config/config_error.ts";
import { type CommandName, OPTIONS, optionsOf } from "../config/options.ts";
import { COMMANDS } from "./arrange_arguments.ts";
import { nearest } from "./nearest.ts";
import type { Finding } from "./parse_options.ts";
import { oneLine } from "./write_text.ts";

type Command = typeof COMMANDS[number];

/** The line for wrong input to a command. */
export function configError(error: ConfigError, command: Command | undefined): string {
  const line = `mcp-connect: ${oneLine(error.message)}`;
  if (error.code === "permission") return line;
  const help = command === undefined || command === "help" ? "--help" : `${command} --help`;
  return `${line}${/[.?\u2026]$/.test(line) ? "" : "."} See mcp-connect ${help}`;
}

/** What to say of a first word that is no command, or of none. */
export function unknownCommand(word: string | undefined): string {
  if (word === undefined || word.startsWith("-")) return `no command given (${COMMANDS.join(", ")})`;
  const near = nearest(word, COMMANDS);
  const guess = near !== undefined
    ? `; did you mean ${near}?`
    : /\.|^localhost$/i.test(word)
    ? "; an endpoint is written as a URL or host:port"
    : "";
  return `unknown command ${oneLine(word).slice(0, 60)}${guess}`;
}

/**
 * What to say of the first thing the parser found wrong: it names the option and the nearest right one, and
 * never shows a value, as that may be a secret.
 *
 * @param words what the parser was given
 */
export function findingText(finding: Finding, command: Command, words: readonly string[]): string {
  switch (finding.kind) {
    case "unknown":
      return unknownOption(finding.name, command, words);
    case "no-value":
      return noValue(finding.name, words);
    case "no-boolean":
      return `--${finding.name} takes no value, or true or false`;
    case "no-equals":
      return `a value of --${finding.name} is written --${finding.name}=VALUE`;
    case "repeated":
      return `--${finding.name} is given more than once`;
  }
}

function noValue(name: string, words: readonly string[]): string {
  const option = `--${name}`;
  const at = words.findIndex((word, i) =>
    word === option && (i + 1 === words.length || /^-(?:-\w|[a-z_])/i.test(words[i + 1]!))
  );
  if (at < 0) return `${option} has an empty value`;
  const next = words[at + 1];
  if (next === undefined) return `${option} needs a value`;
  if (/^-[^-]/.test(next)) {
    return `unknown option ${next.slice(0, 2)}; if it is the value of ${option}, write ${option}=VALUE`;
  }
  return `${option} needs a value (a value that begins with - is written ${option}=VALUE)`;
}

function unknownOption(name: string, command: Command, words: readonly string[]): string {
  const long = name.length > 1 || words.some((word) => word.replace(/[=:.].*$/s, "") === `--${name}`);
  if (!long) return unknownLetter(name, command, words);
  const shown = `unknown option --${oneLine(name).slice(0, 60)}`;
  if (command === "help") return shown;
  const elsewhere = OPTIONS.find((option) => option.name === name)?.commands as CommandName[] | undefined;
  if (elsewhere !== undefined) {
    const list = elsewhere.join(", ").replace(/, ([^,]*)$/, " and $1");
    return `${shown} for ${command}; it belongs to ${list}`;
  }
  const near = nearest(name, [...optionsOf(command).map((option) => option.name), "help", "version"]);
  return near === undefined ? shown : `${shown}; did you mean --${near}?`;
}

/** What to say of `-x`: there are only `-h` and `-V`. */
function unknownLetter(letter: string, command: Command, words: readonly string[]): string {
  const at = words.findIndex((word) => /^-[^-]/.test(word) && word.includes(letter));
  const shown = `unknown option -${letter}`;
  if (at > 0 && (command === "proxy" || command === "load-balance" || command === "test")) {
    // One letter only: the rest may be a secret.
    return `${shown}; if it belongs to a command, put -- before the command`;
  }
  const word = words[at]?.slice(1) ?? "";
  const near = command === "help" || word.length < 3
    ? undefined
    : nearest(word, optionsOf(command).map((option) => option.name));
  return near === undefined
    ? `${shown}; options begin with --`
    : `unknown option -${oneLine(word)}; did you mean --${near}?`;
}
