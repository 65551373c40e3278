// Names are compared in lower case without separators: `X-Api-Key`, `x_api_key` and `xApiKey` are one.
const SECRET = new Set([
  "authorization",
  "proxyauthorization",
  "authentication",
  "cookie",
  "setcookie",
  "apikey",
  "key",
  "session",
  "assertion",
  "clientassertion",
  "codeverifier",
  "authcode",
  "authorizationcode",
  "devicecode",
  "usercode",
  "softwarestatement",
  "jwt",
  "pat",
  "pin",
  "otp",
  "pwd",
  "passwd",
  "credential",
  "credentials",
  "privatekeypem",
  "awsaccesskeyid",
  "xamzsignature",
  "xamzcredential",
]);

// `GITHUB_TOKEN`, `OPENAI_API_KEY`, `DB_PASSWORD`, `AWS_SECRET_ACCESS_KEY`, `Mcp-Session-Id` …
const SECRET_ENDING =
  /(?:token|secret|password|passwd|passphrase|apikey|privatekey|secretkey|accesskey|sharedkey|signingkey|encryptionkey|sessionid|sessionkey|credentials?)$/;

// Protocol words that end like a secret and are none.
const PUBLIC = new Set([
  "progresstoken",
  "pagetoken",
  "nextpagetoken",
  "nexttoken",
  "continuationtoken",
  "synctoken",
  "invalidtoken",
  "canceltoken",
  "idempotencykey",
  "publickey",
]);

// Only as a parameter of a URL or a form (RFC 6749 section 4.1.2, signed URLs): elsewhere they are plain words.
const SECRET_PARAMETER = new Set(["code", "state", "nonce", "sig", "signature", "sid", "auth", "ticket"]);

// Words of a name under which a value that looks random is taken for a secret.
const SUSPECT = /auth|token|secret|cred|session|passw|signature|jwt|apikey|key$/;

/** How far a name speaks for its value being a secret. */
export type KeyVerdict =
  /** The value is a secret, whatever it looks like. */
  | "secret"
  /** The value is a secret unless it is a number or a word, as in `code: -32601` and `code: "NOT_FOUND"`. */
  | "code"
  /** The value is a secret if it looks random. */
  | "suspect"
  | "public";

/**
 * Judges the name of a field, header, variable or parameter; letter case and separators do not matter.
 *
 * @param position `parameter` for a parameter of a URL or a form, where `code` and `state` are secrets too
 */
export function judgeKey(name: string, position: "field" | "parameter" = "field"): KeyVerdict {
  const key = name.toLowerCase().replace(/[^a-z0-9]/g, "");
  if (PUBLIC.has(key)) return "public";
  if (key === "code" && position === "field") return "code";
  if (position === "parameter" && SECRET_PARAMETER.has(key)) return "secret";
  if (key === "key" && position === "field") return "suspect";
  if (SECRET.has(key) || SECRET_ENDING.test(key)) return "secret";
  return SUSPECT.test(key) ? "suspect" : "public";
}

/** Whether `value` is an error code rather than an authorization code: a number, `NOT_FOUND`, `not-found`. */
export function isPlainCode(value: string): boolean {
  return value.length < 6 || /^-?\d{1,6}$/.test(value) ||
    (value.length <= 48 && /^(?:[A-Z]+(?:_[A-Z0-9]+)*|[a-z]+(?:[_-][a-z0-9]+)*)$/.test(value));
}

/** Whether `value` looks random: 20 characters or more of a token's alphabet, mixed, and few of them repeated. */
export function looksRandom(value: string): boolean {
  if (value.length < 20 || !/^[A-Za-z0-9+/_=.~-]+$/.test(value)) return false;
  if (!/[0-9]/.test(value) || !/[A-Za-z]/.test(value)) return false;
  const counts = new Map<string, number>();
  for (const char of value) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / value.length) * Math.log2(count / value.length);
  return bits >= 3;
}
