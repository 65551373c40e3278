/** Behind an HTTP proxy, which resolves names itself. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { startTunnels } from "../e2e/tunnels.ts";
import { startHostileServer } from "./hostile_server.ts";

const TLS = new URL("../support/tls/", import.meta.url);
const read = (name: string) => Deno.readTextFileSync(new URL(name, TLS));

async function ask(env: Record<string, string>, mcpUrl: string, urls: readonly string[]): Promise<string[]> {
  const script = new URL("ask_from_environment.ts", import.meta.url).pathname;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--cached-only", script, new URL("ca.pem", TLS).pathname, mcpUrl, ...urls],
    env,
  }).output();
  ok(stdout.length > 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("a name goes through the proxy, an address in a URL is checked before, this machine needs none", async () => {
  await using server = startHostileServer({
    tls: { cert: read("server.pem"), key: read("server_key.pem") },
    routes: {
      "GET /x": () => new Response("twelve bytes"),
      "GET /large": () => new Response(new Uint8Array(2 * 1024 * 1024)),
      "GET /away": () => new Response(null, { status: 302, headers: { location: "https://10.0.0.1/" } }),
    },
  });
  await using tunnels = startTunnels(Number(new URL(server.origin).port));
  const env = { HTTPS_PROXY: `http://127.0.0.1:${tunnels.port}` };
  const outcomes = await ask(env, "https://mcp.example/mcp", [
    "https://mcp.test/x",
    "https://10.0.0.1/x",
    "https://169.254.169.254/x",
    "https://127.0.0.1/x",
    "https://mcp.test/away",
    "https://mcp.test/large",
    "https://other.test/x",
  ]);
  deepStrictEqual(outcomes, ["200 12", "BLOCKED", "BLOCKED", "BLOCKED", "BLOCKED", "BAD_ANSWER", "TLS"]);
  for (const head of tunnels.heads) match(head, /^CONNECT (?:mcp|other)\.test:443 /);
  for (const { headers } of server.seen) {
    ok(!headers.has("authorization") && !headers.has("cookie"));
    strictEqual(headers.get("user-agent"), "tests");
  }
});

Deno.test("this machine is not asked through a proxy", async () => {
  await using server = startHostileServer({ routes: { "GET /x": () => new Response("here") } });
  await using tunnels = startTunnels(1);
  const address = `http://127.0.0.1:${tunnels.port}`;
  const outcomes = await ask(
    { HTTP_PROXY: address, HTTPS_PROXY: address, ALL_PROXY: address },
    server.mcpUrl.href,
    [
      `${server.origin}/x`,
      `http://localhost:${new URL(server.origin).port}/x`,
    ],
  );
  deepStrictEqual(outcomes, ["200 4", "200 4"]);
  strictEqual(tunnels.heads.length, 0);
});
