import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import type { BalanceSettings } from "../../src/config/balance_settings.ts";
import { ConfigError } from "../../src/config/config_error.ts";
import type { Environment } from "../../src/config/environment.ts";
import type { Files } from "../../src/config/files.ts";
import { type BalancingCommand, wantsPool } from "../../src/config/named_upstreams.ts";
import { optionValues, type ParsedOptions } from "../../src/config/option_values.ts";
import { resolveBalance } from "../../src/config/resolve_balance.ts";
import { resolveSettings } from "../../src/config/resolve_settings.ts";
import type { ConnectSettings } from "../../src/config/settings.ts";
import { describeEndpoint } from "../../src/link/describe_endpoint.ts";

const FILES: Readonly<Record<string, string>> = {
  "two": "# ours\nhttp://a/mcp\n\nnode server.js --list 1,2\n",
  "weighted": "a:1;weight=3\nb:1\n",
  "none": "# nothing\n",
  "wrong": "a:1\nws://b\n",
  "twice": "a:1\nb:1\na:1\n",
};

const files: Files = {
  readText(path, where) {
    const text = FILES[path];
    if (text === undefined) throw new ConfigError(`${where}: ${path} does not exist`);
    return text;
  },
  checkDirectory() {},
  checkKeyPair: () => undefined,
};

interface Input {
  readonly command?: BalancingCommand;
  readonly options?: ParsedOptions;
  readonly variables?: Readonly<Record<string, string>>;
  readonly bare?: readonly string[];
  readonly vector?: readonly string[];
}

function settings(
  { command = "load-balance", options = {}, variables = {}, bare = [], vector }: Input,
): ConnectSettings {
  const environment: Environment = (name) => {
    const value = variables[name];
    return value === undefined ? { kind: "unset" } : { kind: "set", value };
  };
  const values = optionValues(command, options, environment);
  const named = { bare, vector, platform: "posix" } as const;
  const balance = wantsPool(command, values, named) ? resolveBalance : undefined;
  return resolveSettings(values, named, environment, files, balance);
}

function balanceOf(input: Input): BalanceSettings {
  const { balance } = settings(input);
  ok(balance !== undefined, "there is no pool");
  return balance;
}

/** The upstreams and sources, each in one line. */
function said(input: Input): string[] {
  const { upstreams, sources } = balanceOf(input);
  const one = ({ endpoint, weight, drain }: BalanceSettings["upstreams"][number]) =>
    `${describeEndpoint(endpoint)}${weight === 1 ? "" : ` ×${weight}`}${drain ? " drained" : ""}`;
  return [
    ...upstreams.map(one),
    ...sources.map((source) =>
      source.kind === "file" ? `file ${source.path}` : `${source.kind} ${one(source.upstream)}`
    ),
  ];
}

function problem(input: Input): string {
  try {
    settings(input);
  } catch (error) {
    ok(error instanceof ConfigError, String(error));
    ok(!/[\r\n]/.test(error.message));
    return error.message;
  }
  throw new Error(`taken: ${JSON.stringify(input)}`);
}

const DEFAULTS: Omit<BalanceSettings, "upstreams"> = {
  sources: [],
  policy: "round-robin",
  affinity: "none",
  checkIntervalMs: 10_000,
  checkTimeoutMs: 5000,
  slowStartMs: 10_000,
  maxEjectedPercent: 50,
  dnsRefreshMs: 30_000,
};

Deno.test("load-balance has the documented defaults, and every upstream the transport that was asked for", () => {
  const found = settings({ options: { endpoints: ["http://a/mcp, http://b/mcp"], transport: "http" } });
  const upstream = (url: string) => ({
    endpoint: { kind: "http" as const, url: new URL(url) },
    transport: "http" as const,
    weight: 1,
    drain: false,
  });
  deepStrictEqual(found.balance, {
    ...DEFAULTS,
    upstreams: [upstream("http://a/mcp"), upstream("http://b/mcp")],
  });
  deepStrictEqual(found.endpoint, upstream("http://a/mcp").endpoint);
  ok(found.signIn !== undefined);
});

const UPSTREAMS: [what: string, input: Input, expected: string[]][] = [
  ["bare arguments", { bare: ["a:1", "b:1;drain", "c:1"] }, ["tcp://a:1", "tcp://b:1 drained", "tcp://c:1"]],
  ["one alone", { bare: ["a:1"] }, ["tcp://a:1"]],
  ["a command after --", { vector: ["node", "a b"] }, ['node "a b"']],
  ["all the ways at once, in order", {
    bare: ["a:1"],
    options: {
      "endpoint": ["b:1", "node x.js 1,2"],
      "endpoints": ["c:1,d:1", "e:1"],
      "endpoints-file": "two",
    },
    vector: ["cmd", ";weight=2"],
  }, [
    "tcp://a:1",
    "tcp://b:1",
    "node x.js 1,2",
    "tcp://c:1",
    "tcp://d:1",
    "tcp://e:1",
    "cmd ;weight=2",
    "file two",
  ]],
  ["names to look up, as sources", {
    bare: ["srv+https://_mcp._tcp.x/mcp;weight=2", "a:1", "dns+tcp://n:9;drain"],
  }, ["tcp://a:1", "srv https://_mcp._tcp.x/mcp ×2", "addresses tcp://n:9 drained"]],
  ["the environment", {
    variables: { MCP_CONNECT_ENDPOINT: "a:1", MCP_CONNECT_ENDPOINTS: "b:1,c:1;weight=2\nd:1" },
  }, ["tcp://a:1", "tcp://b:1", "tcp://c:1 ×2", "tcp://d:1"]],
  ["the command line instead of all the environment", {
    options: { endpoints: ["x:1,y:1"] },
    variables: {
      MCP_CONNECT_ENDPOINT: "a:1",
      MCP_CONNECT_ENDPOINTS: "b:1",
      MCP_CONNECT_ENDPOINTS_FILE: "nowhere",
    },
  }, ["tcp://x:1", "tcp://y:1"]],
  ["proxy's several --endpoint", { command: "proxy", options: { endpoint: ["a:1", "b:1"] } }, [
    "tcp://a:1",
    "tcp://b:1",
  ]],
  ["proxy's --endpoints and a command", {
    command: "proxy",
    options: { endpoints: ["a:1"] },
    vector: ["node"],
  }, ["tcp://a:1", "node"]],
  ["proxy's file", { command: "proxy", options: { "endpoints-file": "two" } }, ["file two"]],
  ["proxy's one name", { command: "proxy", bare: ["dns+http://n/"] }, ["addresses http://n/"]],
  ["a pool of one where its status is asked for", {
    command: "proxy",
    bare: ["a:1"],
    options: { "status-port": "0", "policy": "p2c" },
  }, ["tcp://a:1"]],
  ["the environment's list, for proxy alone", {
    command: "proxy",
    variables: { MCP_CONNECT_ENDPOINTS: "a:1,b:1" },
  }, ["tcp://a:1", "tcp://b:1"]],
];

for (const [what, input, expected] of UPSTREAMS) {
  Deno.test(`upstreams are ${what}`, () => deepStrictEqual(said(input), expected));
}

Deno.test("proxy with one endpoint is what it was, whatever the environment says of balancing", () => {
  const variables = {
    MCP_CONNECT_ENDPOINTS: "a:1,b:1",
    MCP_CONNECT_ENDPOINTS_FILE: "nowhere",
    MCP_CONNECT_POLICY: "nonsense",
    MCP_CONNECT_DRAIN_FILE: "nowhere",
  };
  for (const command of ["proxy", "auth-proxy"] as const) {
    for (
      const input of [{ bare: ["http://x/a;weight=2"] }, { options: { endpoint: ["http://x/a;weight=2"] } }]
    ) {
      const found = settings({ command, variables, ...input });
      ok(!("balance" in found));
      deepStrictEqual(found.endpoint, { kind: "http", url: new URL("http://x/a;weight=2") });
    }
  }
});

const PROBLEMS: [what: string, input: Input, message: RegExp][] = [
  ["no upstream", {}, /^no upstream given; name them as arguments, with --endpoints/],
  ["an empty entry", { options: { endpoints: ["a:1,,b:1"] } }, /^--endpoints: entry 2 is empty/],
  [
    "an entry that is none",
    { options: { endpoints: ["a:1", "b:1,ws://c"] } },
    /^--endpoints: entry 3: unknown/,
  ],
  ["an argument that is none", { bare: ["a:1", "ws://c"] }, /^argument 2: unknown scheme ws:/],
  ["a sole argument that is none", { bare: ["ws://c"] }, /^unknown scheme ws:/],
  [
    "an --endpoint that is none",
    { options: { endpoint: ["a:1", "ws://c"] } },
    /^--endpoint: entry 2: unknown/,
  ],
  [
    "an attribute with a slip",
    { options: { endpoints: ["a:1;wieght=2"] } },
    /entry 1: ;wieght is no attribute/,
  ],
  [
    "a variable's entry that is none",
    { variables: { MCP_CONNECT_ENDPOINTS: "a:1,ws://c" } },
    /^MCP_CONNECT_ENDPOINTS: entry 2: unknown/,
  ],
  [
    "the same twice",
    { options: { endpoints: ["a:1,b:1,A:1"] } },
    /^--endpoints: entry 3 names the same upstream as --endpoints: entry 1; .*;weight=N/,
  ],
  [
    "the same in two ways",
    { bare: ["http://a/mcp"], options: { "endpoints-file": "two" } },
    /^--endpoints-file two line 2 names the same upstream as the argument/,
  ],
  [
    "a file that is not there",
    { options: { "endpoints-file": "nowhere" } },
    /^--endpoints-file: nowhere does not/,
  ],
  [
    "a file with a wrong line",
    { options: { "endpoints-file": "wrong" } },
    /^--endpoints-file wrong line 2: unknown/,
  ],
  [
    "a file with the same twice",
    { options: { "endpoints-file": "twice" } },
    /twice line 3: the same upstream as in line 1/,
  ],
  [
    "a file without upstreams",
    { options: { "endpoints-file": "none" } },
    /^--endpoints-file none names no upstream/,
  ],
  [
    "a transport that does not fit an entry",
    { options: { endpoints: ["http://a/,b:1"], transport: "http" } },
    /^--endpoints: entry 2: --transport http does not fit a TCP address; .*http:\/\/b:1/,
  ],
  [
    "a transport that does not fit a line",
    { options: { "endpoints-file": "two", "transport": "sse" } },
    /^--endpoints-file two line 4: --transport sse does not fit a command/,
  ],
  [
    "a transport that does not fit what is looked up",
    { bare: ["srv+tcp://a"], options: { transport: "http" } },
    /^the argument: --transport http does not fit a TCP address/,
  ],
  [
    "a policy that is none",
    { bare: ["a:1"], options: { policy: "fair" } },
    /^--policy takes one of round-robin, /,
  ],
  [
    "weights that the policy does not look at",
    { options: { endpoints: ["a:1,b:1;weight=2"], policy: "round-robin" } },
    /^--endpoints: entry 2 has a weight, which --policy round-robin does not look at; these do: least-pending, p2c, random, weighted, hash/,
  ],
  [
    "a file's weights that the policy does not look at",
    { options: { "endpoints-file": "weighted" }, variables: { MCP_CONNECT_POLICY: "sticky" } },
    /^--endpoints-file weighted line 1 has a weight, which MCP_CONNECT_POLICY sticky does not/,
  ],
  [
    "an affinity that is none",
    { bare: ["a:1"], options: { affinity: "ip" } },
    /^--affinity takes one of none, /,
  ],
  [
    "a percentage of all",
    { bare: ["a:1"], options: { "max-ejected": "100" } },
    /^--max-ejected takes a whole number of percent from 0 to 99/,
  ],
  [
    "no time for an answer",
    { bare: ["a:1"], options: { "health-timeout": "0" } },
    /^--health-timeout takes seconds above 0/,
  ],
  [
    "a hedge at once",
    { bare: ["a:1"], options: { "hedge-after": "0" } },
    /^--hedge-after takes a whole number of milliseconds/,
  ],
  [
    "a DNS server by name",
    { bare: ["a:1"], options: { "dns-server": "localhost:53" } },
    /^--dns-server takes an address and a port/,
  ],
  [
    "a DNS server without an address",
    { bare: ["a:1"], options: { "dns-server": ":53" } },
    /^--dns-server takes/,
  ],
  [
    "a DNS server at no port",
    { bare: ["a:1"], options: { "dns-server": "1.2.3.4:0" } },
    /^--dns-server takes/,
  ],
  [
    "a DNS server at half an address",
    { bare: ["a:1"], options: { "dns-server": "1.2.3" } },
    /^--dns-server takes/,
  ],
  [
    "a status port that is none",
    { bare: ["a:1"], options: { "status-port": "70000" } },
    /^--status-port takes a port/,
  ],
  [
    "a status host without a port",
    { bare: ["a:1"], options: { "status-port": "localhost" } },
    /^--status-port takes/,
  ],
  [
    "a status host that is none",
    { bare: ["a:1"], options: { "status-port": "a b:1" } },
    /^--status-port takes/,
  ],
  ["several arguments of proxy", { command: "proxy", bare: ["a:1", "b:1"] }, /^too many arguments/],
  [
    "an argument and another --endpoint of proxy",
    { command: "proxy", bare: ["a:1"], options: { endpoint: ["b:1"] } },
    /^the endpoint is given more than once/,
  ],
];
for (
  const name of [
    "policy",
    "affinity",
    "health-interval",
    "health-timeout",
    "hedge-after",
    "slow-start",
    "max-ejected",
    "drain-file",
    "dns-refresh",
    "dns-server",
  ] as const
) {
  PROBLEMS.push([
    `--${name} with one endpoint`,
    { command: "proxy", bare: ["a:1"], options: { [name]: "1" } },
    new RegExp(`^--${name} needs several upstreams: name them with --endpoints`),
  ]);
}

for (const [what, input, message] of PROBLEMS) {
  Deno.test(`${what}: refused, and told where`, () => match(problem(input), message));
}

Deno.test("weights and SRV records ask for the policy that looks at them, unless another is named", () => {
  const policy = (input: Input) => balanceOf(input).policy;
  strictEqual(policy({ bare: ["a:1;weight=1", "b:1;drain"] }), "round-robin");
  strictEqual(policy({ bare: ["a:1;weight=2", "b:1"] }), "weighted");
  strictEqual(policy({ options: { "endpoints-file": "weighted" } }), "weighted");
  strictEqual(policy({ bare: ["srv+tcp://a"] }), "weighted");
  strictEqual(policy({ bare: ["srv+tcp://a"], options: { policy: "Round-Robin" } }), "round-robin");
  for (const name of ["least-pending", "p2c", "random", "weighted", "hash"]) {
    strictEqual(policy({ bare: ["a:1;weight=2", "b:1"], options: { policy: name } }), name);
  }
});

Deno.test("every option of balancing has its setting", () => {
  const { upstreams: _, ...rest } = balanceOf({
    bare: ["a:1"],
    options: {
      "policy": "hash",
      "affinity": "Session",
      "health-interval": "0",
      "health-timeout": "0.5",
      "hedge-after": "250",
      "slow-start": "0",
      "max-ejected": "0",
      "drain-file": "drained.txt",
      "dns-refresh": "2",
      "dns-server": "10.0.0.2",
      "status-port": "9090",
    },
  });
  deepStrictEqual(rest, {
    sources: [],
    policy: "hash",
    affinity: "session",
    checkTimeoutMs: 500,
    hedgeAfterMs: 250,
    slowStartMs: 0,
    maxEjectedPercent: 0,
    drainFile: "drained.txt",
    dnsRefreshMs: 2000,
    dnsServer: { ipAddr: "10.0.0.2", port: 53 },
    status: { hostname: "127.0.0.1", port: 9090 },
  });
});

Deno.test("addresses of the DNS server and the status page may be of both families", () => {
  const servers: [text: string, ipAddr: string, port: number][] = [
    ["127.0.0.1:8600", "127.0.0.1", 8600],
    ["[::1]:8600", "::1", 8600],
    ["[::1]", "::1", 53],
    ["fe80::1", "fe80::1", 53],
  ];
  for (const [text, ipAddr, port] of servers) {
    deepStrictEqual(balanceOf({ bare: ["a:1"], options: { "dns-server": text } }).dnsServer, {
      ipAddr,
      port,
    });
  }
  const places: [text: string, hostname: string, port: number][] = [
    ["0", "127.0.0.1", 0],
    ["0.0.0.0:9090", "0.0.0.0", 9090],
    ["[::1]:9090", "::1", 9090],
    ["box.local:1", "box.local", 1],
  ];
  for (const [text, hostname, port] of places) {
    deepStrictEqual(balanceOf({ bare: ["a:1"], options: { "status-port": text } }).status, {
      hostname,
      port,
    });
  }
});

Deno.test("one endpoint stands for all in the log, also where there are sources only", () => {
  const shown = (input: Input) => describeEndpoint(settings(input).endpoint);
  strictEqual(shown({ bare: ["srv+https://_mcp._tcp.x/mcp", "a:1"] }), "https://_mcp._tcp.x/mcp");
  strictEqual(shown({ options: { "endpoints-file": "two" } }), "http://a/mcp");
  strictEqual(shown({ options: { "endpoints-file": "weighted" }, vector: ["node"] }), "node");
});

Deno.test("signing in is possible as soon as one upstream is a URL", () => {
  const signs = (input: Input) => settings(input).signIn !== undefined;
  ok(!signs({ bare: ["a:1", "b:1"] }));
  ok(signs({ bare: ["a:1", "https://b/"] }));
  ok(signs({ bare: ["a:1", "dns+https://b/"] }));
  ok(signs({ options: { "endpoints-file": "two" } }));
  ok(!signs({ bare: ["a:1", "https://b/"], options: { oauth: "off" } }));
});

Deno.test("however upstreams are named, each is there once, in order, with its weight", () => {
  const entries = fc.uniqueArray(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 20 });
  const ways = fc.array(fc.constantFrom("bare", "endpoint", "endpoints"), { minLength: 20, maxLength: 20 });
  fc.assert(fc.property(entries, ways, (ports, way) => {
    const by = (name: string) =>
      ports.filter((_, i) => way[i] === name).map((port) => `h:${port};weight=${port % 7 + 1}`);
    const [bare, endpoint, endpoints] = [by("bare"), by("endpoint"), by("endpoints")];
    const { upstreams } = balanceOf({
      bare,
      options: {
        ...(endpoint.length === 0 ? {} : { endpoint }),
        ...(endpoints.length === 0 ? {} : { endpoints: [endpoints.join(",")] }),
      },
    });
    deepStrictEqual(
      upstreams.map((it) => `h:${it.endpoint.kind === "tcp" ? it.endpoint.port : ""};weight=${it.weight}`),
      [...bare, ...endpoint, ...endpoints],
    );
  }));
});
