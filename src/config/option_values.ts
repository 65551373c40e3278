import { ConfigError } from "./config_error.ts";
import type { Environment } from "./environment.ts";
import {
  type CommandName,
  defaultOf,
  type OptionName,
  OPTIONS,
  type OptionSpec,
  variableOf,
} from "./options.ts";

/** What the command line's parser found: a text for a `value`, texts for a `list`, a boolean for a `switch`. */
export type ParsedOptions = Readonly<Partial<Record<OptionName, string | readonly string[] | boolean>>>;

/** Where a value came from; a greater level wins. */
export type Level = 0 | 1 | 2;

/** A value with its origin. */
export interface OptionValue<T> {
  readonly value: T;
  /** How to name it in an error: `--timeout` or `MCP_CONNECT_TIMEOUT`. */
  readonly where: string;
  /** 2: the command line, 1: the environment, 0: the default. */
  readonly level: Level;
}

/** The options of one command, looked up in the command line, then the environment, then the defaults. */
export interface OptionValues {
  /** A `value` option; undefined when nothing is given and there is no default. */
  text(name: OptionName): OptionValue<string> | undefined;
  /** A `value` option that has a default. */
  required(name: OptionName): OptionValue<string>;
  /** A `list` option, or a `value` that may be repeated; empty when nothing is given. */
  list(name: OptionName): OptionValue<readonly string[]>;
  /** A `switch`. @throws {ConfigError} when its variable is no boolean */
  switch(name: OptionName): OptionValue<boolean>;
}

/**
 * Joins the parsed command line with the environment. An option on the command line replaces its variable
 * wholly (lists are not joined), and an empty variable counts as not set, as does that of an option which the
 * command does not have.
 */
export function optionValues(
  command: CommandName,
  parsed: ParsedOptions,
  environment: Environment,
): OptionValues {
  const find = (name: OptionName): OptionSpec => OPTIONS.find((option) => option.name === name)!;
  const variable = (name: OptionName): string | undefined => {
    if (!find(name).commands.includes(command)) return undefined;
    const state = environment(variableOf(name));
    return state.kind === "set" && state.value.trim() !== "" ? state.value : undefined;
  };

  const text = (name: OptionName): OptionValue<string> | undefined => {
    const given = parsed[name];
    if (typeof given === "string") return { value: given, where: `--${name}`, level: 2 };
    const set = variable(name);
    if (set !== undefined) return { value: set, where: variableOf(name), level: 1 };
    const preset = defaultOf(find(name), command);
    return preset === undefined ? undefined : { value: preset, where: `--${name}`, level: 0 };
  };

  return {
    text,
    required(name) {
      const value = text(name);
      if (value === undefined) throw new TypeError(`--${name} has no default`);
      return value;
    },
    list(name) {
      const given = parsed[name];
      if (Array.isArray(given) && given.length > 0) return { value: given, where: `--${name}`, level: 2 };
      if (typeof given === "string") return { value: [given], where: `--${name}`, level: 2 };
      const set = variable(name);
      if (set === undefined) return { value: [], where: `--${name}`, level: 0 };
      if (find(name).kind === "value") return { value: [set], where: variableOf(name), level: 1 };
      const parts = set.split(find(name).separator ?? /\r?\n/).filter((part) => part.trim() !== "");
      return { value: parts, where: variableOf(name), level: 1 };
    },
    switch(name) {
      const given = parsed[name];
      if (typeof given === "boolean") return { value: given, where: `--${name}`, level: 2 };
      const set = variable(name);
      if (set === undefined) return { value: false, where: `--${name}`, level: 0 };
      const on = readSwitch(set);
      if (on !== undefined) return { value: on, where: variableOf(name), level: 1 };
      throw new ConfigError(`${variableOf(name)} takes 1, true, yes, 0, false or no`);
    },
  };
}

/** Whether a switch's text means on or off; undefined when it means neither. */
export function readSwitch(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  if (word === "1" || word === "true" || word === "yes") return true;
  if (word === "0" || word === "false" || word === "no") return false;
  return undefined;
}

/**
 * Reads an option that takes one of a few words.
 *
 * @throws {ConfigError} listing the words
 */
export function oneOf<T extends string>(option: OptionValue<string>, words: readonly T[]): T {
  const word = option.value.trim().toLowerCase();
  const found = words.find((candidate) => candidate === word);
  if (found === undefined) throw new ConfigError(`${option.where} takes one of ${words.join(", ")}`);
  return found;
}
