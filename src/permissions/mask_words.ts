/** Options whose values are secret. */
const SECRETS: ReadonlySet<string> = new Set([
  "--auth-token",
  "--api-key",
  "--client-secret",
  "--idp-client-secret",
]);
/** Options whose values are names with values, which may be secret. */
const PAIRS: ReadonlySet<string> = new Set(["--header", "--headers", "--env"]);
/** Names whose values are. */
const SECRET_NAME = /auth|cookie|credential|key|pass|secret|session|token|^(?:sig|signature|code|pwd)$/i;
/** Options whose values may be command lines. */
const COMMANDS: ReadonlySet<string> = new Set([
  "--endpoint",
  "--endpoints",
  "--fallbacks",
  "--fallback-command",
]);
/** What stands for a secret. */
const MASK = "…";

/**
 * A command line without the secrets in it, which whoever shows it to others would show, too. What a variable holds is not in
 * it anyhow.
 */
export function maskWords(words: readonly string[]): string[] {
  const end = words.indexOf("--");
  return words.map((word, i) => {
    const before = words[i - 1] ?? "";
    if (end >= 0 && i > end) return maskForeign(before, word);
    const equals = word.indexOf("=");
    if (equals <= 0 || !word.startsWith("--")) return maskValue(before, word);
    const name = word.slice(0, equals);
    return `${name}=${maskValue(name, word.slice(equals + 1))}`;
  });
}

/** A word of the server's own command line: what an option that looks like a secret's is given is one. */
function maskForeign(before: string, word: string): string {
  if (word.includes("${")) return word;
  const [, name, value] = /^(-{0,2}[a-z_][\w-]*)=(.+)$/is.exec(word) ?? [];
  if (name !== undefined) return `${name}=${SECRET_NAME.test(name) ? MASK : maskUrl(value!)}`;
  const isSecret = /^--?[a-z]/i.test(before) && !before.includes("=") && SECRET_NAME.test(before);
  return isSecret && !word.startsWith("-") ? MASK : maskUrl(word);
}

/** A URL without whoever is named before its host, and without the values of its query that look like secrets. */
function maskUrl(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#]*@/gi, `$1${MASK}@`)
    .replace(
      /([?&])([^=&#\s]+)=([^&#\s]+)/g,
      (all, mark, name, value) =>
        SECRET_NAME.test(name) && !value.includes("${") ? `${mark}${name}=${MASK}` : all,
    );
}

function maskValue(option: string, value: string): string {
  if (value.includes("${")) return value;
  if (SECRETS.has(option)) return MASK;
  if (COMMANDS.has(option) && /\s/.test(value)) {
    const parts = value.split(/(\s+)/);
    return parts.map((part, i) => maskForeign(parts[i - 2] ?? "", part)).join("");
  }
  if (!PAIRS.has(option)) return maskUrl(value);
  const comma = option === "--headers" ? "," : "\0";
  return value.split(comma).map((pair) => {
    const [, name = "", between = ""] = /^([^:=]*)([:=]\s*)/.exec(pair) ?? [];
    return SECRET_NAME.test(name) ? `${name}${between}${MASK}` : maskUrl(pair);
  }).join(comma);
}
