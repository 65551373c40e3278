import type { Endpoint } from "../../src/link/endpoint.ts";
import { parseUpstream } from "../../src/link/parse_upstream.ts";
import { hostOf } from "./ask_sign_in.ts";
import type { Target } from "./targets.ts";

/** What a pinned executable is made for. */
export interface Pin {
  /** The endpoints, as `--endpoint` takes them; with several it balances. */
  readonly endpoints: readonly string[];
  /** Hosts beside theirs, as `HOST` or `HOST:PORT`: an authorization server, a proxy. */
  readonly allowHosts: readonly string[];
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

/** Where the browser brings its answer. */
const CALLBACK = ["127.0.0.1", "[::1]"];

/**
 * Decides what an executable for some endpoints may do: connect to them and to the hosts that are named, and start nothing
 * but their commands, or what a sign-in opens.
 *
 * @throws {Error} when an endpoint or a host is none, or an endpoint is a name to look up
 */
export function pinProgram(pin: Pin, os: Target["os"]): Pinned {
  const net: string[] = [];
  const run: string[] = [];
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
        net.push(`unix:${endpoint.path}`);
        read.push(endpoint.path);
        write.push(endpoint.path);
        break;
      case "command":
        run.push(endpoint.command);
        break;
    }
  }
  net.push(...pin.allowHosts.map(checkedHost));
  if (pin.signIn) {
    net.push(...CALLBACK);
    run.push(...TOOLS[os]);
  }
  if (typeof pin.store === "string") {
    read.push(pin.store);
    write.push(pin.store);
  }
  // Without a place for the store it is the user's own, which only the user's machine knows.
  const anywhere = pin.store === undefined;
  const flags = [
    "--no-prompt",
    ...(net.length > 0 ? [flag("net", net)] : []),
    ...(anywhere ? ["--allow-read"] : read.length > 0 ? [flag("read", read)] : []),
    ...(anywhere ? ["--allow-write"] : write.length > 0 ? [flag("write", write)] : []),
    "--allow-env",
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

function checkedHost(text: string): string {
  const url = URL.parse(`https://${text}`);
  if (url === null || url.pathname !== "/" || /[/?#@\s,]/.test(text) || text === "") {
    throw new Error(`--allow-host takes HOST or HOST:PORT, and ${JSON.stringify(text)} is neither`);
  }
  return text;
}
