import { type Flags, typeFlag } from "type-flag";
import { type ParsedOptions, readSwitch } from "../config/option_values.ts";
import type { optionsOf } from "../config/options.ts";

/** What is wrong with a command line. */
export interface Finding {
  /**
   * - `unknown`: the command has no such option; of `-xy`, one of the letters
   * - `no-value`: the value is missing or empty
   * - `no-boolean`: a switch has a value that is no boolean
   * - `no-equals`: the value is joined with something else than `=`
   * - `repeated`: what has one value is given more than once
   */
  readonly kind: "unknown" | "no-value" | "no-boolean" | "no-equals" | "repeated";
  /** The option, without dashes. */
  readonly name: string;
}

/** The words of a command line, taken apart. */
export interface ParsedWords {
  /** The options that were given, as texts. */
  readonly options: ParsedOptions;
  /** The words that are neither options nor their values. */
  readonly bare: readonly string[];
  /** The first thing that is wrong. */
  readonly finding: Finding | undefined;
}

/**
 * Takes the words behind a command's name apart, by the table of its options.
 *
 * @param given without `--` and what follows it
 */
export function parseOptions(specs: ReturnType<typeof optionsOf>, given: readonly string[]): ParsedWords {
  const words = joinNumbers(given);
  let finding: Finding | undefined;
  const find = (kind: Finding["kind"], name: string) => void (finding ??= { kind, name });

  const flags: Flags = {};
  for (const { name, kind } of specs) {
    flags[name] = kind === "switch" ? [Boolean] : [(text: string) => {
      // The parser hands in "" where there is no value.
      if (text === "") find("no-value", name);
      return text;
    }];
  }

  const switches = new Map<string, string>();
  const parsed = typeFlag(flags, [...words], {
    // Looks at each word in turn, and ignores none.
    ignore(type, name, value) {
      if (type === "unknown-flag") find("unknown", name);
      else if (type === "argument") {
        // The parser only knows names that begin with a Latin letter or a digit.
        if (name.startsWith("--")) find("unknown", name.slice(2).replace(/=.*$/s, ""));
      } else if (value !== undefined) {
        // The parser takes `--name:value` and `--name.value`, too.
        if (!words.some((word) => word.startsWith(`--${name}=`))) find("no-equals", name);
        switches.set(name, value);
      }
    },
  });

  const options: { -readonly [Name in keyof ParsedOptions]: ParsedOptions[Name] } = {};
  for (const { name, kind } of specs) {
    const values = parsed.flags[name] as readonly string[];
    if (values.length === 0) continue;
    if (values.length > 1 && kind !== "list") find("repeated", name);
    if (kind !== "switch") options[name] = kind === "list" ? values : values[0]!;
    else {
      const text = switches.get(name) ?? "true";
      const on = readSwitch(text);
      if (on === undefined) find(text === "" ? "no-value" : "no-boolean", name);
      else options[name] = on;
    }
  }
  return { options, bare: [...parsed._], finding };
}

/** Joins `--timeout -1` to `--timeout=-1`, as the parser would take the number for an option. */
function joinNumbers(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (const word of words) {
    const last = joined.at(-1);
    if (/^-\d/.test(word) && last?.startsWith("--") && !last.includes("=")) {
      joined[joined.length - 1] = `${last}=${word}`;
    } else joined.push(word);
  }
  return joined;
}
