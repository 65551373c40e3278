import { deepStrictEqual, match, ok } from "node:assert/strict";
import { ConfigError } from "../../src/config/config_error.ts";
import { optionValues, type ParsedOptions } from "../../src/config/option_values.ts";
import { variableOf } from "../../src/config/options.ts";
import { resolveFallbacks } from "../../src/config/resolve_fallbacks.ts";
import type { Fallback } from "../../src/config/settings.ts";
import { describeEndpoint } from "../../src/link/describe_endpoint.ts";
import { parseEndpoint } from "../../src/link/parse_endpoint.ts";

const URL_ENDPOINT = "https://example.com/mcp";

function resolve(
  options: ParsedOptions,
  endpoint = URL_ENDPOINT,
  variables: Record<string, string> = {},
): Fallback[] {
  const values = optionValues("proxy", options, (name) => {
    const value = variables[name];
    return value === undefined ? { kind: "unset" } : { kind: "set", value };
  });
  return resolveFallbacks(values, parseEndpoint(endpoint, "posix"), "posix");
}

/** A fallback in one line: its endpoint, its transport, and whether it is presumed. */
function said(fallbacks: Fallback[]): string[] {
  return fallbacks.map(({ endpoint, transport, presumed }) =>
    `${endpoint.kind} ${describeEndpoint(endpoint)} ${transport}${presumed === undefined ? "" : " presumed"}`
  );
}

const TABLE: [what: string, options: ParsedOptions, expected: string[]][] = [
  ["nothing unless asked", {}, []],
  ["the original's command and address where only a transport is named, with a warning", {
    fallbacks: "stdio,tcp",
  }, ["command mcp-server auto presumed", "tcp tcp://127.0.0.1:8080 auto presumed"]],
  ["transports whatever their case and the spaces around them", { fallbacks: " TCP , Stdio " }, [
    "tcp tcp://127.0.0.1:8080 auto presumed",
    "command mcp-server auto presumed",
  ]],
  ["the command and the address that are given", {
    "fallbacks": "stdio,tcp",
    "fallback-command": "node 'my server.js' -x",
    "fallback-address": "db.local:99",
  }, ['command node "my server.js" -x auto', "tcp tcp://db.local:99 auto"]],
  ["the endpoint's own URL in one way alone", { fallbacks: "sse,http" }, [
    `http ${URL_ENDPOINT} sse`,
    `http ${URL_ENDPOINT} http`,
  ]],
];

for (const [what, options, expected] of TABLE) {
  Deno.test(`--fallbacks takes ${what}`, () => deepStrictEqual(said(resolve(options)), expected));
}

Deno.test("--fallbacks takes whole endpoints, in their order", () => {
  const fallbacks = resolve({ fallbacks: "http://other.example/mcp, tcp://10.0.0.1:7000" });
  deepStrictEqual(fallbacks.map(({ endpoint, transport }) => [endpoint.kind, transport]), [
    ["http", "auto"],
    ["tcp", "auto"],
  ]);
});

Deno.test("the warning says what is used in place of which option", () => {
  const [stdio, tcp] = resolve({ fallbacks: "stdio,tcp" });
  match(stdio!.presumed!, /--fallback-command .*mcp-server/);
  match(tcp!.presumed!, /--fallback-address .*127\.0\.0\.1:8080/);
});

Deno.test("a command or an address in the environment is used where it is wanted, and no error elsewhere", () => {
  const variables = {
    [variableOf("fallback-command")]: "node server.js",
    [variableOf("fallback-address")]: "db.local:99",
  };
  deepStrictEqual(said(resolve({}, URL_ENDPOINT, variables)), []);
  deepStrictEqual(said(resolve({ fallbacks: "tcp" }, URL_ENDPOINT, variables)), [
    "tcp tcp://db.local:99 auto",
  ]);
});

const PROBLEMS: [what: string, options: ParsedOptions, endpoint: string, message: RegExp][] = [
  ["an empty entry", { fallbacks: "stdio,,tcp" }, URL_ENDPOINT, /--fallbacks: entry 2 is empty/],
  ["an empty list", { fallbacks: "" }, URL_ENDPOINT, /entry 1 is empty/],
  [
    "a way of speaking to a URL where the endpoint is none",
    { fallbacks: "sse" },
    "db.local:99",
    /entry 1: sse needs/,
  ],
  ["an entry that is no endpoint", { fallbacks: "stdio,http://" }, URL_ENDPOINT, /--fallbacks: entry 2: /],
  [
    "a command that nothing would run",
    { "fallback-command": "node" },
    URL_ENDPOINT,
    /--fallback-command needs --fallbacks stdio/,
  ],
  [
    "an address that nothing would use",
    { "fallbacks": "stdio", "fallback-address": "a:1" },
    URL_ENDPOINT,
    /--fallback-address needs --fallbacks tcp/,
  ],
  [
    "an address in a command's place",
    { "fallbacks": "stdio", "fallback-command": "http://a/" },
    URL_ENDPOINT,
    /--fallback-command takes a command line/,
  ],
  [
    "a URL in an address's place",
    { "fallbacks": "tcp", "fallback-address": "http://a/" },
    URL_ENDPOINT,
    /--fallback-address takes an address/,
  ],
];

for (const [what, options, endpoint, message] of PROBLEMS) {
  Deno.test(`${what} is refused, and the entry or option named`, () => {
    try {
      resolve(options, endpoint);
    } catch (error) {
      ok(error instanceof ConfigError, String(error));
      return match(error.message, message);
    }
    throw new Error("it was taken");
  });
}
