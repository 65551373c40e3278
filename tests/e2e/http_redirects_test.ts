/** Redirects are followed by hand: the request goes on as it is, credentials do not leave their origin. */
import assert from "node:assert/strict";
import { type RawServer, startRawServer } from "../support/raw_server.ts";
import { proxied, startProxy } from "./proxied.ts";

const SECRETS = ["--auth-token", "token-abc", "--api-key", "key-abc", "--header", "X-Tenant: one"];

/** What a call through this server gives. */
async function echoThrough(url: string, args: readonly string[] = []): Promise<void> {
  await using program = await proxied(url, { args });
  const { result } = await program.request("tools/call", { name: "echo", arguments: { text: "ü" } });
  assert.deepEqual(result.structuredContent, { text: "ü" });
}

for (const code of [301, 302, 307, 308]) {
  Deno.test(`A ${code} within the origin is followed with method, body, session and credentials`, async () => {
    await using server = await startRawServer();
    server.on("/old", (_request, reply) => reply.redirect("/mcp", code));
    await echoThrough(`${server.origin}/old`, SECRETS);
    assert.deepEqual(server.violations, []);
    const posted = server.requests.filter(({ method }) => method === "POST");
    // The session stays where the first request was sent on to.
    assert.deepEqual(posted.map(({ path }) => path), ["/old", "/mcp", "/mcp", "/mcp"]);
    assert.equal(posted[1]?.message.method, "initialize");
    for (const { headers } of server.requests) {
      assert.equal(headers.get("authorization"), "Bearer token-abc");
      assert.equal(headers.get("x-api-key"), "key-abc");
    }
  });
}

Deno.test("A chain of redirects, relative and absolute, is followed", async () => {
  await using server = await startRawServer({ at: "/a/mcp" });
  server.on("/1", (_request, reply) => reply.redirect("2?x=1"));
  server.on("/2", (_request, reply) => reply.redirect(`${server.origin}/a/3`));
  server.on("/a/3", (_request, reply) => reply.redirect("./mcp#here"));
  await echoThrough(`${server.origin}/1`);
});

Deno.test("A redirect in the middle of a session is followed for that request", async () => {
  await using server = await startRawServer();
  await using program = await proxied(server.url);
  server.on("/elsewhere", (request, reply) => reply.result({ via: request.path }));
  server.on("tools/call", (_request, reply) => reply.redirect("/elsewhere"));
  assert.deepEqual((await program.request("tools/call", { name: "echo" })).result, { via: "/elsewhere" });
  const there = server.requests.find(({ path }) => path === "/elsewhere");
  assert.equal(there?.headers.get("mcp-session-id"), server.sessions[0]);
  assert.deepEqual((await program.request("ping")).result, {});
  assert.equal(server.calls("ping")[0]?.path, "/mcp");
});

Deno.test("A loop of redirects ends with an error", async () => {
  await using server = await startRawServer();
  server.on("/loop", (_request, reply) => reply.redirect("/loop"));
  await using program = startProxy(`${server.origin}/loop`);
  await assert.rejects(program.initialize(), /-31011 .*redirects \(HTTP 307\) more than 5 times/);
  assert.equal(server.requests.length, 6);
});

const dead: Record<string, [location: string | undefined, code: number, message: RegExp]> = {
  "to nowhere": [undefined, 302, /to nowhere/],
  "to what is no URL": ["http://[", 302, /to nowhere/],
  "to a file": ["file:///etc/passwd", 302, /to file:/],
  "to a page (303)": ["/login", 303, /to a page/],
};
for (const [what, [location, code, message]] of Object.entries(dead)) {
  Deno.test(`A redirect ${what} is not followed`, async () => {
    await using server = await startRawServer();
    server.on(
      "/old",
      (_request, reply) => location === undefined ? reply.status(code) : reply.redirect(location, code),
    );
    await using program = startProxy(`${server.origin}/old`);
    await assert.rejects(program.initialize(), message);
    assert.equal(program.messages[0]?.error?.data.code, "REFUSED");
    assert.equal(server.requests.length, 1);
  });
}

/** No credential of the user's is in what this server got. */
function assertNoSecrets(server: RawServer): void {
  for (const { headers, headerLines } of server.requests) {
    assert.equal(headers.has("authorization"), false);
    assert.equal(headers.has("x-api-key"), false);
    assert.equal(headers.has("x-tenant"), false);
    assert.equal(/token-abc|key-abc/.test(headerLines.join()), false);
  }
}

Deno.test("A redirect to another origin is followed without the user's headers and credentials", async () => {
  await using other = await startRawServer({ get: "open" });
  await using server = await startRawServer();
  server.on("/old", (_request, reply) => reply.redirect(other.url));
  await echoThrough(`${server.origin}/old`, SECRETS);
  assert.deepEqual(other.violations, []);
  assert.equal(other.calls("tools/call").length, 1);
  assertNoSecrets(other);
  // What the other origin made is not told to the first.
  assert.equal(server.requests.some(({ headers }) => headers.has("mcp-session-id")), false);
});

Deno.test("A session is not told to another origin that a single request is redirected to", async () => {
  await using other = await startRawServer({ sessions: false });
  await using server = await startRawServer();
  await using program = await proxied(server.url, { args: SECRETS });
  server.on("tools/call", (_request, reply) => reply.redirect(other.url, 308));
  const { result } = await program.request("tools/call", { name: "echo", arguments: { a: 1 } });
  assert.deepEqual(result.structuredContent, { a: 1 });
  assertNoSecrets(other);
  assert.equal(other.requests[0]?.headers.has("mcp-session-id"), false);
  await program.request("ping");
  assert.equal(server.calls("ping")[0]?.headers.get("authorization"), "Bearer token-abc");
});
