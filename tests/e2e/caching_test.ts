/** What a modern server calls fresh is not asked for again: the real program, servers of the official SDK v2. */
import assert from "node:assert/strict";
import { MOST_TTL_MS } from "../../src/mcp/caching.ts";
import { startModernHttpServer, startModernTcpServer } from "../support/modern_servers.ts";
import type { Program } from "../support/program.ts";
import { startRawHttp } from "../support/raw_http.ts";
import { proxied } from "./proxied.ts";

const HINT = { ttlMs: MOST_TTL_MS, cacheScope: "private" } as const;
const cacheHints = {
  "server/discover": HINT,
  "tools/list": HINT,
  "prompts/list": HINT,
  "resources/list": HINT,
  "resources/templates/list": HINT,
  "resources/read": HINT,
};

type Http = ReturnType<typeof startModernHttpServer>;

/** How often the server was asked for each method that came since the last time. */
function counter({ requests }: Http): () => Record<string, number> {
  let from = 0;
  return () => {
    const counts: Record<string, number> = {};
    for (const { body } of requests.items.slice(from)) {
      const { method } = JSON.parse(body);
      counts[method] = (counts[method] ?? 0) + 1;
    }
    from = requests.items.length;
    return counts;
  };
}

const LISTS = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"];

async function readAll(program: Program): Promise<unknown[]> {
  const results: unknown[] = [];
  for (const method of LISTS) results.push((await program.request(method)).result);
  results.push((await program.request("resources/read", { uri: "test://text" })).result);
  return results;
}

Deno.test("Lists and resources are asked for once, and what is announced to have changed once more", async () => {
  await using server = startModernHttpServer({ cacheHints });
  const counts = counter(server);
  await using program = await proxied(server.url);
  await server.requests.find(({ body }) => body.includes("subscriptions/listen"));
  await program.request("resources/subscribe", { uri: "test://text" });
  counts();
  const first = await readAll(program);
  assert.deepEqual(counts(), Object.fromEntries([...LISTS, "resources/read"].map((it) => [it, 1])));
  for (let i = 0; i < 3; i++) assert.deepEqual(await readAll(program), first);
  assert.deepEqual(counts(), {});
  assert.ok(!JSON.stringify(first).includes("ttlMs"));

  for (
    const [list, methods] of [
      ["tools", ["tools/list"]],
      ["prompts", ["prompts/list"]],
      ["resources", ["resources/list", "resources/templates/list"]],
    ] as const
  ) {
    await program.request("tools/call", { name: "change", arguments: { list } });
    await program.nextMethod(`notifications/${list}/list_changed`);
    assert.deepEqual(await readAll(program), first);
    assert.deepEqual(counts(), { "tools/call": 1, ...Object.fromEntries(methods.map((it) => [it, 1])) });
  }
  await program.request("tools/call", { name: "touch", arguments: { uri: "test://text" } });
  await program.nextMethod("notifications/resources/updated");
  await readAll(program);
  assert.deepEqual(counts(), { "tools/call": 1, "resources/read": 1 });
});

Deno.test("Over one connection it is the same", async () => {
  await using server = await startModernTcpServer({ cacheHints });
  await using program = await proxied(server.url, { args: ["--log-level", "debug"] });
  const fromCache = () => program.stderr().split("answered from the cache").length - 1;
  await program.request("tools/list");
  const { result } = await program.request("tools/list");
  await program.request("prompts/list");
  assert.equal(fromCache(), 1);
  await program.request("tools/call", { name: "change", arguments: { list: "tools" } });
  await program.nextMethod("notifications/tools/list_changed");
  assert.deepEqual((await program.request("tools/list")).result, result);
  assert.equal(fromCache(), 1);
  await program.request("prompts/list");
  assert.equal(fromCache(), 2);
});

Deno.test("Without hints, and with --no-cache, the server is asked each time", async () => {
  for (const [options, args] of [[{}, []], [{ cacheHints }, ["--no-cache"]]] as const) {
    await using server = startModernHttpServer(options);
    const counts = counter(server);
    await using program = await proxied(server.url, { args });
    for (let i = 0; i < 3; i++) await program.request("tools/list");
    assert.equal(counts()["tools/list"], 3);
  }
});

Deno.test("A sign of life and a handshake are never taken from the cache", async () => {
  await using server = startModernHttpServer({ cacheHints });
  await using program = await proxied(server.url, { args: ["--keep-alive", "0.1"] });
  const discovers = () => server.requests.items.filter(({ body }) => body.includes("server/discover"));
  await server.requests.find(() => discovers().length >= 3);
  await program.request("tools/list");
  const before = server.requests.items.filter(({ body }) => body.includes('"tools/list"')).length;
  await program.initialize();
  await program.request("tools/list");
  // A new session is with whatever server is there now.
  assert.equal(server.requests.items.filter(({ body }) => body.includes('"tools/list"')).length, before + 1);
});

Deno.test("Tools are listed afresh for a header that a server misses, and listening that ends makes all stale", async () => {
  const tool = (header: string) => ({
    name: "t",
    inputSchema: { type: "object", properties: { region: { type: "string", "x-mcp-header": header } } },
  });
  let header = "Region";
  const { promise: ending, resolve: end } = Promise.withResolvers<void>();
  await using server = await startRawHttp(async ({ method, message, headers }, reply) => {
    if (method !== "POST") return reply.status(405);
    const complete = (result: object) =>
      reply.result({ resultType: "complete", ttlMs: 60_000, cacheScope: "public", ...result });
    switch (message.method) {
      case "server/discover":
        return complete({
          supportedVersions: ["2026-07-28"],
          capabilities: { tools: { listChanged: true } },
        });
      case "tools/list":
        return complete({ tools: [tool(header)] });
      case "tools/call":
        return headers.get(`mcp-param-${header}`) === message.params.arguments.region
          ? complete({ content: [] })
          : reply.error(-32020, "Header mismatch", undefined, { status: 400 });
      case "subscriptions/listen": {
        const stream = await reply.sse();
        await stream.notify("notifications/subscriptions/acknowledged", {
          notifications: message.params.notifications,
          _meta: { "io.modelcontextprotocol/subscriptionId": message.id },
        });
        await ending;
        return stream.end();
      }
      default:
        return reply.error(-32022, "no", undefined, { status: 400 });
    }
  });
  const lists = () => server.requests.filter(({ message }) => message.method === "tools/list").length;
  await using program = await proxied(`${server.origin}/mcp`);
  const call = () => program.request("tools/call", { name: "t", arguments: { region: "eu" } });
  for (let i = 0; i < 2; i++) await program.request("tools/list");
  assert.deepEqual((await call()).result, { content: [] });
  assert.equal(lists(), 1);
  header = "Zone";
  assert.deepEqual((await call()).result, { content: [] });
  assert.equal(lists(), 2);
  const { result } = await program.request("tools/list");
  assert.equal(result.tools[0].inputSchema.properties.region["x-mcp-header"], "Zone");
  assert.equal(lists(), 2);
  end();
  // Listening is opened again, and the client told that it may have missed something.
  await program.nextMethod("notifications/tools/list_changed");
  await program.request("tools/list");
  assert.equal(lists(), 3);
});
