/** Credentials of the user's own, and what keeps a browser from being opened. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { Program } from "../support/program.ts";
import { signIn } from "../support/test_browser.ts";
import { type Place, startPlace } from "./signed_in_place.ts";

const initialize = (program: Program) =>
  program.request("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "c", version: "1" },
  });

function nothingHappened(place: Place): void {
  strictEqual(place.browser.tabs.items.length, 0, "a tab was opened");
  const asked = place.authorization.requests.filter((it) => !it.endsWith("introspection"));
  deepStrictEqual(asked, [], "the authorization server was asked");
  const discovery = place.server.requests.items.filter(({ path }) => path.includes("well-known"));
  deepStrictEqual(discovery, [], "metadata was read");
}

for (
  const [what, args] of [
    ["a token", ["--auth-token", "wrong-token"]],
    ["a header", ["--header", "Authorization: Basic d3Jvbmc6d3Jvbmc="]],
    ["a header in another spelling", ["--header", "aUTHORIZATION: Bearer wrong"]],
  ] as const
) {
  Deno.test(`${what} of the user's own that is refused is an error: no tab, no discovery`, async () => {
    await using place = await startPlace();
    await using program = place.proxy(args);
    const { error } = await initialize(program);
    strictEqual((error!.data as { code: string }).code, "UNAUTHORIZED");
    match(error!.message!, /401/);
    nothingHappened(place);
  });
}

Deno.test("a token of the user's own is what is shown, whatever is stored", async () => {
  await using place = await startPlace();
  {
    await using program = place.proxy();
    await program.initialize();
  }
  const before = place.server.requests.items.length;
  await using program = place.proxy(["--auth-token", "of-my-own"]);
  await initialize(program);
  const shown = place.server.requests.items.slice(before).map(({ headers }) => headers.get("authorization"));
  ok(shown.length > 0 && shown.every((it) => it === "Bearer of-my-own"), String(shown));
  strictEqual(place.browser.tabs.items.length, 1);
});

Deno.test("--oauth off: a server that wants a sign-in is an error, and nothing is begun", async () => {
  await using place = await startPlace();
  await using program = place.proxy(["--oauth", "off"]);
  const { error } = await initialize(program);
  strictEqual((error!.data as { code: string }).code, "UNAUTHORIZED");
  nothingHappened(place);
});

Deno.test("--oauth off: a stored sign-in is not used, either", async () => {
  await using place = await startPlace();
  {
    await using program = place.proxy();
    await program.initialize();
  }
  await using program = place.proxy(["--oauth", "off"]);
  ok((await initialize(program)).error !== undefined);
  strictEqual(place.server.requests.items.at(-1)!.headers.get("authorization"), null);
});

for (
  const [what, args, env] of [
    ["--no-browser", ["--no-browser"], {}],
    ["BROWSER=none", [], { BROWSER: "none" }],
  ] as const
) {
  Deno.test(`${what}: the address is printed for the person to open, and opens nothing`, async () => {
    await using place = await startPlace();
    await using program = place.proxy(["--auth-wait", "30", ...args], { env });
    const answer = initialize(program);
    const [address] = await program.waitStderr(/http:\/\/127\.0\.0\.1:\d+\/auth\?\S+/);
    strictEqual(place.browser.tabs.items.length, 0);
    await program.waitStderr(/ssh -L/);
    strictEqual((await signIn(new URL(address))).status, 200);
    strictEqual((await answer).result.serverInfo.name, "sdk-server");
    strictEqual(place.browser.tabs.items.length, 0);
  });
}

Deno.test("a browser that can't be started is told, with the address, and the sign-in goes on", async () => {
  await using place = await startPlace();
  await using program = place.proxy(["--auth-wait", "30"], { env: { BROWSER: "/nonexistent/browser" } });
  const answer = initialize(program);
  await program.waitStderr(/not found/);
  const [address] = await program.waitStderr(/http:\/\/127\.0\.0\.1:\d+\/auth\?\S+/);
  await signIn(new URL(address));
  strictEqual((await answer).error, undefined);
});

Deno.test("scopes, parameters and the port of the user's own are in the address", async () => {
  await using place = await startPlace();
  const port = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const callback = String((port.addr as Deno.NetAddr).port);
  port.close();
  await using program = place.proxy([
    ...["--scopes", "mcp:read,mcp:write offline_access", "--authorize-param", "login_hint=ada"],
    ...["--callback-port", callback],
  ]);
  await program.initialize();
  const { searchParams } = place.browser.tabs.items[0]!;
  strictEqual(searchParams.get("scope"), "mcp:read mcp:write offline_access");
  strictEqual(searchParams.get("login_hint"), "ada");
  strictEqual(searchParams.get("redirect_uri"), `http://127.0.0.1:${callback}/callback`);
});

Deno.test("a client with a secret signs in without a person: no tab, at once, and again when its token has ended", async () => {
  const client = {
    client_id: "machine",
    client_secret: "a-secret-of-some-length",
    redirect_uris: [],
    response_types: [],
    grant_types: ["client_credentials"],
    token_endpoint_auth_method: "client_secret_basic",
  };
  await using place = await startPlace({ authorization: { clients: [client] } });
  const args = ["--client-credentials", "--client-id", "machine"];
  const env = { MCP_CONNECT_CLIENT_SECRET: client.client_secret };
  await using program = place.proxy(args, { env });
  await program.initialize();
  await place.authorization.revokeAccessTokens();
  strictEqual((await program.request("tools/list")).error, undefined);
  deepStrictEqual(place.authorization.granted, ["client_credentials", "client_credentials"]);
  strictEqual(place.browser.tabs.items.length, 0);
});

Deno.test("auth-proxy takes its client from a file and its endpoints from options, as the original does", async () => {
  const client = {
    client_id: "mine",
    client_secret: "my-secret-of-some-length",
    redirect_uris: ["http://127.0.0.1/callback"],
    application_type: "native",
  };
  await using place = await startPlace({ authorization: { clients: [client], registration: false } });
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, JSON.stringify({ client_id: "mine", client_secret: client.client_secret }));
  const { issuer } = place.authorization;
  const { startProgram } = await import("../support/program.ts");
  await using program = startProgram([
    ...["auth-proxy", "--endpoint", place.server.url, "--client-info", file],
    ...["--auth-url", `${issuer}/auth`, "--token-url", `${issuer}/token`],
  ], { env: place.env });
  await program.initialize();
  strictEqual(place.browser.tabs.items[0]!.searchParams.get("client_id"), "mine");
  ok(!place.authorization.requests.includes("POST /reg"));
  await Deno.remove(file);
});
