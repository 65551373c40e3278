import { redactText } from "../telemetry/redact_text.ts";
import { REDACTED } from "../telemetry/secrets.ts";
import type { Endpoint } from "./endpoint.ts";

/**
 * An endpoint in words for logs and errors: what tells it apart, and nothing that may be secret. Of URLs, those in a
 * command's arguments included, the query is left out and parts of the path that look random are masked; of a command,
 * what {@linkcode redactText} masks, and the values of options, variables and headers that are named like secrets.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { describeEndpoint } from "./describe_endpoint.ts";
 *
 * strictEqual(describeEndpoint({ kind: "tcp", hostname: "::1", port: 9000 }), "tcp://[::1]:9000");
 * strictEqual(
 *   describeEndpoint({ kind: "command", command: "node", args: ["server.js", "--token", "abc"] }),
 *   "node server.js --token [redacted]",
 * );
 * ```
 */
export function describeEndpoint(endpoint: Endpoint): string {
  switch (endpoint.kind) {
    case "http": {
      const { href, origin, pathname, search } = endpoint.url;
      if (PLAIN.test(href) && !TELLING.test(href)) return href;
      return redactText(`${origin}${maskPath(pathname)}${search === "" ? "" : "?…"}`);
    }
    case "tcp": {
      const host = endpoint.hostname.includes(":") ? `[${endpoint.hostname}]` : endpoint.hostname;
      return `tcp://${host}:${endpoint.port}`;
    }
    case "unix":
      return `unix:${endpoint.path}`;
    case "command":
      return describeCommand(endpoint.command, endpoint.args);
  }
}

/**
 * URLs in which no rule of {@linkcode redactText} can find a secret: short words between dots and slashes, and a port only
 * behind an address. Most are like that, and the rules take milliseconds when they are first used.
 */
const PLAIN =
  /^https?:\/\/(?:(?:localhost|\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}|(?:[a-z0-9]{1,15}\.)+[a-z]{2,15})(?:\/[a-z0-9]{0,9})*$/;
/** Words that speak for a secret behind them. */
const TELLING = /auth|cookie|credential|key|passw|secret|session|token/;

/** The most characters of a command that are shown. */
const LONGEST = 200;

function describeCommand(command: string, args: readonly string[]): string {
  let text = quote(maskWord(command)).slice(0, LONGEST - 2);
  let secretNext = false;
  for (const arg of args) {
    const word = quote(secretNext && !OPTION.test(arg) ? REDACTED : maskWord(arg));
    secretNext = arg.startsWith("-") && !arg.includes("=") && SECRET_NAME.test(arg);
    // Between words only: half a secret is not found again by those who know the whole.
    if (text.length + word.length > LONGEST - 3) return `${text} …`;
    text += ` ${word}`;
  }
  return text;
}

/** What follows an option as another one, and not as its value: a secret may begin with a dash, hardly with two. */
const OPTION = /^(?:--[a-z]|-[a-z]$)/i;

function quote(word: string): string {
  return /^[^\s"']+$/.test(word) ? word : JSON.stringify(word);
}

/** Words in the name of an option, a variable or a header that say its value is secret. */
const SECRET_NAME = /token|secret|passw|api-?_?key|credential|cookie|auth|bearer/i;

// `--name=value`, `NAME=value`, `Name: value`; what looks like `host:port` is left.
const NAMED = /^(-{0,2}[\w.-]{1,64}(=|:\s*))(?!\d{1,5}$)(.+)$/s;

function maskWord(word: string): string {
  const [, name, separator, value] = NAMED.exec(word) ?? [];
  if (name === undefined || value === undefined) return redactText(word.replace(URLS, maskUrl));
  if (SECRET_NAME.test(name)) return name + REDACTED;
  return separator === "=" ? name + maskWord(value) : redactText(word.replace(URLS, maskUrl));
}

const URLS = /([a-z][a-z0-9+.-]*:\/\/[^\s\/?#]*)([^\s?#]*)([?#]\S*)?/gi;

function maskUrl(_all: string, start: string, path: string, rest = ""): string {
  return `${start}${maskPath(path)}${rest === "" ? "" : `${rest[0]}…`}`;
}

/** Masks the parts of a URL's path that look random: some hosted servers have their key there (`/s/KEY/mcp`). */
function maskPath(path: string): string {
  return path.split("/").map((part) => isRandom(part) ? REDACTED : part).join("/");
}

/**
 * Whether a part of a path looks random: 20 characters or more, ten of them in words that mix letters and digits.
 * `my-server-2025-11-25-v2` has only the two of `v2`.
 */
function isRandom(part: string): boolean {
  if (part.length < 20) return false;
  const mixed = part.split(/%[0-9a-f]{2}|[^a-z0-9]+/i).filter((word) =>
    /\d/.test(word) && /[a-z]/i.test(word)
  );
  return mixed.join("").length >= 10;
}
