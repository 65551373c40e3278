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
const SECRET_NAME = /auth|cookie|credential|key|pass|secret|session|token/i;
/** What stands for a secret. */
const MASK = "…";

/**
 * A command line without the secrets in it, which whoever shows it to others would show, too. What a variable holds is not in
 * it anyhow.
 */
export function maskWords(words: readonly string[]): string[] {
  const end = words.indexOf("--");
  return words.map((word, i) => {
    if (end >= 0 && i > end) return word;
    const equals = word.indexOf("=");
    if (equals > 0 && word.startsWith("--")) {
      const name = word.slice(0, equals);
      return `${name}=${maskValue(name, word.slice(equals + 1))}`;
    }
    return maskValue(words[i - 1] ?? "", word);
  });
}

function maskValue(option: string, value: string): string {
  if (value.includes("${")) return value;
  if (SECRETS.has(option)) return MASK;
  if (!PAIRS.has(option)) return value;
  const comma = option === "--headers" ? "," : "\0";
  return value.split(comma).map((pair) => {
    const [, name = "", between = ""] = /^([^:=]*)([:=]\s*)/.exec(pair) ?? [];
    return SECRET_NAME.test(name) ? `${name}${between}${MASK}` : pair;
  }).join(comma);
}
