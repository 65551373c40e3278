import { DEFAULT_SETTINGS } from "../../src/oauth/settings.ts";
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { ConfigError } from "../../src/config/config_error.ts";
import type { Environment } from "../../src/config/environment.ts";
import type { Files } from "../../src/config/files.ts";
import { type CommandName, OPTIONS, variableOf } from "../../src/config/options.ts";
import { optionValues, type ParsedOptions } from "../../src/config/option_values.ts";
import { wantsPool } from "../../src/config/named_upstreams.ts";
import { resolveBalance } from "../../src/config/resolve_balance.ts";
import { resolveSettings } from "../../src/config/resolve_settings.ts";
import type { ConnectSettings } from "../../src/config/settings.ts";
import { VERSION } from "../../src/version.ts";

const DER = btoa("\x30\x03\x02\x01\x05");
const PEM = `-----BEGIN CERTIFICATE-----\n${DER}\n-----END CERTIFICATE-----\n`;

const key = (body: string, kind = "PRIVATE KEY") =>
  `-----BEGIN ${kind}-----\n${body}\n-----END ${kind}-----\n`;

const FILES: Record<string, string> = {
  "token": "Bearer file-${token}\n",
  "two-lines": "a\nb\n",
  "empty": " \n",
  "headers": "# mine\nX-File: ${WHO}\nX-A: file\n",
  "ca.pem": `comment\n${PEM}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n${PEM}`,
  "key.pem": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
  "open.pem": `-----BEGIN CERTIFICATE-----\n${DER}\n`,
  "client_key.pem": key("A".repeat(70)),
  "ec_key.pem": key("A".repeat(70), "EC PRIVATE KEY"),
  "both.pem": PEM + key("B".repeat(16)),
  "two_keys.pem": key("A".repeat(70)) + key("B".repeat(70)),
  "foreign_key.pem": key("FOREIGN".repeat(9)),
  "unusable_key.pem": key("UNUSABLE".repeat(9)),
  "encrypted_key.pem": key("A".repeat(70), "ENCRYPTED PRIVATE KEY"),
  "old_encrypted_key.pem": key("Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA", "RSA PRIVATE KEY"),
  "ssh_key": key("A".repeat(70), "OPENSSH PRIVATE KEY"),
  "open_key.pem": "-----BEGIN PRIVATE KEY-----\nAAAAAAAAAAAAAAAAAAAA\n",
  "bad_key.pem": key("not base64, hunter2"),
  "bad.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
};

const files: Files = {
  readText(path, where) {
    const text = FILES[path];
    if (text === undefined) throw new ConfigError(`${where}: ${path} does not exist`);
    return text;
  },
  checkDirectory(path, where) {
    if (path !== "/work") throw new ConfigError(`${where}: ${path} does not exist`);
  },
  checkKeyPair({ cert, key }) {
    return key.includes("FOREIGN")
      ? "foreign"
      : cert === PEM + PEM && key.includes("UNUSABLE")
      ? "unusable"
      : undefined;
  },
};

interface Input {
  options?: ParsedOptions;
  variables?: Record<string, string | undefined>;
  bare?: string[];
  vector?: string[];
  command?: CommandName;
}

function settings(
  { options = {}, variables = {}, bare = [], vector, command = "proxy" }: Input,
): ConnectSettings {
  const environment: Environment = (name) => {
    const value = variables[name];
    return value === undefined ? { kind: "unset" } : { kind: "set", value };
  };
  const values = optionValues(command, options, environment);
  const named = { bare, vector, platform: "posix" } as const;
  const several = (command === "proxy" || command === "load-balance" || command === "auth-proxy") &&
    wantsPool(command, values, named);
  return resolveSettings(values, named, environment, files, several ? resolveBalance : undefined);
}

function problem(input: Input): string {
  try {
    settings(input);
  } catch (error) {
    ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  throw new Error(`taken: ${JSON.stringify(input)}`);
}

const url = { endpoint: "http://localhost/mcp" };

Deno.test("resolveSettings has the documented defaults", () => {
  deepStrictEqual(settings({ options: url }), {
    endpoint: { kind: "http", url: new URL("http://localhost/mcp") },
    transport: "auto",
    protocol: "auto",
    cache: true,
    timeoutMs: 30_000,
    requestTimeoutMs: 300_000,
    maxRequestTimeMs: 3_600_000,
    drainTimeoutMs: 30_000,
    retryAttempts: 3,
    retryDelayMs: 1000,
    fallbacks: [],
    returnToFirst: true,
    headers: [],
    signIn: { oauth: DEFAULT_SETTINGS, keychain: false, waitMs: 10_000 },
    userAgent: `mcp-connect/${VERSION}`,
    allowTools: [],
    ignoreTools: [],
    env: {},
    caCerts: [],
    cookies: true,
    maxMessageSize: 134_217_728,
    maxInFlight: 128,
    log: { level: "warn", format: "text", debug: false },
  });
  strictEqual(settings({ options: url, command: "test" }).timeoutMs, 10_000);
});

Deno.test("resolveSettings takes no modern protocol over a legacy transport", () => {
  match(
    problem({ options: { ...url, protocol: "modern", transport: "sse" } }),
    /--protocol modern does not go with --transport sse/,
  );
  strictEqual(settings({ options: { ...url, protocol: "MODERN" } }).protocol, "modern");
  match(problem({ options: { ...url, protocol: "new" } }), /--protocol takes one of auto, legacy, modern/);
});

Deno.test("resolveSettings takes every option from the command line", () => {
  const result = settings({
    options: {
      ...url,
      "transport": "SSE",
      "protocol": "Legacy",
      "no-cache": true,
      "store": "state/here",
      "timeout": "1.5",
      "request-timeout": "2",
      "max-request-time": "3",
      "drain-timeout": "0",
      "retry-attempts": "0",
      "retry-delay": "5",
      "keep-alive": "60",
      "fallback-command": "node 'my server.js'",
      "fallback-return": "never",
      "fallbacks": "stdio, http://other/ ,TCP",
      "header": ["X-A: 1"],
      "headers": ["X-A:2,X-B: b:c , X-C:3", "X-D:4,"],
      "auth-token": "secret",
      "api-key": "${KEY}",
      "user-agent": "me/1",
      "allow-tool": ["read_*", " list "],
      "ignore-tool": ["*_all"],
      "cwd": "/work",
      "env": ["A=1", "B=x=y", "C="],
      "ca-cert": ["ca.pem"],
      "client-cert": "both.pem",
      "client-key": "both.pem",
      "no-cookies": true,
      "connect-timeout": "0.5",
      "log-file": "l.log",
      "log-file-size": "64KB",
      "log-file-count": "1",
      "max-message-size": "1MiB",
      "max-in-flight": "1",
      "log-level": "error",
      "log-format": "json",
      "debug": true,
    },
    variables: { KEY: "from-env" },
  });
  deepStrictEqual(result, {
    endpoint: { kind: "http", url: new URL("http://localhost/mcp") },
    transport: "sse",
    protocol: "legacy",
    cache: false,
    store: "state/here",
    timeoutMs: 1500,
    requestTimeoutMs: 2000,
    maxRequestTimeMs: 3000,
    drainTimeoutMs: 0,
    retryAttempts: 0,
    retryDelayMs: 5,
    keepAliveMs: 60_000,
    fallbacks: [
      { endpoint: { kind: "command", command: "node", args: ["my server.js"] }, transport: "auto" },
      { endpoint: { kind: "http", url: new URL("http://other/") }, transport: "auto" },
      {
        endpoint: { kind: "tcp", hostname: "127.0.0.1", port: 8080 },
        transport: "auto",
        presumed: "no --fallback-address was given, so 127.0.0.1:8080 is used",
      },
    ],
    returnToFirst: false,
    headers: [
      ["Authorization", "Bearer secret"],
      ["X-API-Key", "from-env"],
      ["X-A", "1"],
      ["X-B", "b:c"],
      ["X-C", "3"],
      ["X-D", "4"],
    ],
    userAgent: "me/1",
    allowTools: ["read_*", "list"],
    ignoreTools: ["*_all"],
    cwd: "/work",
    env: { A: "1", B: "x=y", C: "" },
    caCerts: [PEM, PEM],
    clientCertificate: { cert: PEM, key: key("B".repeat(16)) },
    cookies: false,
    connectTimeoutMs: 500,
    maxMessageSize: 1_048_576,
    maxInFlight: 1,
    log: {
      level: "error",
      format: "json",
      debug: true,
      file: { path: "l.log", maxSize: 64_000, count: 1 },
    },
  });
});

Deno.test("resolveSettings takes every option from the environment, and the command line wins", () => {
  const variables = {
    MCP_CONNECT_ENDPOINT: "tcp://localhost:9",
    MCP_CONNECT_TRANSPORT: "tcp",
    MCP_CONNECT_TIMEOUT: "2",
    MCP_CONNECT_HEADER: "X-A: 1\r\nX-B: 2,3\n\n",
    MCP_CONNECT_HEADERS: "X-C:1,X-D:2",
    MCP_CONNECT_ALLOW_TOOL: "a, b_*",
    MCP_CONNECT_ENV: "A=1\nB=2",
    MCP_CONNECT_DEBUG: "yes",
    MCP_CONNECT_MAX_IN_FLIGHT: " ",
  };
  const result = settings({ variables });
  deepStrictEqual(result.endpoint, { kind: "tcp", hostname: "localhost", port: 9 });
  strictEqual(result.transport, "tcp");
  strictEqual(result.timeoutMs, 2000);
  deepStrictEqual(result.headers, [["X-A", "1"], ["X-B", "2,3"], ["X-C", "1"], ["X-D", "2"]]);
  deepStrictEqual(result.allowTools, ["a", "b_*"]);
  deepStrictEqual(result.env, { A: "1", B: "2" });
  deepStrictEqual(result.log, { level: "debug", format: "text", debug: true });
  strictEqual(result.maxInFlight, 128, "an empty variable counts as not set");

  const other = settings({
    variables,
    bare: ["localhost:10"],
    options: { timeout: "3", header: ["X-Z: 1"], debug: false },
  });
  deepStrictEqual(other.endpoint, { kind: "tcp", hostname: "localhost", port: 10 });
  strictEqual(other.timeoutMs, 3000);
  deepStrictEqual(other.headers, [["X-Z", "1"], ["X-C", "1"], ["X-D", "2"]]);
  strictEqual(other.log.level, "warn");
});

Deno.test("every option can be given by its variable, and an error names that", () => {
  const wrong: Partial<Record<string, string>> = {
    "endpoint": "ws://x",
    "endpoints": "ws://x",
    "auth-token": "a\nb",
    "auth-token-file": "nowhere",
    "api-key": "${NOPE}",
    "user-agent": "a\x01b",
    "header": "no colon",
    "headers": "no colon",
    "header-file": "nowhere",
    "fallbacks": "ws://x",
    "fallback-command": "localhost:1",
    "fallback-address": "node server.js",
    "fallback-return": "perhaps",
    "cwd": "/nowhere",
    "env": "NOEQUALS",
    "ca-cert": "nowhere",
    "client-secret-file": "nowhere",
    "client-info": "nowhere",
    "client-private-key": "nowhere",
    "idp-client-secret-file": "nowhere",
    "authorize-param": "NOEQUALS",
  };
  // These take any text, or are read elsewhere.
  const free = [
    "allow-tool",
    "ignore-tool",
    "json",
    "offline",
    "check",
    "count",
    "log-file",
    "drain-file",
    "store",
    "client-id",
    "client-secret",
  ];
  free.push("client-key-algorithm", "scopes", "resource", "import", "workload-token-file");
  for (const option of OPTIONS) {
    if (free.includes(option.name)) continue;
    const variable = variableOf(option.name);
    const text = problem({
      command: option.group === "Load balancing" ? "load-balance" : "proxy",
      variables: { MCP_CONNECT_ENDPOINT: "http://localhost/", [variable]: wrong[option.name] ?? "nonsense!" },
    });
    ok(text.includes(variable), `${variable}: ${text}`);
  }
});

Deno.test("the variable of an option that a command does not have means nothing to it", () => {
  const variables: Record<string, string> = {};
  for (const option of OPTIONS) {
    if (!(option.commands as readonly CommandName[]).includes("test")) {
      variables[variableOf(option.name)] = "nonsense!";
    }
  }
  ok("MCP_CONNECT_FALLBACKS" in variables && "MCP_CONNECT_MAX_MESSAGE_SIZE" in variables);
  deepStrictEqual(
    settings({ command: "test", options: url, variables }),
    settings({ command: "test", options: url }),
  );
});

Deno.test("the endpoint can be given in one way only", () => {
  deepStrictEqual(settings({ vector: ["node", "--x", "a b", ""] }).endpoint, {
    kind: "command",
    command: "node",
    args: ["--x", "a b", ""],
  });
  deepStrictEqual(settings({ vector: ["ws://x"] }).endpoint, {
    kind: "command",
    command: "ws://x",
    args: [],
  });
  strictEqual(settings({ bare: ["a:1"], options: { endpoint: "a:1" } }).endpoint.kind, "tcp");
  match(problem({ bare: ["a:1"], options: { endpoint: "b:1" } }), /more than once/);
  match(problem({ bare: ["a:1"], vector: ["x"] }), /more than once/);
  match(problem({ options: { endpoint: "a:1" }, vector: ["x"] }), /more than once/);
  match(problem({ bare: ["a", "b"] }), /too many arguments/);
  match(problem({}), /no endpoint/);
  match(problem({ vector: [] }), /no command after --/);
  match(problem({ vector: [""] }), /empty name/);
});

Deno.test("--transport must fit the endpoint", () => {
  const fits: [string, string[]][] = [
    ["http://x/", ["auto", "http", "sse"]],
    ["x:1", ["auto", "tcp"]],
    ["unix:x", ["auto"]],
    ["node x", ["auto", "stdio"]],
  ];
  for (const [endpoint, good] of fits) {
    for (const transport of ["auto", "http", "sse", "tcp", "stdio"]) {
      const options = { endpoint, transport };
      if (good.includes(transport)) strictEqual(settings({ options }).transport, transport);
      else match(problem({ options }), /--transport \w+ does not fit/);
    }
  }
  match(problem({ options: { endpoint: "[::1]:80", transport: "http" } }), /http:\/\/\[::1\]:80\/PATH/);
  match(problem({ options: { ...url, transport: "ftp" } }), /auto, http, sse, stdio, tcp/);
});

Deno.test("a token comes from one place and never twice with its scheme", () => {
  const header = (input: Input) => settings(input).headers.find(([name]) => name === "Authorization")?.[1];
  strictEqual(header({ options: { ...url, "auth-token": "Bearer abc" } }), "Bearer abc");
  strictEqual(header({ options: { ...url, "auth-token-file": "token" } }), "Bearer file-${token}");
  strictEqual(
    header({ options: { ...url, "auth-token": "a" }, variables: { MCP_CONNECT_AUTH_TOKEN_FILE: "token" } }),
    "Bearer a",
  );
  strictEqual(
    header({ options: { ...url, "auth-token-file": "token" }, variables: { MCP_CONNECT_AUTH_TOKEN: "a" } }),
    "Bearer file-${token}",
  );
  match(problem({ options: { ...url, "auth-token": "a", "auth-token-file": "token" } }), /contradict/);
  match(problem({ options: { ...url, "auth-token-file": "two-lines" } }), /more than one line/);
  match(problem({ options: { ...url, "auth-token-file": "empty" } }), /is empty/);
  match(problem({ options: { ...url, "auth-token": " " } }), /--auth-token is empty/);
  match(
    problem({ options: { ...url, "api-key": "k", "headers": ["x-api-key:l"] } }),
    /--api-key and --headers/,
  );
});

Deno.test("User-Agent may come as a header, and is not sent twice", () => {
  const result = settings({ options: { ...url, header: ["user-agent: mine/2"] } });
  strictEqual(result.userAgent, "mine/2");
  deepStrictEqual(result.headers, []);
  match(
    problem({ options: { ...url, "header": ["User-Agent: a"], "user-agent": "b" } }),
    /--user-agent and --header/,
  );
});

Deno.test("--header-file's values are expanded and give way to --header", () => {
  deepStrictEqual(
    settings({
      options: { ...url, "header-file": "headers", "header": ["X-A: flag"] },
      variables: { WHO: "me" },
    })
      .headers,
    [["X-A", "flag"], ["X-File", "me"]],
  );
  match(
    problem({ options: { ...url, "header-file": "headers" } }),
    /--header-file headers line 2 .*WHO, which is not set/,
  );
});

Deno.test("--ca-cert takes PEM certificates only", () => {
  match(
    problem({ options: { ...url, "ca-cert": ["key.pem"] } }),
    /--ca-cert key\.pem holds no PEM certificate/,
  );
  match(problem({ options: { ...url, "ca-cert": ["open.pem"] } }), /has no END line/);
  match(problem({ options: { ...url, "ca-cert": ["bad.pem"] } }), /certificate 1 is damaged/);
  match(problem({ options: { ...url, "ca-cert": ["nowhere"] } }), /does not exist/);
});

Deno.test("--max-request-time follows a longer --request-timeout unless it is given", () => {
  strictEqual(settings({ options: { ...url, "request-timeout": "7200" } }).maxRequestTimeMs, 7_200_000);
  match(
    problem({ options: { ...url, "request-timeout": "7200", "max-request-time": "60" } }),
    /--max-request-time is less than --request-timeout/,
  );
});

Deno.test("--log-level wins over --debug", () => {
  deepStrictEqual(settings({ options: { ...url, debug: true } }).log, {
    level: "debug",
    format: "text",
    debug: true,
  });
  deepStrictEqual(settings({ options: { ...url, "debug": true, "log-level": "Trace" } }).log.level, "trace");
  deepStrictEqual(
    settings({ options: { ...url, debug: true }, variables: { MCP_CONNECT_LOG_LEVEL: "info" } }).log.level,
    "info",
  );
});

Deno.test("no error shows a secret", () => {
  const secret = "hunter2hunter2";
  const wrong: ParsedOptions[] = [
    { "auth-token": `${secret}\n${secret}` },
    { "auth-token": "${" + secret + "!}" },
    { "api-key": `${secret}\x00` },
    { "header": [secret] },
    { "header": [`${secret} x: y`] },
    { "header": [`Authorization: ${secret}\u20ac`] },
    { "headers": [`a:b,${secret}`] },
    { "env": [secret] },
    { "env": [`A=${secret}\0`] },
    { "timeout": secret },
    { "transport": secret },
    { "max-message-size": secret },
    { "log-level": secret },
    { "endpoint": `http://me:${secret}@localhost/` },
    { "fallbacks": `http://${secret}@localhost/` },
  ];
  for (const options of wrong) {
    const text = problem({ options: { ...url, ...options } });
    ok(!text.includes(secret), text);
    ok(!/[\r\n]/.test(text), text);
  }
});

Deno.test("--client-cert and --client-key make one certificate, whatever else their files hold", () => {
  const pair = (cert: string, keyFile: string) =>
    settings({ options: { ...url, "client-cert": cert, "client-key": keyFile } }).clientCertificate;
  const lines = `${"A".repeat(64)}\n${"A".repeat(6)}`;
  deepStrictEqual(pair("ca.pem", "client_key.pem"), { cert: PEM + PEM, key: key(lines) });
  deepStrictEqual(pair("ca.pem", "ec_key.pem")?.key, key(lines, "EC PRIVATE KEY"));
  deepStrictEqual(pair("both.pem", "both.pem"), { cert: PEM, key: key("B".repeat(16)) });
  const variables = { MCP_CONNECT_CLIENT_CERT: "both.pem", MCP_CONNECT_CLIENT_KEY: "both.pem" };
  deepStrictEqual(settings({ options: url, variables }).clientCertificate?.cert, PEM);
});

Deno.test("what is wrong with --client-cert and --client-key is named, and no key is shown", () => {
  const table: [options: ParsedOptions, line: RegExp][] = [
    [{ "client-cert": "ca.pem" }, /^--client-cert needs --client-key too/],
    [{ "client-key": "client_key.pem" }, /^--client-key needs --client-cert too/],
    [
      { "client-cert": "key.pem", "client-key": "ca.pem" },
      /key\.pem holds a private key and no certificate; .*swapped/,
    ],
    [
      { "client-cert": "ca.pem", "client-key": "open.pem" },
      /holds a certificate and no private key; .*swapped/,
    ],
    [
      { "client-cert": "two-lines", "client-key": "client_key.pem" },
      /^--client-cert two-lines holds no PEM certificate/,
    ],
    [
      { "client-cert": "ca.pem", "client-key": "two-lines" },
      /^--client-key two-lines holds no PEM private key/,
    ],
    [{ "client-cert": "nowhere", "client-key": "client_key.pem" }, /^--client-cert: nowhere does not exist/],
    [{ "client-cert": "ca.pem", "client-key": "nowhere" }, /^--client-key: nowhere does not exist/],
    [{ "client-cert": "ca.pem", "client-key": "encrypted_key.pem" }, /is encrypted, .*openssl pkey/],
    [{ "client-cert": "ca.pem", "client-key": "old_encrypted_key.pem" }, /is encrypted, .*openssl pkey/],
    [
      { "client-cert": "ca.pem", "client-key": "ssh_key" },
      /a kind that TLS can't use \(OPENSSH PRIVATE KEY\)/,
    ],
    [{ "client-cert": "ca.pem", "client-key": "two_keys.pem" }, /more than one private key/],
    [{ "client-cert": "ca.pem", "client-key": "open_key.pem" }, /the private key has no END line/],
    [{ "client-cert": "ca.pem", "client-key": "bad_key.pem" }, /the private key is damaged/],
    [{ "client-cert": "bad.pem", "client-key": "client_key.pem" }, /certificate 1 is damaged/],
    [
      { "client-cert": "ca.pem", "client-key": "foreign_key.pem" },
      /the key of --client-key does not belong to the certificate of --client-cert/,
    ],
    [{ "client-cert": "ca.pem", "client-key": "unusable_key.pem" }, /^TLS can't use the certificate/],
  ];
  for (const [options, line] of table) {
    const text = problem({ options: { ...url, ...options } });
    match(text, line);
    ok(!/AAAA|hunter2|BEGIN.*\n/.test(text), text);
  }
});

Deno.test("what is found out is kept in the platform's place, where the user says, or nowhere", () => {
  const variables = { HOME: "/home/ada", LOCALAPPDATA: "C:\\ada", XDG_STATE_HOME: undefined };
  const place = {
    windows: "C:\\ada\\mcp-connect",
    darwin: "/home/ada/Library/Application Support/mcp-connect",
  }[Deno.build.os as string] ?? "/home/ada/.local/state/mcp-connect";
  const store = (options: Input["options"] = {}, more: Input["variables"] = {}) =>
    settings({ options: { ...url, ...options }, variables: { ...variables, ...more } }).store;
  strictEqual(store(), place);
  strictEqual(store({ store: "here" }), "here");
  strictEqual(store({}, { MCP_CONNECT_STORE: "/there" }), "/there");
  strictEqual(store({ "no-store": true, store: "here" }), undefined);
  strictEqual(store({}, { MCP_CONNECT_NO_STORE: "1", MCP_CONNECT_STORE: "/there" }), undefined);
  strictEqual(settings({ options: url }).store, undefined);
});

Deno.test("cookies, the bound of connecting and the log file have their settings", () => {
  strictEqual(settings({ options: { ...url, "no-cookies": true } }).cookies, false);
  strictEqual(settings({ options: url, variables: { MCP_CONNECT_NO_COOKIES: "yes" } }).cookies, false);
  strictEqual(settings({ options: { ...url, "connect-timeout": "2.5" } }).connectTimeoutMs, 2500);
  match(problem({ options: { ...url, "connect-timeout": "0" } }), /^--connect-timeout takes seconds above 0/);
  deepStrictEqual(settings({ options: { ...url, "log-file": "l.log" } }).log.file, {
    path: "l.log",
    maxSize: 10_485_760,
    count: 3,
  });
  match(problem({ options: { ...url, "log-file-size": "many" } }), /^--log-file-size takes a size/);
  match(
    problem({ options: { ...url, "log-file-count": "0" } }),
    /^--log-file-count takes a whole number from 1 to 100/,
  );
});

Deno.test("tokens are kept by the keychain where that is asked for", () => {
  strictEqual(settings({ options: { ...url, "token-store": "Keychain" } }).signIn?.keychain, true);
  strictEqual(settings({ options: { ...url, "token-store": "file" } }).signIn?.keychain, false);
  match(
    problem({ options: { ...url, "token-store": "cloud" } }),
    /--token-store takes one of file, keychain/,
  );
});

Deno.test("one way to sign in is chosen, with all that it needs and nothing that it can't use", () => {
  const oauth = (options: ParsedOptions) => settings({ options: { ...url, ...options } }).signIn!.oauth;
  const workload = { "workload-token-file": "/run/token" };
  const idToken = {
    "id-token-file": "/run/id",
    "idp-token-url": "https://idp.example/token",
    "idp-client-id": " idp ",
  };
  deepStrictEqual(oauth(workload), {
    ...DEFAULT_SETTINGS,
    grant: "jwt_bearer",
    workloadTokenFile: "/run/token",
  });
  deepStrictEqual(oauth({ ...idToken, "client-id": "c", "idp-client-secret": "hunter2" }), {
    ...DEFAULT_SETTINGS,
    grant: "id_jag",
    clientId: "c",
    identityProvider: {
      idTokenFile: "/run/id",
      tokenUrl: "https://idp.example/token",
      clientId: "idp",
      clientSecret: "hunter2",
    },
  });
  // Wherever it is started, the same file is the same account.
  strictEqual(oauth({ "workload-token-file": "token" }).workloadTokenFile, `${Deno.cwd()}/token`);
  const document = { "client-metadata-url": "https://me.example/client.json" };
  strictEqual(oauth({ ...idToken, ...document }).grant, "id_jag");

  const rows: readonly (readonly [options: ParsedOptions, wanted: RegExp])[] = [
    [{ ...workload, "device-code": true }, /--device-code and --workload-token-file contradict/],
    [{ ...workload, ...idToken, "client-id": "c" }, /--workload-token-file and --id-token-file contradict/],
    [idToken, /--id-token-file needs --client-id/],
    [{ "id-token-file": "/run/id", "client-id": "c" }, /needs --idp-token-url and --idp-client-id/],
    [{ ...idToken, "idp-token-url": "idp.example", "client-id": "c" }, /--idp-token-url takes an http/],
    [{ ...idToken, "idp-client-secret": " ", "client-id": "c" }, /--idp-client-secret is empty/],
    [{ "idp-client-secret": "hunter2" }, /--idp-client-secret is of use only with --id-token-file/],
    [{ "idp-token-url": "https://idp.example/" }, /--idp-token-url is of use only with/],
  ];
  for (const [options, wanted] of rows) {
    const text = problem({ options: { ...url, ...options } });
    match(text, wanted);
    ok(!text.includes("hunter2"));
  }
});
