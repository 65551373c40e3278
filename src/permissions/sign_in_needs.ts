import { portOf } from "../link/http/deno_client.ts";
import { planRedirect } from "../oauth/browser/redirect_plan.ts";
import { needsPerson, type OAuthSettings } from "../oauth/settings.ts";
import type { Need } from "./need.ts";
import { comfort, hostPort, need } from "./place_needs.ts";
import type { Use } from "./use.ts";

/** Whether a command sends the user to sign in; the others only use and renew what is stored. */
const ASKS_USER = ["proxy", "load-balance", "auth-proxy", "login", "permissions"];

/** What it takes to sign in, where a server wants that, and to keep what a sign-in gives. */
export function signInNeeds(use: Use): Need[] {
  const { facts, settings, importFolder } = use;
  const signIn = settings?.signIn;
  if (signIn === undefined) return [];
  const { oauth, keychain } = signIn;
  const files = [
    [oauth.workloadTokenFile, "--workload-token-file"],
    [oauth.identityProvider?.idTokenFile, "--id-token-file"],
  ] as const;
  const always = [
    ...files.flatMap(([path, option]) =>
      path === undefined
        ? []
        : [need("read", path, `the file of ${option}`, "no token is got, and the error names the flag")]
    ),
    ...(importFolder === undefined ? [] : [
      need("read", importFolder, "what --import takes over", "nothing can be taken over: exit code 6"),
    ]),
  ];
  if (!expectsSignIn(use)) return always;
  return [
    ...facts.signIns.flatMap(({ urls }) =>
      urls.map(({ url, what }) =>
        need(
          "net",
          hostPort(url.hostname, portOf(url)),
          what,
          "the sign-in fails, and the error names the flag",
        )
      )
    ),
    ...always,
    ...(sendsUser(use) && oauth.grant === "authorization_code" ? callbackNeeds(oauth) : []),
    ...(sendsUser(use) && oauth.browser === "open" ? browserNeeds(use) : []),
    ...(keychain || facts.sealed ? [keychainNeed(use)] : []),
  ];
}

/** Whether a sign-in has to be reckoned with: the command is for one, or a server has asked for it. */
export function expectsSignIn({ command, facts, settings }: Use): boolean {
  if (settings?.signIn === undefined) return false;
  return ["auth-proxy", "login", "logout"].includes(command) ||
    facts.signIns.some(({ answer }) => answer === "wanted");
}

/** Whether the user may be sent to a page in a browser. */
export function sendsUser(use: Use): boolean {
  const { command, settings, importFolder } = use;
  return expectsSignIn(use) && ASKS_USER.includes(command) && importFolder === undefined &&
    needsPerson(settings!.signIn!.oauth.grant);
}

function callbackNeeds({ redirectUrl, callbackPort }: OAuthSettings): Need[] {
  let port = 0;
  try {
    port = planRedirect({ redirectUrl, callbackPort }).port;
  } catch {
    // The sign-in itself will tell what is wrong.
  }
  const reason = port === 0
    ? "the browser's way back, on any port (--callback-port names one)"
    : "the browser's way back";
  const without = "nobody can sign in, and the error names the flag";
  const [v4, v6] = ["127.0.0.1", "[::1]"].map((host) => port === 0 ? host : `${host}:${port}`) as [
    string,
    string,
  ];
  const host = redirectUrl === undefined ? undefined : URL.parse(redirectUrl)?.hostname;
  if (host === "[::1]") return [need("net", v6, reason, without)];
  return [
    need("net", v4, reason, without),
    // The address that is sent is 127.0.0.1's own, unless the user wants the name.
    {
      kind: "net",
      value: v6,
      reason,
      without: "a browser that takes localhost for [::1] does not come back",
      weight: host === "localhost" ? "comfort" : "extra",
    },
  ];
}

/** What it takes to open a browser. */
export function browserNeeds({ facts: { browser } }: Use): Need[] {
  const without = "the address to sign in at is printed, and no tab opens";
  return [
    ...browser.commands.map((it) => comfort("run", it, "opening the browser", without)),
    ...browser.variables.map((it) => comfort("env", it, "how a browser is opened here", without)),
    ...browser.files.map((it) => comfort("read", it, "whether $BROWSER is this file", without)),
  ];
}

function keychainNeed({ facts: { os, systemRoot } }: Use): Need {
  const tool = os === "darwin"
    ? "/usr/bin/security"
    : os === "windows"
    ? `${systemRoot ?? "C:\\Windows"}\\System32\\WindowsPowerShell\\v1.0\\powershell.exe`
    : "secret-tool";
  return comfort("run", tool, "the keychain", "tokens are kept in memory, and end with the program");
}
