import { BrowserError } from "./browser_error.ts";
import { isLoopbackHost } from "./loopback_host.ts";

/** Windows starts no command line longer than 32,767 characters; no server needs half of that. */
const LONGEST = 16_000;

/** What a shell would act upon. Openers are scripts, some of them careless ones. */
const SHELL_CHARACTERS = /[!"$'()*;<>[\\\]^`{|}]/g;

/**
 * Returns a URL that a program may be told to open: `https:`, or `http:` on this machine. It comes back in the
 * form in which each character that a shell would act upon is percent-encoded, but for `&` and `?`.
 *
 * The URL is the server's to choose, so that it is checked to the letter: an authorization URL that reaches a
 * shell, or another scheme's handler, runs what the server likes (CVE-2025-6514).
 *
 * @throws {BrowserError} `URL_REFUSED`; the message never holds the URL
 */
export function openableUrl(text: string): string {
  const refused = (why: string) => new BrowserError("URL_REFUSED", `the address to sign in at ${why}`);
  // `URL` drops tabs and line breaks, wherever they are, without a word.
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u0020\u007f-\u00a0\u2028\u2029]/.test(text)) {
    throw refused("holds spaces or control characters");
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw refused("is no URL");
  if (url.protocol !== "https:" && url.protocol !== "http:") throw refused("is neither https: nor http:");
  if (url.protocol === "http:" && !isLoopbackHost(url.hostname)) {
    throw refused("is http: and not on this machine; only https: is safe there");
  }
  if (url.username !== "" || url.password !== "" || /^[a-z]+:[\\/]*[^\\/?#]*@/i.test(text)) {
    throw refused("holds a user name or a password");
  }
  // `URL` lets more into a host than a name server would: $(…) among it.
  if (!/^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])$/.test(url.hostname)) throw refused("has a host name that is none");
  // The brackets of an IPv6 address stay: only hexadecimal digits and colons are between them.
  const href = url.origin + url.href.slice(url.origin.length).replace(SHELL_CHARACTERS, percentEncode);
  if (href.length > LONGEST) throw refused(`is longer than ${LONGEST} characters`);
  return href;
}

function percentEncode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}
