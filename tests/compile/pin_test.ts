import { deepEqual, match, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { type Pin, pinProgram } from "../../scripts/compile/pin.ts";

const PIN: Pin = {
  endpoints: ["https://mcp.example.com/mcp"],
  allowHosts: [],
  allowVariables: [],
  signIn: false,
  store: false,
  args: [],
};
/** The variables that any pinned executable may read. */
const ENV = "--allow-env=MCP_CONNECT_*,HOME,XDG_STATE_HOME,LOCALAPPDATA,USERPROFILE," +
  "HTTP_PROXY,HTTPS_PROXY,ALL_PROXY,NO_PROXY,http_proxy,https_proxy,all_proxy,no_proxy";
const SYSTEMS = ["linux", "darwin", "windows"] as const;

Deno.test("a pinned executable can connect to its endpoint and to nothing else", () => {
  for (const os of SYSTEMS) {
    deepEqual(pinProgram(PIN, os), {
      flags: ["--no-prompt", "--allow-net=mcp.example.com:443", ENV, "--deny-import"],
      args: ["proxy", "--endpoint", "https://mcp.example.com/mcp", "--no-store"],
    });
  }
});

for (
  const [endpoint, net] of [
    ["http://mcp.example.com/mcp", "mcp.example.com:80"],
    ["https://mcp.example.com:8443/sse", "mcp.example.com:8443"],
    ["http://[::1]:3000/mcp", "[::1]:3000"],
    ["http://localhost:3000/mcp", "localhost:3000"],
    ["https://MCP.Example.com/mcp", "mcp.example.com:443"],
    ["tcp://mcp.example.com:4000", "mcp.example.com:4000"],
    ["tcp://localhost:4000", "localhost:4000,127.0.0.1:4000,[::1]:4000"],
  ] as const
) {
  Deno.test(`of the endpoint ${endpoint} the hosts are ${net}`, () => {
    const { flags } = pinProgram({ ...PIN, endpoints: [endpoint] }, "linux");
    ok(flags.includes(`--allow-net=${net}`), flags.join(" "));
  });
}

Deno.test("what an executable would always be denied is refused while it is made", () => {
  const table: readonly (readonly [args: string[], said: RegExp | undefined, store?: false])[] = [
    [["--header", "Authorization: Bearer ${TOKEN}", "--log-level=debug", "--timeout", "5"], undefined],
    [["--log-file", "/tmp/log"], undefined],
    [["--log-file", "/tmp/log"], /--log-file takes files/, false],
    [["--auth-token-file=/tmp/t"], /--auth-token-file takes files/, false],
    [["--cwd", "/tmp"], /--cwd takes files/, false],
    [["--fallbacks", "http://other.example/mcp"], /--fallbacks leads elsewhere/],
    [["--endpoint", "http://other.example/mcp"], /--endpoint leads elsewhere/],
    [["--env", "ld_preload=x"], /with ld_preload Deno starts/],
    [["--env", "A=x"], undefined],
    [["--nope"], /unknown option --nope/],
    [["http://other.example/mcp"], /options alone/],
  ];
  for (const [args, said, store] of table) {
    const make = () => pinProgram({ ...PIN, store, args }, "linux");
    if (said === undefined) deepEqual(make().args.slice(-args.length), args);
    else throws(make, said, args.join(" "));
  }
  throws(() => pinProgram({ ...PIN, endpoints: ["unix:a.sock"] }, "linux"), /absolute path/);
  throws(() => pinProgram({ ...PIN, store: "a/store" }, "linux"), /absolute path/);
});

Deno.test("hosts that are named can be connected to as well", () => {
  const allowHosts = ["auth.example.com:443", "proxy.example.com:3128", "auth.example.com:443"];
  const { flags } = pinProgram({ ...PIN, allowHosts }, "linux");
  ok(
    flags.includes("--allow-net=mcp.example.com:443,auth.example.com:443,proxy.example.com:3128"),
    flags.join(" "),
  );
});

Deno.test("where a person signs in, the browser's way back and what opens it are permitted", () => {
  for (const os of SYSTEMS) {
    const { flags } = pinProgram({ ...PIN, signIn: true }, os);
    const net = flags.find((it) => it.startsWith("--allow-net="))!;
    deepEqual(net, "--allow-net=mcp.example.com:443,127.0.0.1,[::1]");
    const run = flags.find((it) => it.startsWith("--allow-run="))!;
    match(run, { linux: /=xdg-open,/, darwin: /=\/usr\/bin\/open,/, windows: /rundll32\.exe/ }[os]);
    ok(!flags.includes("--allow-run"));
  }
});

Deno.test("an endpoint that is a command may start that command, and connect to nothing", () => {
  const { flags, args } = pinProgram({ ...PIN, endpoints: ["my-server --fast"] }, "linux");
  deepEqual(flags, ["--no-prompt", ENV, "--allow-run=my-server", "--deny-import"]);
  deepEqual(args.slice(0, 3), ["proxy", "--endpoint", "my-server --fast"]);
});

Deno.test("an endpoint that is a socket's file may use that file", () => {
  const { flags } = pinProgram({ ...PIN, endpoints: ["unix:/run/mcp.sock"] }, "linux");
  deepEqual(flags, [
    "--no-prompt",
    "--allow-net=unix:/run/mcp.sock",
    "--allow-read=/run/mcp.sock",
    "--allow-write=/run/mcp.sock",
    ENV,
    "--deny-import",
  ]);
});

Deno.test("variables that a header needs can be read, whether baked in or named", () => {
  const args = ["--header", "Authorization: Bearer ${TOKEN}", "--header", "X: $${LITERAL} ${OTHER}"];
  const { flags } = pinProgram({ ...PIN, args, allowVariables: ["THIRD"] }, "linux");
  ok(flags.includes(`${ENV},TOKEN,OTHER,THIRD`), flags.join(" "));
  for (const name of ["*", "A,B", "", "A B"]) {
    throws(() => pinProgram({ ...PIN, allowVariables: [name] }, "linux"), /takes a variable's name/);
  }
});

Deno.test("with several endpoints a pinned executable can connect to all of them", () => {
  const endpoints = ["https://a.example/mcp;weight=2", "http://b.example:8080/mcp", "c.example:9000"];
  const { flags, args } = pinProgram({ ...PIN, endpoints }, "linux");
  ok(flags.includes("--allow-net=a.example:443,b.example:8080,c.example:9000"), flags.join(" "));
  deepEqual(args.slice(0, 7), ["proxy", ...endpoints.flatMap((it) => ["--endpoint", it])]);
});

Deno.test("what a name leads to can't be pinned", () => {
  for (const endpoint of ["dns+https://mcp.example.com/mcp", "srv+https://_mcp._tcp.example.com/mcp"]) {
    throws(() => pinProgram({ ...PIN, endpoints: [endpoint] }, "linux"), /may change/);
  }
});

Deno.test("the store's place decides what is read and written", () => {
  const files = (store: Pin["store"]) =>
    pinProgram({ ...PIN, store }, "linux").flags.filter((it) => /^--allow-(read|write)/.test(it));
  deepEqual(files(false), []);
  deepEqual(files("/var/lib/mcp"), ["--allow-read=/var/lib/mcp", "--allow-write=/var/lib/mcp"]);
  deepEqual(files(undefined), ["--allow-read", "--allow-write"]);
  deepEqual(pinProgram({ ...PIN, store: "/s" }, "linux").args.slice(3), ["--store", "/s"]);
});

Deno.test("more options of proxy come after the endpoint", () => {
  const { args } = pinProgram({ ...PIN, args: ["--header", "A: b"] }, "linux");
  deepEqual(args, ["proxy", "--endpoint", ...PIN.endpoints, "--no-store", "--header", "A: b"]);
});

for (const host of ["", "https://a.example", "a.example/path", "a b", "a.example,b.example", "u@a.example"]) {
  Deno.test(`${JSON.stringify(host)} is no host`, () => {
    throws(() => pinProgram({ ...PIN, allowHosts: [host] }, "linux"), /--allow-host takes HOST/);
  });
}

Deno.test("a value with a comma does not become two", () => {
  throws(() => pinProgram({ ...PIN, store: "/a,/etc" }, "linux"), /comma/);
  throws(() => pinProgram({ ...PIN, endpoints: ["unix:/run/a,b.sock"] }, "linux"), /comma/);
});

Deno.test("whatever the endpoint's URL, all of the net is never permitted, nor any other kind whole", () => {
  fc.assert(fc.property(fc.webUrl({ withQueryParameters: true }), fc.boolean(), (endpoint, signIn) => {
    for (const os of SYSTEMS) {
      const { flags } = pinProgram({ ...PIN, endpoints: [endpoint], signIn }, os);
      const whole = flags.filter((it) => it.startsWith("--allow-") && !it.includes("="));
      deepEqual(whole, []);
      const net = flags.find((it) => it.startsWith("--allow-net="))!.slice(12).split(",");
      const { host, port, protocol, hostname } = new URL(endpoint);
      deepEqual(net[0], port === "" ? `${hostname}:${protocol === "http:" ? 80 : 443}` : host);
      deepEqual(net.slice(1), signIn ? ["127.0.0.1", "[::1]"] : []);
    }
  }));
});
