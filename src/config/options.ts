/** The commands that take options. */
export type CommandName =
  | "proxy"
  | "load-balance"
  | "auth-proxy"
  | "test"
  | "login"
  | "logout"
  | "status"
  | "permissions"
  | "notification-demo"
  | "completions"
  | "version";

/** The headings under which `--help` lists options, in order. */
export const OPTION_GROUPS = [
  "Endpoint",
  "Load balancing",
  "Credentials and headers",
  "Signing in (OAuth)",
  "Commands",
  "Tools",
  "Time and repetition",
  "Limits",
  "Output",
  "Logging",
] as const;

/** One option: the parser, the environment variables, `--help` and the docs all come from this. */
export interface OptionSpec {
  /** The name behind `--`. */
  readonly name: string;
  /** `switch` has no value, `value` has one, `list` may be repeated. */
  readonly kind: "switch" | "value" | "list";
  /** What the value is, in help: `SECONDS`. */
  readonly placeholder?: string;
  /** What it does, in help. */
  readonly brief: string;
  /** The default as a user would write it, where there is one; by command if they differ. */
  readonly default?: string | Readonly<Partial<Record<CommandName, string>>>;
  /** The heading in help. */
  readonly group: typeof OPTION_GROUPS[number];
  /** Which commands have it. */
  readonly commands: readonly CommandName[];
  /** What separates the values of a `list` in its environment variable. @default "\n" */
  readonly separator?: "\n" | ",";
  /** Which commands take a `value` more than once; its variable holds one all the same. @default none */
  readonly repeatableFor?: readonly CommandName[];
}

/** The commands that may spread requests over several upstreams. */
const PROXY: readonly CommandName[] = ["proxy", "load-balance", "auth-proxy"];
/** The commands that speak to a server. */
const CONNECT: readonly CommandName[] = [...PROXY, "test", "login", "logout"];
/** Those that keep something, or read it. */
const STORE: readonly CommandName[] = [...CONNECT, "status"];
/** Those that show what they found. */
const REPORT: readonly CommandName[] = ["test", "login", "logout", "status", "permissions"];
const ALL: readonly CommandName[] = [
  ...PROXY,
  "test",
  "login",
  "logout",
  "status",
  "permissions",
  "notification-demo",
  "completions",
  "version",
];

/** Every option, in the order of `--help`. Those that all commands have may also stand before the command. */
export const OPTIONS = [
  {
    name: "endpoint",
    kind: "value",
    placeholder: "ENDPOINT",
    brief:
      "the server: http(s)://…, tcp://host:port, host:port, unix:path or a command line (repeatable where there is --endpoints)",
    group: "Endpoint",
    commands: CONNECT,
    repeatableFor: PROXY,
  },
  {
    name: "transport",
    kind: "value",
    placeholder: "auto|http|sse|stdio|tcp",
    brief: "how to speak to it; auto tells it from the endpoint and the server's answers",
    default: "auto",
    group: "Endpoint",
    commands: CONNECT,
  },
  {
    name: "protocol",
    kind: "value",
    placeholder: "auto|legacy|modern",
    brief:
      "which era of the protocol the server speaks: legacy up to revision 2025-11-25, modern from 2026-07-28 on; auto asks it",
    default: "auto",
    group: "Endpoint",
    commands: CONNECT,
  },
  {
    name: "store",
    kind: "value",
    placeholder: "DIRECTORY",
    brief:
      "where what has been found out of servers is kept, for this user alone (without it: the platform's place for such)",
    group: "Endpoint",
    commands: STORE,
  },
  {
    name: "no-store",
    kind: "switch",
    brief: "keep nothing there, and read nothing",
    group: "Endpoint",
    commands: STORE,
  },
  {
    name: "no-cache",
    kind: "switch",
    brief: "ask a modern server every time, also for what it has called fresh for a while",
    group: "Endpoint",
    commands: PROXY,
  },
  {
    name: "fallbacks",
    kind: "value",
    placeholder: "LIST",
    brief:
      "what to try when the endpoint can't be reached or speaks no MCP: endpoints, or transports (http, sse, stdio, tcp), separated by commas",
    group: "Endpoint",
    commands: PROXY,
  },
  {
    name: "fallback-command",
    kind: "value",
    placeholder: "COMMAND",
    brief: "the command line that stdio stands for in --fallbacks (without it: mcp-server, with a warning)",
    group: "Endpoint",
    commands: PROXY,
  },
  {
    name: "fallback-address",
    kind: "value",
    placeholder: "HOST:PORT",
    brief: "the address that tcp stands for in --fallbacks (without it: 127.0.0.1:8080, with a warning)",
    group: "Endpoint",
    commands: PROXY,
  },
  {
    name: "fallback-return",
    kind: "value",
    placeholder: "auto|never",
    brief: "whether to go back to the endpoint once it can be reached again",
    default: "auto",
    group: "Endpoint",
    commands: PROXY,
  },
  {
    name: "endpoints",
    kind: "list",
    placeholder: "LIST",
    brief:
      "the upstreams that requests are spread over, separated by commas, each with ;weight=N or ;drain at its end if wanted; a command line with commas goes into --endpoint or a file",
    group: "Load balancing",
    commands: PROXY,
  },
  {
    name: "endpoints-file",
    kind: "value",
    placeholder: "FILE",
    brief: "upstreams too: one on each line, # for comments; read again when it changes",
    group: "Load balancing",
    commands: PROXY,
  },
  {
    name: "policy",
    kind: "value",
    placeholder: "round-robin|least-pending|p2c|random|weighted|sticky|hash",
    brief: "how the upstream of a request is chosen (with weights, weighted unless another is named)",
    default: "round-robin",
    group: "Load balancing",
    commands: PROXY,
  },
  {
    name: "affinity",
    kind: "value",
    placeholder: "none|session|resource",
    brief: "what is kept at one upstream beyond what must be",
    default: "none",
    group: "Load balancing",
    commands: PROXY,
  },
  {
    name: "health-interval",
    kind: "value",
    placeholder: "SECONDS",
    brief: "ask each upstream for a sign of life so often; 0 means never",
    default: "10",
    group: "Load balancing",
    commands: PROXY,
  },
  {
    name: "health-timeout",
    kind: "value",
    placeholder: "SECONDS",
    brief: "how long it may take to give one",
    default: "5",
    group: "Load balancing",
    commands: PROXY,
  },
  {
    name: "hedge-after",
    kind: "value",
    placeholder: "MILLISECONDS",
    brief: "send a safe request without an answer for so long to a second upstream too (without it: never)",
    group: "Load balancing",
    commands: PROXY,
  },
  {
    name: "slow-start",
    kind: "value",
    placeholder: "SECONDS",
    brief: "how long an upstream that is back gets less than its share; 0 means not at all",
    default: "10",
    group: "Load balancing",
    commands: PROXY,
  },
  {
    name: "max-ejected",
    kind: "value",
    placeholder: "PERCENT",
    brief: "the most upstreams that are left out at a time for being slower or worse than the others",
    default: "50",
    group: "Load balancing",
    commands: PROXY,
  },
  {
    name: "drain-file",
    kind: "value",
    placeholder: "FILE",
    brief: "a file with an upstream on each line, of those that take nothing new; read again when it changes",
    group: "Load balancing",
    commands: PROXY,
  },
  {
    name: "dns-refresh",
    kind: "value",
    placeholder: "SECONDS",
    brief: "how often the names of dns+… and srv+… upstreams are looked up again",
    default: "30",
    group: "Load balancing",
    commands: PROXY,
  },
  {
    name: "dns-server",
    kind: "value",
    placeholder: "ADDRESS:PORT",
    brief: "the DNS server to ask for them (without it: what the system asks; the port is 53 if left out)",
    group: "Load balancing",
    commands: PROXY,
  },
  {
    name: "status-port",
    kind: "value",
    placeholder: "[HOST:]PORT",
    brief:
      "serve a status page, /metrics, /healthz and /readyz there, for this machine alone unless a host is named; 0 is any free port",
    group: "Load balancing",
    commands: PROXY,
  },
  {
    name: "ca-cert",
    kind: "list",
    placeholder: "FILE",
    brief: "trust the certificates in this PEM file too (repeatable)",
    group: "Endpoint",
    commands: CONNECT,
  },
  {
    name: "client-cert",
    kind: "value",
    placeholder: "FILE",
    brief: "show this certificate (PEM) to the endpoint's server; needs --client-key",
    group: "Endpoint",
    commands: CONNECT,
  },
  {
    name: "client-key",
    kind: "value",
    placeholder: "FILE",
    brief: "the private key of --client-cert (PEM, not encrypted)",
    group: "Endpoint",
    commands: CONNECT,
  },
  {
    name: "auth-token",
    kind: "value",
    placeholder: "TOKEN",
    brief: "send Authorization: Bearer TOKEN",
    group: "Credentials and headers",
    commands: CONNECT,
  },
  {
    name: "auth-token-file",
    kind: "value",
    placeholder: "FILE",
    brief: "the same, with the token read from a file",
    group: "Credentials and headers",
    commands: CONNECT,
  },
  {
    name: "api-key",
    kind: "value",
    placeholder: "KEY",
    brief: "send X-API-Key: KEY",
    group: "Credentials and headers",
    commands: CONNECT,
  },
  {
    name: "header",
    kind: "list",
    placeholder: '"NAME: VALUE"',
    brief: "send this header (repeatable)",
    group: "Credentials and headers",
    commands: CONNECT,
  },
  {
    name: "headers",
    kind: "list",
    placeholder: "NAME:VALUE,…",
    brief: "send these headers, separated by commas, each split at its first colon",
    group: "Credentials and headers",
    commands: CONNECT,
  },
  {
    name: "header-file",
    kind: "value",
    placeholder: "FILE",
    brief: "send the headers in this file: a NAME: VALUE on each line, # for comments",
    group: "Credentials and headers",
    commands: CONNECT,
  },
  {
    name: "user-agent",
    kind: "value",
    placeholder: "TEXT",
    brief: "the User-Agent header",
    default: "mcp-connect/VERSION",
    group: "Credentials and headers",
    commands: CONNECT,
  },
  {
    name: "no-cookies",
    kind: "switch",
    brief:
      "send no cookies back that the endpoint's server sets; a Cookie header of yours is sent all the same",
    group: "Credentials and headers",
    commands: CONNECT,
  },
  {
    name: "oauth",
    kind: "value",
    placeholder: "auto|off",
    brief:
      "whether a server that asks for it is signed in to; a header of yours with credentials turns it off",
    default: "auto",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "auth-wait",
    kind: "value",
    placeholder: "SECONDS",
    brief:
      "how long a request waits for the user to sign in before it fails with LOGIN_REQUIRED; initialize is answered then with what is known",
    default: "10",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "token-store",
    kind: "value",
    placeholder: "file|keychain",
    brief:
      "where tokens and client secrets are kept: a private file of the store, or one that only the system's keychain can open",
    default: "file",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "import",
    kind: "value",
    placeholder: "mcp-remote",
    brief: "take over the tokens that mcp-remote has for this server, instead of signing in",
    group: "Signing in (OAuth)",
    commands: ["login"],
  },
  {
    name: "client-id",
    kind: "value",
    placeholder: "ID",
    brief:
      "the client that is registered with the authorization server (without it: a metadata document, or dynamic registration)",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "client-secret",
    kind: "value",
    placeholder: "SECRET",
    brief: "its secret; better in MCP_CONNECT_CLIENT_SECRET, or a file",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "client-secret-file",
    kind: "value",
    placeholder: "FILE",
    brief: "the same, read from a file",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "client-info",
    kind: "value",
    placeholder: "FILE",
    brief: "a JSON file with client_id, client_secret and the like, as a registration gives it",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "client-metadata-url",
    kind: "value",
    placeholder: "URL",
    brief: "the URL of a client ID metadata document that you publish",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "auth-url",
    kind: "value",
    placeholder: "URL",
    brief: "where the user signs in (without it: what the server's metadata says)",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "token-url",
    kind: "value",
    placeholder: "URL",
    brief: "where tokens are got (without it: what the server's metadata says)",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "redirect-url",
    kind: "value",
    placeholder: "URL",
    brief: "where the browser comes back to: on this machine, or an https URL that leads to --callback-port",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "callback-port",
    kind: "value",
    placeholder: "PORT",
    brief: "the port of this machine that the browser comes back to (without it: a free one)",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "scopes",
    kind: "list",
    placeholder: "LIST",
    brief: "the scopes to ask for, separated by commas or spaces (without it: what the server asks for)",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "resource",
    kind: "value",
    placeholder: "URI",
    brief: "the resource parameter, instead of what the server's metadata says",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "no-resource",
    kind: "switch",
    brief: "send no resource parameter at all, as some providers want it",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "authorize-param",
    kind: "list",
    placeholder: "NAME=VALUE",
    brief: "one more parameter for the authorization URL (repeatable)",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "client-credentials",
    kind: "switch",
    brief: "sign in as the client itself, with its secret or --client-private-key, without a user",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "device-code",
    kind: "switch",
    brief: "sign in with a code that the user enters on another device",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "client-private-key",
    kind: "value",
    placeholder: "FILE",
    brief: "the private key that the client shows who it is with (private_key_jwt): PEM or JWK",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "client-key-algorithm",
    kind: "value",
    placeholder: "ALGORITHM",
    brief: "the algorithm to sign with (without it: the first that goes with the key)",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "workload-token-file",
    kind: "value",
    placeholder: "FILE",
    brief:
      "sign in as the workload that this runs in, with the JWT that its platform keeps in this file; read again each time",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "id-token-file",
    kind: "value",
    placeholder: "FILE",
    brief:
      "sign in as the user whose ID token is in this file, which the identity provider vouches for; read again each time",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "idp-token-url",
    kind: "value",
    placeholder: "URL",
    brief: "the identity provider's token endpoint, for --id-token-file",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "idp-client-id",
    kind: "value",
    placeholder: "ID",
    brief: "the client that the ID token was issued to",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "idp-client-secret",
    kind: "value",
    placeholder: "SECRET",
    brief: "its secret; better in MCP_CONNECT_IDP_CLIENT_SECRET, or a file",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "idp-client-secret-file",
    kind: "value",
    placeholder: "FILE",
    brief: "the same, read from a file",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "no-browser",
    kind: "switch",
    brief: "print where to sign in, and open nothing",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "allow-private-auth",
    kind: "switch",
    brief: "let an authorization server be at a private address, where the MCP server is not",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "allow-missing-pkce",
    kind: "switch",
    brief: "go on where the authorization server does not say that it knows PKCE",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "dpop",
    kind: "value",
    placeholder: "auto|always|off",
    brief: "whether tokens are bound to a key",
    default: "auto",
    group: "Signing in (OAuth)",
    commands: CONNECT,
  },
  {
    name: "cwd",
    kind: "value",
    placeholder: "DIRECTORY",
    brief: "where the command runs",
    group: "Commands",
    commands: CONNECT,
  },
  {
    name: "env",
    kind: "list",
    placeholder: "NAME=VALUE",
    brief: "set a variable for the command (repeatable)",
    group: "Commands",
    commands: CONNECT,
  },
  {
    name: "allow-tool",
    kind: "list",
    placeholder: "GLOB",
    brief: "show and allow only tools that match; * and ? are wildcards (repeatable)",
    group: "Tools",
    commands: PROXY,
    separator: ",",
  },
  {
    name: "ignore-tool",
    kind: "list",
    placeholder: "GLOB",
    brief: "hide and refuse tools that match, even allowed ones (repeatable)",
    group: "Tools",
    commands: PROXY,
    separator: ",",
  },
  {
    name: "timeout",
    kind: "value",
    placeholder: "SECONDS",
    brief: "bound of connecting and the handshake (test: of each step)",
    default: { proxy: "30", "load-balance": "30", "auth-proxy": "30", test: "10", login: "30", logout: "30" },
    group: "Time and repetition",
    commands: CONNECT,
  },
  {
    name: "connect-timeout",
    kind: "value",
    placeholder: "SECONDS",
    brief:
      "bound of making one connection (TCP, for https TLS too), within --timeout; without it only that holds",
    group: "Time and repetition",
    commands: CONNECT,
  },
  {
    name: "request-timeout",
    kind: "value",
    placeholder: "SECONDS",
    brief: "bound of a request; progress starts it anew",
    default: "300",
    group: "Time and repetition",
    commands: PROXY,
  },
  {
    name: "max-request-time",
    kind: "value",
    placeholder: "SECONDS",
    brief: "bound of a request whatever its progress",
    default: "3600",
    group: "Time and repetition",
    commands: PROXY,
  },
  {
    name: "drain-timeout",
    kind: "value",
    placeholder: "SECONDS",
    brief: "how long to wait for answers still due after the client has gone",
    default: "30",
    group: "Time and repetition",
    commands: PROXY,
  },
  {
    name: "retry-attempts",
    kind: "value",
    placeholder: "N",
    brief: "how often to repeat a request that did not run, or may run twice",
    default: "3",
    group: "Time and repetition",
    commands: PROXY,
  },
  {
    name: "retry-delay",
    kind: "value",
    placeholder: "MILLISECONDS",
    brief: "wait before the first repetition, at most; doubled with each one",
    default: "1000",
    group: "Time and repetition",
    commands: PROXY,
  },
  {
    name: "keep-alive",
    kind: "value",
    placeholder: "SECONDS",
    brief: "ask the server for a sign of life so often; 0 means never",
    default: "0",
    group: "Time and repetition",
    commands: PROXY,
  },
  {
    name: "max-message-size",
    kind: "value",
    placeholder: "SIZE",
    brief: "the most bytes of one message (64KB, 16MiB, 1048576)",
    default: "128MiB",
    group: "Limits",
    commands: PROXY,
  },
  {
    name: "max-in-flight",
    kind: "value",
    placeholder: "N",
    brief: "the most requests at once to the endpoint; the rest wait",
    default: "128",
    group: "Limits",
    commands: PROXY,
  },
  {
    name: "json",
    kind: "switch",
    brief: "print it as one JSON object",
    group: "Output",
    commands: [...REPORT, "version"],
  },
  {
    name: "check",
    kind: "switch",
    brief: "ask whether there is a newer release: one request, to jsr.io",
    group: "Output",
    commands: ["version"],
  },
  {
    name: "offline",
    kind: "switch",
    brief: "ask no server and look no name up; what is not known for that is named",
    group: "Output",
    commands: ["permissions"],
  },
  {
    name: "count",
    kind: "value",
    placeholder: "N",
    brief: "how many notifications to write",
    default: "3",
    group: "Output",
    commands: ["notification-demo"],
  },
  {
    name: "debug",
    kind: "switch",
    brief: "log everything from level debug on, to the client too; show stack traces",
    group: "Logging",
    commands: ALL,
  },
  {
    name: "log-level",
    kind: "value",
    placeholder: "trace|debug|info|warn|error",
    brief: "the least level to log (debug with --debug)",
    default: "warn",
    group: "Logging",
    commands: ALL,
  },
  {
    name: "log-format",
    kind: "value",
    placeholder: "text|json",
    brief: "how a line of the log looks",
    default: "text",
    group: "Logging",
    commands: ALL,
  },
  {
    name: "log-file",
    kind: "value",
    placeholder: "FILE",
    brief: "write the log to this file as well; several processes may share it",
    group: "Logging",
    commands: CONNECT,
  },
  {
    name: "log-file-size",
    kind: "value",
    placeholder: "SIZE",
    brief: "the most bytes of the log file; then it becomes FILE.1, and a new one is begun",
    default: "10MiB",
    group: "Logging",
    commands: CONNECT,
  },
  {
    name: "log-file-count",
    kind: "value",
    placeholder: "N",
    brief: "how many log files are kept, the present one included: FILE, FILE.1, FILE.2 …",
    default: "3",
    group: "Logging",
    commands: CONNECT,
  },
] as const satisfies readonly OptionSpec[];

/** The name of an option, without `--`. */
export type OptionName = typeof OPTIONS[number]["name"];

/** Whether all commands have an option. */
export function isCommon(option: OptionSpec): boolean {
  return option.commands.length === ALL.length;
}

/** The environment variable of an option: `MCP_CONNECT_` and the name in upper case, `-` as `_`. */
export function variableOf(name: string): string {
  return `MCP_CONNECT_${name.toUpperCase().replaceAll("-", "_")}`;
}

/** An option's default for a command, as a user would write it. */
export function defaultOf(option: OptionSpec, command: CommandName): string | undefined {
  return typeof option.default === "object" ? option.default[command] : option.default;
}

/** The options of a command, in order; what it takes more than once is a `list` there. */
export function optionsOf(command: CommandName): readonly (OptionSpec & { readonly name: OptionName })[] {
  const all: readonly (OptionSpec & { readonly name: OptionName })[] = OPTIONS;
  return all.filter((option) => option.commands.includes(command)).map((option) =>
    option.repeatableFor?.includes(command) ? { ...option, kind: "list" } : option
  );
}
