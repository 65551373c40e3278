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
 * Takes the words behind a command's name apart, by the table of its options. An option is `--name value` or
 * `--name=value`; a value that begins with a dash needs the second form, unless it is a number or the dash alone. A
 * switch has a value only behind `=`.
 *
 * @param given without `--` and what follows it
 */
export function parseOptions(specs: ReturnType<typeof optionsOf>, given: readonly string[]): ParsedWords {
  let finding: Finding | undefined;
  const find = (kind: Finding["kind"], name: string) => void (finding ??= { kind, name });
  const known = new Map(specs.map((spec) => [spec.name as string, spec]));
  const found = new Map<string, string[]>();
  const bare: string[] = [];

  for (let i = 0; i < given.length; i++) {
    const word = given[i]!;
    if (!word.startsWith("-") || word === "-") {
      bare.push(word);
      continue;
    }
    if (!word.startsWith("--")) {
      // There are no options of one letter.
      find("unknown", [...word][1]!);
      continue;
    }
    const equals = word.indexOf("=");
    const name = word.slice(2, equals < 0 ? undefined : equals);
    const spec = known.get(name);
    if (spec === undefined) {
      // `--timeout:5`
      const start = /^[^:.]+/.exec(name)?.[0] ?? "";
      if (known.has(start)) find("no-equals", start);
      else find("unknown", name);
      continue;
    }
    let value = equals < 0 ? undefined : word.slice(equals + 1);
    if (value === undefined && isValue(given[i + 1], spec.kind)) value = given[++i]!;
    if (spec.kind !== "switch" && (value ?? "") === "") find("no-value", name);
    const text = value ?? (spec.kind === "switch" ? "true" : "");
    const values = found.get(name);
    if (values === undefined) found.set(name, [text]);
    else values.push(text);
  }

  const options: { -readonly [Name in keyof ParsedOptions]: ParsedOptions[Name] } = {};
  for (const [name, values] of found) {
    const { name: option, kind } = known.get(name)!;
    if (values.length > 1 && kind !== "list") find("repeated", option);
    if (kind !== "switch") options[option] = kind === "list" ? values : values[0]!;
    else {
      const text = values.at(-1)!;
      const on = readSwitch(text);
      if (on === undefined) find(text === "" ? "no-value" : "no-boolean", option);
      else options[option] = on;
    }
  }
  return { options, bare, finding };
}

/** Whether a word is taken for the value of the option before it. */
function isValue(word: string | undefined, kind: "switch" | "value" | "list"): boolean {
  if (word === undefined) return false;
  const dashed = word.startsWith("-") && word !== "-";
  return /^-\.?\d/.test(word) || (kind !== "switch" && !dashed);
}
