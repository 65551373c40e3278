import type { LogLevel } from "../telemetry/logger.ts";
import { defaultDirectory } from "../store/default_directory.ts";
import { USER_AGENT } from "../version.ts";
import { parseCertificates } from "./certificates.ts";
import { resolveClientCertificate } from "./client_certificate.ts";
import { ConfigError } from "./config_error.ts";
import type { Environment } from "./environment.ts";
import type { Files } from "./files.ts";
import { parseSeconds, parseSize, parseWhole } from "./numbers.ts";
import { oneOf, type OptionValues } from "./option_values.ts";
import { checkTransport, type EndpointInput, resolveEndpoint } from "./resolve_endpoint.ts";
import type { ResolveBalance } from "./resolve_balance.ts";
import { resolveFallbacks } from "./resolve_fallbacks.ts";
import { resolveHeaders } from "./resolve_headers.ts";
import { resolveOAuth } from "./resolve_oauth.ts";
import type { ConnectSettings, LogFileSettings, LogSettings } from "./settings.ts";

/**
 * Makes the settings of a command that connects, or explains what is wrong with the first option that is.
 *
 * @param balance where requests are spread over several upstreams; else there is one endpoint
 * @throws {ConfigError} in one line, without secrets
 */
export function resolveSettings(
  values: OptionValues,
  input: EndpointInput,
  environment: Environment,
  files: Files,
  balance?: ResolveBalance,
): ConnectSettings {
  const file = resolveLogFile(values);
  const log = { ...resolveLog(values), ...(file === undefined ? {} : { file }) };
  const seconds = (
    name: "timeout" | "request-timeout" | "max-request-time" | "drain-timeout" | "keep-alive",
    zero = false,
  ) => {
    const option = values.required(name);
    return parseSeconds(option.value, option.where, zero);
  };
  const whole = (
    name: "retry-attempts" | "retry-delay" | "max-in-flight",
    least: number,
    most: number,
    unit?: string,
  ) => {
    const option = values.required(name);
    return parseWhole(option.value, option.where, least, most, unit);
  };

  const keepAliveMs = seconds("keep-alive", true);
  const requestTimeoutMs = seconds("request-timeout");
  let maxRequestTimeMs = seconds("max-request-time");
  if (maxRequestTimeMs < requestTimeoutMs) {
    const ceiling = values.required("max-request-time");
    if (ceiling.level > 0) {
      throw new ConfigError(`${ceiling.where} is less than ${values.required("request-timeout").where}`);
    }
    maxRequestTimeMs = requestTimeoutMs;
  }

  const size = values.required("max-message-size");
  const connectTimeout = values.text("connect-timeout");
  const numbers = {
    timeoutMs: seconds("timeout"),
    ...(connectTimeout === undefined
      ? {}
      : { connectTimeoutMs: parseSeconds(connectTimeout.value, connectTimeout.where) }),
    requestTimeoutMs,
    maxRequestTimeMs,
    drainTimeoutMs: seconds("drain-timeout", true),
    retryAttempts: whole("retry-attempts", 0, 1000),
    retryDelayMs: whole("retry-delay", 0, 86_400_000, " of milliseconds"),
    ...(keepAliveMs === 0 ? {} : { keepAliveMs }),
    maxMessageSize: parseSize(size.value, size.where),
    maxInFlight: whole("max-in-flight", 1, 1_000_000),
  };

  // After the numbers: one whose value was forgotten takes the endpoint for it.
  const transportOption = values.required("transport");
  const transport = oneOf(transportOption, ["auto", "http", "sse", "stdio", "tcp"]);
  const several = balance?.(values, input, { value: transport, where: transportOption.where }, files);
  const endpoint = several?.endpoint ?? resolveEndpoint(values, input);
  if (several === undefined) checkTransport(transport, endpoint, transportOption.where);
  const protocolOption = values.required("protocol");
  const protocol = oneOf(protocolOption, ["auto", "legacy", "modern"]);
  if (protocol === "modern" && transport === "sse") {
    throw new ConfigError(
      `${protocolOption.where} modern does not go with ${transportOption.where} sse, which is of the legacy era`,
    );
  }

  const store = resolveStore(values, environment);
  const headers = resolveHeaders(values, environment, files, USER_AGENT);
  // A token of the user's own is shown as it is: no tab opens because a server refuses it.
  const own = headers.headers.some(([name]) => name.toLowerCase() === "authorization");
  const signIn = resolveOAuth(values, files);
  const http = several?.http ?? endpoint.kind === "http";
  const cwd = values.text("cwd");
  if (cwd !== undefined) files.checkDirectory(cwd.value, cwd.where);
  const certificates = values.list("ca-cert");
  const clientCertificate = resolveClientCertificate(values, files);

  return {
    endpoint,
    ...(several === undefined ? {} : { balance: several.balance }),
    transport,
    protocol,
    cache: !values.switch("no-cache").value,
    ...(store === undefined ? {} : { store }),
    ...numbers,
    fallbacks: resolveFallbacks(values, endpoint, input.platform),
    returnToFirst: oneOf(values.required("fallback-return"), ["auto", "never"]) === "auto",
    ...headers,
    ...(own || signIn === undefined || !http ? {} : { signIn }),
    allowTools: globs(values, "allow-tool"),
    ignoreTools: globs(values, "ignore-tool"),
    ...(cwd === undefined ? {} : { cwd: cwd.value }),
    env: commandVariables(values),
    caCerts: certificates.value.flatMap((path) =>
      parseCertificates(files.readText(path, certificates.where), `${certificates.where} ${path}`)
    ),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    cookies: !values.switch("no-cookies").value,
    log,
  };
}

/** The store's directory; absent where it is not wanted, or the environment does not tell of a place for it. */
export function resolveStore(values: OptionValues, environment: Environment): string | undefined {
  if (values.switch("no-store").value) return undefined;
  return values.text("store")?.value ?? defaultDirectory(Deno.build.os, (name) => {
    const variable = environment(name);
    return variable.kind === "set" ? variable.value : undefined;
  });
}

/** The settings of the log, which all commands have. @throws {ConfigError} on an unknown level or format */
export function resolveLog(values: OptionValues): LogSettings {
  const debug = values.switch("debug");
  const level = values.required("log-level");
  const words: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error"];
  const named = oneOf(level, words);
  return {
    // A level on the command line or in the environment is meant; `--debug` only replaces the default.
    level: debug.value && level.level === 0 ? "debug" : named,
    format: oneOf(values.required("log-format"), ["text", "json"]),
    debug: debug.value,
  };
}

/** The log file, where one is asked for. @throws {ConfigError} on a size or number that is none */
function resolveLogFile(values: OptionValues): LogFileSettings | undefined {
  const file = values.text("log-file");
  const size = values.required("log-file-size");
  const count = values.required("log-file-count");
  const [maxSize, most] = [parseSize(size.value, size.where), parseWhole(count.value, count.where, 1, 100)];
  return file === undefined ? undefined : { path: file.value, maxSize, count: most };
}

function globs(values: OptionValues, name: "allow-tool" | "ignore-tool"): string[] {
  const option = values.list(name);
  return option.value.map((glob) => {
    const trimmed = glob.trim();
    if (trimmed === "") {
      throw new ConfigError(`${option.where} takes a tool's name, with * and ? as wildcards`);
    }
    return trimmed;
  });
}

function commandVariables(values: OptionValues): Record<string, string> {
  const option = values.list("env");
  return Object.fromEntries(option.value.map((text) => {
    const equals = text.indexOf("=");
    const name = equals < 0 ? "" : text.slice(0, equals);
    if (name.trim() === "" || /[\s\0]/.test(name)) {
      throw new ConfigError(`${option.where} takes NAME=VALUE${equals < 0 ? ', but there is no "="' : ""}`);
    }
    if (text.includes("\0")) {
      throw new ConfigError(`${option.where}: the value of ${name} holds a NUL character`);
    }
    return [name, text.slice(equals + 1)];
  }));
}
