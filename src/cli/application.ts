import {
  type Application,
  buildApplication,
  buildCommand,
  buildRouteMap,
  type Command,
  type CommandContext,
  ExitCode as ParserCode,
  run,
  type StricliProcess,
} from "@stricli/core";
import { ConfigError } from "../config/config_error.ts";
import type { ParsedOptions } from "../config/option_values.ts";
import { type CommandName, optionsOf, type OptionSpec } from "../config/options.ts";
import { VERSION } from "../version.ts";
import { arrangeArguments, type Arrangement, ASKS, COMMANDS } from "./arrange_arguments.ts";
import { errorText, unexpectedError, unknownCommand, unknownOption } from "./error_text.ts";
import { ExitCode } from "./exit_codes.ts";
import { writeError, writeOut } from "./write_text.ts";

/** What a command gets from the command line. */
export interface CommandInput {
  /** The options that were given, as texts. */
  readonly options: ParsedOptions;
  /** Bare arguments, before `--`. */
  readonly bare: readonly string[];
  /** What follows `--`, untouched; undefined when there is none. */
  readonly vector: readonly string[] | undefined;
}

/** A command: takes its input and returns the exit code. Throws {@linkcode ConfigError} on wrong input. */
export type RunCommand = (input: CommandInput) => number | Promise<number>;

/** How each command's code is loaded; only that of the called one is. */
export type CommandLoaders = Readonly<Record<CommandName, () => Promise<RunCommand>>>;

const LOADERS: CommandLoaders = {
  proxy: async () => (await import("./proxy_command.ts")).proxyCommand,
  test: async () => (await import("./test_command.ts")).testCommand,
  "notification-demo": async () => (await import("./notification_demo_command.ts")).notificationDemoCommand,
};

/**
 * Runs the program: finds the command, parses its options and runs it. What is wrong with the command line is
 * told in one line on stderr. Never throws.
 *
 * @param args the arguments without the program's name
 * @param loaders tests hand in commands of their own
 * @returns the exit code
 */
export async function runCommandLine(
  args: readonly string[],
  loaders: CommandLoaders = LOADERS,
): Promise<number> {
  const debug = args.includes("--debug");
  try {
    const arrangement = arrangeArguments(args);
    const [first] = arrangement.words;
    if (arrangement.command === undefined && (first === undefined || !ASKS.has(first))) {
      const missing = first === undefined || first.startsWith("-");
      return usageError(missing ? NO_COMMAND : unknownCommand(first));
    }
    return await parseAndRun(arrangement, loaders, debug);
  } catch (error) {
    writeError(`${unexpectedError(error, debug)}\n`);
    return ExitCode.Unexpected;
  }
}

const NO_COMMAND = `mcp-connect: no command given (${COMMANDS.join(", ")}). See mcp-connect --help`;

function usageError(line: string): number {
  writeError(`${line}\n`);
  return ExitCode.Usage;
}

async function parseAndRun(
  arrangement: Arrangement,
  loaders: CommandLoaders,
  debug: boolean,
): Promise<number> {
  let status: number | undefined;
  const process: StricliProcess = {
    stdout: { write: (text) => void writeOut(text) },
    stderr: { write: (text) => void writeError(text) },
  };
  const application = buildTree(arrangement, loaders, debug, (code) => status = code);
  await run(application, arrangement.words, { process });
  return status ?? exitCodeOf(Number(process.exitCode));
}

/** The parser's own exit codes in ours. */
function exitCodeOf(code: number): number {
  switch (code) {
    case ParserCode.Success:
      return ExitCode.Ok;
    case ParserCode.UnknownCommand:
    case ParserCode.InvalidArgument:
      return ExitCode.Usage;
    default:
      // What a command threw has been translated by `determineExitCode`.
      return code > 0 ? code : ExitCode.Unexpected;
  }
}

function buildTree(
  arrangement: Arrangement,
  loaders: CommandLoaders,
  debug: boolean,
  finished: (status: number) => void,
): Application<CommandContext> {
  const command = (name: CommandName) => connectCommand(name, loaders[name], arrangement, finished);
  const routes: Record<string, Command<CommandContext>> = {
    proxy: command("proxy"),
    test: command("test"),
    "notification-demo": command("notification-demo"),
    help: helpCommand(finished),
  };
  const root = buildRouteMap({ routes, docs: { brief: "Connects any MCP client to any MCP server" } });
  return buildApplication(root, {
    name: "mcp-connect",
    documentation: { disableAnsiColor: true },
    // We look for what was meant ourselves (`nearest`); the parser would do so for every option, known or not.
    scanner: {
      distanceOptions: {
        threshold: 0,
        weights: { insertion: 1, deletion: 1, substitution: 1, transposition: 1 },
      },
    },
    localization: { text: errorText(arrangement, debug) },
    determineExitCode: (error) => {
      if (!(error instanceof ConfigError)) return ExitCode.Unexpected;
      return error.code === "permission" ? ExitCode.Permission : ExitCode.Usage;
    },
  }, {
    help: {
      flag: {
        brief: "print this help",
        aliases: ["h"],
        global: true,
        async run(_app, { result }) {
          const { helpFor } = await import("./help_text.ts");
          writeOut(helpFor(COMMANDS.find((name) => name === result.prefix[1])));
        },
      },
    },
    version: {
      flag: {
        brief: "print the version",
        aliases: ["V"],
        global: true,
        run() {
          writeOut(`mcp-connect ${VERSION}\n`);
        },
      },
    },
  });
}

/** A flag for the parser that hands the text through; its value is checked where the environment's is, too. */
function flagOf(option: OptionSpec) {
  const { brief } = option;
  if (option.kind === "switch") {
    return { kind: "boolean", brief, optional: true, withNegated: false } as const;
  }
  const variadic = option.kind === "list" ? { variadic: true } as const : {};
  return { kind: "parsed", brief, parse: String, optional: true, ...variadic } as const;
}

function connectCommand(
  name: CommandName,
  load: () => Promise<RunCommand>,
  arrangement: Arrangement,
  finished: (status: number) => void,
): Command<CommandContext> {
  // No prototype: the parser looks names up in here, and `--constructor` must not be found.
  const flags: Record<string, ReturnType<typeof flagOf>> = Object.create(null);
  for (const option of optionsOf(name)) flags[option.name] = flagOf(option);
  return buildCommand<ParsedOptions, string[], CommandContext>({
    parameters: {
      // The types tie flags to one fixed interface; ours come from the table of options.
      flags: flags as never,
      positional: {
        kind: "array",
        parameter: { brief: "the endpoint", parse: String, placeholder: "ENDPOINT" },
      },
    },
    docs: { brief: name },
    async func(options, ...bare) {
      checkBare(bare, arrangement);
      const runCommand = await load();
      finished(await runCommand({ options, bare, vector: arrangement.vector }));
    },
  });
}

/** Refuses bare arguments that were meant as something else. */
function checkBare(bare: readonly string[], arrangement: Arrangement): void {
  for (const word of bare) {
    if (!word.startsWith("--") || word === "--") continue;
    const name = word.slice(2).replace(/=.*$/s, "");
    const known = optionsOf(arrangement.command as CommandName).some((option) => option.name === name);
    // The parser takes `--name=` and `--name=` followed by a line break for a bare argument.
    if (!known) throw new ConfigError(unknownOption(name, arrangement));
    throw new ConfigError(
      word.endsWith("=")
        ? `--${name} has an empty value`
        : `--${name}= can't take a line break; write --${name} VALUE`,
    );
  }
  const [first] = bare;
  if (arrangement.implied && COMMANDS.some((name) => name === first)) {
    throw new ConfigError(`the command comes before its options: mcp-connect ${first} …`);
  }
}

function helpCommand(finished: (status: number) => void): Command<CommandContext> {
  return buildCommand<Record<never, never>, string[], CommandContext>({
    parameters: {
      flags: {},
      positional: { kind: "array", parameter: { brief: "a command", parse: String, placeholder: "COMMAND" } },
    },
    docs: { brief: "help" },
    async func(_options, ...topics) {
      const [topic] = topics;
      const command = COMMANDS.find((name) => name === topic);
      if (topic !== undefined && command === undefined) return finished(usageError(unknownCommand(topic)));
      const { helpFor } = await import("./help_text.ts");
      writeOut(helpFor(command));
      finished(ExitCode.Ok);
    },
  });
}
