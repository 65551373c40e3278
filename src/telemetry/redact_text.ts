import { isPlainCode, judgeKey, looksRandom } from "./secret_key.ts";
import { mask, REDACTED, replaceSecrets, type Secrets } from "./secrets.ts";

/**
 * Replaces what is or looks like a secret in free text, in JSON text (cut short or escaped into a string as
 * well), in header lines, command lines, forms and URLs: registered secrets, values after a name that
 * {@linkcode judgeKey} calls secret, credentials of an `Authorization` header, JSON Web Tokens, keys and
 * tokens with a well-known prefix, PEM private keys, and the user part of URLs. Doing it twice changes
 * nothing more.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { redactText } from "./redact_text.ts";
 *
 * assert.equal(redactText("GET /cb?code=x7&page=2"), "GET /cb?code=[redacted]&page=2");
 * assert.equal(redactText("error code: -32601"), "error code: -32601");
 * ```
 */
export function redactText(text: string, secrets?: Secrets): string {
  let out = replaceSecrets(text, secrets);
  if (out.length < SECRET_FLOOR) return out;
  out = out.replace(PEM, REDACTED);
  out = out.replace(USERINFO, `$1${REDACTED}@`);
  out = redactQuoted(out);
  out = out.replace(
    HEADER_LINE,
    (_all, name: string, sep: string, value: string) => name + sep + mask(value),
  );
  out = redactPairs(out, PAIR);
  if (out.includes("%")) out = redactPairs(out, ENCODED_PAIR);
  out = out.replace(FLAG, redactFlag);
  out = out.replace(SCHEME, redactScheme);
  out = out.replace(TOKEN, REDACTED);
  return out.replace(
    SUSPECT_WORD,
    (all: string, lead: string, value: string) => looksRandom(value) ? lead + REDACTED : all,
  );
}

const SECRET_FLOOR = 6;

const PEM = /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g;

// RFC 3986 section 3.2.1; a name without a password stays, but for tokens, which are long.
const USERINFO = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)(?:[^\s\/?#@"'<>]*:[^\s\/?#@"'<>]*|[^\s\/?#@"'<>:]{16,})@/gi;

const HEADER_LINE =
  /(?<![\w-])((?:proxy-)?authorization|(?:set-)?cookie)(\s{0,8}:\s{0,8})(?!\s|["'\\]|\[redacted\])((?:(?!\\[rn])[^\r\n])+)/gi;

// `name=value`, `name: value`; the value is looked at where the name speaks for a secret.
const PAIR =
  /(?<![\w.])([A-Za-z_][\w.\-]{1,63})(\s{0,2}=\s{0,2}|\s{0,2}:\s{1,2}|:)(?![=:\/\\])(?:"([^"\r\n]*)"|'([^'\r\n]*)'|((?:(?!%26)[^\s&;,"'<>(){}])+))/g;

// The same inside a URL that is a parameter of another.
const ENCODED_PAIR =
  /(?<=%(?:25)?3F|%(?:25)?26|%(?:25)?23)([A-Za-z_][\w.\-]{1,63})(%(?:25)?3D)()()((?:(?!%(?:25)?26)[^\s&;,"'<>(){}])+)/gi;

const FLAG = /(?<=^|[\s"'\[,])(--?)([A-Za-z][\w-]{1,63})(["']?,?\s{0,4}["']|\s{1,4})(?!-)([^\s"',]+)/g;

// RFC 9110 section 11.4; what follows may not be a parameter of a challenge (`Bearer realm="…"`).
const SCHEME =
  /\b(Bearer|Basic|DPoP|Negotiate)(\s{1,4}|%20|\+)(?![\w-]{1,64}\s{0,4}=\s*["\w\[])([A-Za-z0-9._~+\/\-]+=*)/gi;

const TOKEN = new RegExp(
  [
    "\\beyJ[\\w-]{5,}\\.[\\w-]{5,}(?:\\.[\\w-]*){0,3}", // RFC 7519, RFC 7516
    "\\b(?:sk|rk|pk|gsk|xai|pplx|tvly|pat|key|nvapi)-[A-Za-z0-9_-]*[0-9][A-Za-z0-9_-]{15,}",
    "\\bsk-[A-Za-z0-9_-]{16,}",
    "\\b(?:sk|rk|whsec|shpat|shpss|ntn|figd|r8|hf|npm|gsk|lin_api|dop_v1|sntrys|glsa)_[A-Za-z0-9_-]{16,}",
    "\\b(?:sk|rk)_(?:live|test)_\\w{8,}",
    "\\bgh[oprsu]_[A-Za-z0-9]{16,}",
    "\\bgithub_pat_\\w{16,}",
    "\\bgl(?:pat|ptt|dt|rt|cbt|soat|ft|imt|agent)-[\\w-]{16,}",
    "\\bxox[a-z]-[\\w-]{8,}",
    "\\bxapp-[\\w-]{10,}",
    "\\b(?:AKIA|ASIA)[A-Z0-9]{16}\\b",
    "\\bAIza[\\w-]{30,}",
    "\\bya29\\.[\\w-]{16,}",
    "\\bGOCSPX-[\\w-]{16,}",
    "\\bSG\\.[\\w-]{16,}\\.[\\w-]{16,}",
    "\\bhv[sb]\\.[\\w-]{16,}",
    "\\bpypi-[\\w-]{16,}",
    "\\bATATT3[\\w=-]{16,}",
    "\\bdapi[0-9a-f]{32}\\b",
    "\\bAGE-SECRET-KEY-[A-Z0-9]{16,}",
  ].join("|"),
  "g",
);

const SUSPECT_WORD =
  /\b((?:token|secret|key|password|passwd|credentials?|session|cookie|authorization)(?:\s{1,4}(?:id|is|was))?\s{0,4}[:=]?\s{0,4}["'`]?)([A-Za-z0-9+\/_=.~-]{20,})/gi;

// Words that follow the name of a scheme in prose.
const PROSE =
  /^(?:tokens?|auth|authentication|authorization|authenticated|scheme|schemes|realm|error|challenge|credentials?|header|headers|required|missing|is|was|not|and|or|for|from|in|to|the|with|without|usage|example|test|structure|response|request|access|failed|only|support)[.,:;!?]*$/i;

function redactScheme(all: string, scheme: string, gap: string, value: string): string {
  return PROSE.test(value) ? all : `${scheme}${gap}${REDACTED}`;
}

function redactPairs(text: string, pattern: RegExp): string {
  let out = "";
  let from = 0;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [all, name = "", sep = "", double, single, bare] = match;
    const value = bare ?? double ?? single ?? "";
    const valueAt = match.index + name.length + sep.length;
    const end = match.index + all.length;
    if (!isSecretPair(name, sep, value, bare !== undefined, text[match.index - 1], text[end])) {
      // The value may have pairs of its own: `url=https://host/?code=…`.
      pattern.lastIndex = valueAt;
      continue;
    }
    const quote = bare !== undefined ? "" : text[valueAt]!;
    out += text.slice(from, valueAt) + quote + (quote === "" ? REDACTED : mask(value)) + quote;
    from = end;
  }
  return out + text.slice(from);
}

function isSecretPair(
  name: string,
  sep: string,
  value: string,
  bare: boolean,
  before: string | undefined,
  after: string | undefined,
): boolean {
  if (value === "" || value === REDACTED) return false;
  const encoded = sep.startsWith("%");
  const equals = encoded || sep.includes("=");
  const parameter = encoded ||
    equals && (before === "?" || before === "&" || before === "#" || after === "&");
  const verdict = judgeKey(name, parameter ? "parameter" : "field");
  if (verdict === "code") return !isPlainCode(value) && /[0-9A-Z]/.test(value);
  if (verdict === "suspect") return looksRandom(value);
  if (verdict !== "secret") return false;
  // Prose: "invalid token: expected a string". A password may be a word, a token is hardly one.
  const prose = !equals && bare && /^[A-Z]?[a-z]+$/.test(name) && /^[a-z][a-z']{0,14}[.!?]?$/i.test(value);
  return !prose || /pass|pwd|secret/i.test(name);
}

function redactFlag(all: string, dashes: string, name: string, gap: string, value: string): string {
  return judgeKey(name) === "secret" && value !== REDACTED ? `${dashes}${name}${gap}${REDACTED}` : all;
}

// A quoted name and its value as JSON has them, at any depth of escaping: `"token":"`, `\"token\": \"`.
const QUOTED_NAME = /(?<!\\)(\\*)"((?:[^"\\\r\n]){1,64})\1"(\s{0,8}:\s{0,8})/g;

function redactQuoted(text: string): string {
  if (!text.includes('"')) return text;
  let out = "";
  let from = 0;
  QUOTED_NAME.lastIndex = 0;
  for (let match = QUOTED_NAME.exec(text); match !== null; match = QUOTED_NAME.exec(text)) {
    const verdict = judgeKey(match[2]!);
    if (verdict === "public") continue;
    const start = match.index + match[0].length;
    const opener = match[1]! + '"';
    const isText = text.startsWith(opener, start);
    const end = isText
      ? closingQuote(text, start + opener.length, opener.length - 1)
      : endOfValue(text, start);
    const value = isText ? text.slice(start + opener.length, end) : text.slice(start, end);
    if (!isSecretValue(value, isText, verdict)) continue;
    out += text.slice(from, start) + (isText ? opener + mask(value) : REDACTED);
    from = end;
    QUOTED_NAME.lastIndex = end;
  }
  return out + text.slice(from);
}

function isSecretValue(value: string, isText: boolean, verdict: "secret" | "code" | "suspect"): boolean {
  if (value === "" || value === "[]" || value === "{}" || value === REDACTED) return false;
  if (verdict === "secret") return isText || !/^(?:true|false|null)$/.test(value);
  if (!isText) return false;
  return verdict === "code" ? !isPlainCode(value) : looksRandom(value);
}

// Where the string ends that a quote after `depth` backslashes opened: the index of its closing quote's first
// backslash (or of the quote), or the end of the text. A quote inside has more backslashes before it; a
// backslash inside counts 2 * (depth + 1).
function closingQuote(text: string, from: number, depth: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 1)) {
    let run = 0;
    while (at - run > from && text[at - run - 1] === "\\") run++;
    if (run <= depth || (run - depth) % (2 * (depth + 1)) === 0) return at - Math.min(run, depth);
  }
  return text.length;
}

// The end of a number, word, array or object; brackets inside strings may make it longer, never shorter than
// its first closing one. Text that was cut short counts to its end.
function endOfValue(text: string, start: number): number {
  if (text.startsWith(REDACTED, start)) return start + REDACTED.length;
  if (text[start] !== "[" && text[start] !== "{") {
    const rest = /[\s,}\]\\"]/.exec(text.slice(start, start + 400));
    return rest === null ? Math.min(text.length, start + 400) : start + rest.index;
  }
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const char = text[at];
    if (char === "[" || char === "{") depth++;
    else if ((char === "]" || char === "}") && --depth === 0) return at + 1;
  }
  return text.length;
}
