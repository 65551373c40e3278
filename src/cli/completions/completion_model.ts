import { type CommandName, isCommon, optionsOf, type OptionSpec } from "../../config/options.ts";
import { COMMANDS } from "../arrange_arguments.ts";
import { COMMAND_BRIEFS } from "../help_text.ts";
import { SHELLS } from "./shells.ts";

/** What can follow an option. */
export type CompletionValue =
  /** Nothing: it is a switch. */
  | { readonly kind: "none" }
  /** One of these words. */
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "file" }
  | { readonly kind: "directory" }
  /** What nobody can guess; the label says what it is. */
  | { readonly kind: "text"; readonly label: string };

/** An option as completions know it. */
export interface CompletionOption {
  /** With its dashes. */
  readonly name: string;
  /** Its short form, with its dash. */
  readonly letter?: string;
  readonly brief: string;
  readonly value: CompletionValue;
  /** It may be given more than once. */
  readonly repeatable: boolean;
  /** It may also stand before the command. */
  readonly common: boolean;
}

/** A command as completions know it. */
export interface CompletionCommand {
  readonly name: typeof COMMANDS[number];
  readonly brief: string;
  readonly options: readonly CompletionOption[];
  /** The words it takes as a bare argument. */
  readonly words: readonly string[];
}

/** The options that ask about the program. */
const STANDARD: readonly CompletionOption[] = ([
  ["--help", "-h", "print help and end"],
  ["--version", "-V", "print the version and end"],
] as const).map(([name, letter, brief]) => ({
  name,
  letter,
  brief,
  value: { kind: "none" },
  repeatable: false,
  common: true,
}));

/** What can be completed: the commands with their options, all from the table that the parser uses. */
export function completionModel(): readonly CompletionCommand[] {
  return COMMANDS.map((name) => ({
    name,
    brief: COMMAND_BRIEFS[name],
    options: [...(name === "help" ? [] : optionsOf(name satisfies CommandName).map(optionFor)), ...STANDARD],
    words: name === "help"
      ? COMMANDS.filter((it) => it !== "help")
      : name === "permissions"
      ? COMMANDS.filter((it) => it !== "help" && it !== "permissions")
      : name === "completions"
      ? SHELLS
      : [],
  }));
}

/** The options that may stand before a command. */
export function commonOptions(model: readonly CompletionCommand[]): readonly CompletionOption[] {
  return model[0]!.options.filter(({ common }) => common);
}

function optionFor(option: OptionSpec): CompletionOption {
  return {
    name: `--${option.name}`,
    brief: option.brief,
    value: valueOf(option),
    repeatable: option.kind === "list",
    common: isCommon(option),
  };
}

/** Tells from the placeholder what a value is: `FILE`, `DIRECTORY`, `text|json`. */
function valueOf({ kind, placeholder = "" }: OptionSpec): CompletionValue {
  if (kind === "switch") return { kind: "none" };
  if (placeholder === "FILE") return { kind: "file" };
  if (placeholder === "DIRECTORY") return { kind: "directory" };
  if (/^[a-z0-9-]+(?:\|[a-z0-9-]+)+$/.test(placeholder)) {
    return { kind: "words", words: placeholder.split("|") };
  }
  return { kind: "text", label: placeholder };
}
