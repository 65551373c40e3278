/** What stands where a secret was. */
export const REDACTED = "[redacted]";

/** Replaces the value of an `Authorization` header or the like, and leaves its scheme to be read. */
export function mask(value: string): string {
  const scheme = /^\s*(Bearer|Basic|Digest|DPoP|Negotiate)\s/i.exec(value);
  return scheme === null ? REDACTED : `${scheme[1]} ${REDACTED}`;
}

/** Registered secrets, compiled by {@linkcode compileSecrets}. */
export interface Secrets {
  /** Finds each secret in each of its spellings; global, so `lastIndex` belongs to the caller. */
  readonly pattern: RegExp;
  /** More characters than the longest spelling takes. */
  readonly reach: number;
}

/** The fewest characters a registered secret must have: shorter ones would black out ordinary words. */
export const SECRET_MIN_LENGTH = 6;

/**
 * Compiles values that must appear nowhere. They are found as they are, percent-encoded, form-encoded,
 * JSON-escaped and made visible by `neutralise`, also several times over and in a mixture. Of a value of
 * several lines each long line is a secret too, for text that is read line by line.
 *
 * @returns nothing when no value is long enough
 */
export function compileSecrets(values: Iterable<string>): Secrets | undefined {
  const all = new Set<string>();
  for (const value of values) {
    if (value.trim().length < SECRET_MIN_LENGTH) continue;
    all.add(value);
    for (const line of value.split(/[\r\n]+/)) if (line.trim().length >= 12) all.add(line.trim());
  }
  if (all.size === 0) return undefined;
  const longestFirst = [...all].sort((a, b) => b.length - a.length);
  return {
    pattern: new RegExp(longestFirst.map(spellings).join("|"), "g"),
    reach: longestFirst[0]!.length * 16 + 64,
  };
}

/** Replaces each registered secret in `text`. */
export function replaceSecrets(text: string, secrets: Secrets | undefined): string {
  return secrets === undefined ? text : text.replace(secrets.pattern, REDACTED);
}

/**
 * Replaces the registered secrets in the first `length` characters of `text` and drops the rest. A secret
 * that lies across the cut is replaced whole, so that no part of it shows.
 */
export function cutAndReplaceSecrets(text: string, length: number, secrets: Secrets | undefined): string {
  if (text.length <= length) return replaceSecrets(text, secrets);
  const more = ` … ${text.length - length} more characters`;
  if (secrets === undefined) return text.slice(0, length) + more;
  let out = "";
  let from = 0;
  for (const match of text.slice(0, length + secrets.reach).matchAll(secrets.pattern)) {
    if (match.index >= length) break;
    out += text.slice(from, match.index) + REDACTED;
    from = match.index + match[0].length;
  }
  return out + text.slice(from, Math.max(from, length)) + more;
}

function spellings(secret: string): string {
  let pattern = "";
  // A run of backslashes is one unit: a part for each would try every way to share a longer run among them.
  for (const [unit] of secret.matchAll(/\\+|[^\\]/gsu)) pattern += spelling(unit);
  return pattern;
}

const encoder = new TextEncoder();

// A backslash, which may be percent-encoded; so many stand before a character after five levels of JSON.
const BACKSLASH = "(?:\\\\|%(?:25)*5[cC])";
const ESCAPED = `${BACKSLASH}{1,31}`;

function spelling(char: string): string {
  // The unreserved characters of RFC 3986 section 2.3: no encoder touches them.
  if (/[A-Za-z0-9_~]/.test(char)) return char;
  if (char === "." || char === "-") return `\\${char}`;
  if (char[0] === "\\") return `(?:${BACKSLASH}(?:u005[cC]|x5[cC])?){${char.length},${char.length * 31}}`;
  let percent = "";
  for (const byte of encoder.encode(char)) percent += `%(?:25)*${anyCase(hex(byte, 2))}`;
  let unicode = "";
  for (let i = 0; i < char.length; i++) unicode += `${ESCAPED}u${anyCase(hex(char.charCodeAt(i), 4))}`;
  const ways = [`${BACKSLASH}{0,31}(?:${escapeForPattern(char)}|${percent})`, unicode];
  if (char === " ") ways.push("\\+", "\\t");
  const code = char.charCodeAt(0);
  if (code < 0x100) ways.push(`${ESCAPED}x${anyCase(hex(code, 2))}`);
  const short = "\b\t\n\f\r".indexOf(char);
  if (short >= 0) ways.push(`${ESCAPED}${"btnfr"[short]}`);
  return `(?:${ways.join("|")})`;
}

function hex(value: number, length: number): string {
  return value.toString(16).padStart(length, "0");
}

function anyCase(digits: string): string {
  return digits.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
}

function escapeForPattern(char: string): string {
  return char.length > 1 ? char : `\\u${hex(char.charCodeAt(0), 4)}`;
}
