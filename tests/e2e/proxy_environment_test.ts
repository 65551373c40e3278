/** The environment's HTTP proxy: used for other machines, never for this one. */
import assert from "node:assert/strict";
import { REPOSITORY } from "../support/program.ts";
import { startRawServer } from "../support/raw_server.ts";
import { proxied, startProxy } from "./proxied.ts";
import { startTunnels } from "./tunnels.ts";

const TLS = `${REPOSITORY}tests/support/tls/`;

Deno.test("A server on another machine is reached through HTTP_PROXY", async () => {
  for (const variable of ["HTTP_PROXY", "http_proxy", "ALL_PROXY"]) {
    // It takes requests for any host, and is the server too.
    await using proxy = await startRawServer({ get: "open" });
    await using program = await proxied("http://mcp.test/mcp", { env: { [variable]: proxy.origin } });
    const { result } = await program.request("tools/call", { name: "echo", arguments: { a: 1 } });
    assert.deepEqual(result.structuredContent, { a: 1 });
    await proxy.stream();
    for (const { path, headers } of proxy.requests) {
      assert.equal(path, "http://mcp.test/mcp");
      assert.equal(headers.get("host"), "mcp.test");
    }
    assert.deepEqual(proxy.violations, []);
  }
});

Deno.test("A server behind TLS on another machine is reached through a tunnel of HTTPS_PROXY", async () => {
  const seen: Headers[] = [];
  await using server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
    cert: Deno.readTextFileSync(`${TLS}server.pem`),
    key: Deno.readTextFileSync(`${TLS}server_key.pem`),
  }, async (request) => {
    seen.push(request.headers);
    if (request.method !== "POST") return new Response(null, { status: 405 });
    const { id } = await request.json();
    if (id === undefined) return new Response(null, { status: 202 });
    const result = {
      protocolVersion: "2025-11-25",
      capabilities: {},
      serverInfo: { name: "s", version: "1" },
    };
    return Response.json({ jsonrpc: "2.0", id, result });
  });
  await using tunnels = startTunnels(server.addr.port);
  const args = ["--ca-cert", `${TLS}ca.pem`, "--auth-token", "token-abc"];
  const env = { HTTPS_PROXY: `http://127.0.0.1:${tunnels.port}` };
  {
    await using program = await proxied("https://mcp.test/mcp", { args, env });
    await program.request("ping");
  }
  assert.ok(tunnels.heads.length > 0);
  for (const head of tunnels.heads) {
    assert.match(head, /^CONNECT mcp\.test:443 HTTP\/1\.1\r\n/);
    assert.equal(head.includes("token-abc"), false, "the proxy does not see what is for the server");
  }
  assert.equal(seen[0]?.get("authorization"), "Bearer token-abc");
});

Deno.test("A server on this machine is never reached through a proxy", async () => {
  await using proxy = await startRawServer();
  await using server = await startRawServer();
  const env = {
    HTTP_PROXY: proxy.origin,
    http_proxy: proxy.origin,
    HTTPS_PROXY: proxy.origin,
    ALL_PROXY: proxy.origin,
  };
  const hosts = [server.origin, `http://localhost:${server.port}`, `http://127.1.2.3:${server.port}`];
  // Where the system gives no such address, the error must not come from the proxy either.
  for (const host of [...hosts, "http://[::1]:9", "http://x.localhost:9"]) {
    await using program = startProxy(`${host}/mcp`, { env, args: ["--timeout", "5"] });
    await program.initialize().catch(() => {});
    if (host === server.origin || host.includes("//localhost")) {
      assert.deepEqual((await program.request("ping")).result, {}, host);
    }
    assert.equal(proxy.accepted(), 0, host);
  }
});

Deno.test("A server behind TLS on this machine is never reached through a proxy", async () => {
  await using proxy = await startRawServer();
  await using server = await startRawServer({
    tls: {
      cert: Deno.readTextFileSync(`${TLS}server.pem`),
      key: Deno.readTextFileSync(`${TLS}server_key.pem`),
    },
  });
  const env = { HTTPS_PROXY: proxy.origin, ALL_PROXY: proxy.origin };
  for (const host of ["127.0.0.1", "localhost"]) {
    const args = ["--ca-cert", `${TLS}ca.pem`];
    await using program = await proxied(`https://${host}:${server.port}/mcp`, { env, args });
    assert.deepEqual((await program.request("ping")).result, {});
  }
  assert.equal(proxy.accepted(), 0);
});

Deno.test("A server on this machine needs the permissions or the NO_PROXY that the docs name", async () => {
  await using proxy = await startRawServer();
  await using server = await startRawServer();
  const names = "HTTP_PROXY,http_proxy,HTTPS_PROXY,https_proxy,ALL_PROXY,all_proxy,NO_PROXY,no_proxy";
  const direct: [permissions: string[], env: Record<string, string>][] = [
    [[`--allow-env=${names}`], {}],
    [[], { NO_PROXY: "localhost,127.0.0.1" }],
  ];
  for (const [permissions, more] of direct) {
    for (const host of ["127.0.0.1", "localhost"]) {
      const options = {
        permissions: [`--allow-net=${host}:${server.port}`, ...permissions],
        env: { HTTP_PROXY: proxy.origin, ...more },
      };
      await using program = await proxied(`http://${host}:${server.port}/mcp`, options);
      assert.deepEqual((await program.request("ping")).result, {});
    }
  }
  assert.equal(proxy.accepted(), 0);
});

Deno.test("NO_PROXY is honoured", async () => {
  await using proxy = await startRawServer();
  const env = { HTTP_PROXY: proxy.origin, NO_PROXY: "mcp.test" };
  await using program = startProxy("http://mcp.test/mcp", { env, args: ["--timeout", "10"] });
  await assert.rejects(program.initialize());
  assert.equal(proxy.accepted(), 0);
});

Deno.test("A proxy that is not there is an error that speaks of the network", async () => {
  const proxy = await startRawServer();
  await proxy[Symbol.asyncDispose]();
  await using program = startProxy("http://mcp.test/mcp", { env: { HTTP_PROXY: proxy.origin } });
  await assert.rejects(program.initialize(), /-31001 /);
  assert.equal(program.messages[0]?.error?.data.code, "UNREACHABLE");
});

Deno.test("A redirect from another machine to this one leaves the proxy", async () => {
  await using server = await startRawServer();
  await using proxy = await startRawServer({
    on: { POST: (_request, reply) => reply.redirect(server.url) },
  });
  await using program = await proxied("http://mcp.test/mcp", { env: { HTTP_PROXY: proxy.origin } });
  assert.deepEqual((await program.request("ping")).result, {});
  assert.equal(proxy.requests.length, 1);
});
