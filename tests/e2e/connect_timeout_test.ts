/** `--connect-timeout`: what a connection may take, and nothing else. */
import assert from "node:assert/strict";
import { runCli } from "../cli/run_cli.ts";
import { fullBacklog } from "../support/full_backlog.ts";
import { REPOSITORY } from "../support/program.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { until } from "../support/until.ts";
import { startRawServer } from "../support/raw_server.ts";
import { listenRaw } from "../support/raw_socket.ts";
import { proxied, startProxy } from "./proxied.ts";

/** Only Linux leaves connections beyond a full queue unanswered. */
const linux = { ignore: Deno.build.os !== "linux" };
const PROXIES = "HTTP_PROXY,http_proxy,HTTPS_PROXY,https_proxy,ALL_PROXY,all_proxy,NO_PROXY,no_proxy";

/** Asks for a session, and gives the error and how long it took, in milliseconds. */
async function refused(endpoint: string, args: readonly string[], options = {}) {
  await using program = startProxy(endpoint, { args: ["--retry-attempts", "0", ...args], ...options });
  // The start of the program is not measured.
  await program.send({ jsonrpc: "2.0", id: "warm", method: 7 });
  await program.next(({ error }) => error !== undefined);
  const start = performance.now();
  await assert.rejects(program.initialize());
  const ms = performance.now() - start;
  const { code, data } = program.messages.at(-1)!.error!;
  return { code, data, message: program.messages.at(-1)!.error!.message, ms, stderr: program.stderr() };
}

for (
  const [kind, endpoint] of [["TCP", "tcp://127.0.0.1:"], ["HTTP", "http://127.0.0.1:"], [
    "https",
    "https://127.0.0.1:",
  ]]
) {
  Deno.test(
    `a ${kind} server that takes no connection is given up after --connect-timeout (Linux)`,
    linux,
    async () => {
      using full = await fullBacklog();
      const { code, data, message, ms } = await refused(`${endpoint}${full.port}`, [
        "--connect-timeout",
        "0.4",
      ]);
      assert.equal(code, -31005);
      assert.equal(data.code, "CONNECT_TIMEOUT");
      assert.match(message, /0\.4 s/);
      assert.match(data.hint, /--connect-timeout/);
      assert.ok(ms > 350 && ms < 5000, `${ms} ms`);
    },
  );
}

Deno.test("--timeout holds all the same, and is what the error names (Linux)", linux, async () => {
  using full = await fullBacklog();
  const args = ["--timeout", "0.4", "--connect-timeout", "20"];
  for (const endpoint of [`tcp://127.0.0.1:${full.port}`, `http://127.0.0.1:${full.port}`]) {
    const { data, message, ms } = await refused(endpoint, args);
    assert.equal(data.code, "CONNECT_TIMEOUT");
    assert.match(`${message} ${data.hint}`, /--timeout/);
    assert.doesNotMatch(`${message} ${data.hint}`, /--connect-timeout/);
    assert.ok(ms < 5000, `${ms} ms`);
  }
});

Deno.test("a server that never answers the TLS handshake is given up after --connect-timeout", async () => {
  await using silent = await listenRaw(async (connection) => {
    while (await connection.read() !== null);
  });
  const { data, message, ms } = await refused(`https://127.0.0.1:${silent.port}/`, [
    "--connect-timeout",
    "0.4",
  ]);
  assert.equal(data.code, "CONNECT_TIMEOUT");
  assert.match(message, /TLS handshake included/);
  assert.ok(ms > 350 && ms < 5000, `${ms} ms`);
});

Deno.test("a server that is connected to and then slow is none of its business", async () => {
  const slow = async () => {
    await new Promise((resolve) => setTimeout(resolve, 900));
    return "default" as const;
  };
  await using http = await startRawServer({ on: { initialize: slow } });
  await using tls = await startRawServer({
    on: { initialize: slow },
    tls: {
      cert: Deno.readTextFileSync(`${REPOSITORY}tests/support/tls/server.pem`),
      key: Deno.readTextFileSync(`${REPOSITORY}tests/support/tls/server_key.pem`),
    },
  });
  for (const url of [http.url, tls.url]) {
    const args = ["--connect-timeout", "0.5", "--ca-cert", `${REPOSITORY}tests/support/tls/ca.pem`];
    await using program = await proxied(url, { args });
    assert.deepEqual((await program.request("ping")).result, {});
    assert.equal(program.stderr(), "");
  }
});

Deno.test("one connection more is made, before the first request, and none after it; none without the option", async () => {
  await using server = await startRawServer();
  const connections = async (args: string[]) => {
    const before = server.accepted();
    const streams = () => server.requests.filter(({ method }) => method === "GET").length;
    const opened = streams();
    await using program = await proxied(server.url, { args });
    for (let i = 0; i < 5; i++) await program.request("ping");
    // Its stream has a connection too.
    await until(() => streams() > opened);
    return server.accepted() - before;
  };
  const plain = await connections([]);
  assert.equal(await connections(["--connect-timeout", "5"]), plain + 1);
});

Deno.test("what fails for another reason than time is told as ever", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  for (const endpoint of [`http://127.0.0.1:${port}/`, `tcp://127.0.0.1:${port}`]) {
    assert.equal((await refused(endpoint, ["--connect-timeout", "5"])).data.code, "UNREACHABLE");
  }
  await using server = await startRawLineServer();
  await using program = await proxied(server.endpoint, { args: ["--connect-timeout", "5"] });
  assert.deepEqual((await program.request("ping")).result, {});
});

Deno.test(
  "through a proxy nothing is checked: the server itself may be out of reach (Linux)",
  linux,
  async () => {
    using full = await fullBacklog();
    await using proxy = await startRawServer();
    // An address of this machine that is not taken for one, so that the proxy is used.
    const endpoint = `http://0.0.0.0:${full.port}/mcp`;
    await using program = startProxy(endpoint, {
      args: ["--connect-timeout", "0.2"],
      env: { HTTP_PROXY: new URL(proxy.url).origin },
    });
    const answer = await program.initialize().then(() => "answered", (error) => error.message);
    assert.doesNotMatch(answer, /-31005/);
    assert.ok(proxy.accepted() > 0);
  },
);

Deno.test("where the proxy's variables may not be read, the option has no effect, and that is said", async () => {
  await using server = await startRawServer();
  const net = `--allow-net=${new URL(server.url).host}`;
  await using blind = await proxied(server.url, { args: ["--connect-timeout", "5"], permissions: [net] });
  assert.match(blind.stderr(), /--connect-timeout has no effect.*--allow-env=HTTP_PROXY/);
  const permissions = [net, `--allow-env=${PROXIES}`];
  await using seeing = await proxied(server.url, { args: ["--connect-timeout", "5"], permissions });
  assert.equal(seeing.stderr(), "");
});

Deno.test("a command has no connection to bound, and that is said", async () => {
  const server = ["--", Deno.execPath(), "eval", "await Deno.stdin.readable.pipeTo(new WritableStream())"];
  await using program = startProxy([], { args: ["--connect-timeout", "5", ...server] });
  await program.waitStderr(/--connect-timeout has no effect on a command/);
});

Deno.test("test has the bound too (Linux)", linux, async () => {
  using full = await fullBacklog();
  const start = performance.now();
  const run = await runCli(["test", "--json", "--connect-timeout", "0.4", `http://127.0.0.1:${full.port}/`]);
  assert.equal(run.code, 7, run.stdout + run.stderr);
  assert.equal(JSON.parse(run.stdout).problems[0].code, "CONNECT_TIMEOUT");
  assert.ok(performance.now() - start < 8000);
});
