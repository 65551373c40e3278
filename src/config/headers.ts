import { ConfigError } from "./config_error.ts";

/** A header's name as written and its value. */
export type HeaderPair = readonly [name: string, value: string];

/** RFC 9110 section 5.6.2: a field name is a token. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Headers that a transport sets itself, where a user's value would break the protocol: message framing
 * (RFC 9112 section 6), connection handling (RFC 9110 section 7.6.1) and the ones MCP gives a meaning.
 */
const OWNED = new Set([
  "accept",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "keep-alive",
  "last-event-id",
  "mcp-method",
  "mcp-name",
  "mcp-protocol-version",
  "mcp-session-id",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Splits `Name: value` at the first colon and trims both sides. Values are checked after the expansion of
 * variables, by {@linkcode checkHeader}.
 *
 * @param where names the option (and the line) in errors; the text is never shown, as it may hold a secret
 * @throws {ConfigError} when there is no colon or the name is no token
 */
export function splitHeader(text: string, where: string): HeaderPair {
  const colon = text.indexOf(":");
  if (colon < 0) throw new ConfigError(`${where} takes "Name: value", but there is no colon`);
  const name = text.slice(0, colon).trim();
  if (name === "") throw new ConfigError(`${where} takes "Name: value", but the name is empty`);
  if (!TOKEN.test(name)) {
    throw new ConfigError(`${where}: the header's name holds a character that HTTP does not allow there`);
  }
  return [name, text.slice(colon + 1).trim()];
}

/**
 * Checks a complete header (RFC 9110 sections 5.1 and 5.5): the transport does not own it and the value
 * holds nothing but visible ASCII, spaces, tabs and Latin-1 letters, as that is what HTTP carries.
 *
 * @throws {ConfigError} naming the header, never its value
 */
export function checkHeader([name, value]: HeaderPair, where: string): void {
  const lower = name.toLowerCase();
  if (OWNED.has(lower) || lower.startsWith("mcp-param-")) {
    throw new ConfigError(`${where}: the header ${name} is set by mcp-connect itself and can't be given`);
  }
  checkHeaderValue(value, `${where}: the value of ${name}`);
}

/** The check of {@linkcode checkHeader} for a value alone; `what` begins the error's text. */
export function checkHeaderValue(value: string, what: string): void {
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) {
    throw new ConfigError(`${what} holds a line break or another control character`);
  }
  if (/[\u0100-\uffff]/.test(value)) {
    throw new ConfigError(`${what} holds a character that HTTP headers can't carry (only Latin-1 fits)`);
  }
}

/**
 * Reads a header file: one `Name: value` a line; blank lines and lines that begin with `#` are skipped.
 *
 * @returns each header and the place it stands in, for later errors
 * @throws {ConfigError} naming the line
 */
export function parseHeaderFile(text: string, where: string): { header: HeaderPair; where: string }[] {
  const headers: { header: HeaderPair; where: string }[] = [];
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
  for (const [index, line] of lines.entries()) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const place = `${where} line ${index + 1}`;
    headers.push({ header: splitHeader(trimmed, place), where: place });
  }
  return headers;
}

/** A set of headers from one place, for {@linkcode mergeHeaders}. */
export interface HeaderSource {
  /** How the user gave them: `--header`, `MCP_CONNECT_HEADERS`. */
  readonly where: string;
  /** Where a header stands in more than one source, the highest rank is sent. */
  readonly rank: number;
  /** Sources of one level (command line, environment) must not contradict an `exclusive` one. */
  readonly level: number;
  /** An option made for this one header (`--auth-token`). */
  readonly exclusive: boolean;
  readonly headers: readonly HeaderPair[];
}

/**
 * Joins the sources by name: a header is taken from the source of the highest rank that has it, all its
 * values there in order. The order of names is that of `sources`.
 *
 * @throws {ConfigError} when an exclusive option and another source of the same level give different values
 */
export function mergeHeaders(sources: readonly HeaderSource[]): HeaderPair[] {
  const winners = new Map<string, HeaderSource>();
  for (const source of sources) {
    for (const [name, value] of source.headers) {
      const lower = name.toLowerCase();
      const other = winners.get(lower);
      if (other !== undefined && other !== source && other.level === source.level) {
        const same = other.headers.some(([n, v]) => n.toLowerCase() === lower && v === value);
        if ((other.exclusive || source.exclusive) && !same) {
          throw new ConfigError(`${other.where} and ${source.where} both set ${name}; give only one`);
        }
      }
      if (other === undefined || source.rank > other.rank) winners.set(lower, source);
    }
  }
  return sources.flatMap((source) =>
    source.headers.filter(([name]) => winners.get(name.toLowerCase()) === source)
  );
}
