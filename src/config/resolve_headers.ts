import { ConfigError } from "./config_error.ts";
import { type Environment, expandVariables } from "./environment.ts";
import type { Files } from "./files.ts";
import {
  checkHeader,
  type HeaderPair,
  type HeaderSource,
  mergeHeaders,
  parseHeaderFile,
  splitHeader,
} from "./headers.ts";
import type { OptionValue, OptionValues } from "./option_values.ts";

/**
 * Collects the headers that the options ask for.
 *
 * A header given in several ways: the command line wins over the environment; there, an option made for the
 * header (`--auth-token`, `--api-key`, `--user-agent`) and another option that sets it to something else
 * contradict each other; otherwise `--header` wins over `--headers`, and that over `--header-file`.
 *
 * @param userAgent the `User-Agent` when nobody sets one
 * @throws {ConfigError} never showing a value
 */
export function resolveHeaders(
  values: OptionValues,
  environment: Environment,
  files: Files,
  userAgent: string,
): { headers: HeaderPair[]; userAgent: string } {
  const sources: HeaderSource[] = [];
  const add = (
    option: OptionValue<unknown>,
    order: number,
    exclusive: boolean,
    entries: readonly HeaderEntry[],
  ) => {
    const headers = entries.map(({ header: [name, raw], where, literal }): HeaderPair => {
      const header: HeaderPair = [name, literal ? raw : expandVariables(raw, environment, where).trim()];
      checkHeader(header, where);
      return header;
    });
    sources.push({
      where: option.where,
      rank: option.level * 10 + order,
      level: option.level,
      exclusive,
      headers,
    });
  };

  const agent = values.text("user-agent");
  if (agent !== undefined && agent.level > 0) {
    requireText(agent);
    add(agent, 4, true, [{ header: ["User-Agent", agent.value], where: agent.where }]);
  }
  const token = bearerToken(values, files);
  if (token !== undefined) {
    const { value, where, literal } = token;
    add(token, 4, true, [{ header: ["Authorization", `Bearer ${value}`], where, literal }]);
  }
  const key = values.text("api-key");
  if (key !== undefined) {
    requireText(key);
    add(key, 4, true, [{ header: ["X-API-Key", key.value], where: key.where }]);
  }
  const single = values.list("header");
  add(single, 3, false, single.value.map((text) => entry(text, single.where)));
  const joined = values.list("headers");
  const parts = joined.value.flatMap((text) => text.split(",")).filter((part) => part.trim() !== "");
  add(joined, 2, false, parts.map((text) => entry(text, joined.where)));
  const file = values.text("header-file");
  if (file !== undefined) {
    const where = `${file.where} ${file.value}`;
    add(file, 1, false, parseHeaderFile(files.readText(file.value, file.where), where));
  }

  const merged = mergeHeaders(sources);
  const isAgent = ([name]: HeaderPair) => name.toLowerCase() === "user-agent";
  return {
    headers: merged.filter((header) => !isAgent(header)),
    userAgent: merged.findLast(isAgent)?.[1] ?? userAgent,
  };
}

/** A header with the place it comes from. */
interface HeaderEntry {
  readonly header: HeaderPair;
  readonly where: string;
  /** Its value is taken as it is, without variables. */
  readonly literal?: boolean;
}

function entry(text: string, where: string): HeaderEntry {
  return { header: splitHeader(text, where), where };
}

function bearerToken(
  values: OptionValues,
  files: Files,
): OptionValue<string> & { readonly literal: boolean } | undefined {
  const token = values.text("auth-token");
  const file = values.text("auth-token-file");
  if (token !== undefined && file !== undefined && token.level === file.level) {
    throw new ConfigError(`${token.where} and ${file.where} contradict each other; give only one`);
  }
  if (file === undefined || (token !== undefined && token.level > file.level)) {
    if (token !== undefined) requireText(token);
    return token === undefined ? undefined : { ...token, value: withoutScheme(token.value), literal: false };
  }
  const text = files.readText(file.value, file.where).replace(/^\ufeff/, "").trim();
  const where = `${file.where} ${file.value}`;
  if (text === "") throw new ConfigError(`${where} is empty`);
  if (/[\r\n]/.test(text)) throw new ConfigError(`${where} holds more than one line`);
  return { value: withoutScheme(text), where, level: file.level, literal: true };
}

/** People paste `Bearer …`; sent twice it would be refused. */
function withoutScheme(token: string): string {
  return token.trim().replace(/^Bearer\s+/i, "");
}

function requireText(option: OptionValue<string>): void {
  if (option.value.trim() === "") throw new ConfigError(`${option.where} is empty`);
}
