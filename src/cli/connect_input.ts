import { ConfigError } from "../config/config_error.ts";
import { type Environment, processEnvironment } from "../config/environment.ts";
import { type Files, machineFiles } from "../config/files.ts";
import { type BalancingCommand, wantsPool } from "../config/named_upstreams.ts";
import { type OptionValues, optionValues } from "../config/option_values.ts";
import { resolveSettings } from "../config/resolve_settings.ts";
import type { ConnectSettings, SignInSettings } from "../config/settings.ts";
import { within } from "../link/pause.ts";
import type { CommandPlatform } from "../link/split_command_line.ts";
import { createLogger, type Logger } from "../telemetry/logger.ts";
import { unusedKinds } from "../permissions/unused_kinds.ts";
import type { CommandName } from "../config/options.ts";
import type { CommandInput } from "./application.ts";

/** Where settings come from, beside the command line. */
export interface SettingsSources {
  readonly environment: Environment;
  readonly files: Files;
}

/**
 * The options of a command that connects and the settings they make, from its input and this process's
 * environment and files.
 *
 * @throws {ConfigError} on wrong input
 */
export function connectInput(
  command: "test" | "login" | "logout",
  input: CommandInput,
  { environment, files }: SettingsSources = ownSources(),
): { readonly values: OptionValues; readonly settings: ConnectSettings } {
  const values = optionValues(command, input.options, environment);
  return {
    values,
    settings: resolveSettings(values, { ...input, platform: platform() }, environment, files),
  };
}

/** The rules by which this system's command lines are read. */
export function platform(): CommandPlatform {
  return Deno.build.os === "windows" ? "windows" : "posix";
}

/** This process's environment, and this machine's files. */
function ownSources(): SettingsSources {
  return { environment: processEnvironment(), files: machineFiles() };
}

/**
 * The settings of a command that may spread requests over several upstreams. What reads those is loaded only where they
 * are.
 *
 * @throws {ConfigError} on wrong input
 */
export async function balancingInput(
  command: BalancingCommand,
  input: CommandInput,
  { environment, files }: SettingsSources = ownSources(),
): Promise<ConnectSettings> {
  const values = optionValues(command, input.options, environment);
  const named = { ...input, platform: platform() };
  const balance = wantsPool(command, values, named)
    ? (await import("../config/resolve_balance.ts")).resolveBalance
    : undefined;
  return resolveSettings(values, named, environment, files, balance);
}

/**
 * The URL and the settings of a sign-in.
 *
 * @throws {ConfigError} when the endpoint is none that is signed in to
 */
export function requireSignIn(
  { endpoint, balance, signIn }: ConnectSettings,
): { readonly url: URL; readonly signIn: SignInSettings } {
  const others = balance === undefined
    ? []
    : [...balance.upstreams, ...balance.sources.flatMap((it) => it.kind === "file" ? [] : [it.upstream])];
  if (endpoint.kind !== "http" || others.some((it) => it.endpoint.kind !== "http")) {
    throw new ConfigError("only servers at an http or https URL are signed in to");
  }
  if (signIn === undefined) {
    throw new ConfigError(
      "nothing is signed in to with --oauth off, or with an Authorization header of your own",
    );
  }
  return { url: endpoint.url, signIn };
}

/** Names of headers and variables whose values are secret. */
const SECRET_NAME = /auth|cookie|credential|key|pass|secret|session|token/i;
/** Names of headers whose values are known to be none; those of all others may be. */
const HARMLESS_HEADER =
  /^(?:user-agent|accept-language|origin|referer|from|x-request-id|traceparent|tracestate)$/i;
/** Shorter values of unknown headers are words more often than secrets, in characters. */
const SECRET_LENGTH = 8;

/**
 * A logger that knows the secrets of the settings, and writes to the log file where there is one.
 *
 * @throws {ConfigError} when a permission for that file is missing
 */
export async function connectLogger(settings: ConnectSettings): Promise<Logger> {
  const { level, format, file } = settings.log;
  const logger = createLogger({ level, format });
  const headers = settings.headers.filter(([name, value]) =>
    SECRET_NAME.test(name) || (value.length >= SECRET_LENGTH && !HARMLESS_HEADER.test(name))
  );
  const variables = Object.entries(settings.env).filter(([name]) => SECRET_NAME.test(name));
  for (const [, value] of [...headers, ...variables]) {
    logger.secret(value);
    // Of "Bearer TOKEN" the second word alone is secret too.
    const scheme = /^[A-Za-z][A-Za-z0-9-]* +(\S.*)$/.exec(value);
    if (scheme !== null) logger.secret(scheme[1]!);
  }
  if (file === undefined) return logger;
  const { withLogFile } = await import("./log_to_file.ts");
  return withLogFile(logger, file, format);
}

/**
 * Gives up the kinds of permissions that a command has no use for, where the process is its own. A grant of all of `net`
 * can't be narrowed: that is for the flags to do.
 */
export function giveUpUnused(
  command: CommandName,
  { process }: CommandInput,
  settings: ConnectSettings,
  logger: Logger,
): void {
  if (process === undefined) return;
  const kinds = unusedKinds({ command, settings, os: Deno.build.os });
  process.giveUp(kinds);
  logger.debug("gave up what it has no use for", { kinds: kinds.join(" ") });
}

/**
 * Warns where Deno does not permit the store that the user has named. Of the platform's own place nothing is said: nobody has
 * asked for that.
 */
export function warnOfStore({ options }: CommandInput, { store }: ConnectSettings, logger: Logger): void {
  if (store === undefined) return;
  const variable = processEnvironment()("MCP_CONNECT_STORE");
  if (options.store === undefined && (variable.kind !== "set" || variable.value.trim() === "")) return;
  const missing = (["read", "write"] as const).filter((name) =>
    Deno.permissions.querySync({ name, path: store }).state !== "granted"
  );
  if (missing.length === 0) return;
  const flags = missing.map((name) => `--allow-${name}=${store}`).join(" ");
  logger.warn("the store can't be used: nothing is kept when this program ends", {
    store,
    hint: `run Deno with ${flags}`,
  });
}

/** How long the last lines of the log may take, in milliseconds. */
const LOG_FLUSH_MS = 500;

/** Waits until the log is written, but not for whoever does not read it. */
export async function flushLog(logger: Logger): Promise<void> {
  await within(logger.flush(), LOG_FLUSH_MS);
}
