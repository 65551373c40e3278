import { ConfigError, isConfigError } from "../config/config_error.ts";
import { processEnvironment } from "../config/environment.ts";
import type { ParsedOptions } from "../config/option_values.ts";
import { type CommandName, optionsOf } from "../config/options.ts";
import type { PermissionKind } from "../permissions/unused_kinds.ts";
import type { HeadStart } from "../start/head_start.ts";
import { VERSION } from "../version.ts";
import { arrangeArguments, type Arrangement, ASKS, COMMANDS } from "./arrange_arguments.ts";
import { ExitCode } from "./exit_codes.ts";
import type { ParsedWords } from "./parse_options.ts";
import { unexpectedError, writeError, writeOut } from "./write_text.ts";

/** What a command gets from the command line. */
export interface CommandInput {
  /** The options that were given, as texts. */
  readonly options: ParsedOptions;
  /** Bare arguments, before `--`. */
  readonly bare: readonly string[];
  /** What follows `--`, untouched; undefined when there is none. */
  readonly vector: readonly string[] | undefined;
  /** What belongs to this process; absent: the command runs in one that is not its own. */
  readonly process?: OwnProcess;
}

/** What a command may have of a process that is there for it alone. */
export interface OwnProcess {
  /** The address of the program's main module. */
  readonly main: string;
  /** Gives kinds of permissions up, for good. */
  readonly giveUp: (kinds: readonly PermissionKind[]) => void;
  /** What has been done for the client already; absent: nothing. */
  readonly headStart?: HeadStart;
}

/** A command: takes its input and returns the exit code. Throws {@linkcode ConfigError} on wrong input. */
export type RunCommand = (input: CommandInput) => number | Promise<number>;

/** How each command's code is loaded; only that of the called one is. */
export type CommandLoaders = Readonly<Record<CommandName, () => Promise<RunCommand>>>;

/** The commands that there are. */
export const LOADERS: CommandLoaders = {
  proxy: async () => (await import("./proxy_command.ts")).proxyCommand,
  "load-balance": async () => (await import("./proxy_command.ts")).loadBalanceCommand,
  "auth-proxy": async () => (await import("./proxy_command.ts")).authProxyCommand,
  test: async () => (await import("./test_command.ts")).testCommand,
  login: async () => (await import("./login_command.ts")).loginCommand,
  logout: async () => (await import("./logout_command.ts")).logoutCommand,
  status: async () => (await import("./status_command.ts")).statusCommand,
  permissions: async () => (await import("./permissions_command.ts")).permissionsCommand,
  "notification-demo": async () => (await import("./notification_demo_command.ts")).notificationDemoCommand,
  completions: async () => (await import("./completions_command.ts")).completionsCommand,
  version: async () => (await import("./version_command.ts")).versionCommand,
};

/**
 * Runs the program: finds the command, parses its options and runs it. What is wrong with the command line is
 * told in one line on stderr. Never throws.
 *
 * @param args the arguments without the program's name
 * @param loaders tests hand in commands of their own
 * @param process what belongs to this process, where it is there for the command alone
 * @returns the exit code
 */
export async function runCommandLine(
  args: readonly string[],
  loaders: CommandLoaders = LOADERS,
  process?: OwnProcess,
): Promise<number> {
  const arrangement = arrangeArguments(args, hasEndpoint);
  try {
    return await runArranged(arrangement, loaders, process);
  } catch (error) {
    if (!isConfigError(error)) {
      writeError(`${unexpectedError(error, args.includes("--debug"))}\n`);
      return ExitCode.Unexpected;
    }
    const { configError } = await import("./error_text.ts");
    writeError(`${configError(error, arrangement.command)}\n`);
    return error.code === "permission" ? ExitCode.Permission : ExitCode.Usage;
  }
}

/** Whether the environment names an endpoint. */
function hasEndpoint(): boolean {
  const environment = processEnvironment();
  return ["MCP_CONNECT_ENDPOINT", "MCP_CONNECT_ENDPOINTS", "MCP_CONNECT_ENDPOINTS_FILE"].some((name) => {
    const variable = environment(name);
    return variable.kind === "set" && variable.value !== "";
  });
}

async function runArranged(
  arrangement: Arrangement,
  loaders: CommandLoaders,
  process: OwnProcess | undefined,
): Promise<number> {
  const { command, vector } = arrangement;
  const own = process === undefined ? {} : { process };
  const [first, ...words] = arrangement.words;
  const asked = arrangement.words.find((word) => ASKS.has(word));
  if (asked !== undefined) return asked === "--help" || asked === "-h" ? printHelp(command) : printVersion();
  if (command === undefined) throw await usageError((text) => text.unknownCommand(first));

  // What follows it is another command's.
  if (command === "permissions") {
    return await (await loaders.permissions())({ options: {}, bare: words, vector, ...own });
  }
  const { options, bare, finding } = await parseWords(command, words);
  if (finding !== undefined) throw await usageError((text) => text.findingText(finding, command, words));

  const named = COMMANDS.find((name) => name === bare[0]);
  if (command === "help") {
    if (named === undefined && bare[0] !== undefined) {
      throw await usageError((text) => text.unknownCommand(bare[0]));
    }
    return printHelp(named);
  }
  if (arrangement.implied && named !== undefined) {
    throw new ConfigError(`the command comes before its options: mcp-connect ${named} …`);
  }
  return await (await loaders[command]())({ options, bare, vector, ...own });
}

/** The parser is loaded only when there is an option. */
async function parseWords(command: typeof COMMANDS[number], words: readonly string[]): Promise<ParsedWords> {
  if (!words.some((word) => word.startsWith("-"))) return { options: {}, bare: words, finding: undefined };
  const { parseOptions } = await import("./parse_options.ts");
  return parseOptions(command === "help" ? [] : optionsOf(command), words);
}

/** The error with a text of the module that only wrong command lines need. */
async function usageError(
  tell: (text: typeof import("./error_text.ts")) => string,
): Promise<ConfigError> {
  return new ConfigError(tell(await import("./error_text.ts")));
}

async function printHelp(command?: typeof COMMANDS[number]): Promise<number> {
  const { helpFor } = await import("./help_text.ts");
  writeOut(helpFor(command));
  return ExitCode.Ok;
}

function printVersion(): number {
  writeOut(`mcp-connect ${VERSION}\n`);
  return ExitCode.Ok;
}
