import { match, ok, strictEqual } from "node:assert/strict";
import { runCli } from "./run_cli.ts";

const SECRET = "hunter2hunter2";

/** Wrong command lines, and what the one line on stderr says. */
const table: [args: string[], line: RegExp][] = [
  [
    [],
    /^mcp-connect: no command given \(proxy, load-balance, auth-proxy, test, login, logout, status, permissions, notification-demo, completions, version, help\)\. See mcp-connect --help$/,
  ],
  [["--log-level"], /no command given/],
  [["prxy"], /^mcp-connect: unknown command prxy; did you mean proxy\? See mcp-connect --help$/],
  [["constructor"], /^mcp-connect: unknown command constructor\. See/],
  [["example.com"], /unknown command example\.com; an endpoint is written as a URL or host:port\. See/],
  [["help", "tset"], /unknown command tset; did you mean test\?/],
  [["bad\x1b[31mname"], /^mcp-connect: unknown command bad�\[31mname\./],
  [
    ["proxy", "--endpont", "x"],
    /^mcp-connect: unknown option --endpont; did you mean --endpoint\? See mcp-connect proxy --help$/,
  ],
  [["proxy", "--endpont=x"], /unknown option --endpont; did you mean --endpoint\?/],
  [
    ["test", "--fallbacks", "x"],
    /unknown option --fallbacks for test; it belongs to proxy, load-balance and auth-proxy\. See mcp-connect test --help/,
  ],
  [["proxy", "--constructor", "x"], /unknown option --constructor\./],
  [["proxy", "--x", "a:1"], /unknown option --x\./],
  [["proxy", "-y", "a:1"], /unknown option -y;/],
  [
    ["proxy", "npx", "-y", "server"],
    /unknown option -y; if it belongs to a command, put -- before the command/,
  ],
  [["proxy", "npx", "server"], /too many arguments: .*-- CMD ARGS/],
  [["proxy", "--no-debug", "a:1"], /unknown option --no-debug; did you mean --debug\?/],
  [["--timeout", "5", "test"], /the command comes before its options: mcp-connect test/],
  [
    ["proxy"],
    /^mcp-connect: no endpoint given; name one with --endpoint, or a command after --\. See mcp-connect proxy --help$/,
  ],
  [["test", "--json"], /no endpoint given.*See mcp-connect test --help$/],
  [["proxy", "--"], /no command after --/],
  [["proxy", "--timeout"], /--timeout needs a value\. See/],
  [
    ["proxy", "--timeout", "--debug"],
    /--timeout needs a value \(a value that begins with - is written --timeout=VALUE\)/,
  ],
  [
    ["proxy", "--user-agent", "-x"],
    /unknown option -x; if it is the value of --user-agent, write --user-agent=VALUE/,
  ],
  [["proxy", "--header", "--", "a"], /--header needs a value/],
  [["proxy", "--timeout=", "a:1"], /--timeout has an empty value/],
  [["proxy", "--timeout", "1", "--timeout", "2", "a:1"], /--timeout is given more than once/],
  [["proxy", "--debug=maybe", "a:1"], /--debug takes no value, or true or false/],
  [["proxy", "--timeout", "soon", "a:1"], /--timeout takes seconds above 0/],
  [["proxy", "--timeout", "http://x/"], /--timeout takes seconds above 0/],
  [["proxy", "--max-message-size", "http://x/"], /--max-message-size takes/],
  [["proxy", "--auth-token", SECRET, "--auth-token", SECRET, "a:1"], /--auth-token is given more than once/],
  [["proxy", "--auth-token", "Bearer", SECRET, "--endpoint", "a:1"], /given more than once/],
  [["proxy", "http://x/", "--auth-token", "Bearer", SECRET], /too many arguments/],
  [["proxy", "http://x/", "--header", SECRET], /--header takes "Name: value", but there is no colon/],
  [["proxy", `http://me:${SECRET}@x/`], /user name or password/],
  [["proxy", "http://x/", "--auth-token", "${MCP_TEST_NOT_SET}"], /MCP_TEST_NOT_SET, which is not set/],
  [["ws://x"], /unknown scheme ws:.*See mcp-connect proxy --help$/],
  [["proxy", "localhost:8080/mcp"], /write http:\/\/localhost:8080\/mcp/],
  [["proxy", "--transport", "tcp", "http://x/"], /--transport tcp does not fit a URL/],
  [["proxy", "--ca-cert", "/nowhere/ca.pem", "http://x/"], /--ca-cert: \/nowhere\/ca\.pem does not exist/],
  [
    ["completions"],
    /completions takes the name of a shell: bash, zsh, fish or powershell\. See mcp-connect completions/,
  ],
  [["completions", "csh"], /completions takes the name of a shell/],
  [["completions", "bash", "zsh"], /completions takes the name of a shell/],
  [["completions", "--", "bash"], /completions takes the name of a shell/],
  [
    ["load-balance"],
    /no upstream given; name them as arguments, with --endpoints A,B or --endpoints-file, or a command after --\. See mcp-connect load-balance --help$/,
  ],
  [["load-balnce"], /unknown command load-balnce; did you mean load-balance\?/],
  [
    ["load-balance", "npx", "-y", "server"],
    /unknown option -y; if it belongs to a command, put -- before the command/,
  ],
  [["load-balance", "a:1", `http://me:${SECRET}@x/`], /argument 2: .*user name or password/],
  [["load-balance", "--endpoints", `a:1,https://x/?k=${SECRET};weight=${SECRET}`], /entry 2: ;weight takes/],
  [["load-balance", "--endpoints-file", "/nowhere"], /--endpoints-file: \/nowhere does not exist/],
  [["proxy", "--policy", "p2c", "a:1"], /--policy needs several upstreams: .*--endpoints A,B/],
  [["test", "--endpoint", "a:1", "--endpoint", "b:1"], /--endpoint is given more than once/],
  [["test", "--endpoints", "a:1"], /--endpoints for test; it belongs to proxy, load-balance and auth-proxy/],
  [["test", "dns+https://x/mcp"], /dns\+https: stands for all .*load-balance/],
  [["auth-proxy", "--endpoints", "https://x/,dns+tcp://a:1"], /only servers at an http or https URL/],
  [["auth-proxy", "--endpoints", "https://x/,a:1"], /only servers at an http or https URL are signed in to/],
  [["version", "1"], /version takes no arguments/],
  [["notification-demo", "3"], /notification-demo takes no arguments/],
  [["notification-demo", "--count", "many"], /--count takes a whole number/],
  [["permissions"], /permissions is followed by a command and its options/],
  [["permissions", "--json"], /permissions is followed by a command and its options/],
  [["permissions", "prxy"], /unknown command prxy; did you mean proxy\? See mcp-connect permissions --help$/],
  [["permissions", "permissions"], /permissions is followed by a command and its options/],
  [["permissions", "proxy", "--endpont", "x"], /unknown option --endpont; did you mean --endpoint\?/],
  [["permissions", "proxy", "ws://x/"], /ws:/],
];

Deno.test("a wrong command line gets one line on stderr, exit code 2, and nothing on stdout", async () => {
  for (let start = 0; start < table.length; start += 4) {
    await Promise.all(
      table.slice(start, start + 4).map(async ([args, line]) => {
        const { code, stdout, stderr } = await runCli(args);
        const context = `${args.join(" ")}: ${stderr}`;
        strictEqual(code, 2, context);
        strictEqual(stdout, "", context);
        ok(stderr.endsWith("\n") && stderr.indexOf("\n") === stderr.length - 1, context);
        // deno-lint-ignore no-control-regex
        ok(!/[\x00-\x09\x0b-\x1f]/.test(stderr), context);
        ok(!stderr.includes(SECRET), context);
        match(stderr.trimEnd(), line, context);
      }),
    );
  }
});

Deno.test("a wrong environment variable is named", async () => {
  const { code, stderr } = await runCli(["proxy", "a:1"], { env: { MCP_CONNECT_TIMEOUT: "soon" } });
  strictEqual(code, 2);
  match(stderr, /^mcp-connect: MCP_CONNECT_TIMEOUT takes seconds/);
});

Deno.test("a missing permission is named and gives exit code 6, without a prompt", async () => {
  const table: [args: string[], flag: RegExp][] = [
    [["proxy", "http://x/", "--auth-token", "${HOME}"], /--allow-env=HOME$/],
    [["proxy", "http://x/", "--header-file", "/etc/hosts"], /--allow-read=\/etc\/hosts$/],
    [["proxy", "http://x/", "--ca-cert", "/etc/hosts"], /--allow-read=\/etc\/hosts$/],
    [["proxy", "--endpoints-file", "/etc/hosts"], /--allow-read=\/etc\/hosts$/],
  ];
  for (const [args, flag] of table) {
    const { code, stdout, stderr } = await runCli(args, { permissions: [] });
    strictEqual(code, 6, stderr);
    strictEqual(stdout, "");
    match(stderr.trimEnd(), flag);
  }
});
