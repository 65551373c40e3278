/** Tokens for workloads, and for users whom an identity provider vouches for, over real sockets. */
import {
  deepStrictEqual,
  doesNotMatch,
  match,
  notStrictEqual,
  ok,
  rejects,
  strictEqual,
} from "node:assert/strict";
import { accountKey } from "../../src/oauth/account_key.ts";
import { audiencesOf, isAudience } from "../../src/oauth/audience.ts";
import type { SignInError } from "../../src/oauth/errors.ts";
import { renew } from "../../src/oauth/renew.ts";
import { DEFAULT_SETTINGS, type OAuthSettings } from "../../src/oauth/settings.ts";
import { signIn, type SignInRequest } from "../../src/oauth/sign_in.ts";
import { readTokenFile } from "../../src/oauth/token_file.ts";
import { isRenewable } from "../../src/oauth/tokens.ts";
import { redactText } from "../../src/telemetry/redact_text.ts";
import { startIdentityProvider, type TestIdentityProvider } from "./identity_provider.ts";
import { type ProtectedServer, startProtectedServer } from "./protected_server.ts";
import { signInRequest } from "./requests.ts";
import { scriptedUser } from "./scripted_user.ts";
import { claimsOf, someJwt } from "./some_jwt.ts";

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/** A file that is gone afterwards. */
async function tokenFile(
  text: string,
): Promise<AsyncDisposable & { path: string; write(text: string): Promise<void> }> {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, text);
  return {
    path,
    write: (next) => Deno.writeTextFile(path, next),
    [Symbol.asyncDispose]: () => Deno.remove(path),
  };
}

/** A sign-in that the server has asked for. */
function challenged(server: ProtectedServer, settings: Partial<OAuthSettings>): SignInRequest {
  const challenge = { dpop: false, resourceMetadata: `${server.origin}/metadata` };
  return { ...signInRequest(new URL(server.url), scriptedUser(), settings), challenge };
}

// Workloads ---------------------------------------------------------------------------------------------------------

function asWorkload(
  server: ProtectedServer,
  workloadTokenFile: string,
  more: Partial<OAuthSettings> = {},
): SignInRequest {
  return challenged(server, { grant: "jwt_bearer", workloadTokenFile, scopes: ["mcp"], ...more });
}

Deno.test("a workload shows the token of its platform, and no client; the next time it shows the one that has come since", async () => {
  await using server = startProtectedServer({ judge: () => undefined });
  const tokens = ["one", "two"].map((jti) => someJwt({ sub: "workload", aud: server.origin, jti }));
  await using file = await tokenFile(`${tokens[0]}\n`);
  const asked = asWorkload(server, file.path);
  const first = await signIn(asked);
  deepStrictEqual(Object.fromEntries(server.tokenRequests[0]!.parameters), {
    grant_type: JWT_BEARER,
    assertion: tokens[0],
    resource: server.url,
    scope: "mcp",
  });
  strictEqual(server.tokenRequests[0]!.authorization, null);
  ok(isRenewable(first));
  ok(!JSON.stringify(first).includes(tokens[0]!), "the workload's token is stored");

  await file.write(tokens[1]!);
  const second = await renew({ ...asked, tokens: first });
  notStrictEqual(second.accessToken, first.accessToken);
  const { grant, parameters } = server.tokenRequests[1]!;
  deepStrictEqual([grant, parameters.get("assertion")], [JWT_BEARER, tokens[1]]);
});

Deno.test("a workload that has a client names it", async () => {
  await using server = startProtectedServer({ judge: () => undefined });
  await using file = await tokenFile(someJwt({ aud: `${server.origin}/token` }));
  await signIn(asWorkload(server, file.path, { clientId: "mine" }));
  strictEqual(server.tokenRequests[0]!.parameters.get("client_id"), "mine");
});

Deno.test("a workload's token goes to no authorization server that it is not meant for, unless the user names that", async () => {
  await using server = startProtectedServer({ judge: () => undefined });
  for (const claims of [{ aud: "https://elsewhere.example" }, { aud: [] }, {}]) {
    const token = someJwt(claims);
    await using file = await tokenFile(token);
    const error = await signIn(asWorkload(server, file.path)).catch((error: SignInError) => error);
    ok("code" in error);
    strictEqual(error.code, "SETTINGS");
    match(error.message, /is meant for (https:\/\/elsewhere\.example|nobody), and not for http:\/\/127/);
    match(error.hint!, /--token-url/);
    ok(!error.message.includes(token));
    strictEqual(server.tokenRequests.length, 0);
  }
  await using file = await tokenFile(someJwt({ aud: "api://federation" }));
  const tokenUrl = `${server.origin}/token`;
  strictEqual((await signIn(asWorkload(server, file.path, { tokenUrl }))).issuer, server.origin);
});

Deno.test("why a workload is refused can be read, in the log too, and nothing else is tried", async () => {
  const codes = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
  ];
  let echo = "";
  let code = "";
  await using server = startProtectedServer({
    judge: () => ({ error: code, error_description: `the token: ${echo} is no good` }),
  });
  echo = someJwt({ aud: server.origin });
  await using file = await tokenFile(echo);
  for (code of codes) {
    const before = server.tokenRequests.length;
    await rejects(signIn(asWorkload(server, file.path)), (error: SignInError) => {
      strictEqual(error.code, "TOKEN_REFUSED");
      strictEqual(error.oauthError, code);
      match(redactText(`signing in failed: ${error.message}`), new RegExp(`\\b${code}\\b.*is no good`));
      ok(!error.message.includes(echo));
      doesNotMatch(error.hint ?? "", /sign in again/);
      return true;
    });
    strictEqual(server.tokenRequests.length, before + 1);
  }
});

// Users that are vouched for -------------------------------------------------------------------------------------------

function asVouchedFor(
  server: ProtectedServer,
  provider: TestIdentityProvider,
  idTokenFile: string,
): SignInRequest {
  return challenged(server, {
    grant: "id_jag",
    scopes: ["read", "write"],
    clientId: "mcp-client",
    clientSecret: "secret-of-the-mcp-client",
    identityProvider: {
      idTokenFile,
      tokenUrl: provider.tokenUrl,
      clientId: "idp-client",
      clientSecret: "secret-of-the-idp-client",
    },
  });
}

const basic = (id: string, secret: string) => `Basic ${btoa(`${id}:${secret}`)}`;

Deno.test("a user is vouched for by the identity provider, and each side sees what is its own", async () => {
  await using provider = startIdentityProvider();
  await using server = startProtectedServer({ judge: () => undefined });
  const idToken = provider.idToken("ada");
  await using file = await tokenFile(idToken);
  const asked = asVouchedFor(server, provider, file.path);
  const tokens = await signIn(asked);

  const [exchange] = provider.requests;
  deepStrictEqual(Object.fromEntries(exchange!.parameters), {
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    requested_token_type: "urn:ietf:params:oauth:token-type:id-jag",
    audience: server.origin,
    resource: server.url,
    scope: "read write",
    subject_token: idToken,
    subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
  });
  strictEqual(exchange!.authorization, basic("idp-client", "secret-of-the-idp-client"));
  const [grant] = server.tokenRequests;
  deepStrictEqual(Object.fromEntries(grant!.parameters), {
    grant_type: JWT_BEARER,
    assertion: provider.given[0],
    resource: server.url,
    scope: "read write",
  });
  strictEqual(grant!.authorization, basic("mcp-client", "secret-of-the-mcp-client"));
  const stored = JSON.stringify(tokens);
  for (const secret of [idToken, provider.given[0]!, "secret-of-the-idp-client"]) {
    ok(!stored.includes(secret));
  }

  // The next token is vouched for anew, with the ID token of that time.
  await file.write(provider.idToken("ada again"));
  await renew({ ...asked, tokens });
  strictEqual(claimsOf(server.tokenRequests[1]!.parameters.get("assertion")!).sub, "ada again");
  strictEqual(provider.requests.length, 2);
});

Deno.test("no more scopes are asked for than the identity provider has vouched for", async () => {
  await using provider = startIdentityProvider();
  await using server = startProtectedServer({ judge: () => undefined });
  await using file = await tokenFile(provider.idToken("ada"));
  provider.instead = () =>
    Response.json({
      access_token: someJwt({}),
      issued_token_type: "urn:ietf:params:oauth:token-type:id-jag",
      token_type: "N_A",
      scope: "read",
    });
  await signIn(asVouchedFor(server, provider, file.path));
  strictEqual(server.tokenRequests[0]!.parameters.get("scope"), "read");
});

Deno.test("the issuer that is vouched to is the one that the metadata names, also where the user names the token URL", async () => {
  await using provider = startIdentityProvider();
  await using named = startProtectedServer();
  await using server = startProtectedServer({ issuer: named.origin, judge: () => undefined });
  await using file = await tokenFile(provider.idToken("ada"));
  const asked = asVouchedFor(server, provider, file.path);
  await signIn({ ...asked, settings: { ...asked.settings, tokenUrl: `${server.origin}/token` } });
  strictEqual(provider.requests[0]!.parameters.get("audience"), named.origin);
  strictEqual(named.tokenRequests.length, 0);
  strictEqual(server.tokenRequests.length, 1);
});

Deno.test("what else the identity provider gives goes nowhere", async () => {
  await using provider = startIdentityProvider();
  await using server = startProtectedServer({ judge: () => undefined });
  await using trap = startProtectedServer();
  await using file = await tokenFile(provider.idToken("ada"));
  const token = { access_token: "an-access-token-of-the-idp", token_type: "Bearer" };
  const answers: readonly (() => Response)[] = [
    () => Response.json(token),
    () => Response.json({ ...token, issued_token_type: "urn:ietf:params:oauth:token-type:access_token" }),
    () => Response.json({ issued_token_type: "urn:ietf:params:oauth:token-type:id-jag", token_type: "N_A" }),
    () => new Response("<html>", { headers: { "content-type": "text/html" } }),
    () => new Response(null, { status: 307, headers: { location: `${trap.origin}/token` } }),
  ];
  for (const answer of answers) {
    provider.instead = answer;
    await rejects(signIn(asVouchedFor(server, provider, file.path)), (error: SignInError) => {
      ok(["BAD_TOKEN_ANSWER", "REDIRECT"].includes(error.code), error.code);
      ok(!error.message.includes(token.access_token));
      return true;
    });
  }
  strictEqual(server.tokenRequests.length + trap.tokenRequests.length, 0);
});

Deno.test("a refusal of the identity provider says what to do there, and shows nothing of the ID token", async () => {
  await using provider = startIdentityProvider();
  await using server = startProtectedServer({ judge: () => undefined });
  const idToken = provider.idToken("ada");
  await using file = await tokenFile(idToken);
  const rows: readonly (readonly [code: string, hint: RegExp])[] = [
    ["invalid_client", /--idp-client-id/],
    ["invalid_grant", /ID token in .* run out/],
    ["invalid_target", /does not know this server/],
    ["access_denied", /who administers it/],
  ];
  for (const [code, hint] of rows) {
    provider.instead = () =>
      Response.json({ error: code, error_description: `${idToken} secret-of-the-idp-client` }, {
        status: 400,
      });
    await rejects(signIn(asVouchedFor(server, provider, file.path)), (error: SignInError) => {
      match(redactText(error.message), new RegExp(`gave no token \\(${code}\\)`));
      match(error.hint!, hint);
      ok(!error.message.includes(idToken) && !error.message.includes("secret-of-the-idp-client"));
      return true;
    });
  }
  strictEqual(server.tokenRequests.length, 0);
});

Deno.test("an identity provider in a network of its own is asked only when the user allows it", async () => {
  await using provider = startIdentityProvider();
  await using server = startProtectedServer({ judge: () => undefined });
  await using file = await tokenFile(provider.idToken("ada"));
  const asked = asVouchedFor(server, provider, file.path);
  const identityProvider = { ...asked.settings.identityProvider!, tokenUrl: "https://10.0.0.1/token" };
  const request = { ...asked, settings: { ...asked.settings, identityProvider } };
  await rejects(signIn(request), (error: SignInError) => {
    strictEqual(error.code, "BLOCKED");
    match(error.hint!, /--allow-private-auth/);
    return true;
  });
});

// What both stand on -----------------------------------------------------------------------------------------------------

Deno.test("a token's file that is of no use is named, with its option, and nothing of it is shown", async () => {
  const jwt = someJwt({ sub: "x" });
  const rows: readonly (readonly [text: string, wanted: RegExp | string])[] = [
    [jwt, jwt],
    [`\ufeff ${jwt}\r\n`, jwt],
    // Encrypted: five parts.
    [`${jwt}.AAAA.BBBB`, `${jwt}.AAAA.BBBB`],
    ["", /is empty/],
    [" \n", /is empty/],
    ["hunter2-hunter2", /holds no JWT/],
    [`${jwt}\n${jwt}`, /holds no JWT/],
    [`Bearer ${jwt}`, /holds no JWT/],
    [JSON.stringify({ access_token: jwt }), /holds no JWT/],
    [`${jwt}.AAAA`, /holds no JWT/],
    ["x".repeat(64 * 1024 + 1), /is too large/],
  ];
  for (const [text, wanted] of rows) {
    await using file = await tokenFile(text);
    if (typeof wanted === "string") {
      strictEqual(await readTokenFile(file.path, "--some-file"), wanted);
      continue;
    }
    await rejects(readTokenFile(file.path, "--some-file"), (error: SignInError) => {
      strictEqual(error.code, "SETTINGS");
      match(error.message, wanted);
      ok(error.message.startsWith(`--some-file: ${file.path} `));
      ok(text.trim() === "" || !error.message.includes(text.trim().slice(0, 12)));
      return true;
    });
  }
  const directory = await Deno.makeTempDir();
  await rejects(readTokenFile(directory, "--some-file"), /is no file/);
  await rejects(readTokenFile(`${directory}/none`, "--some-file"), /does not exist/);
  await Deno.remove(directory);
});

Deno.test({
  name: "a token's file that Deno may not read is named with the permission, and nobody is prompted",
  permissions: { read: false },
  async fn() {
    await rejects(readTokenFile("/var/run/token", "--some-file"), (error: SignInError) => {
      strictEqual(error.code, "PERMISSION");
      strictEqual(error.hint, "run Deno with --allow-read=/var/run/token");
      return true;
    });
  },
});

Deno.test("an authorization server is meant by its issuer or its token endpoint, and by nothing that begins alike", () => {
  const server = { issuer: "https://as.example/t1", token_endpoint: "https://as.example/t1/token" };
  const rows: readonly (readonly [aud: unknown, meant: boolean])[] = [
    ["https://as.example/t1", true],
    ["https://as.example/t1/", true],
    ["https://as.example/t1/token", true],
    [["https://other.example", "https://as.example/t1"], true],
    ["https://as.example", false],
    ["https://as.example/t2", false],
    ["https://as.example/t1/token/x", false],
    ["https://as.example.evil.example/t1", false],
    ["https://other.example", false],
    [["a", 7, null], false],
    [7, false],
    [undefined, false],
  ];
  for (const [aud, meant] of rows) {
    strictEqual(isAudience(audiencesOf(someJwt({ aud })), server), meant, JSON.stringify(aud));
  }
  for (const text of ["", "a", "a.b.c", "a.bnVsbA.c", "a.W10.c", "..", "a.ew.c"]) {
    deepStrictEqual(audiencesOf(text), [], text);
  }
});

Deno.test("two workloads or users who share a home have an account each, and older accounts are found again", () => {
  const url = new URL("https://example.com/mcp?x=1");
  const key = (more: Partial<typeof DEFAULT_SETTINGS>) => accountKey(url, { ...DEFAULT_SETTINGS, ...more });
  const provider = { tokenUrl: "https://idp.example/token", clientId: "c" };
  strictEqual(key({}), '["https://example.com/mcp","authorization_code",""]');
  const keys = [
    key({}),
    key({ grant: "client_credentials", clientId: "c" }),
    key({ grant: "jwt_bearer", workloadTokenFile: "/run/a" }),
    key({ grant: "jwt_bearer", workloadTokenFile: "/run/b" }),
    key({ grant: "id_jag", clientId: "c", identityProvider: { ...provider, idTokenFile: "/run/a" } }),
    key({ grant: "id_jag", clientId: "c", identityProvider: { ...provider, idTokenFile: "/run/b" } }),
  ];
  strictEqual(new Set(keys).size, keys.length);
});
