/** Every command works with exactly the flags that `permissions` prints, and says what is missing with one of them less. */
import assert from "node:assert/strict";
import { isWindows } from "../link/child/processes.ts";
import { startDnsServer } from "../support/dns_server.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";
import { programCommand, REPOSITORY } from "../support/program.ts";
import { hasScript, onTerminal, PROMPT } from "./on_terminal.ts";
import { tryOut } from "./permission_trial.ts";
import { initializeLine } from "./proxied.ts";

const unix = { ignore: isWindows };

/** A server in a shell, which answers whatever it is asked. */
const SCRIPT = `while IFS= read -r line; do
  id=\${line#*\\"id\\":}; id=\${id%%[,\\}]*}
  case $line in
    *\\"initialize\\"*) echo '{"jsonrpc":"2.0","id":'$id',"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"sh","version":"1"}}}' ;;
    *\\"id\\":*) echo '{"jsonrpc":"2.0","id":'$id',"result":{"tools":[],"content":[]}}' ;;
  esac
done`;

Deno.test("permissions proxy, for a URL: the server, the store, the log's files, headers' files and variables", async () => {
  await using server = await startRawServer();
  const root = await Deno.makeTempDir();
  await Deno.writeTextFile(`${root}/headers`, "X-From-File: a\n");
  const printed = await tryOut({
    args: [
      "proxy",
      "--endpoint",
      server.url,
      "--header-file",
      `${root}/headers`,
      "--header",
      "X-Key: ${MY_KEY}",
      "--log-file",
      `${root}/log`,
      "--log-file-count",
      "2",
    ],
    env: { MY_KEY: "the-key", MCP_CONNECT_NO_STORE: undefined, MCP_CONNECT_STORE: `${root}/store` },
  });
  assert.deepEqual(printed.flags, [
    `--allow-net=127.0.0.1:${server.port}`,
    `--allow-read=${root}/store,${root}/log,${root}/headers`,
    `--allow-write=${root}/store,${root}/log,${root}/log.1,${root}/log.lock`,
    "--allow-env=MCP_CONNECT_STORE,MY_KEY",
  ]);
  assert.deepEqual(printed.unknowns, []);
  await Deno.remove(root, { recursive: true });
});

Deno.test("permissions proxy, for TCP", async () => {
  await using server = await startRawLineServer();
  const { flags } = await tryOut({ args: ["proxy", server.endpoint] });
  assert.deepEqual(flags, [`--allow-net=127.0.0.1:${server.port}`, "--allow-env=MCP_CONNECT_NO_STORE"]);
});

Deno.test("permissions proxy, for localhost: both of its addresses", async () => {
  await using server = await startRawLineServer();
  await tryOut({ args: ["proxy", `localhost:${server.port}`] });
});

Deno.test("permissions proxy, for a Unix socket", unix, async () => {
  const root = await Deno.makeTempDir();
  const path = `${root}/a.sock`;
  await using server = await startRawLineServer({ path });
  const { flags } = await tryOut({ args: ["proxy", server.endpoint] });
  assert.deepEqual(flags, [
    `--allow-net=unix:${path}`,
    `--allow-read=${path}`,
    `--allow-write=${path}`,
    "--allow-env=MCP_CONNECT_NO_STORE",
  ]);
  await Deno.remove(root, { recursive: true });
});

Deno.test("permissions proxy, for a command: that program and no other", unix, async () => {
  const { flags } = await tryOut({ args: ["proxy", "--", "sh", "-c", SCRIPT] });
  assert.deepEqual(flags, ["--allow-env=MCP_CONNECT_NO_STORE", "--allow-run=sh"]);
});

Deno.test("permissions proxy, for a command in another directory", unix, async () => {
  const root = await Deno.makeTempDir();
  await Deno.writeTextFile(`${root}/serve`, `#!/bin/sh\n${SCRIPT}`, { mode: 0o755 });
  const { flags } = await tryOut({ args: ["proxy", "--cwd", root, "--", "./serve"] });
  assert.ok(flags.includes(`--allow-run=${root}/./serve`), flags.join(" "));
  await Deno.remove(root, { recursive: true });
});

Deno.test("permissions proxy, with a reserve: all that may be connected to", unix, async () => {
  await using server = await startRawServer();
  await tryOut({
    args: [
      "proxy",
      server.url,
      "--fallbacks",
      "stdio",
      "--fallback-command",
      `sh -c '${SCRIPT.replaceAll("'", `'"'"'`)}'`,
    ],
    // The first one serves: what the reserve needs is missed by nobody until then.
    without: ({ kind }) => kind === "run" ? "works" : kind === "net" ? "either" : undefined,
  });
});

Deno.test("permissions proxy, behind an HTTP proxy: the server's host, and the proxy's", async () => {
  // It takes requests for any host, and is the server too.
  await using proxy = await startRawServer();
  const { flags } = await tryOut({
    args: ["proxy", "--endpoint", "http://mcp.test/mcp"],
    env: { HTTP_PROXY: `http://user:secret@127.0.0.1:${proxy.port}` },
  });
  assert.ok(flags.includes(`--allow-net=mcp.test:80,127.0.0.1:${proxy.port}`), flags.join(" "));
});

Deno.test("permissions proxy, for this machine where a proxy is named: the variables that keep it off", async () => {
  await using server = await startRawServer();
  const { flags } = await tryOut({
    args: ["proxy", server.url],
    env: { HTTP_PROXY: "http://127.0.0.1:9", NO_PROXY: "127.0.0.1" },
  });
  assert.ok(flags.some((it) => it.startsWith("--allow-env=") && it.includes("HTTP_PROXY,http_proxy")));
});

Deno.test(
  "permissions load-balance: upstreams of every kind, files, the status page, names and their addresses",
  unix,
  async () => {
    await using one = await startRawServer();
    await using two = await startRawLineServer();
    await using named = await startRawServer();
    await using dns = await startDnsServer({ "mcp.test": { A: ["127.0.0.1"] } });
    const root = await Deno.makeTempDir();
    await Deno.writeTextFile(`${root}/upstreams`, `${two.endpoint}\n`);
    await Deno.writeTextFile(`${root}/drained`, "");
    const status = freePort();
    const { flags, unknowns } = await tryOut({
      args: [
        "load-balance",
        one.url,
        "--endpoints-file",
        `${root}/upstreams`,
        "--drain-file",
        `${root}/drained`,
        "--endpoint",
        `dns+http://mcp.test:${named.port}/mcp`,
        "--dns-server",
        `127.0.0.1:${dns.at.port}`,
        "--status-port",
        String(status),
        "--log-level",
        "info",
        "--",
        "sh",
        "-c",
        SCRIPT,
      ],
      async use(program, lacks) {
        await program.waitStderr(/the status page (?:is|can't be) served/);
        await program.initialize();
        const missing = lacks !== undefined && lacks.kind !== "env";
        for (let known = 0; known < 4 && !missing;) {
          const { upstreams } = await (await fetch(`http://127.0.0.1:${status}/status.json`)).json();
          known = upstreams.length;
        }
        // In turn: each gets one at least.
        for (let i = 0; i < 8; i++) {
          const { error } = await program.request("tools/call", { name: "echo", arguments: {} });
          if (error !== undefined) throw new Error(`${error.message} ${error.data?.hint ?? ""}`);
        }
        if (missing) await program.waitStderr(/--allow-/);
      },
      without: ({ kind, value }) => kind === "env" || value === `${root}/upstreams` ? undefined : "partly",
    });
    assert.deepEqual(
      [...flags].sort(),
      [
        `--allow-net=127.0.0.1:${one.port},127.0.0.1:${two.port},mcp.test:${named.port},127.0.0.1:${named.port},` +
        `127.0.0.1:${dns.at.port},127.0.0.1:${status}`,
        `--allow-read=${root}/drained,${root}/upstreams`,
        "--allow-env=MCP_CONNECT_NO_STORE",
        "--allow-run=sh",
      ].sort(),
    );
    assert.ok(unknowns.some((it) => it.includes("--endpoints-file")), unknowns.join("\n"));
    await Deno.remove(root, { recursive: true });
  },
);

Deno.test("permissions load-balance, for a name that the system looks up", async () => {
  await using server = await startRawLineServer();
  const { flags } = await tryOut({
    args: ["load-balance", `dns+tcp://localhost:${server.port}`, "--health-interval", "0", "--timeout", "2"],
    // Whichever of its addresses is left serves.
    without: ({ kind }) => kind === "net" ? "either" : undefined,
  });
  assert.match(
    flags[0]!,
    new RegExp(`^--allow-net=localhost:${server.port},.*127\\.0\\.0\\.1:${server.port}.*,localhost$`),
  );
});

Deno.test("permissions test: what the server needs, and no more", unix, async () => {
  await using server = await startRawServer();
  const { flags } = await tryOut({
    args: ["test", server.url],
    bridges: false,
    check: ({ stdout }) => assert.match(stdout, /raw-server/),
  });
  assert.deepEqual(flags, [`--allow-net=127.0.0.1:${server.port}`, "--allow-env=MCP_CONNECT_NO_STORE"]);
});

Deno.test("permissions test, for a command", unix, async () => {
  const { flags } = await tryOut({
    args: ["test", "--protocol", "legacy", "--", "sh", "-c", SCRIPT],
    bridges: false,
    check: ({ stdout }) => assert.match(stdout, /sh/),
  });
  assert.deepEqual(flags, ["--allow-env=MCP_CONNECT_NO_STORE", "--allow-run=sh"]);
});

Deno.test("permissions proxy, over TLS: the files of certificates, and for --connect-timeout the variables of proxies", async () => {
  const tls = `${REPOSITORY}tests/support/tls/`;
  await using server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
    cert: Deno.readTextFileSync(`${tls}server.pem`),
    key: Deno.readTextFileSync(`${tls}server_key.pem`),
  }, async (request) => {
    if (request.method !== "POST") return new Response(null, { status: 405 });
    const { id } = await request.json();
    if (id === undefined) return new Response(null, { status: 202 });
    const serverInfo = { name: "s", version: "1" };
    return Response.json({
      jsonrpc: "2.0",
      id,
      result: { protocolVersion: "2025-11-25", capabilities: {}, serverInfo },
    });
  });
  const { port } = server.addr;
  const { flags } = await tryOut({
    args: [
      "proxy",
      `https://127.0.0.1:${port}/mcp`,
      "--ca-cert",
      `${tls}ca.pem`,
      "--client-cert",
      `${tls}client.pem`,
      "--client-key",
      `${tls}client_key.pem`,
      "--connect-timeout",
      "5",
    ],
    // The log says that it has no effect.
    without: ({ value }) => /^(?:https?|all)_proxy$/i.test(value ?? "") ? "either" : undefined,
  });
  assert.deepEqual(flags.slice(0, 2), [
    `--allow-net=127.0.0.1:${port}`,
    `--allow-read=${tls}client.pem,${tls}client_key.pem,${tls}ca.pem`,
  ]);
  assert.match(flags[2]!, /^--allow-env=.*HTTP_PROXY,http_proxy,HTTPS_PROXY/);
});

for (
  const [args, shows] of [
    [["notification-demo", "--count", "1"], /notifications\/message/],
    [["completions", "bash"], /complete/],
    [["version"], /^mcp-connect \d/],
    [["help", "proxy"], /--endpoint/],
  ] as const
) {
  Deno.test(`permissions ${args.join(" ")}: none`, async () => {
    const { flags } = await tryOut({
      args,
      bridges: false,
      check: ({ stdout }) => assert.match(stdout, shows),
    });
    assert.deepEqual(flags, []);
  });
}

Deno.test("permissions version --check: where releases are listed", async () => {
  await using releases = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => Response.json({ latest: "999.0.0", versions: { "999.0.0": {} } }),
  );
  const { flags } = await tryOut({
    args: ["version", "--check"],
    env: { MCP_CONNECT_RELEASES: `http://127.0.0.1:${releases.addr.port}/meta.json` },
    bridges: false,
    // Without the variable it asks the usual place.
    less: ({ kind }) => kind !== "env",
    check: ({ stdout }) => assert.match(stdout, /newer release: 999\.0\.0/),
  });
  assert.deepEqual(flags, [
    `--allow-net=127.0.0.1:${releases.addr.port}`,
    "--allow-env=MCP_CONNECT_RELEASES",
  ]);
});

Deno.test("permissions permissions: asking the server, and reading what options name", async () => {
  await using server = await startRawServer();
  const root = await Deno.makeTempDir();
  await Deno.writeTextFile(`${root}/headers`, "X-From-File: a\n");
  const { flags } = await tryOut({
    args: ["permissions", "proxy", server.url, "--header-file", `${root}/headers`],
    bridges: false,
    tellsOfFlags: true,
    check: ({ stdout }) =>
      assert.match(stdout, new RegExp(`^--allow-net=127.0.0.1:${server.port} --allow-read=`)),
  });
  assert.deepEqual(flags, [
    `--allow-net=127.0.0.1:${server.port}`,
    `--allow-read=${root}/headers`,
    "--allow-env=MCP_CONNECT_NO_STORE",
  ]);
  await Deno.remove(root, { recursive: true });
});

Deno.test("on a terminal (script of util-linux) no command prompts, with nothing granted or all but one", {
  ignore: !hasScript,
}, async () => {
  await using server = await startRawServer();
  const root = await Deno.makeTempDir();
  const store = `${root}/store`;
  await Deno.mkdir(store);
  await Deno.writeTextFile(`${root}/upstreams`, `${server.url}\n`);
  const env = { MCP_CONNECT_NO_STORE: undefined, MCP_CONNECT_STORE: store, LD_LIBRARY_PATH: undefined };
  const net = `--allow-net=127.0.0.1:${server.port}`;
  const files = [`--allow-read=${store}`, `--allow-write=${store}`];
  const initialize = initializeLine();
  const table: readonly (readonly [args: readonly string[], flags: readonly string[], seen: RegExp])[] = [
    [["login", server.url, "--store", store], [net], /without a sign-in/],
    [["login", server.url, "--store", store], files, /--allow-net/],
    [["login", server.url, "--store", store], [net, files[0]!], /without a sign-in/],
    [["logout", server.url, "--store", store], [net], /--allow-read=.* --allow-write=/],
    [["logout", server.url, "--store", store], [net, files[1]!], /--allow-read=/],
    [["logout", server.url, "--store", store], [net, ...files], /Nobody was signed in/],
    [["logout", server.url], [net, ...files], /--allow-env=MCP_CONNECT_STORE/],
    [["status", "--store", store], [], /--allow-read=/],
    [["status"], [], /--allow-env=MCP_CONNECT_STORE/],
    [["auth-proxy", server.url, "--store", store], [], /--allow-net=/],
    [["auth-proxy", server.url, "--store", store], [net], /"result"/],
    [["load-balance", server.url, "--status-port", "0"], [], /--allow-net=/],
    [["load-balance", server.url, "--status-port", "0", "--drain-file", `${root}/none`], [net], /"result"/],
    [["load-balance", "--endpoints-file", `${root}/upstreams`], [net], /--allow-read=/],
    [
      ["load-balance", "--endpoints-file", `${root}/upstreams`],
      [`--allow-read=${root}/upstreams`],
      /--allow-net=/,
    ],
    [["load-balance", "dns+http://localhost:1/mcp"], [], /--allow-net=/],
    [["proxy", server.url, "--log-file", `${root}/log`], [net], /--allow-write=/],
    [["proxy", server.url, "--fallbacks", "stdio", "--fallback-command", "cat"], [], /--allow-net=/],
    [["permissions", "proxy", server.url], [], /--allow-net=/],
    [["permissions", "load-balance", "dns+http://localhost:1/mcp"], [], /--allow-net=/],
    [["permissions", "proxy", server.url, "--header-file", `${root}/none`], [], /--allow-read=/],
    [["permissions", "proxy", "--", "cat"], [], /--allow-run=cat/],
    [["completions", "zsh"], [], /compdef/],
  ];
  for (const [args, flags, seen] of table) {
    const lines = /proxy|balance/.test(args[0]!) ? [initialize] : [];
    const shown = await onTerminal(programCommand(args, { permissions: flags }), lines, seen, env);
    assert.doesNotMatch(shown, PROMPT, args.join(" "));
    assert.match(shown, seen, args.join(" "));
  }
  await Deno.remove(root, { recursive: true });
});

/** A port that nobody uses at the moment. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
