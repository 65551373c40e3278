/** Signing in at a certified authorization server, over real sockets. */
import { deepStrictEqual, match, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { renew, revoke } from "../../src/oauth/renew.ts";
import { signIn } from "../../src/oauth/sign_in.ts";
import { startAuthorizationServer } from "./authorization_server.ts";
import { signInRequest } from "./requests.ts";
import { entering, scriptedUser, signInAt } from "./scripted_user.ts";

Deno.test("a person signs in at a server that was never heard of, and the token is for the MCP server", async () => {
  await using server = await startAuthorizationServer();
  const user = scriptedUser();
  const tokens = await signIn(signInRequest(server.mcpUrl, user));
  strictEqual(tokens.issuer, server.issuer);
  strictEqual(tokens.resource, server.mcpUrl.href);
  strictEqual(tokens.client.origin, "registered");
  ok(tokens.refreshToken !== undefined);
  ok(tokens.expiresAt! > Date.now() && tokens.expiresAt! <= Date.now() + 60_000);
  deepStrictEqual(user.outcomes, [{ ok: true }]);
  const [opened] = user.opened;
  strictEqual(opened!.searchParams.get("resource"), server.mcpUrl.href);
  strictEqual(opened!.searchParams.get("code_challenge_method"), "S256");
  strictEqual(opened!.searchParams.get("scope"), "mcp:read offline_access");
  const seen = await server.introspect(tokens.accessToken);
  strictEqual(seen.active, true);
  strictEqual(seen.aud, server.mcpUrl.href);
  strictEqual(seen.scope, "mcp:read");
});

Deno.test("a refresh token is spent once, its successor is kept, and the one before is worth nothing", async () => {
  await using server = await startAuthorizationServer();
  const asked = signInRequest(server.mcpUrl, scriptedUser());
  const first = await signIn(asked);
  const second = await renew({ ...asked, tokens: first });
  notStrictEqual(second.accessToken, first.accessToken);
  notStrictEqual(second.refreshToken, first.refreshToken);
  strictEqual((await server.introspect(second.accessToken)).aud, server.mcpUrl.href);
  deepStrictEqual(second.scopes, first.scopes);
  await rejects(renew({ ...asked, tokens: first }), { code: "TOKEN_REFUSED", oauthError: "invalid_grant" });
});

Deno.test("signing out revokes both tokens", async () => {
  await using server = await startAuthorizationServer();
  const asked = signInRequest(server.mcpUrl, scriptedUser());
  const tokens = await signIn(asked);
  strictEqual(await revoke({ ...asked, tokens }), true);
  strictEqual((await server.introspect(tokens.accessToken)).active, false);
  await rejects(renew({ ...asked, tokens }), { oauthError: "invalid_grant" });
});

Deno.test("without a browser, a code that is entered elsewhere signs in", async () => {
  await using server = await startAuthorizationServer();
  const user = scriptedUser();
  const tokens = await signIn(signInRequest(server.mcpUrl, user, { grant: "device_code" }));
  await entering;
  strictEqual(user.opened.length, 0);
  match(user.codes[0]!.userCode, /^[A-Z]{4}-[A-Z]{4}$/);
  const seen = await server.introspect(tokens.accessToken);
  strictEqual(seen.aud, server.mcpUrl.href);
  strictEqual(seen.scope, "mcp:read");
  ok(tokens.refreshToken !== undefined);
});

for (const authMethod of ["client_secret_basic", "client_secret_post"] as const) {
  Deno.test(`a client with a secret gets a token in its own name (${authMethod})`, async () => {
    const client = {
      client_id: "machine-one",
      // It needs encoding in a header (RFC 6749, section 2.3.1).
      client_secret: "s3cret/+=: &%",
      redirect_uris: [],
      response_types: [],
      grant_types: ["client_credentials"],
      token_endpoint_auth_method: authMethod,
    };
    await using server = await startAuthorizationServer({ clients: [client] });
    const asked = signInRequest(server.mcpUrl, scriptedUser(), {
      grant: "client_credentials",
      clientId: client.client_id,
      clientSecret: client.client_secret,
      authMethod,
    });
    const tokens = await signIn(asked);
    strictEqual((await server.introspect(tokens.accessToken)).client_id, client.client_id);
    strictEqual(tokens.refreshToken, undefined);
    const next = await renew({ ...asked, tokens });
    notStrictEqual(next.accessToken, tokens.accessToken);
    strictEqual((await server.introspect(next.accessToken)).active, true);
  });
}

Deno.test("a client with a key gets a token in its own name", async () => {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const pem = `-----BEGIN PRIVATE KEY-----\n${
    btoa(String.fromCharCode(...pkcs8))
  }\n-----END PRIVATE KEY-----\n`;
  await using server = await startAuthorizationServer({
    clients: [{
      client_id: "machine-two",
      redirect_uris: [],
      response_types: [],
      grant_types: ["client_credentials"],
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "ES256",
      jwks: { keys: [await crypto.subtle.exportKey("jwk", pair.publicKey)] },
    }],
  });
  const tokens = await signIn(signInRequest(server.mcpUrl, scriptedUser(), {
    grant: "client_credentials",
    clientId: "machine-two",
    privateKey: pem,
  }));
  strictEqual((await server.introspect(tokens.accessToken)).client_id, "machine-two");
});

Deno.test("where the MCP server demands it, tokens are bound to a key, with the server's nonce", async () => {
  await using server = await startAuthorizationServer({ dpop: true });
  const asked = signInRequest(server.mcpUrl, scriptedUser());
  const tokens = await signIn(asked);
  strictEqual(tokens.tokenType, "dpop");
  const seen = await server.introspect(tokens.accessToken) as { cnf?: { jkt?: string } };
  const next = await renew({ ...asked, tokens });
  const seenNext = await server.introspect(next.accessToken) as { cnf?: { jkt?: string } };
  ok(seen.cnf?.jkt !== undefined);
  strictEqual(seenNext.cnf?.jkt, seen.cnf.jkt);
});

Deno.test("where the server wants parameters pushed ahead, the address holds none of them", async () => {
  await using server = await startAuthorizationServer({ pushed: true });
  const user = scriptedUser();
  const tokens = await signIn(signInRequest(server.mcpUrl, user));
  deepStrictEqual([...user.opened[0]!.searchParams.keys()].sort(), ["client_id", "request_uri"]);
  strictEqual((await server.introspect(tokens.accessToken)).aud, server.mcpUrl.href);
});

Deno.test("where clients can't register themselves, the options that help are named", async () => {
  await using server = await startAuthorizationServer({ registration: false });
  const user = scriptedUser();
  await rejects(signIn(signInRequest(server.mcpUrl, user)), (error: { code: string; hint: string }) => {
    strictEqual(error.code, "NO_CLIENT");
    match(error.hint, /--client-id/);
    return true;
  });
  strictEqual(user.opened.length, 0);
});

Deno.test("a redirect URI that the server does not take is named with the options for it", async () => {
  await using server = await startAuthorizationServer();
  const user = scriptedUser({ redirectUri: "http://example.com/callback" });
  await rejects(
    signIn(signInRequest(server.mcpUrl, user)),
    (error: { code: string; message: string; hint: string }) => {
      strictEqual(error.code, "REGISTRATION_REFUSED");
      match(error.message, /redirect_uris/);
      match(error.hint, /--redirect-url/);
      return true;
    },
  );
});

Deno.test("a client that is registered already is used, and the page says no when the person does", async () => {
  const client = {
    client_id: "mine",
    client_secret: "my-secret-of-some-length",
    redirect_uris: ["http://127.0.0.1:49152/callback"],
    application_type: "native",
  };
  await using server = await startAuthorizationServer({ clients: [client] });
  const settings = { clientId: client.client_id, clientSecret: client.client_secret };
  const tokens = await signIn(signInRequest(server.mcpUrl, scriptedUser(), settings));
  strictEqual(tokens.client.origin, "given");
  strictEqual(tokens.client.authMethod, "client_secret_basic");
  ok(!server.requests.includes("POST /reg"));

  const refusing = scriptedUser({
    async browse(url, redirectUri) {
      // The provider's page for scopes that nobody knows sends the browser back with an error.
      const bad = new URL(url);
      bad.searchParams.set("resource", "https://elsewhere.example/");
      return await signInAt(bad, redirectUri);
    },
  });
  await rejects(signIn(signInRequest(server.mcpUrl, refusing, settings)), {
    code: "DENIED",
    oauthError: "invalid_target",
  });
  strictEqual(refusing.outcomes[0]?.ok, false);
});

Deno.test("giving up while the person signs in ends the sign-in at once", async () => {
  await using server = await startAuthorizationServer();
  const stop = new AbortController();
  const user = scriptedUser({
    browse: () => {
      stop.abort();
      return new Promise(() => {});
    },
  });
  await rejects(signIn({ ...signInRequest(server.mcpUrl, user), signal: stop.signal }), {
    code: "CANCELLED",
  });
});
