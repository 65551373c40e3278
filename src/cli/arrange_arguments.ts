import { isCommon, OPTIONS } from "../config/options.ts";

/** The words that stand for a command. */
export const COMMANDS = [
  "proxy",
  "load-balance",
  "auth-proxy",
  "test",
  "login",
  "logout",
  "status",
  "permissions",
  "notification-demo",
  "completions",
  "version",
  "help",
] as const;

/** The command line, put into the order that the parser wants. */
export interface Arrangement {
  /** The command and its options and bare arguments; options that stood before the command come after it. */
  readonly words: readonly string[];
  /** What follows the first `--`, untouched; undefined when there is none. */
  readonly vector: readonly string[] | undefined;
  /** The command's name as given or implied; undefined when there is none or it is unknown. */
  readonly command: typeof COMMANDS[number] | undefined;
  /** `proxy` was not written but is meant. */
  readonly implied: boolean;
}

/** Options that may stand before the command, and whether they take a value: those all commands have. */
const GLOBAL: ReadonlyMap<string, boolean> = new Map(
  OPTIONS.filter(isCommon).map((o) => [`--${o.name}`, o.kind !== "switch"]),
);

/** Options that ask about the program and need no command; before `--` they win over everything else. */
export const ASKS: ReadonlySet<string> = new Set(["--help", "-h", "--version", "-V"]);

/**
 * Finds the command. `--debug` and its like may stand before it. When the first other word is an option, or
 * looks like an endpoint (it holds a colon, slash, backslash or space), or there is none and the endpoint comes
 * after `--` or from the environment, the command is `proxy`.
 *
 * @param hasEndpoint tells whether the environment names the endpoint
 */
export function arrangeArguments(
  args: readonly string[],
  hasEndpoint: () => boolean = () => false,
): Arrangement {
  const dashes = args.indexOf("--");
  const vector = dashes < 0 ? undefined : args.slice(dashes + 1);
  const words = dashes < 0 ? args : args.slice(0, dashes);

  let start = 0;
  while (start < words.length) {
    const takesValue = GLOBAL.get(words[start]!.replace(/=.*$/s, ""));
    if (takesValue === undefined) break;
    start += takesValue && !words[start]!.includes("=") ? 2 : 1;
  }
  const before = words.slice(0, start);
  const first = words[start];
  const rest = words.slice(start + 1);

  if (first !== undefined) {
    const command = COMMANDS.find((name) => name === first);
    if (command !== undefined || ASKS.has(first)) {
      return { words: [first, ...before, ...rest], vector, command, implied: false };
    }
    if (!first.startsWith("-") && !/[:/\\\s]/.test(first)) {
      return { words: [first, ...before, ...rest], vector, command: undefined, implied: false };
    }
  } else if (vector === undefined && !hasEndpoint()) {
    return { words: before, vector, command: undefined, implied: false };
  }
  return {
    words: ["proxy", ...before, ...(first === undefined ? [] : [first]), ...rest],
    vector,
    command: "proxy",
    implied: true,
  };
}
