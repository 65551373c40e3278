/** Least privilege: what each kind of endpoint needs, that it is enough, and that what is missing is named, not asked for. */
import assert from "node:assert/strict";
import { gone, isWindows } from "../link/child/processes.ts";
import { programCommand, startProgram } from "../support/program.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";
import { startSdkHttpServer, startSdkSseServer, startSdkTcpServer } from "../support/sdk_servers.ts";
import { hasScript, onTerminal, PROMPT } from "./on_terminal.ts";
import { ended, LEFT_MS } from "./process_wires.ts";

const unix = { ignore: isWindows };
const INITIALIZE = {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "t", version: "1" },
};
const netOnly = (port: number) => [`--allow-net=127.0.0.1:${port}`];

for (
  const [name, start] of [["Streamable HTTP", startSdkHttpServer], ["SSE", startSdkSseServer], [
    "TCP",
    startSdkTcpServer,
  ]] as const
) {
  Deno.test(`${name} works, everything included, with --allow-net=HOST:PORT and nothing else`, async () => {
    await using server = await start();
    await using program = startProgram(["proxy", "--debug", "--log-level", "trace", server.url], {
      permissions: netOnly(server.port),
    });
    program.respond("elicitation/create", () => ({ action: "accept", content: { name: "Ada" } }));
    await program.initialize({ capabilities: { elicitation: {} } });
    assert.ok((await program.request("tools/list")).result.tools.length > 5);
    const call = (name: string, args: object, progressToken?: string) =>
      program.request("tools/call", {
        name,
        arguments: args,
        ...(progressToken === undefined ? {} : { _meta: { progressToken } }),
      });
    assert.equal((await call("echo", { text: "hi" })).result.content[0].text, "hi");
    await call("progress", { steps: 2 }, "p");
    assert.equal((await program.nextMethod("notifications/progress")).params.progress, 1);
    assert.match((await call("elicit", { message: "Who?" })).result.content[0].text, /Ada/);
    assert.equal((await call("big", { bytes: 1 << 20 })).result.content[0].text.length, 1 << 20);
    assert.ok((await program.request("logging/setLevel", { level: "error" })).result !== undefined);
    await program.closeStdin();
    assert.equal((await program.status).code, 0);
    assert.doesNotMatch(program.stderr(), /NotCapable|--allow-|permission/i);
  });
}

Deno.test("credentials and options need no permission of their own", async () => {
  await using server = await startRawServer();
  const args = [
    "--auth-token",
    "secret-token",
    "--header",
    "X-A: b",
    "--user-agent",
    "me",
    "--allow-tool",
    "e*",
  ];
  await using program = startProgram(["proxy", ...args, "--timeout", "9", server.url], {
    permissions: netOnly(server.port),
    // Variables that may not be read count as not set; that is no reason to fail.
    env: { MCP_CONNECT_TIMEOUT: "nonsense", MCP_CONNECT_API_KEY: "hidden-key" },
  });
  await program.initialize();
  const { headers } = server.calls("initialize")[0]!;
  assert.equal(headers.get("authorization"), "Bearer secret-token");
  assert.equal(headers.get("x-api-key"), null);
});

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  Deno.test(`${signal} is handled with --allow-net=HOST:PORT alone`, unix, async () => {
    await using server = await startRawServer({ on: { "tools/call": (_request, reply) => reply.hang() } });
    await using program = startProgram(["proxy", server.url], { permissions: netOnly(server.port) });
    await program.initialize();
    await program.send({ jsonrpc: "2.0", id: "open", method: "tools/call", params: { name: "x" } });
    await server.received(({ message }) => message.method === "tools/call");
    program.kill(signal);
    assert.deepEqual(await ended(program), { code: 0, signal: null });
    assert.equal((await program.response("open")).error?.data.code, "SHUTTING_DOWN");
    await server.received(({ method }) => method === "DELETE");
  });
}

Deno.test("the end of the parent is noticed with --allow-net=HOST:PORT alone", unix, async () => {
  await using server = await startRawServer();
  const command = programCommand(["proxy", server.url], { permissions: netOnly(server.port) });
  const script = 'exec 3<&0; "$@" <&3 & echo "pid $!" >&2; wait';
  await using wrapper = startProgram([], { entry: ["sh", "-c", script, "sh", ...command] });
  const pid = Number((await wrapper.waitStderr(/pid (\d+)/))[1]);
  await wrapper.initialize();
  wrapper.kill("SIGKILL");
  await gone(pid, LEFT_MS);
  await server.received(({ method }) => method === "DELETE");
});

Deno.test("a command works with --allow-run=COMMAND alone, and ends with us", unix, async () => {
  const script = `
    echo "pids $$" >&2
    while IFS= read -r line; do case $line in
      *initialize\\"*) echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"sh","version":"1"}}}' ;;
    esac; done`;
  for (const end of ["stdin", "SIGTERM", "SIGKILL"] as const) {
    await using program = startProgram(["proxy", "--log-level", "info", "--", "sh", "-c", script], {
      permissions: ["--allow-run=sh"],
      // With these Deno wants the whole permission.
      env: { LD_LIBRARY_PATH: undefined, LD_PRELOAD: undefined, DYLD_LIBRARY_PATH: undefined },
    });
    await program.initialize();
    const pid = Number((await program.waitStderr(/pids (\d+)/))[1]);
    if (end === "stdin") await program.closeStdin();
    else program.kill(end);
    await program.status;
    // Its stdin has ended, whatever became of us.
    await gone(pid, LEFT_MS);
  }
});

interface Missing {
  readonly title: string;
  readonly permissions?: readonly string[];
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The flag that the message must name. */
  readonly flag: string;
  /** The exit code where the program does not even start; otherwise `initialize` is answered. */
  readonly code?: number;
}

const MISSING: readonly Missing[] = [
  {
    title: "no permission at all for a URL",
    args: ["http://127.0.0.1:4711/mcp"],
    flag: "--allow-net=127.0.0.1:4711",
  },
  {
    title: "no permission at all for a URL without a port",
    args: ["https://server.invalid/mcp"],
    flag: "--allow-net=server.invalid:443",
  },
  {
    title: "the permission for another port",
    permissions: ["--allow-net=127.0.0.1:4712"],
    args: ["http://127.0.0.1:4711/mcp"],
    flag: "--allow-net=127.0.0.1:4711",
  },
  {
    title: "no permission for an event stream",
    args: ["--transport", "sse", "http://127.0.0.1:4711/sse"],
    flag: "--allow-net=127.0.0.1:4711",
  },
  { title: "no permission for TCP", args: ["tcp://127.0.0.1:4711"], flag: "--allow-net=127.0.0.1:4711" },
  { title: "no permission for TCP over IPv6", args: ["tcp://[::1]:4711"], flag: "--allow-net=[::1]:4711" },
  {
    title: "no permission for a Unix socket",
    args: ["unix:/nowhere/a.sock"],
    flag: "--allow-net=unix:/nowhere/a.sock",
  },
  { title: "no permission to run a command", args: ["--", "cat", "-n"], flag: "--allow-run=cat" },
  {
    title: "the permission to run another command",
    permissions: ["--allow-run=sh"],
    args: ["--", "cat"],
    flag: "--allow-run=cat",
  },
  {
    title: "no permission to read --ca-cert",
    permissions: ["--allow-net"],
    args: ["--ca-cert", "/nowhere/ca.pem", "https://127.0.0.1:4711/"],
    flag: "--allow-read=/nowhere/ca.pem",
    code: 6,
  },
  {
    title: "no permission to read --header-file",
    permissions: ["--allow-net"],
    args: ["--header-file", "/nowhere/headers", "http://127.0.0.1:4711/"],
    flag: "--allow-read=/nowhere/headers",
    code: 6,
  },
  {
    title: "no permission to read --auth-token-file",
    permissions: ["--allow-net"],
    args: ["--auth-token-file", "/nowhere/token", "http://127.0.0.1:4711/"],
    flag: "--allow-read=/nowhere/token",
    code: 6,
  },
  {
    title: "no permission to read a variable in a header",
    permissions: ["--allow-net"],
    args: ["--header", "X-Key: ${MY_KEY}", "http://127.0.0.1:4711/"],
    env: { MY_KEY: "the-key" },
    flag: "--allow-env=MY_KEY",
    code: 6,
  },
];

for (const { title, permissions = [], args, env = {}, flag, code } of MISSING) {
  Deno.test(
    `${title}: the error names ${flag}`,
    { ignore: isWindows && args[0]!.startsWith("unix:") },
    async () => {
      await using program = startProgram(["proxy", ...args], { permissions, env });
      if (code !== undefined) {
        await program.closeStdin();
        assert.equal((await ended(program)).code, code);
        assert.ok(program.stderr().includes(`${flag}\n`), program.stderr());
        return;
      }
      const { error } = await program.request("initialize", INITIALIZE);
      assert.equal(error?.data.code, "PERMISSION", JSON.stringify(error));
      const named = `${error?.message} ${error?.data.hint} `;
      assert.match(named, new RegExp(`${flag.replace(/[.[\]]/g, "\\$&")}[ .]`));
    },
  );
}

Deno.test("a redirect to where we may not go is refused with the flag's name", async () => {
  await using other = await startRawServer();
  await using server = await startRawServer({ on: { POST: (_request, reply) => reply.redirect(other.url) } });
  await using program = startProgram(["proxy", server.url], { permissions: netOnly(server.port) });
  const { error } = await program.request("initialize", INITIALIZE);
  assert.match(`${error?.message} ${error?.data.hint}`, new RegExp(`--allow-net=127.0.0.1:${other.port}`));
  assert.equal(other.accepted(), 0);
});

Deno.test("help and version need no permission", async () => {
  for (const args of [["--help"], ["proxy", "--help"], ["--version"]]) {
    await using program = startProgram(args, { permissions: [], protocol: false });
    assert.equal((await ended(program)).code, 0);
    assert.ok(program.stdout().length > 3);
  }
});

Deno.test("on a terminal (script of util-linux) Deno does prompt when a program lets it", {
  ignore: !hasScript,
}, async () => {
  const module = `data:text/javascript,${encodeURIComponent('Deno.env.get("HOME"); console.log("done")')}`;
  assert.match(await onTerminal([Deno.execPath(), "run", module], ["n"], /done/), PROMPT);
});

for (const { title, permissions = [], args, env = {}, flag } of MISSING) {
  Deno.test(
    `on a terminal (script of util-linux) nothing prompts: ${title}`,
    { ignore: !hasScript },
    async () => {
      const line = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: INITIALIZE });
      const shown = await onTerminal(
        programCommand(["proxy", ...args], { permissions }),
        [line],
        new RegExp(`"error":|Deno with`),
        env,
      );
      assert.doesNotMatch(shown, PROMPT);
      assert.ok(shown.includes(flag), shown);
    },
  );
}

Deno.test(
  "on a terminal (script of util-linux) nothing prompts when a whole session works, at any log level",
  {
    ignore: !hasScript,
  },
  async () => {
    await using server = await startRawLineServer();
    await using http = await startRawServer({ get: "open" });
    for (const [port, endpoint] of [[server.port, server.endpoint], [http.port, http.url]] as const) {
      const shown = await onTerminal(
        programCommand(["proxy", "--debug", "--log-level", "trace", endpoint], {
          permissions: netOnly(port),
        }),
        [
          JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: INITIALIZE }),
          JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" }),
          JSON.stringify({ jsonrpc: "2.0", id: 2, method: "ping" }),
        ],
        /"id":2,"result"/,
      );
      assert.doesNotMatch(shown, PROMPT);
      assert.match(shown, /"id":1,"result"/);
    }
  },
);

Deno.test("on a terminal (script of util-linux) nothing prompts for the other commands", {
  ignore: !hasScript,
}, async () => {
  await using server = await startRawServer();
  for (
    const [permissions, args, seen] of [
      [netOnly(server.port), ["test", server.url], /raw-server/],
      [[], ["test", server.url], /--allow-net=/],
      [[], ["notification-demo", "--count", "1"], /notifications\/message/],
      [[], ["--help"], /proxy/],
    ] as const
  ) {
    const shown = await onTerminal(programCommand(args, { permissions }), [], seen);
    assert.doesNotMatch(shown, PROMPT);
    assert.match(shown, seen);
  }
});
