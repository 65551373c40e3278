import { findingText } from "../../src/cli/error_text.ts";
import { parseOptions } from "../../src/cli/parse_options.ts";
import { optionsOf } from "../../src/config/options.ts";
import { isAbsolutePath } from "../../src/link/absolute_path.ts";
import type { Endpoint } from "../../src/link/endpoint.ts";
import { parseUpstream } from "../../src/link/parse_upstream.ts";
import { isOfLoader } from "../../src/permissions/place_needs.ts";
import { hostOf } from "./ask_sign_in.ts";
import type { Target } from "./targets.ts";

/** What a pinned executable is made for. */
export interface Pin {
  /** The endpoints, as `--endpoint` takes them; with several it balances. */
  readonly endpoints: readonly string[];
  /** Hosts beside theirs, as `HOST` or `HOST:PORT`: an authorization server, a proxy. */
  readonly allowHosts: readonly string[];
  /** Variables that it may read beside its own, for `${NAME}` in a header. */
  readonly allowVariables: readonly string[];
  /** Whether a person may sign in with a browser, which listens on this machine and runs an opener. */
  readonly signIn: boolean;
  /** The store's directory; `false` for none; `undefined` for the user's own place, wherever that is. */
  readonly store: string | false | undefined;
  /** More arguments of `proxy`. */
  readonly args: readonly string[];
}

/** The flags of `deno compile` and the arguments that make a pinned executable. */
export interface Pinned {
  readonly flags: readonly string[];
  readonly args: readonly string[];
}

/** What opens the browser and keeps keys, of which none need be there. */
const TOOLS: Readonly<Record<Target["os"], readonly string[]>> = {
  linux: ["xdg-open", "gio", "kde-open", "x-www-browser", "secret-tool"],
  darwin: ["/usr/bin/open", "/usr/bin/security"],
  windows: [
    "C:\\Windows\\System32\\rundll32.exe",
    "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
  ],
};

/** The options' variables, those that say where the store is, and those of proxies. */
const VARIABLES = [
  "MCP_CONNECT_*",
  ...["HOME", "XDG_STATE_HOME", "LOCALAPPDATA", "USERPROFILE"],
  ...[
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
  ],
];
/** What says how a browser is opened. */
const BROWSER_VARIABLES = [
  ...[
    "BROWSER",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "SSH_CONNECTION",
    "SystemRoot",
    "WSL_DISTRO_NAME",
    "WSL_INTEROP",
  ],
];

/** Where the browser brings its answer. */
const CALLBACK = ["127.0.0.1", "[::1]"];

/**
 * Decides what an executable for some endpoints may do: connect to them and to the hosts that are named, and start nothing
 * but their commands, or what a sign-in opens.
 *
 * @throws {Error} when an endpoint, a host or an option is none, an endpoint is a name to look up, or an option needs what the
 * executable may not do
 */
export function pinProgram(pin: Pin, os: Target["os"]): Pinned {
  const net: string[] = [];
  const run: string[] = [];
  const env = [...VARIABLES, ...namedVariables(pin.args), ...pin.allowVariables.map(checkedVariable)];
  const read: string[] = [];
  const write: string[] = [];
  for (const endpoint of pinnedEndpoints(pin.endpoints, os)) {
    switch (endpoint.kind) {
      case "http":
        net.push(hostOf(endpoint.url));
        break;
      case "tcp":
        net.push(...tcpHosts(endpoint.hostname).map((host) => `${host}:${endpoint.port}`));
        break;
      case "unix":
        if (!isAbsolutePath(endpoint.path)) {
          throw new Error(
            `where unix:${endpoint.path} is depends on where the executable is started: name an absolute path`,
          );
        }
        net.push(`unix:${endpoint.path}`);
        read.push(endpoint.path);
        write.push(endpoint.path);
        break;
      case "command":
        run.push(endpoint.command);
        if (os === "windows") env.push("PATHEXT");
        break;
    }
  }
  net.push(...pin.allowHosts.map(checkedHost));
  if (pin.signIn) {
    net.push(...CALLBACK);
    run.push(...TOOLS[os]);
    env.push(...BROWSER_VARIABLES);
  }
  if (typeof pin.store === "string") {
    if (!isAbsolutePath(pin.store)) {
      throw new Error(
        `where ${pin.store} is depends on where the executable is started: name an absolute path for --store`,
      );
    }
    read.push(pin.store);
    write.push(pin.store);
  }
  // Without a place for the store it is the user's own, which only the user's machine knows.
  const anywhere = pin.store === undefined;
  checkArguments(pin.args, anywhere);
  const flags = [
    "--no-prompt",
    ...(net.length > 0 ? [flag("net", net)] : []),
    ...(anywhere ? ["--allow-read"] : read.length > 0 ? [flag("read", read)] : []),
    ...(anywhere ? ["--allow-write"] : write.length > 0 ? [flag("write", write)] : []),
    flag("env", env),
    ...(run.length > 0 ? [flag("run", run)] : []),
    "--deny-import",
  ];
  const store = typeof pin.store === "string"
    ? ["--store", pin.store]
    : pin.store === false
    ? ["--no-store"]
    : [];
  return {
    flags,
    args: ["proxy", ...pin.endpoints.flatMap((it) => ["--endpoint", it]), ...store, ...pin.args],
  };
}

/**
 * Reads the endpoints of a {@linkcode Pin}.
 *
 * @throws {Error} when one is none, or a name to look up
 */
export function pinnedEndpoints(texts: readonly string[], os: Target["os"]): Endpoint[] {
  return texts.map((text) => {
    const { endpoint, lookup } = parseUpstream(text, os === "windows" ? "windows" : "posix");
    if (lookup === undefined) return endpoint;
    throw new Error(
      `what ${text} leads to may change, and can't be permitted beforehand: name the endpoints`,
    );
  });
}

/** Options that lead elsewhere than to the endpoints that are pinned. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  "endpoint",
  "endpoints",
  "endpoints-file",
  "fallbacks",
  "fallback-command",
  "fallback-address",
  "dns-server",
  "status-port",
]);

/**
 * Makes sure that what the executable always has is no more than it may do.
 *
 * @param anyFile whether it may read and write everywhere
 * @throws {Error} when an option is none, or needs what the executable will not have, which nobody can add to it
 */
function checkArguments(args: readonly string[], anyFile: boolean): void {
  const specs = optionsOf("proxy");
  const { options, bare, finding } = parseOptions(specs, args);
  if (finding !== undefined) throw new Error(`behind --: ${findingText(finding, "proxy", args)}`);
  if (bare.length > 0) throw new Error(`behind -- there are options alone, and ${bare[0]} is none`);
  for (const { name, placeholder = "" } of specs) {
    if (options[name] === undefined) continue;
    if (ELSEWHERE.has(name)) {
      throw new Error(`--${name} leads elsewhere than to the endpoints that are pinned: leave it out`);
    }
    if (!anyFile && /^(?:FILE|DIRECTORY)$/.test(placeholder)) {
      throw new Error(
        `--${name} takes files that an executable with --store or --no-store may not use: leave one of them out`,
      );
    }
  }
  const loader = [options.env ?? []].flat().find((it) => isOfLoader(String(it)));
  if (loader !== undefined) {
    throw new Error(
      `with ${String(loader).replace(/=.*/s, "")} Deno starts a command only where it may start all`,
    );
  }
}

function flag(kind: string, values: readonly string[]): string {
  const odd = values.find((it) => it.includes(","));
  if (odd !== undefined) throw new Error(`Deno can't permit ${odd} alone: there is a comma in it`);
  return `--allow-${kind}=${[...new Set(values)].join(",")}`;
}

/** `localhost` is tried in both families, whatever the resolver says. */
function tcpHosts(hostname: string): string[] {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return hostname.toLowerCase() === "localhost" ? [host, ...CALLBACK] : [host];
}

/** The variables that stand in arguments, as the program itself finds them. */
function namedVariables(args: readonly string[]): string[] {
  return args.flatMap((arg) => [...arg.matchAll(/\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g)])
    .flatMap(([, name]) => name === undefined ? [] : [name]);
}

function checkedVariable(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name;
  throw new Error(`--allow-variable takes a variable's name, and ${JSON.stringify(name)} is none`);
}

function checkedHost(text: string): string {
  const url = URL.parse(`https://${text}`);
  if (url === null || url.pathname !== "/" || /[/?#@\s,]/.test(text) || text === "") {
    throw new Error(`--allow-host takes HOST or HOST:PORT, and ${JSON.stringify(text)} is neither`);
  }
  return text;
}
