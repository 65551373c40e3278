import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { selfSigned } from "../diagnose/self_signed.ts";
import {
  MODERN_STDIO_COMMAND,
  startModernHttpServer,
  startModernTcpServer,
} from "../support/modern_servers.ts";
import { startProgram } from "../support/program.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { SDK_STDIO_COMMAND, startSdkHttpServer, startSdkSseServer } from "../support/sdk_servers.ts";
import { until } from "../support/until.ts";
import { type CliRun, ENTRY, runCli } from "./run_cli.ts";

type Handle = (request: Request, message: Record<string, unknown>) => Response | Promise<Response>;

/** A server over Streamable HTTP that has one tool. */
const sound: Handle = (_request, { id, method }) => {
  if (id === undefined) return new Response(null, { status: 202 });
  const results: Record<string, unknown> = {
    "initialize": {
      protocolVersion: "2025-11-25",
      capabilities: { tools: {} },
      serverInfo: { name: "s", version: "1" },
    },
    "tools/list": { tools: [{ name: "echo" }] },
    "ping": {},
  };
  const result = results[method as string];
  const error = { code: -32601, message: `no ${method}` };
  return Response.json({ jsonrpc: "2.0", id, ...(result === undefined ? { error } : { result }) });
};

function serve(handle: Handle, tls: { cert?: string; key?: string } = {}) {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {}, ...tls as { cert: string; key: string } };
  const server = Deno.serve(options, async (request) => {
    if (request.method !== "POST") {
      return new Response(null, { status: request.method === "GET" ? 405 : 200 });
    }
    return await handle(request, await request.json());
  });
  const scheme = tls.cert === undefined ? "http" : "https";
  return {
    port: server.addr.port,
    url: `${scheme}://127.0.0.1:${server.addr.port}/mcp`,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
    },
  };
}

// deno-lint-ignore no-explicit-any
function json(run: CliRun): any {
  ok(run.stdout.endsWith("\n") && run.stdout.trimEnd().indexOf("\n") < 0, run.stdout + run.stderr);
  return JSON.parse(run.stdout);
}

Deno.test("test reports on a server that works, with no permission but to reach it", async () => {
  await using server = serve(sound);
  const permissions = [`--allow-net=127.0.0.1:${server.port}`];
  const [text, object] = await Promise.all([
    runCli(["test", server.url], { permissions }),
    runCli(["test", "--json", "--endpoint", server.url], { permissions }),
  ]);
  strictEqual(text.code, 0, text.stdout + text.stderr);
  match(text.stdout, /✓ Server +s 1\n/);
  match(text.stdout, /✓ Tools +1: echo\n/);
  match(text.stdout, /The server works/);
  const report = json(object);
  strictEqual(object.code, 0);
  deepStrictEqual(Object.keys(report), [
    "version",
    "ok",
    "exitCode",
    "endpoint",
    "transport",
    "revision",
    "era",
    "clients",
    "server",
    "capabilities",
    "tools",
    "resources",
    "resourceTemplates",
    "prompts",
    "timings",
    "certificate",
    "problems",
  ]);
  deepStrictEqual([report.ok, report.exitCode, report.revision, report.transport.name], [
    true,
    0,
    "2025-11-25",
    "http",
  ]);
  deepStrictEqual(report.tools, { offered: true, count: 1, names: ["echo"], complete: true });
  deepStrictEqual(report.resources, { offered: false, count: null, names: [], complete: false });
  strictEqual(report.timings.ping.count, 5);
  ok(report.timings.connect > 0 && report.timings.initialize > 0 && report.timings.lists > 0);
});

Deno.test("test shows the certificate of a server whose authority is given", async () => {
  const tls = await selfSigned(30);
  await using server = serve(sound, tls);
  const file = await Deno.makeTempFile({ suffix: ".pem" });
  try {
    await Deno.writeTextFile(file, tls.cert);
    const url = server.url.replace("127.0.0.1", "localhost");
    const run = await runCli(["test", "--json", "--ca-cert", file, url]);
    const report = json(run);
    strictEqual(run.code, 0, run.stdout);
    strictEqual(report.certificate.subject, "CN=localhost, O=Test");
    const untrusted = await runCli(["test", "--json", url]);
    strictEqual(untrusted.code, 3, untrusted.stdout);
    deepStrictEqual(json(untrusted).problems.map(({ code }: { code: string }) => code), ["TLS"]);
    strictEqual(json(untrusted).certificate.subject, "CN=localhost, O=Test");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("test sends the headers and shows no secret", async () => {
  const seen: Headers[] = [];
  await using server = serve((request) => {
    seen.push(request.headers);
    return new Response(`bad token ${request.headers.get("authorization")}`, { status: 401 });
  });
  const run = await runCli(
    [
      "test",
      server.url,
      "--auth-token",
      "${MCP_TEST_TOKEN}",
      "--header",
      "X-A: 1",
      "--api-key",
      "apikey-hunter2",
      "--debug",
    ],
    { env: { MCP_TEST_TOKEN: "hunter2hunter2" } },
  );
  strictEqual(run.code, 5, run.stdout + run.stderr);
  strictEqual(seen[0]!.get("authorization"), "Bearer hunter2hunter2");
  strictEqual(seen[0]!.get("x-api-key"), "apikey-hunter2");
  strictEqual(seen[0]!.get("x-a"), "1");
  match(seen[0]!.get("user-agent")!, /^mcp-connect\//);
  ok(!(run.stdout + run.stderr).includes("hunter2"), run.stdout + run.stderr);
});

Deno.test("test's exit code tells the class of the failure", async () => {
  const answer = (result: unknown): Handle => (_request, { id }) =>
    Response.json({ jsonrpc: "2.0", id, result });
  const table: [handle: Handle, code: number, problem: string][] = [
    [() => new Response("no", { status: 403 }), 4, "REFUSED"],
    [() => new Response("<html>", { headers: { "content-type": "text/html" } }), 4, "NOT_MCP"],
    [
      (_request, { id }) => Response.json({ jsonrpc: "2.0", id, error: { code: 1, message: "go away" } }),
      4,
      "ERROR_ANSWER",
    ],
    [answer({ protocolVersion: "1999-01-01", capabilities: {}, serverInfo: {} }), 4, "BAD_ANSWER"],
    [answer([]), 4, "BAD_ANSWER"],
    [
      (request, message) =>
        message.method === "tools/list" ? answer({})(request, message) : sound(request, message),
      4,
      "BAD_ANSWER",
    ],
  ];
  await Promise.all(table.map(async ([handle, code, problem]) => {
    await using server = serve(handle);
    const run = await runCli(["test", "--json", "--transport", "http", server.url]);
    const report = json(run);
    deepStrictEqual([run.code, report.exitCode, report.ok, report.problems[0].code], [
      code,
      code,
      false,
      problem,
    ], run.stdout);
  }));
});

/** Runs `test` with these arguments and checks its exit code. */
async function checkExit(args: string[], code: number, permissions: string[] = ["-A"]): Promise<void> {
  const run = await runCli(["test", "--json", ...args], { permissions });
  strictEqual(run.code, code, `${args.join(" ")}: ${run.stdout}${run.stderr}`);
  strictEqual(json(run).exitCode, code);
}

/** A port of this machine on which nobody listens. */
function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

const UNREACHABLE: [kind: string, args: () => string[]][] = [
  ["a URL", () => [`http://127.0.0.1:${closedPort()}/`]],
  ["a TCP endpoint", () => [`127.0.0.1:${closedPort()}`]],
  ["a command", () => ["--", "mcp-connect-no-such-command"]],
];

for (const [kind, args] of UNREACHABLE) {
  Deno.test(`test's exit code tells that ${kind} can't be reached, or that a permission is missing`, async () => {
    await Promise.all([checkExit(args(), 3), checkExit(args(), 6, [])]);
  });
}

Deno.test("test's exit code tells that a URL's server is silent", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await checkExit(["--timeout", "0.3", `http://127.0.0.1:${silent.addr.port}/`], 7);
});

Deno.test("test's exit code tells that a TCP server is silent", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await checkExit(["--timeout", "0.3", `127.0.0.1:${silent.addr.port}`], 7);
});

Deno.test("test ends though nobody reads its log", { ignore: Deno.build.os === "windows" }, async () => {
  // More than a pipe holds.
  const chatty = "head -c 50000 /dev/zero | tr '\\0' '\\n' | sed 's/^/a line of the log/' >&2";
  const run = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", ENTRY, "test", "--log-level", "info", "--", "sh", "-c", chatty],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => run.kill("SIGKILL"), 20_000);
  const { code, signal } = await run.status;
  clearTimeout(timer);
  await run.stderr.cancel();
  deepStrictEqual([code, signal], [3, null]);
});

/** Runs `test` against a server that works, and gives the report. */
// deno-lint-ignore no-explicit-any
async function era(...args: string[]): Promise<any> {
  const run = await runCli(["test", "--json", ...args]);
  strictEqual(run.code, 0, run.stdout + run.stderr);
  const report = json(run);
  return {
    ...report,
    got: report.clients.map((it: Record<string, unknown>) => `${it.outcome} ${it.serverRevision ?? "-"}`),
  };
}

const MODERN = [...Array(4).fill("translated 2026-07-28"), "passed_on 2026-07-28"];
const LEGACY = [
  "passed_on 2024-11-05",
  "passed_on 2025-03-26",
  "passed_on 2025-06-18",
  "passed_on 2025-11-25",
  "translated 2025-11-25",
];
const DUAL = [...LEGACY.slice(0, 4), "passed_on 2026-07-28"];

Deno.test("test tells a modern-only server, and times it by what it knows", async () => {
  await using http = startModernHttpServer();
  await using tcp = await startModernTcpServer();
  for (const endpoint of [[http.url], [tcp.url], ["--", ...MODERN_STDIO_COMMAND]]) {
    const report = await era(...endpoint);
    strictEqual(report.revision, "2026-07-28");
    strictEqual(report.era.name, "modern");
    match(
      report.era.why,
      /^it refused initialize with .*error -32022.* answered server\/discover with 2026-07-28$/,
    );
    deepStrictEqual(report.got, MODERN);
    strictEqual(report.timings.ping.method, "server/discover");
    strictEqual(report.server.name, "modern-server");
    deepStrictEqual(report.capabilities.extensions, { "com.example/x": { level: 3 } });
    ok(report.tools.names.includes("echo") && report.tools.complete);
  }
});

Deno.test("test tells a legacy server and what it answers each revision, and leaves no session", async () => {
  await using http = await startSdkHttpServer();
  await using sse = await startSdkSseServer();
  const [overHttp, overSse] = await Promise.all([era(http.url), era(sse.url)]);
  match(
    overHttp.era.why,
    /^it answered initialize with revision 2025-11-25, and refused server\/discover with HTTP 400/,
  );
  match(overSse.era.why, /server\/discover was not sent: HTTP\+SSE is of the legacy era$/);
  for (const report of [overHttp, overSse]) {
    deepStrictEqual([report.era.name, report.revision], ["legacy", "2025-11-25"]);
    deepStrictEqual(report.got, LEGACY);
    strictEqual(report.timings.ping.method, "ping");
  }
  // The end of a stream takes a moment to be noticed.
  await until(() => http.sessions() === 0 && sse.sessions() === 0);
});

Deno.test("test leaves to the rules what a command makes of older revisions", async () => {
  const report = await era("--", ...SDK_STDIO_COMMAND);
  deepStrictEqual(report.got, [...Array(3).fill("passed_on -"), ...LEGACY.slice(3)]);
  match(report.era.why, /refused server\/discover with error -32601$/);
});

Deno.test("test finds both eras of a server, even one whose connection keeps to the first it sees", async () => {
  await using http = startModernHttpServer({ dual: true });
  await using tcp = await startModernTcpServer({ dual: true });
  const [overHttp, overTcp, overStdio] = await Promise.all([
    era(http.url),
    era(tcp.url),
    era("--", ...MODERN_STDIO_COMMAND, "dual"),
  ]);
  deepStrictEqual(overHttp.got, DUAL);
  deepStrictEqual(overTcp.got, DUAL);
  deepStrictEqual(overStdio.got.slice(3), DUAL.slice(3));
  for (const report of [overHttp, overTcp, overStdio]) {
    deepStrictEqual(report.era, {
      name: "dual",
      why: "it answers initialize (2025-11-25) and server/discover (2026-07-28)",
    });
  }
});

Deno.test("test is not spoiled by a server that ends at what it does not know", async () => {
  await using server = await startRawLineServer({
    on: { "server/discover": (_message, peer) => peer.end() },
  });
  const report = await era(server.endpoint);
  match(report.era.why, /and ended the connection at server\/discover$/);
  deepStrictEqual(report.got, LEGACY);
});

Deno.test("test says when --protocol is what stands in the way", async () => {
  await using legacy = await startSdkHttpServer();
  await using modern = startModernHttpServer();
  await using ends = await startRawLineServer({ on: { "server/discover": (_message, peer) => peer.end() } });
  const rows: [protocol: string, url: string, code: number, step: string][] = [
    ["modern", legacy.url, 4, "server/discover"],
    ["modern", ends.endpoint, 3, "server/discover"],
    ["legacy", modern.url, 4, "initialize"],
  ];
  await Promise.all(rows.map(async ([protocol, url, code, step]) => {
    const run = await runCli(["test", "--json", "--protocol", protocol, url]);
    const { problems: [problem], era, clients } = json(run);
    deepStrictEqual([run.code, problem.step], [code, step], run.stdout);
    match(problem.hint, new RegExp(`--protocol ${protocol} (left )?out$`));
    match(era.why, new RegExp(`was not sent: --protocol ${protocol} was given$`));
    strictEqual(era.name, null);
    for (const { outcome } of clients) strictEqual(outcome, "not_served");
  }));
  ok(modern.requests.items.every(({ body }) => !body.includes("server/discover")));
});

Deno.test("test concludes nothing from a 401", async () => {
  await using server = serve(() => new Response("", { status: 401 }));
  const [text, object] = await Promise.all([
    runCli(["test", server.url]),
    runCli(["test", "--json", server.url]),
  ]);
  strictEqual(text.code, 5);
  match(text.stdout, /Era +not known: it answered initialize with HTTP 401, which tells\n +nothing of it\n/);
  ok(!text.stdout.includes("Clients"));
  deepStrictEqual(
    json(object).clients.map(({ outcome }: { outcome: string }) => outcome),
    Array(5).fill("not_known"),
  );
});

Deno.test("test's text tells era and clients within 80 columns", async () => {
  await using server = startModernHttpServer();
  const { stdout } = await runCli(["test", server.url]);
  match(stdout, /Revision +2026-07-28\n/);
  match(stdout, /Era +modern: it refused initialize with HTTP 400 \(error -32022\),\n/);
  match(
    stdout,
    /Clients +2024-11-05 to 2025-11-25: translated to 2026-07-28\n +2026-07-28: passed on as it is\n/,
  );
  for (const line of stdout.split("\n")) ok(line.length <= 80, line);
});

Deno.test("what test foretells is what proxy does", async () => {
  await using dual = startModernHttpServer({ dual: true });
  await using modern = await startModernTcpServer();
  // It knows one revision, and refuses the oldest.
  await using legacy = await startRawLineServer({
    on: {
      initialize: (message, peer) =>
        message.params?.protocolVersion === "2024-11-05"
          ? peer.error(message, -32602, "too old")
          : peer.result(message, {
            protocolVersion: "2025-06-18",
            capabilities: {},
            serverInfo: { name: "s", version: "1" },
          }),
    },
  });
  const foretold: string[][] = [];
  for (const { url } of [dual, modern, { url: legacy.endpoint }]) {
    const { got, clients } = await era(url);
    foretold.push(got);
    await Promise.all(clients.map(async ({ revision, outcome, serverRevision }: Record<string, string>) => {
      await using program = startProgram(["proxy", url]);
      const isModern = revision === "2026-07-28";
      const { result, error } = isModern
        ? await program.request("server/discover", {
          _meta: {
            "io.modelcontextprotocol/protocolVersion": revision,
            "io.modelcontextprotocol/clientCapabilities": {},
          },
        })
        : await program.request("initialize", {
          protocolVersion: revision,
          capabilities: {},
          clientInfo: { name: "c", version: "1" },
        });
      if (outcome === "not_served") return strictEqual(error?.code, -32602);
      if (isModern) return ok(result.supportedVersions.includes(revision));
      strictEqual(result.protocolVersion, outcome === "translated" ? revision : serverRevision);
    }));
  }
  deepStrictEqual(foretold, [
    DUAL,
    MODERN,
    [
      "not_served -",
      "other_revision 2025-06-18",
      "passed_on 2025-06-18",
      "other_revision 2025-06-18",
      "translated 2025-06-18",
    ],
  ]);
});
