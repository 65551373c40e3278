import { ok, strictEqual, throws } from "node:assert/strict";
import { BrowserError } from "../../../src/oauth/browser/browser_error.ts";
import { openableUrl } from "../../../src/oauth/browser/openable_url.ts";

const opened: [what: string, url: string, as?: string][] = [
  ["https", "https://as.example/authorize?client_id=a&state=b"],
  ["http on 127.0.0.1", "http://127.0.0.1:8080/authorize"],
  ["http on ::1", "http://[::1]:8080/authorize"],
  ["http on localhost", "http://localhost:8080/authorize"],
  ["http on another address of this machine", "http://127.8.9.1/authorize"],
  ["an IPv6 address", "https://[2001:db8::1]/authorize"],
  ["a name with a port and an underscore", "https://a_b.as.example:8443/x"],
  ["an international name", "https://bücher.example/a", "https://xn--bcher-kva.example/a"],
  ["letters that are not ASCII", "https://as.example/ä?ö=ü", "https://as.example/%C3%A4?%C3%B6=%C3%BC"],
  ["an @ in the path and in the query", "https://as.example/@me?login_hint=a@b.example"],
  [
    "what a shell would run, as text that it would not",
    "https://as.example/$(id)`id`;id|id?a='b'&c=\"d\"&e=$HOME&f=<g>&h=!i*{j}^k\\",
    "https://as.example/%24%28id%29%60id%60%3Bid%7Cid?a=%27b%27&c=%22d%22&e=%24HOME&f=%3Cg%3E&h=%21i%2A%7Bj%7D%5Ek%5C",
  ],
];
for (const [what, url, as = url] of opened) {
  Deno.test(`openableUrl lets ${what} through`, () => strictEqual(openableUrl(url), as));
}

const refused: [what: string, url: string][] = [
  ["http elsewhere", "http://as.example/authorize"],
  ["http on a name that only begins like this machine", "http://localhost.evil.example/"],
  ["http on an address that only begins like this machine", "http://127.0.0.1.evil.example/"],
  ["a user name", "https://user@as.example/"],
  ["a user name and a password", "https://user:pw@as.example/"],
  ["an empty user name", "https://@as.example/"],
  ["an empty user name after a backslash", "https:\\\\@as.example/"],
  ["a script", "javascript:alert(1)"],
  ["a file", "file:///etc/passwd"],
  ["data", "data:text/html,<script>alert(1)</script>"],
  ["another program's scheme", "ms-msdt:/id%20PCWDiagnostic"],
  ["a share", "smb://host/share"],
  ["a command in the host", "https://as.example$(calc)/"],
  ["a command in the host, in backquotes", "https://`calc`.example/"],
  ["a command after the host", "https://as.example&calc/"],
  ["a quote in the host", "https://a'b.example/"],
  ["a line break", "https://as.example/\nx"],
  ["a tab within the scheme", "java\tscript:alert(1)"],
  ["a blank", "https://as.example/a b"],
  ["a blank before it", " https://as.example/"],
  ["an escape", "https://as.example/\x1b[2J"],
  ["a NUL", "https://as.example/\0"],
  ["a C1 control", "https://as.example/\x9b"],
  ["a line separator", "https://as.example/\u2028"],
  ["an option of the opener", "--help"],
  ["a path", "/authorize"],
  ["nothing", ""],
  ["more than a command line holds", `https://as.example/?${"a".repeat(17_000)}`],
];
for (const [what, url] of refused) {
  Deno.test(`openableUrl refuses ${what}`, () => {
    throws(() => openableUrl(url), (error) => {
      ok(error instanceof BrowserError);
      strictEqual(error.code, "URL_REFUSED");
      ok(url.length < 12 || !error.message.includes(url), "the URL is in the message");
      return true;
    });
  });
}
