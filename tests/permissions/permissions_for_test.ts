/** What Deno has to permit for a use, by its command line and what is known of the machine and the servers. */
import { deepStrictEqual, match, ok } from "node:assert/strict";
import fc from "fast-check";
import { commaNotes, flagFor, flagsFor } from "../../src/permissions/flags.ts";
import type { Need } from "../../src/permissions/need.ts";
import { permissionsFor } from "../../src/permissions/permissions_for.ts";
import { renderPermissions } from "../../src/permissions/render_permissions.ts";
import { unusedKinds } from "../../src/permissions/unused_kinds.ts";
import { unknownsOf } from "../../src/permissions/unknowns_of.ts";
import type { Facts } from "../../src/permissions/use.ts";
import { type Connecting, useOf } from "./use_of.ts";

/** A server that wants a sign-in, and who gives tokens for it. */
const SIGN_IN: Partial<Facts> = {
  signIns: [{
    server: "https://mcp.example/mcp",
    answer: "wanted",
    urls: [
      { url: new URL("https://auth.example/token"), what: "the authorization server" },
      { url: new URL("https://auth.example:8443/register"), what: "the authorization server" },
    ],
  }],
};

type Row = readonly [
  title: string,
  command: Connecting,
  words: readonly string[],
  facts: Partial<Facts>,
  flags: readonly string[],
];

const TABLE: readonly Row[] = [
  ["a URL", "proxy", ["https://mcp.example/mcp"], {}, ["--allow-net=mcp.example:443"]],
  ["a URL with a port", "proxy", ["http://[::1]:8080/"], {}, ["--allow-net=[::1]:8080"]],
  ["TCP", "proxy", ["tcp://mcp.example:9000"], {}, ["--allow-net=mcp.example:9000"]],
  ["localhost over TCP", "proxy", ["localhost:9000"], {}, [
    "--allow-net=localhost:9000,127.0.0.1:9000,[::1]:9000",
  ]],
  ["a Unix socket", "proxy", ["unix:/run/a.sock"], {}, [
    "--allow-net=unix:/run/a.sock",
    "--allow-read=/run/a.sock",
    "--allow-write=/run/a.sock",
  ]],
  ["a Unix socket by a relative path, which no flag can name", "proxy", ["unix:a.sock"], {}, [
    "--allow-net",
    "--allow-read=a.sock",
    "--allow-write=a.sock",
  ]],
  ["a command", "proxy", ["node server.js"], {}, ["--allow-run=node"]],
  [
    "a command whose loader is told nothing",
    "proxy",
    ["--env", "LD_PRELOAD=", "--endpoint", "node a.js"],
    {},
    [
      "--allow-run=node",
    ],
  ],
  ["a loader's variable in lower case", "proxy", ["--env", "ld_x=a", "--endpoint", "node a.js"], {}, [
    "--allow-run",
  ]],
  ["a command where the loader is told something", "proxy", ["node server.js"], {
    loaderVariables: ["LD_PRELOAD"],
  }, [
    "--allow-run",
  ]],
  [
    "a command whose loader is told something",
    "proxy",
    ["--env", "LD_PRELOAD=a", "--endpoint", "node a.js"],
    {},
    [
      "--allow-run",
    ],
  ],
  ["a command on Windows", "proxy", ["node server.js"], { os: "windows" }, [
    "--allow-env=PATHEXT",
    "--allow-run=node",
  ]],
  ["a reserve", "proxy", ["https://a.example/", "--fallbacks", "https://b.example/"], {}, [
    "--allow-net=a.example:443,b.example:443",
  ]],
  ["a log file", "test", ["https://a.example/", "--log-file", "l", "--log-file-count", "2"], {}, [
    "--allow-net=a.example:443",
    "--allow-read=l",
    "--allow-write=l,l.1,l.lock",
  ]],
  ["a proxy", "proxy", ["https://a.example/"], {
    proxyVariables: { https_proxy: "http://u:p@p.example:3128" },
  }, [
    "--allow-net=a.example:443,p.example:3128",
  ]],
  ["a proxy of another scheme", "proxy", ["https://a.example/"], {
    proxyVariables: { HTTP_PROXY: "p.example" },
  }, [
    "--allow-net=a.example:443",
  ]],
  ["a SOCKS proxy without a port", "proxy", ["http://a.example/"], {
    proxyVariables: { ALL_PROXY: "socks5://p.example" },
  }, ["--allow-net=a.example:80,p.example:1080"]],
  ["a server that needs no proxy", "proxy", ["http://a.example/"], {
    proxyVariables: { HTTP_PROXY: "p.example:1", NO_PROXY: "example" },
  }, ["--allow-net=a.example:80"]],
  [
    "several upstreams",
    "load-balance",
    ["http://a.example/", "tcp://b.example:1", "--endpoint", "sh -c x"],
    {},
    [
      "--allow-net=a.example:80,b.example:1",
      "--allow-run=sh",
    ],
  ],
  ["a status page", "load-balance", ["http://a.example/", "--status-port", "9090"], {}, [
    "--allow-net=a.example:80,127.0.0.1:9090",
  ]],
  ["addresses of a name", "load-balance", ["dns+http://a.example/"], {}, [
    "--allow-net=a.example:80,192.0.2.1:80,[2001:db8::1]:80,a.example",
  ]],
  ["addresses of a name, over https", "proxy", ["dns+https://a.example/"], {}, [
    "--allow-net=a.example:443,192.0.2.1:443,127.0.0.1,[2001:db8::1]:443,a.example",
  ]],
  ["SRV records", "load-balance", ["srv+https://_mcp._tcp.example/"], {}, [
    "--allow-net=a.example:8443,_mcp._tcp.example",
  ]],
  ["a DNS server", "load-balance", ["dns+tcp://a.example:1", "--dns-server", "192.0.2.53"], {}, [
    "--allow-net=a.example:1,192.0.2.1:1,[2001:db8::1]:1,192.0.2.53:53",
  ]],
  [
    "files of upstreams and of drained ones",
    "load-balance",
    [
      "--endpoints-file",
      "upstreams",
      "--drain-file",
      "drained",
    ],
    { files: [{ path: "upstreams", where: "--endpoints-file" }] },
    [
      "--allow-net=file.example:80",
      "--allow-read=drained,upstreams",
    ],
  ],
  ["a sign-in in a browser", "proxy", ["https://mcp.example/mcp"], SIGN_IN, [
    "--allow-net=mcp.example:443,auth.example:443,auth.example:8443,127.0.0.1",
    "--allow-env=DISPLAY",
    "--allow-run=xdg-open",
  ]],
  [
    "a sign-in with a port of its own",
    "login",
    ["https://mcp.example/mcp", "--callback-port", "7000"],
    SIGN_IN,
    [
      "--allow-net=mcp.example:443,auth.example:443,auth.example:8443,127.0.0.1:7000",
      "--allow-env=DISPLAY",
      "--allow-run=xdg-open",
    ],
  ],
  [
    "a sign-in that comes back to localhost",
    "auth-proxy",
    [
      "https://mcp.example/mcp",
      "--redirect-url",
      "http://localhost:7000/",
      "--no-browser",
    ],
    SIGN_IN,
    ["--allow-net=mcp.example:443,auth.example:443,auth.example:8443,127.0.0.1:7000,[::1]:7000"],
  ],
  ["a sign-in with a code", "login", ["https://mcp.example/mcp", "--device-code", "--no-browser"], SIGN_IN, [
    "--allow-net=mcp.example:443,auth.example:443,auth.example:8443",
  ]],
  ["a sign-in that is only used", "test", ["https://mcp.example/mcp"], SIGN_IN, [
    "--allow-net=mcp.example:443,auth.example:443,auth.example:8443",
  ]],
  [
    "a sign-in that is not wanted by the user",
    "proxy",
    ["https://mcp.example/mcp", "--oauth", "off"],
    SIGN_IN,
    [
      "--allow-net=mcp.example:443",
    ],
  ],
  ["the keychain", "logout", ["https://mcp.example/mcp", "--token-store", "keychain"], SIGN_IN, [
    "--allow-net=mcp.example:443,auth.example:443,auth.example:8443",
    "--allow-run=secret-tool",
  ]],
  ["a sign-in that the keychain has", "test", ["https://mcp.example/mcp", "--store", "/s"], {
    ...SIGN_IN,
    sealed: true,
  }, [
    "--allow-net=mcp.example:443,auth.example:443,auth.example:8443",
    "--allow-read=/s",
    "--allow-write=/s",
    "--allow-run=secret-tool",
  ]],
  ["a store", "proxy", ["tcp://a.example:1", "--store", "/s"], {}, [
    "--allow-net=a.example:1",
    "--allow-read=/s",
    "--allow-write=/s",
  ]],
  ["variables", "proxy", ["tcp://a.example:1"], { variables: ["MCP_CONNECT_TIMEOUT", "KEY", "HOME"] }, [
    "--allow-net=a.example:1",
    "--allow-env=MCP_CONNECT_TIMEOUT,KEY,HOME",
  ]],
];

for (const [title, command, words, facts, flags] of TABLE) {
  Deno.test(`the permissions of ${command} for ${title}`, async () => {
    deepStrictEqual(flagsFor(permissionsFor(await useOf(command, words, facts))), flags);
  });
}

Deno.test("a path with a comma is permitted by its directory, as flags can't hold it", () => {
  const of = (kind: "read" | "run", value: string) =>
    flagsFor([{ kind, value, reason: "", without: "", weight: "needed" }]);
  deepStrictEqual(of("read", "/a/b,c/d"), ["--allow-read=/a/"]);
  deepStrictEqual(of("read", "b,c"), ["--allow-read=."]);
  deepStrictEqual(of("run", "a,b"), ["--allow-run"]);
});

Deno.test("what a comma widens is said, and what can be done without is not worth all of the disk", () => {
  const needs = (["needed", "comfort"] as const).flatMap((weight) =>
    ["/a/b,c", "/,d/e", "/f"].map((value): Need => ({
      kind: "write",
      value,
      reason: "",
      without: "",
      weight,
    }))
  );
  deepStrictEqual(flagsFor(needs.slice(0, 3)), ["--allow-write=/a/,/,/f"]);
  deepStrictEqual(flagsFor(needs.slice(3)), ["--allow-write=/a/,/f"]);
  deepStrictEqual(commaNotes(needs.slice(3)), [
    "No flag can hold the comma in /a/b,c: --allow-write=/a/ stands for it, and permits more.",
    "No flag can hold the comma in /,d/e: it is not permitted, as it would take --allow-write=/.",
  ]);
});

Deno.test("the report names each place once, also where several paths come to the same one", () => {
  const needs = ["/a/x,1", "/a/x,2", "/b"].map((value): Need => ({
    kind: "write",
    value,
    reason: "the log file",
    without: "",
    weight: "needed",
  }));
  const report = renderPermissions({ line: "", needs, unknowns: [], notes: [] });
  match(report, /^ {2}--allow-write=\/a\/,\/b$/m);
});

const ENDPOINTS = [
  ["https://mcp.example/mcp"],
  ["http://127.0.0.1:1/"],
  ["tcp://a.example:1"],
  ["unix:/run/a.sock"],
  ["node a.js"],
] as const;
const EXTRAS: readonly (readonly string[])[] = [
  [],
  ["--store", "/s"],
  ["--log-file", "l"],
  ["--oauth", "off"],
  ["--no-browser"],
  ["--device-code"],
  ["--client-credentials", "--client-id", "c", "--client-secret", "s"],
  ["--token-store", "keychain"],
  ["--connect-timeout", "1"],
  ["--cwd", "/tmp"],
];
const OF_BRIDGES: readonly (readonly string[])[] = [
  [],
  ["--fallbacks", "https://b.example/"],
  ["--fallbacks", "stdio", "--fallback-command", "sh"],
];
const OF_POOLS: readonly (readonly string[])[] = [
  [],
  ["--status-port", "9090"],
  ["--drain-file", "d"],
  ["--endpoints-file", "upstreams"],
];

Deno.test("no kind of permission is given up that a use has any need of", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<Connecting>("proxy", "load-balance", "auth-proxy", "test", "login", "logout"),
      fc.constantFrom(...ENDPOINTS),
      fc.constantFrom(...EXTRAS),
      fc.constantFrom(...OF_BRIDGES),
      fc.constantFrom(...OF_POOLS),
      fc.constantFrom("linux", "windows", "darwin"),
      fc.constantFrom<Partial<Facts>>({}, SIGN_IN, { ...SIGN_IN, sealed: true }, {
        proxyVariables: { HTTP_PROXY: "p:1" },
      }),
      async (command, endpoint, extra, ofBridge, ofPool, os, facts) => {
        const bridges = command === "proxy" || command === "load-balance" || command === "auth-proxy";
        const words = [
          "--endpoint",
          ...endpoint,
          ...extra,
          ...(bridges ? ofBridge : []),
          ...(command === "load-balance" ? ofPool : []),
        ];
        // Nothing is sealed where nothing is stored.
        const sealed = facts.sealed === true && words.includes("--store");
        const use = await useOf(command, words, { ...facts, os, sealed });
        const unused = unusedKinds({ command, settings: use.settings!, os });
        for (const need of permissionsFor(use)) {
          ok(!unused.includes(need.kind), `${command} ${words.join(" ")}: ${flagFor(need)}`);
        }
        ok(unused.includes("sys") && unused.includes("import"));
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("kinds that a use has no need of are given up", async () => {
  const unused = async (command: Connecting, ...words: string[]) =>
    unusedKinds({ command, settings: (await useOf(command, words)).settings!, os: "linux" });
  const tcp = await unused("proxy", "tcp://a.example:1");
  for (const kind of ["run", "write", "read", "env", "sys"] as const) ok(tcp.includes(kind), kind);
  const child = await unused("proxy", "node a.js");
  for (const kind of ["net", "write", "sys"] as const) ok(child.includes(kind), kind);
  const test = await unused("test", "https://a.example/");
  for (const kind of ["run", "ffi", "write", "sys"] as const) ok(test.includes(kind), kind);
  for (const command of ["notification-demo", "completions", "status"] as const) {
    const all = unusedKinds({ command, os: "linux" });
    for (const kind of ["net", "read", "write", "env", "run", "ffi", "sys"] as const) {
      ok(all.includes(kind), kind);
    }
  }
  ok(!unusedKinds({ command: "status", store: true, os: "linux" }).includes("read"));
});

Deno.test("what is not known is named", async () => {
  const of = async (facts: Partial<Facts>, ...words: string[]) =>
    unknownsOf(await useOf("load-balance", words, facts)).join("\n");
  deepStrictEqual(await of({}, "tcp://a.example:1"), "");
  ok(/--allow-env/.test(await of({ variablesHidden: true }, "tcp://a.example:1")));
  const silent: Partial<Facts> = {
    signIns: [{ server: "https://a.example/", answer: "unknown", urls: [], why: "it is asleep" }],
  };
  ok(/wants a sign-in is not known \(it is asleep\)/.test(await of(silent, "https://a.example/")));
  ok(/a\.example leads to is as it is now/.test(await of({}, "dns+tcp://a.example:1")));
  ok(/--endpoints-file will name later/.test(await of({}, "--endpoints-file", "upstreams")));
});
