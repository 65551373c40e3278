/** Which uses of the program are so plain that the first message is sent on before it is loaded; and that it agrees. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { arrangeArguments } from "../../src/cli/arrange_arguments.ts";
import { parseOptions } from "../../src/cli/parse_options.ts";
import type { Environment } from "../../src/config/environment.ts";
import { optionValues } from "../../src/config/option_values.ts";
import { optionsOf } from "../../src/config/options.ts";
import { resolveSettings } from "../../src/config/resolve_settings.ts";
import type { ConnectSettings } from "../../src/config/settings.ts";
import { plainUse } from "../../src/start/plain_use.ts";

const HOME = { HOME: "/home/ada" };
const STORE = "/home/ada/.local/state/mcp-connect";
const URL_TEXT = "https://example.com/mcp?a=1#there";

type Found = { url: string; headers: readonly (readonly [string, string])[]; store?: string } | undefined;

function found(args: readonly string[], variables: Record<string, string> = HOME): Found {
  const use = plainUse(args, variables, "linux");
  return use && { ...use, url: use.url.href };
}

const plain = { url: "https://example.com/mcp?a=1", headers: [], store: STORE };

const TABLE: readonly [args: string[], expected: Found, variables?: Record<string, string>][] = [
  [["proxy", "--endpoint", URL_TEXT], plain],
  [["proxy", `--endpoint=${URL_TEXT}`], plain],
  [["proxy", URL_TEXT], plain],
  [[URL_TEXT], plain],
  [["--endpoint", URL_TEXT], plain],
  [[URL_TEXT, "--no-store"], { url: plain.url, headers: [] }],
  [
    [URL_TEXT, "--header", "X-A: 1: 2", "--header=Authorization:Bearer x"],
    { ...plain, headers: [["X-A", "1: 2"], ["Authorization", "Bearer x"]] },
  ],
  [[URL_TEXT, "--header", "X-A: <${TOKEN}>"], { ...plain, headers: [["X-A", "<t>"]] }, {
    ...HOME,
    TOKEN: "t",
  }],
  [[URL_TEXT], { url: plain.url, headers: [] }, { ...HOME, MCP_CONNECT_NO_STORE: "1" }],
  [[URL_TEXT], { ...plain, store: "/there" }, { ...HOME, MCP_CONNECT_STORE: "/there" }],
  [[URL_TEXT], plain, { ...HOME, MCP_CONNECT_STORE: "", MCP_CONNECT_TIMEOUT: "" }],
  [[URL_TEXT], { url: plain.url, headers: [] }, {}],

  [[], undefined],
  [["proxy"], undefined],
  [["proxy", "--endpoint"], undefined],
  [["proxy", "--endpoint", "--no-store"], undefined],
  [["proxy", URL_TEXT, URL_TEXT], undefined],
  [["proxy", "--endpoint", URL_TEXT, URL_TEXT], undefined],
  [["test", URL_TEXT], undefined],
  [["auth-proxy", URL_TEXT], undefined],
  [["proxy", URL_TEXT, "--debug"], undefined],
  [["proxy", URL_TEXT, "--log-level", "debug"], undefined],
  [["proxy", URL_TEXT, "--help"], undefined],
  [["proxy", URL_TEXT, "-V"], undefined],
  [["proxy", URL_TEXT, "--"], undefined],
  [["proxy", "--", "node", "server.js"], undefined],
  [["proxy", "node server.js"], undefined],
  [["proxy", "localhost:80"], undefined],
  [["proxy", "tcp://localhost:80"], undefined],
  [["proxy", "https://ada:secret@example.com/mcp"], undefined],
  [["proxy", "http://localhost:0/mcp"], undefined],
  [["proxy", "http://local host/mcp"], undefined],
  [["proxy", "http://[::1/mcp"], undefined],
  [["proxy", URL_TEXT, "--header", "X-A: ${TOKEN}"], undefined],
  [["proxy", URL_TEXT, "--header", "X-A: ${TOKEN"], undefined, { ...HOME, TOKEN: "t" }],
  [["proxy", URL_TEXT, "--header", "X-A"], undefined],
  [["proxy", URL_TEXT, "--header", "Host: a"], undefined],
  [["proxy", URL_TEXT, "--header", "User-Agent: a"], undefined],
  [["proxy", URL_TEXT, "--header", "X-A: 1", "--header", "x-a: 2"], undefined],
  [[URL_TEXT], undefined, { ...HOME, MCP_CONNECT_TIMEOUT: "5" }],
  [[URL_TEXT], undefined, { ...HOME, mcp_connect_timeout: "5" }],
  [[URL_TEXT], undefined, { ...HOME, MCP_CONNECT_NO_STORE: "perhaps" }],
  [[URL_TEXT], undefined, { ...HOME, MCP_CONNECT_STORE: " /there" }],
];

for (const [args, expected, variables] of TABLE) {
  const set = Object.entries(variables ?? HOME).map(([name, value]) => `${name}=${value}`).join(" ");
  const outcome = expected === undefined ? "needs the whole program" : "is plain";
  Deno.test(`${set} mcp-connect ${args.join(" ")} ${outcome}`, () => {
    deepStrictEqual(found(args, variables), expected);
  });
}

/** The settings that the whole program makes of a command line; `undefined` where it refuses it. */
function settingsOf(args: readonly string[], variables: Record<string, string>): ConnectSettings | undefined {
  const { words: [command, ...words], vector } = arrangeArguments(args);
  if (command !== "proxy") return undefined;
  const { options, bare, finding } = parseOptions(optionsOf("proxy"), words);
  if (finding !== undefined) return undefined;
  const environment: Environment = (name) => {
    const value = variables[name];
    return value === undefined ? { kind: "unset" } : { kind: "set", value };
  };
  const none = () => {
    throw new Error("no file is read");
  };
  const files = { readText: none, checkDirectory: none, checkKeyPair: none } as never;
  const values = optionValues("proxy", options, environment);
  return resolveSettings(values, { bare, vector, platform: "posix" }, environment, files);
}

/** What a use that is plain says nothing of. */
const DEFAULTS = settingsOf(["proxy", "http://localhost/"], {})!;

const word = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("http://localhost:8080/mcp", "https://example.com/a%20b?q=1#h") },
  { weight: 3, arbitrary: fc.constantFrom("--endpoint", "--header", "--no-store", "proxy") },
  { weight: 1, arbitrary: fc.webUrl({ withQueryParameters: true, withFragments: true }) },
  { weight: 1, arbitrary: fc.webUrl().map((url) => `--endpoint=${url}`) },
  {
    weight: 2,
    arbitrary: fc.constantFrom("X-A: 1", "x-b:2", "Authorization: Bearer a b", "X-C: ", "X-D:${TOKEN} $${x}"),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }).map((text) => `--header=X-${text}`) },
  { weight: 1, arbitrary: fc.string({ maxLength: 6 }) },
);
const variable = fc.oneof(
  { weight: 4, arbitrary: fc.constant<[string, string]>(["HOME", "/home/ada"]) },
  fc.tuple(
    fc.constantFrom(
      "TOKEN",
      "XDG_STATE_HOME",
      "MCP_CONNECT_STORE",
      "MCP_CONNECT_NO_STORE",
      "MCP_CONNECT_HEADERS",
    ),
    fc.constantFrom("", "1", "0", "true", " ", "/there", "here", "X: 1"),
  ),
);

Deno.test("of a plain use the whole program makes the same, and nothing besides", () => {
  let uses = 0;
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), fc.array(variable, { maxLength: 3 }), (args, entries) => {
      const variables: Record<string, string> = Object.fromEntries(entries);
      const use = plainUse(args, variables, Deno.build.os);
      if (use === undefined) return;
      uses++;
      const { url, headers, store } = use;
      const own = headers.some(([name]) => name.toLowerCase() === "authorization");
      const { store: _, signIn, ...rest } = DEFAULTS;
      deepStrictEqual(settingsOf(args, variables), {
        ...rest,
        endpoint: { kind: "http", url },
        headers,
        ...(store === undefined ? {} : { store }),
        ...(own ? {} : { signIn }),
      });
    }),
    { numRuns: 20_000 },
  );
  strictEqual(uses > 500, true, `${uses} plain uses were tried`);
});
