/** Cookies, as sticky balancers set them: they go back where they came from, and nowhere else. */
import assert from "node:assert/strict";
import { type RawServer, startRawServer } from "../support/raw_server.ts";
import { startRawSseServer } from "../support/raw_sse_server.ts";
import { proxied, type ProxiedOptions } from "./proxied.ts";

const cookiesOf = (server: RawServer) => server.requests.map(({ headers }) => headers.get("cookie"));

/** A server that gives out a route with `initialize`, and another cookie beside it. */
async function stickyServer(): Promise<RawServer> {
  const server = await startRawServer();
  server.on("initialize", async (request, reply) => {
    // Several fields of one name can't be written as a record: they differ in the case of their letters.
    await reply.body({
      jsonrpc: "2.0",
      id: request.message.id,
      result: {
        protocolVersion: "2025-11-25",
        capabilities: {},
        serverInfo: { name: "sticky", version: "1" },
      },
    }, {
      headers: {
        "set-cookie": "route=replica-7-secret; Path=/; HttpOnly",
        "Set-Cookie": "zone=b; Domain=127.0.0.1; Max-Age=3600",
      },
    });
  });
  return server;
}

async function session(server: RawServer, options: ProxiedOptions = {}): Promise<string> {
  await using program = await proxied(server.url, options);
  assert.deepEqual((await program.request("ping")).result, {});
  await program.closeStdin();
  await program.status;
  return program.stderr();
}

Deno.test("cookies of initialize come back with all that follows, the end of the session included", async () => {
  await using server = await stickyServer();
  server.on("ping", (_request, reply) => reply.body({ jsonrpc: "2.0", id: 2, result: {} }));
  await session(server);
  const [first, ...rest] = cookiesOf(server);
  assert.equal(first, null);
  assert.ok(rest.length >= 2);
  for (const cookie of rest) assert.equal(cookie, "route=replica-7-secret; zone=b");
});

Deno.test("a later answer changes and deletes cookies", async () => {
  await using server = await stickyServer();
  server.on("one", (request, reply) =>
    reply.body({ jsonrpc: "2.0", id: request.message.id, result: {} }, {
      headers: { "set-cookie": "route=replica-8; Path=/", "Set-Cookie": "zone=; Max-Age=0" },
    }));
  await using program = await proxied(server.url);
  await program.request("one");
  await program.request("ping");
  assert.equal(server.calls("ping")[0]!.headers.get("cookie"), "route=replica-8");
});

Deno.test("a Cookie header of the user's is kept, and merged with the server's", async () => {
  await using server = await stickyServer();
  await session(server, { args: ["--header", "Cookie: mine=1", "--header", "Cookie: zone=c"] });
  assert.equal(cookiesOf(server)[0], "mine=1; zone=c");
  assert.equal(server.calls("ping")[0]!.headers.get("cookie"), "mine=1; zone=c; route=replica-7-secret");
});

Deno.test("with --no-cookies none comes back, and the user's own header is sent all the same", async () => {
  await using server = await stickyServer();
  await session(server, { args: ["--no-cookies", "--header", "Cookie: mine=1"] });
  assert.deepEqual(new Set(cookiesOf(server)), new Set(["mine=1"]));
  await using other = await stickyServer();
  await session(other, { env: { MCP_CONNECT_NO_COOKIES: "1" } });
  assert.deepEqual(new Set(cookiesOf(other)), new Set([null]));
});

Deno.test("cookies stay with their exact origin: another port gets none, whatever Domain says, and sets none", async () => {
  await using other = await startRawServer();
  await using server = await stickyServer();
  other.on("ping", (request, reply) =>
    reply.body({ jsonrpc: "2.0", id: request.message.id, result: {} }, {
      headers: { "set-cookie": "evil=1; Path=/; Domain=127.0.0.1" },
    }));
  server.on("ping", (_request, reply) => reply.redirect(other.url));
  await using program = await proxied(server.url);
  await program.request("ping");
  await program.request("ping");
  await program.request("tools/list");
  assert.equal(other.calls("ping").length, 2);
  assert.deepEqual(new Set(cookiesOf(other)), new Set([null]));
  assert.equal(server.calls("tools/list")[0]!.headers.get("cookie"), "route=replica-7-secret; zone=b");
});

Deno.test("a cookie set by a redirect within the origin goes along with what follows it", async () => {
  await using server = await startRawServer();
  let redirected = false;
  server.on("initialize", (_request, reply) => {
    if (redirected) return "default";
    redirected = true;
    return reply.status(307, "", { location: server.url, "set-cookie": "hop=1" });
  });
  await session(server);
  assert.deepEqual(cookiesOf(server).slice(0, 3), [null, "hop=1", "hop=1"]);
});

Deno.test("values of cookies appear in no log", async () => {
  await using server = await stickyServer();
  server.on(
    "fail",
    (request, reply) => reply.status(500, `you sent ${request.headers.get("cookie")}, replica-7-secret`),
  );
  await using program = await proxied(server.url, { args: ["--debug", "--log-level", "trace"] });
  const { error } = await program.request("fail");
  assert.match(error?.message ?? "", /HTTP 500/);
  await program.closeStdin();
  await program.status;
  assert.doesNotMatch(program.stderr() + JSON.stringify(error), /replica-7-secret/);
  assert.equal(server.calls("fail")[0]!.headers.get("cookie"), "route=replica-7-secret; zone=b");
});

Deno.test("HTTP+SSE has its cookies too", async () => {
  await using server = await startRawSseServer();
  await using program = await proxied(server.url, { args: ["--header", "Cookie: mine=1"] });
  assert.deepEqual((await program.request("ping")).result, {});
  assert.ok(server.requests.every(({ headers }) => headers.get("cookie") === "mine=1"));
});
