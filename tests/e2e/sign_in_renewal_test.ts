/** Tokens that end: they are renewed, and the person is asked again only when nothing else helps. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { Program } from "../support/program.ts";
import { type Place, startPlace } from "./signed_in_place.ts";

const call = (program: Program, text = "hi") =>
  program.request("tools/call", { name: "echo", arguments: { text } }, 30_000);

/** The stored token is some minutes old. */
async function age(place: Place): Promise<void> {
  for (const { path, text } of await place.accounts()) {
    const entry = JSON.parse(text);
    entry.tokens.issuedAt -= 5 * 60_000;
    await Deno.writeTextFile(path, JSON.stringify(entry));
  }
}

const tabs = (place: Place) => place.browser.tabs.items.length;

Deno.test("a token is renewed before it ends: no request is refused", async () => {
  await using place = await startPlace({ authorization: { accessTokenSeconds: 2 }, trustMs: 5000 });
  await using program = place.proxy();
  await program.initialize();
  for (const until = performance.now() + 5000; performance.now() < until;) {
    strictEqual((await call(program)).error, undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  ok(place.authorization.granted.length >= 3, String(place.authorization.granted));
  strictEqual(place.server.refused().length, 1);
  strictEqual(tabs(place), 1);
});

Deno.test("a token that is refused is renewed, again and again, with the rotated refresh token, and nobody notices", async () => {
  await using place = await startPlace({ authorization: { accessTokenSeconds: 600 } });
  await using program = place.proxy(["--log-level", "warn"]);
  await program.initialize();
  await place.authorization.revokeAccessTokens();
  strictEqual((await call(program)).error, undefined);
  deepStrictEqual(place.authorization.granted, ["authorization_code", "refresh_token"]);
  deepStrictEqual(place.authorization.revokedGrants, []);
  strictEqual(tabs(place), 1);
  ok(!/WARN/.test(program.stderr()), program.stderr());
  // What a second copy finds is the rotated one.
  await place.authorization.revokeAccessTokens();
  await using second = place.proxy();
  await second.initialize();
  strictEqual(place.authorization.granted.length, 3);
  strictEqual(tabs(place), 1);
});

Deno.test("twenty requests that are refused at once lead to one renewal", async () => {
  await using place = await startPlace({ authorization: { accessTokenSeconds: 600 } });
  await using program = place.proxy();
  await program.initialize();
  await place.authorization.revokeAccessTokens();
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => call(program, `${i}`)));
  deepStrictEqual(answers.map(({ result }) => result?.content[0].text), answers.map((_, i) => `${i}`));
  deepStrictEqual(place.authorization.granted, ["authorization_code", "refresh_token"]);
});

Deno.test("a refresh token that was revoked leads to exactly one sign-in, however many requests want it", async () => {
  await using place = await startPlace({ authorization: { accessTokenSeconds: 600 } });
  await using program = place.proxy();
  await program.initialize();
  await place.authorization.revokeAccessTokens();
  await place.authorization.revokeRefreshTokens();
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => call(program, `${i}`)));
  deepStrictEqual(answers.map(({ result }) => result?.content[0].text), answers.map((_, i) => `${i}`));
  strictEqual(tabs(place), 2);
  deepStrictEqual(place.authorization.granted, ["authorization_code", "authorization_code"]);
  // The client is the one that was registered before.
  strictEqual(place.authorization.requests.filter((it) => it === "POST /reg").length, 1);
});

Deno.test("an authorization server that has forgotten our client gets another registration, and one sign-in helps", async () => {
  await using place = await startPlace({ authorization: { accessTokenSeconds: 600 } });
  await using program = place.proxy();
  await program.initialize();
  await place.authorization.revokeAccessTokens();
  await place.authorization.forgetClients();
  strictEqual((await call(program)).error, undefined);
  strictEqual(tabs(place), 2);
  deepStrictEqual(place.browser.problems, []);
  strictEqual(place.authorization.requests.filter((it) => it === "POST /reg").length, 2);
});

Deno.test("a server that refuses every token, new ones too, causes no storm: neither of tabs nor of renewals", async () => {
  await using place = await startPlace({ authorization: { accessTokenSeconds: 600 } });
  await using program = place.proxy();
  await program.initialize();
  const challenge = `Bearer error="invalid_token", resource_metadata="${place.server.origin}` +
    '/.well-known/oauth-protected-resource/mcp"';
  place.server.outage = (request) =>
    request.method === "POST"
      ? new Response(null, { status: 401, headers: { "www-authenticate": challenge } })
      : undefined;
  for (let i = 0; i < 10; i++) {
    const { error } = await call(program);
    ok(error !== undefined);
    match(String(error.code), /^-310/);
  }
  const granted = place.authorization.granted.length;
  // Two that are renewed show that a renewal is of no use, and then one that is signed in for shows that nothing is.
  strictEqual(tabs(place), 2);
  ok(granted <= 5, `${granted} tokens`);
});

Deno.test("a server that takes no token from the start opens one tab, and says why it does not work", async () => {
  await using place = await startPlace();
  place.server.guard = {
    issuer: place.authorization.issuer,
    introspect: () => Promise.resolve({ active: false }),
  };
  await using program = place.proxy();
  const { error } = await program.request("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "c", version: "1" },
  });
  match(error!.message!, /refuses the token that the sign-in has just given/);
  ok((await program.request("initialize", { protocolVersion: "2025-11-25" })).error !== undefined);
  strictEqual(tabs(place), 1);
  deepStrictEqual(place.authorization.granted, ["authorization_code", "refresh_token"]);
});

Deno.test("a server that needs a moment until it knows a new token is asked again with the next", async () => {
  await using place = await startPlace();
  let asked = 0;
  const { issuer, introspect } = place.authorization;
  place.server.guard = {
    issuer,
    introspect: (token) => ++asked === 1 ? Promise.resolve({ active: false }) : introspect(token),
  };
  await using program = place.proxy();
  await program.initialize();
  strictEqual(tabs(place), 1);
});

Deno.test("a token endpoint that is not well for a moment is asked again: no tab, no error", async () => {
  await using place = await startPlace({ authorization: { accessTokenSeconds: 600 } });
  await using program = place.proxy();
  await program.initialize();
  await place.authorization.revokeAccessTokens();
  let outages = 0;
  place.authorization.outage = ({ path }) => path === "/token" && outages++ < 1 ? { status: 503 } : undefined;
  strictEqual((await call(program)).error, undefined);
  strictEqual(outages, 2);
  strictEqual(tabs(place), 1);
});

Deno.test("a token endpoint that stays away is an error and no tab; when it is back, all is well", async () => {
  await using place = await startPlace({ authorization: { accessTokenSeconds: 600 } });
  {
    await using program = place.proxy();
    await program.initialize();
  }
  await age(place);
  await using program = place.proxy();
  await program.initialize();
  await place.authorization.revokeAccessTokens();
  let asked = 0;
  let away = true;
  place.authorization.outage = ({ path }) => {
    if (path !== "/token" || !away) return undefined;
    asked++;
    return { status: 502, body: "<html>Bad gateway</html>" };
  };
  const first = await call(program);
  match(first.error!.message!, /can't be renewed/);
  const askedThen = asked;
  ok(askedThen <= 3, String(askedThen));
  // It is left alone for a while.
  const second = await call(program);
  ok(second.error !== undefined);
  strictEqual(asked, askedThen);
  away = false;
  for (const until = performance.now() + 15_000; (await call(program)).error !== undefined;) {
    ok(performance.now() < until, "it never recovered");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  strictEqual(tabs(place), 1);
});

Deno.test("a tool that wants more scopes: one more sign-in with all of them, and then no more", async () => {
  await using place = await startPlace({ scopes: { add: "mcp:write" } });
  await using program = place.proxy();
  await program.initialize();
  strictEqual((await call(program)).error, undefined);
  const add = () => program.request("tools/call", { name: "add", arguments: { a: 1, b: 2 } });
  deepStrictEqual((await add()).result?.structuredContent, { sum: 3 });
  strictEqual(tabs(place), 2);
  const scopes = place.browser.tabs.items[1]!.searchParams.get("scope")!.split(" ");
  ok(scopes.includes("mcp:read") && scopes.includes("mcp:write"), String(scopes));
  deepStrictEqual((await add()).result?.structuredContent, { sum: 3 });
  strictEqual((await call(program)).error, undefined);
  strictEqual(tabs(place), 2);
});

Deno.test("a scope that is never granted is asked for no more than twice, and the rest goes on", async () => {
  await using place = await startPlace({ scopes: { add: "mcp:nobody" } });
  await using program = place.proxy(["--auth-wait", "5"]);
  await program.initialize();
  for (let i = 0; i < 4; i++) {
    const { error } = await program.request("tools/call", { name: "add", arguments: { a: 1, b: 2 } }, 30_000);
    ok(error !== undefined);
  }
  ok(tabs(place) <= 3, `${tabs(place)} tabs`);
  strictEqual((await call(program)).error, undefined);
});
