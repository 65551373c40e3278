import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { initializeLine, proxied, startProxy } from "../e2e/proxied.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { listenRaw } from "../support/raw_socket.ts";
import { type Override, type RawServer, startRawServer } from "../support/raw_server.ts";
import { SDK_STDIO_COMMAND } from "../support/sdk_servers.ts";

const QUICK = ["--retry-delay", "10"];

const SECOND = { serverInfo: { name: "second", version: "1" } };

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const listener = await listenRaw(async () => {});
  await listener.close();
  return listener.port;
}

async function nobody(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}/mcp`;
}

/** The JSON-RPC methods that came, notifications included. */
function methods(server: RawServer): string[] {
  return server.requests.flatMap(({ messages }) => messages.flatMap(({ method }) => method ?? []));
}

/** Waits until nothing of the handshake is under way at this server. */
async function settled(server: RawServer): Promise<void> {
  await server.received(({ method }) => method === "GET");
}

Deno.test("an endpoint that can't be reached at the beginning is replaced by the second", async () => {
  await using second = await startRawServer(SECOND);
  await using program = startProxy(await nobody(), { args: ["--fallbacks", second.url, ...QUICK] });
  const result = await program.initialize();
  deepStrictEqual(result.serverInfo, SECOND.serverInfo);
  ok("result" in await program.request("tools/call", { name: "write", arguments: {} }));
  deepStrictEqual(methods(second), ["initialize", "notifications/initialized", "tools/call"]);
  match(program.stderr(), /a fallback takes the endpoint's place/);
});

Deno.test("fallbacks are tried in their order, and an error names the first failure when all fail", async () => {
  const [first, second] = [await nobody(), await nobody()];
  await using program = startProxy(first, { args: ["--fallbacks", second, "--retry-attempts", "0"] });
  const { error } = await program.request("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "t", version: "1" },
  });
  strictEqual(error!.data.code, "UNREACHABLE");
  strictEqual(error!.data.endpoint, first);
  ok(error!.message.includes(second), error!.message);
});

Deno.test("an endpoint that goes in mid-session is replaced, and the session replayed there", async () => {
  const first = await startRawLineServer({ capabilities: { tools: {}, logging: {} } });
  await using second = await startRawServer({
    ...SECOND,
    capabilities: { tools: {}, logging: {} },
    tools: [{ name: "other", inputSchema: { type: "object" } }],
  });
  await using program = await proxied(first.endpoint, {
    args: ["--fallbacks", second.url, ...QUICK],
    initialize: { capabilities: { roots: { listChanged: true } } },
  });
  await program.request("tools/list");
  await program.request("logging/setLevel", { level: "error" });
  await first.close();
  // Unsafe, but it has not left when the connection turns out to be gone.
  await program.waitStderr(/connection|closed/);
  const { result } = await program.request("tools/call", { name: "write", arguments: { n: 1 } });
  deepStrictEqual(result.structuredContent, { n: 1 });
  await program.nextMethod("notifications/tools/list_changed");
  const [initialize] = second.calls("initialize");
  deepStrictEqual(initialize!.message.params.capabilities, { roots: { listChanged: true } });
  strictEqual(second.calls("notifications/initialized").length, 1);
  strictEqual(second.calls("logging/setLevel")[0]!.message.params.level, "error");
  strictEqual(second.calls("tools/call").length, 1);
  strictEqual(first.received.filter(({ text }) => text.includes("tools/call")).length, 0);
});

Deno.test("the hints of one server's tools are not taken for another's", async () => {
  const tools = [{ name: "t", inputSchema: { type: "object" }, annotations: { readOnlyHint: true } }];
  const first = await startRawLineServer({ tools });
  await using second = await startRawServer(SECOND);
  let unasked = 0;
  second.on("tools/list", async (_, reply) => {
    unasked++;
    await reply.hang();
  });
  second.on("tools/call", (_, reply) => reply.status(502));
  await using program = await proxied(first.endpoint, { args: ["--fallbacks", second.url, ...QUICK] });
  await program.request("tools/list");
  await first.close();
  await program.waitStderr(/connection|closed/);
  await program.request("ping");
  const { error } = await program.request("tools/call", { name: "t", arguments: {} });
  strictEqual(error!.data.outcome, "unknown");
  strictEqual(second.calls("tools/call").length, 1);
  ok(unasked <= 1);
});

const PAGE = "<!doctype html><html><body>Welcome</body></html>";

/** What is at the endpoint in place of an MCP server that serves. */
const ELSEWHERE: Readonly<Record<string, Override>> = {
  "a web page (200)": (_, reply) => reply.body(PAGE, { contentType: "text/html" }),
  "a web page (404)": (_, reply) => reply.body(PAGE, { contentType: "text/html", status: 404 }),
  "502": (_, reply) => reply.status(502),
  "a broken connection": (_, reply) => reply.reset(),
};

for (const [what, override] of Object.entries(ELSEWHERE)) {
  Deno.test(`where there is ${what}, the second endpoint serves`, async () => {
    await using first = await startRawServer();
    for (const method of ["POST", "GET"]) first.on(method, override);
    await using second = await startRawServer(SECOND);
    await using program = startProxy(first.url, { args: ["--fallbacks", second.url, ...QUICK] });
    const result = await program.initialize();
    deepStrictEqual(result.serverInfo, SECOND.serverInfo);
  });
}

/** What a server says that does speak MCP, or that wants something of the user. */
const REFUSALS: Readonly<Record<string, Override>> = {
  "a JSON-RPC error": (_, reply) => reply.error(-32602, "Unsupported protocol version"),
  "a JSON-RPC error with status 400": (_, reply) =>
    reply.error(-32602, "Unsupported protocol version", undefined, { status: 400 }),
  "401": (_, reply) => reply.status(401, "", { "www-authenticate": "Bearer" }),
  "403": (_, reply) => reply.status(403),
  "429": (_, reply) => reply.status(429),
};

for (const [what, override] of Object.entries(REFUSALS)) {
  Deno.test(`${what} in answer to initialize is no reason to fall back`, async () => {
    await using first = await startRawServer();
    first.on("initialize", override);
    await using second = await startRawServer(SECOND);
    await using program = startProxy(first.url, {
      args: ["--fallbacks", second.url, "--retry-attempts", "0"],
    });
    await program.send(initializeLine());
    const { error } = await program.response(1);
    ok(error !== undefined);
    strictEqual(second.requests.length, 0);
  });
}

Deno.test("--fallbacks stdio runs the command of --fallback-command", async () => {
  await using program = startProxy(await nobody(), {
    args: ["--fallbacks", "stdio", "--fallback-command", SDK_STDIO_COMMAND.join(" "), ...QUICK],
  });
  const result = await program.initialize();
  strictEqual((result.serverInfo as { name: string }).name, "sdk-server");
  const { result: said } = await program.request("tools/call", { name: "echo", arguments: { text: "hi" } });
  strictEqual(said.content[0].text, "hi");
  await program.closeStdin();
  strictEqual((await program.status).code, 0);
});

Deno.test("--fallbacks tcp connects to --fallback-address", async () => {
  await using second = await startRawLineServer(SECOND);
  await using program = startProxy(await nobody(), {
    args: ["--fallbacks", "tcp", "--fallback-address", `127.0.0.1:${second.port}`, ...QUICK],
  });
  deepStrictEqual((await program.initialize()).serverInfo, SECOND.serverInfo);
  await program.closeStdin();
  strictEqual((await program.status).code, 0);
});

Deno.test({
  name: "--fallbacks stdio alone runs mcp-server, with a warning that says so",
  ignore: Deno.build.os === "windows",
  async fn() {
    const directory = await Deno.makeTempDir();
    await Deno.writeTextFile(`${directory}/mcp-server`, `#!/bin/sh\nexec ${SDK_STDIO_COMMAND.join(" ")}\n`, {
      mode: 0o755,
    });
    {
      await using program = startProxy(await nobody(), {
        args: ["--fallbacks", "stdio", ...QUICK],
        env: { PATH: `${directory}:${Deno.env.get("PATH")}` },
      });
      strictEqual(((await program.initialize()).serverInfo as { name: string }).name, "sdk-server");
      match(program.stderr(), /WARN.*--fallback-command.*mcp-server/);
    }
    await Deno.remove(directory, { recursive: true });
  },
});

Deno.test("--fallbacks tcp alone means 127.0.0.1:8080, with a warning that says so", async () => {
  await using program = startProxy(await nobody(), {
    args: ["--fallbacks", "tcp", "--retry-attempts", "0", "--timeout", "5"],
  });
  await program.send(initializeLine());
  await program.waitStderr(/WARN.*--fallback-address.*127\.0\.0\.1:8080/);
});

Deno.test("headers, tokens and cookies stay with the origin they were given for", async () => {
  const first = await startRawServer();
  first.on("initialize", async (request, reply) => {
    await reply.result({
      protocolVersion: request.message.params.protocolVersion,
      capabilities: { tools: {} },
      serverInfo: { name: "first", version: "1" },
    }, { headers: { "set-cookie": "sticky=secret-cookie; Path=/", "mcp-session-id": "secret-session" } });
  });
  first.on("POST", async ({ message }, reply) => {
    if (message.method === "initialize") return "default";
    if (message.id === undefined) return await reply.status(202);
    return await reply.result({ tools: [] });
  });
  await using second = await startRawServer(SECOND);
  await using program = await proxied(first.url, {
    args: [
      "--fallbacks",
      second.url,
      "--auth-token",
      "secret-token",
      "--api-key",
      "secret-key",
      "--header",
      "X-Mine: secret-header",
      ...QUICK,
    ],
  });
  await settled(first);
  await program.request("tools/list");
  const mine = first.requests.at(-1)!;
  match(mine.headerLines.join("\n"), /secret-token/);
  match(mine.headerLines.join("\n"), /secret-cookie/);
  await first.close();
  await program.request("ping");
  await settled(second);
  await program.request("tools/call", { name: "write", arguments: {} });
  await program.closeStdin();
  await program.status;
  ok(second.requests.length >= 5);
  for (const { headerLines, body, path } of second.requests) {
    const all = [path, ...headerLines, body].join("\n");
    ok(!all.includes("secret"), all);
  }
  ok(!program.stderr().includes("secret"), program.stderr());
});

Deno.test("the first endpoint is taken back by itself when it serves again, and the fallback's session ended", async () => {
  const port = await freePort();
  await using second = await startRawServer({
    ...SECOND,
    capabilities: { tools: {} },
    tools: [{ name: "second", inputSchema: { type: "object" } }],
  });
  await using program = await proxied(`http://127.0.0.1:${port}/mcp`, {
    args: ["--fallbacks", second.url, ...QUICK],
  });
  await program.request("tools/list");
  await using first = await startRawServer({ port, capabilities: { tools: {} } });
  // Asked for by nobody.
  await program.waitStderr(/back at the endpoint/);
  await program.nextMethod("notifications/tools/list_changed");
  ok("result" in await program.request("tools/call", { name: "write", arguments: {} }));
  deepStrictEqual(methods(first).filter((it) => it === "initialize" || it === "tools/call"), [
    "initialize",
    "tools/call",
  ]);
  strictEqual(second.calls("tools/call").length, 0);
  await second.received(({ method }) => method === "DELETE");
});

Deno.test("with --fallback-return never the fallback stays", async () => {
  const port = await freePort();
  await using second = await startRawServer(SECOND);
  await using program = await proxied(`http://127.0.0.1:${port}/mcp`, {
    args: ["--fallbacks", second.url, "--fallback-return", "never", ...QUICK],
  });
  await using first = await startRawServer({ port });
  // A first look would come after 6.25 s at the latest.
  await new Promise((resolve) => setTimeout(resolve, 7000));
  ok("result" in await program.request("tools/call", { name: "write", arguments: {} }));
  strictEqual(first.requests.length, 0);
  strictEqual(second.calls("tools/call").length, 1);
});

Deno.test("what the client answers to a fallback's question reaches the fallback", async () => {
  await using second = await startRawServer({ ...SECOND, get: "open" });
  second.on("tools/call", async (_, reply) => {
    const stream = await reply.sse();
    const { result } = await stream.request("elicitation/create", { message: "who?" });
    await stream.result({ content: [{ type: "text", text: result.content.name }] });
    await stream.end();
  });
  await using program = startProxy(await nobody(), { args: ["--fallbacks", second.url, ...QUICK] });
  program.respond("elicitation/create", () => ({ action: "accept", content: { name: "Ada" } }));
  program.respond("roots/list", () => ({ roots: [] }));
  await program.initialize({ capabilities: { elicitation: {}, roots: {} } });
  const { result } = await program.request("tools/call", { name: "ask", arguments: {} });
  strictEqual(result.content[0].text, "Ada");
  // Also one that belongs to no request.
  deepStrictEqual((await second.ask("roots/list")).result, { roots: [] });
});
