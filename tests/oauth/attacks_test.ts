/** What servers try, and what does not come of it; each test is named for what is forbidden. */
import { deepStrictEqual, doesNotMatch, match, ok, rejects, strictEqual } from "node:assert/strict";
import { inspect } from "node:util";
import { SignInError } from "../../src/oauth/errors.ts";
import { guardedFetch } from "../../src/oauth/guarded_fetch.ts";
import { renew } from "../../src/oauth/renew.ts";
import { signIn } from "../../src/oauth/sign_in.ts";
import type { Client } from "../../src/oauth/tokens.ts";
import { setTrap, startHostileServer } from "./hostile_server.ts";
import { NOTHING_KNOWN, signInRequest } from "./requests.ts";
import { type ScriptedUser, scriptedUser } from "./scripted_user.ts";

/** A person whose browser comes back at once, with these parameters and the right state. */
function answering(parameters: (url: URL) => Record<string, string>): ScriptedUser {
  return scriptedUser({
    browse: (url) =>
      Promise.resolve(new URLSearchParams({ state: url.searchParams.get("state")!, ...parameters(url) })),
  });
}

const obedient = () => answering(() => ({ code: "the-code" }));

Deno.test("metadata in the name of another issuer is not believed", async () => {
  await using server = startHostileServer({ server: () => ({ issuer: "https://honest.example" }) });
  const user = obedient();
  await rejects(signIn(signInRequest(server.mcpUrl, user)), { code: "ISSUER_MISMATCH" });
  strictEqual(user.opened.length, 0);
  strictEqual(server.forms("/register").length, 0);
});

Deno.test("a server that claims another's resource gets no token for it", async () => {
  await using server = startHostileServer({ resource: () => ({ resource: "https://bank.example/mcp" }) });
  const user = obedient();
  await rejects(signIn(signInRequest(server.mcpUrl, user)), { code: "RESOURCE_MISMATCH" });
  strictEqual(user.opened.length, 0);
});

Deno.test("no sign-in without PKCE, unless the user insists, and even then it is used", async () => {
  await using server = startHostileServer({ server: () => ({ code_challenge_methods_supported: null }) });
  const user = obedient();
  await rejects(signIn(signInRequest(server.mcpUrl, user)), { code: "NO_PKCE" });
  strictEqual(user.opened.length, 0);
  await signIn(signInRequest(server.mcpUrl, user, { pkceOptional: true }));
  strictEqual(user.opened[0]!.searchParams.get("code_challenge_method"), "S256");
  ok(server.forms("/token")[0]!.get("code_verifier")!.length >= 43);
});

for (
  const [what, parameters, metadata] of [
    ["of another issuer", { iss: "https://honest.example", code: "stolen" }, {}],
    ["of no issuer, where one is promised", { code: "stolen" }, {
      authorization_response_iss_parameter_supported: true,
    }],
    ["of another issuer, an error at that", { iss: "https://honest.example", error: "x" }, {}],
  ] as const
) {
  Deno.test(`a code ${what}, goes to no token endpoint (mix-up)`, async () => {
    await using server = startHostileServer({ server: () => metadata });
    const user = answering(() => parameters);
    await rejects(signIn(signInRequest(server.mcpUrl, user)), { code: "ISS_MISMATCH" });
    strictEqual(server.forms("/token").length, 0);
    ok(user.outcomes[0]?.ok === false);
  });
}

Deno.test("an answer with another state is no answer", async () => {
  await using server = startHostileServer();
  const user = scriptedUser({
    browse: () => Promise.resolve(new URLSearchParams({ state: "forged", code: "forged" })),
  });
  await rejects(signIn(signInRequest(server.mcpUrl, user)), { code: "STATE_MISMATCH" });
  strictEqual(server.forms("/token").length, 0);
});

Deno.test("the challenge of a public server leads to nothing private", async () => {
  using trap = setTrap();
  const mcpUrl = new URL("https://mcp.example/mcp");
  const fetch = guardedFetch({
    mcpUrl,
    allowPrivate: false,
    caCerts: [],
    userAgent: "tests",
    proxied: () => false,
    resolve: () => Promise.resolve(["8.8.8.8"]),
  });
  const urls = [
    `http://127.0.0.1:${trap.port}/`,
    `https://localhost:${trap.port}/`,
    "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "https://10.0.0.1/",
    "file:///etc/passwd",
  ];
  for (const resourceMetadata of urls) {
    const user = obedient();
    const request = { ...signInRequest(mcpUrl, user), fetch, challenge: { dpop: false, resourceMetadata } };
    await rejects(signIn(request), { code: "BLOCKED" }, resourceMetadata);
    strictEqual(user.opened.length, 0);
  }
  strictEqual(trap.connections, 0);
});

Deno.test("poisoned metadata leads neither us nor the browser to anything private", async () => {
  const places = [
    "https://10.0.0.1/x",
    "http://192.168.0.1/x",
    "javascript:alert(1)",
    "https://u:p@127.0.0.1/x",
    "file:///x",
  ];
  for (const place of places) {
    for (const name of ["authorization_endpoint", "token_endpoint", "registration_endpoint"]) {
      await using server = startHostileServer({ server: () => ({ [name]: place }) });
      const user = obedient();
      await rejects(signIn(signInRequest(server.mcpUrl, user)), { code: "BLOCKED" }, `${name} ${place}`);
      strictEqual(user.opened.length, 0);
    }
    await using server = startHostileServer({ resource: () => ({ authorization_servers: [place] }) });
    await rejects(signIn(signInRequest(server.mcpUrl, obedient())), SignInError, place);
    strictEqual(server.seen.length, 1);
  }
});

Deno.test("metadata of the wrong shape is refused, and nothing breaks", async () => {
  const wrong: readonly unknown[] = [7, "x", [], {}, true, { a: [] }];
  for (const value of wrong) {
    await using server = startHostileServer({
      server: () => ({ token_endpoint: value, scopes_supported: value }),
    });
    const outcome = await signIn(signInRequest(server.mcpUrl, obedient())).catch((error) => error);
    ok(outcome instanceof SignInError, inspect(value));
  }
});

Deno.test("a server that is out of order is not taken for one without metadata", async () => {
  for (
    const path of ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-authorization-server"]
  ) {
    await using server = startHostileServer({
      routes: { [`GET ${path}`]: () => new Response("x", { status: 503 }) },
    });
    const user = obedient();
    await rejects(signIn(signInRequest(server.mcpUrl, user)), { code: "BUSY", transient: true });
    strictEqual(user.opened.length, 0);
  }
});

Deno.test("a client that is registered with one issuer is not shown to another", async () => {
  await using server = startHostileServer();
  const elsewhere: Client = {
    issuer: "https://honest.example",
    clientId: "honest-client",
    clientSecret: "honest-secret",
    authMethod: "client_secret_post",
    redirectUris: ["http://127.0.0.1:49152/callback"],
    origin: "registered",
  };
  const user = obedient();
  const request = signInRequest(server.mcpUrl, user);
  const tokens = await signIn({ ...request, known: { ...NOTHING_KNOWN, client: () => elsewhere } });
  strictEqual(tokens.client.clientId, "registered-client");
  doesNotMatch(inspect(server.seen, { depth: 5 }) + user.opened[0], /honest/);

  // One that the user gave is not replaced in silence either.
  const given = {
    ...request,
    settings: { ...request.settings, clientId: "c", clientSecret: "honest-secret" },
  };
  const known = { ...NOTHING_KNOWN, issuerOf: () => "https://honest.example" };
  await rejects(signIn({ ...given, known }), { code: "CLIENT_MISMATCH" });
  doesNotMatch(inspect(server.seen, { depth: 5 }), /honest/);
});

Deno.test("nothing that is secret is in an error, though the server says it all again", async () => {
  const seen: string[] = [];
  await using server = startHostileServer({
    routes: {
      "POST /token": ({ body, headers }) => {
        const form = new URLSearchParams(body);
        const secrets = ["code", "code_verifier", "refresh_token", "client_secret"]
          .map((name) => form.get(name)).filter((it) => it !== null);
        seen.push(...secrets);
        return Response.json({
          error: "invalid_grant",
          error_description: `${secrets.join(" and ")} and ${headers.get("authorization")}\x1b[2J`,
        }, { status: 400 });
      },
    },
  });
  const user = obedient();
  const settings = {
    clientId: "c",
    clientSecret: "very-secret-indeed",
    authMethod: "client_secret_post",
  } as const;
  const request = signInRequest(server.mcpUrl, user, settings);
  const error = await signIn(request).catch((error) => error);
  ok(error instanceof SignInError && error.oauthError === "invalid_grant");
  const tokens = {
    accessToken: "a",
    tokenType: "bearer",
    refreshToken: "refresh-me-please",
    issuedAt: 0,
    issuer: server.origin,
    server: { issuer: server.origin, token_endpoint: `${server.origin}/token` },
    mcpUrl: server.mcpUrl.href,
    grant: "authorization_code",
    client: {
      issuer: server.origin,
      clientId: "c",
      clientSecret: "very-secret-indeed",
      authMethod: "client_secret_post",
      redirectUris: [],
      origin: "given",
    },
  } as const;
  const later = await renew({ ...request, tokens }).catch((error) => error);
  ok(later instanceof SignInError);
  ok(seen.includes("the-code") && seen.includes("refresh-me-please") && seen.includes("very-secret-indeed"));
  const shown = [error, later].map((it) => inspect(it, { depth: 10, showHidden: true })).join() +
    inspect(user.outcomes);
  for (const secret of seen) ok(!shown.includes(secret), secret);
  // deno-lint-ignore no-control-regex
  doesNotMatch(error.message, /[\x00-\x1f]/);
});

Deno.test("a code is not followed to where a token endpoint redirects", async () => {
  await using other = startHostileServer();
  await using server = startHostileServer({
    routes: {
      "POST /token": () =>
        new Response(null, { status: 308, headers: { location: `${other.origin}/token` } }),
    },
  });
  await rejects(signIn(signInRequest(server.mcpUrl, obedient())), { code: "REDIRECT" });
  strictEqual(other.seen.length, 0);
});

Deno.test("a token of a type that nobody knows, or bound to no key where it must be, is not used", async () => {
  const cases: readonly (readonly [type: unknown, dpop: "auto" | "always"])[] = [
    ["mac", "auto"],
    [undefined, "auto"],
    ["DPoP", "auto"],
    ["Bearer", "always"],
  ];
  for (const [token_type, dpop] of cases) {
    await using server = startHostileServer({
      routes: { "POST /token": () => Response.json({ access_token: "x", token_type }) },
    });
    const request = signInRequest(server.mcpUrl, obedient(), { dpop });
    await rejects(signIn(request), { code: "BAD_TOKEN_ANSWER" }, `${token_type}`);
  }
});

Deno.test("a device code's page is no way to another scheme or a private address", async () => {
  for (
    const url of [
      "javascript:alert(1)",
      "https://10.0.0.1/",
      "http://example.com/",
      "https://a:b@example.com/",
    ]
  ) {
    for (const name of ["verification_uri", "verification_uri_complete"]) {
      await using server = startHostileServer({
        server: (origin) => ({ device_authorization_endpoint: `${origin}/device` }),
        routes: {
          "POST /device": () =>
            Response.json({
              device_code: "d",
              user_code: "U",
              verification_uri: "https://example.com/",
              expires_in: 60,
              [name]: url,
            }),
        },
      });
      const user = scriptedUser({ enter: () => Promise.resolve() });
      const request = signInRequest(server.mcpUrl, user, { grant: "device_code" });
      await rejects(signIn(request), { code: "BLOCKED" }, url);
      deepStrictEqual(user.codes, []);
    }
  }
});

Deno.test("of several authorization servers, one that is sound is enough, and the one we know comes first", async () => {
  await using good = startHostileServer();
  await using server = startHostileServer({
    resource: () => ({ authorization_servers: ["https://10.0.0.1", good.origin] }),
  });
  const tokens = await signIn(signInRequest(server.mcpUrl, obedient()));
  strictEqual(tokens.issuer, good.origin);
  strictEqual(tokens.resource, server.mcpUrl.href);
  // The token endpoint's origin is not the MCP server's; the token still is for the MCP server.
  strictEqual(tokens.mcpUrl, server.mcpUrl.href);
});

Deno.test("what passes for an answer in no standard but is meant well is understood", async () => {
  const answers: readonly (() => Response)[] = [
    () =>
      new Response("access_token=t&token_type=bearer&scope=a+b&expires_in=60", {
        headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
      }),
    () =>
      Response.json({
        access_token: "t",
        token_type: "BEARER",
        expires_in: "60",
        scope: "a b",
        refresh_token: null,
      }),
    () =>
      Response.json({
        access_token: "t",
        token_type: "Bearer",
        expires_in: 60,
        scope: "a b",
        id_token: "nobody asked",
      }),
  ];
  for (const answer of answers) {
    await using server = startHostileServer({ routes: { "POST /token": answer } });
    const tokens = await signIn(signInRequest(server.mcpUrl, obedient()));
    strictEqual(tokens.accessToken, "t");
    deepStrictEqual(tokens.scopes, ["a", "b"]);
    strictEqual(tokens.expiresAt! - tokens.issuedAt, 60_000);
    strictEqual(tokens.refreshToken, undefined);
  }
  const errors: readonly (() => Response)[] = [
    () => Response.json({ error: "bad_verification_code", error_description: "it is wrong" }),
    () =>
      new Response("error=bad_verification_code", {
        headers: { "content-type": "application/x-www-form-urlencoded" },
      }),
    () =>
      Response.json({ error: "bad_verification_code" }, {
        status: 401,
        headers: { "www-authenticate": "Basic realm=x" },
      }),
  ];
  for (const answer of errors) {
    await using server = startHostileServer({ routes: { "POST /token": answer } });
    await rejects(signIn(signInRequest(server.mcpUrl, obedient())), {
      code: "TOKEN_REFUSED",
      oauthError: "bad_verification_code",
    });
  }
});

Deno.test("a registration that leaves something out is understood, one that says nothing is not", async () => {
  const register = (body: unknown, status: number) => ({
    "POST /register": () => Response.json(body, { status }),
  });
  {
    await using server = startHostileServer({
      routes: register({ client_id: "c", client_secret: "s" }, 200),
    });
    const tokens = await signIn(signInRequest(server.mcpUrl, obedient()));
    strictEqual(tokens.client.authMethod, "client_secret_basic");
    strictEqual(
      server.seen.find((it) => it.path === "/token")?.headers.get("authorization"),
      `Basic ${btoa("c:s")}`,
    );
    const asked = JSON.parse(server.seen.find((it) => it.path === "/register")!.body);
    strictEqual(asked.application_type, "native");
    ok(asked.grant_types.includes("refresh_token"));
  }
  {
    const answer = { client_id: "c", client_secret: "s", token_endpoint_auth_method: "client_secret_post" };
    await using server = startHostileServer({ routes: register(answer, 201) });
    await signIn(signInRequest(server.mcpUrl, obedient()));
    strictEqual(server.forms("/token")[0]!.get("client_secret"), "s");
  }
  for (
    const [body, status] of [[{}, 201], ["x", 201], [{ client_id: 7 }, 201], [{ error: "no" }, 403], [
      "x",
      404,
    ]] as const
  ) {
    await using server = startHostileServer({ routes: register(body, status) });
    const user = obedient();
    await rejects(signIn(signInRequest(server.mcpUrl, user)), (error: SignInError) => {
      strictEqual(error.code, "REGISTRATION_REFUSED");
      match(error.hint!, /--client-id/);
      return true;
    });
    strictEqual(user.opened.length, 0);
  }
});

Deno.test("a secret in a header is readable to servers that decode, and to those that don't where they can", async () => {
  const cases: readonly (readonly [id: string, secret: string, header: string])[] = [
    ["pre-registered_client.1", "a-b_c.d*e", "pre-registered_client.1:a-b_c.d*e"],
    ["a:b", "c d/+ü", "a%3Ab:c+d%2F%2B%C3%BC"],
  ];
  for (const [clientId, clientSecret, header] of cases) {
    await using server = startHostileServer();
    await signIn(signInRequest(server.mcpUrl, obedient(), { clientId, clientSecret }));
    strictEqual(server.seen.at(-1)?.headers.get("authorization"), `Basic ${btoa(header)}`);
  }
});

Deno.test("the resource is on every leg, spelt as the metadata spells it, or on none", async () => {
  for (const no of [false, true]) {
    await using server = startHostileServer({
      resource: (origin) => ({ resource: origin }),
      routes: {
        "POST /token": () => Response.json({ access_token: "t", token_type: "Bearer", refresh_token: "r" }),
      },
    });
    const user = obedient();
    const request = signInRequest(server.mcpUrl, user, no ? { resource: false } : {});
    const tokens = await signIn(request);
    await renew({ ...request, tokens });
    // No slash at its end: `new URL(…).href` would add one.
    const wanted = no ? null : server.origin;
    strictEqual(user.opened[0]!.searchParams.get("resource"), wanted);
    deepStrictEqual(server.forms("/token").map((form) => form.get("resource")), [wanted, wanted]);
    strictEqual(server.forms("/token")[1]!.get("grant_type"), "refresh_token");
  }
});

Deno.test("more scopes are asked for together with those from before", async () => {
  await using server = startHostileServer();
  const user = obedient();
  const tokens = await signIn({
    ...signInRequest(server.mcpUrl, user),
    before: ["read"],
    challenge: { dpop: false, error: "insufficient_scope", scopes: ["write"] },
  });
  strictEqual(user.opened[0]!.searchParams.get("scope"), "read write");
  deepStrictEqual(tokens.requestedScopes, ["read", "write"]);
});

Deno.test("servers of 2025-03-26 are signed in at, with metadata at their root and without any", async () => {
  const absent = {
    "GET /.well-known/oauth-protected-resource/mcp": () => new Response("no", { status: 404 }),
  };
  for (const metadata of [true, false]) {
    await using server = startHostileServer({
      routes: {
        ...absent,
        ...(metadata
          ? {}
          : { "GET /.well-known/oauth-authorization-server": () => new Response("no", { status: 404 }) }),
      },
      // The spelling that some of them had.
      server: (origin) => ({ issuer: `${origin}/` }),
    });
    const user = obedient();
    const tokens = await signIn(signInRequest(server.mcpUrl, user));
    strictEqual(tokens.issuer, metadata ? `${server.origin}/` : server.origin);
    strictEqual(user.opened[0]!.pathname, "/authorize");
    strictEqual(user.opened[0]!.searchParams.get("code_challenge_method"), "S256");
    ok(server.seen.some((it) => it.path === "/register"));
    strictEqual(server.forms("/token")[0]!.get("grant_type"), "authorization_code");
  }
});

Deno.test("endpoints that the user names are asked, and nobody else", async () => {
  await using server = startHostileServer();
  const user = obedient();
  const tokens = await signIn(signInRequest(server.mcpUrl, user, {
    authUrl: `${server.origin}/authorize?tenant=x`,
    tokenUrl: `${server.origin}/token`,
    clientId: "c",
    resource: false,
    scopes: ["a"],
    authorizeParams: [["audience", "api"]],
  }));
  strictEqual(tokens.accessToken, "issued-token");
  deepStrictEqual(server.seen.map((it) => it.path), ["/token"]);
  strictEqual(user.opened[0]!.searchParams.get("tenant"), "x");
  strictEqual(user.opened[0]!.searchParams.get("audience"), "api");
});

Deno.test("a client ID metadata document is shown where it is taken", async () => {
  await using server = startHostileServer({
    server: () => ({ client_id_metadata_document_supported: true }),
  });
  const user = obedient();
  const clientMetadataUrl = "https://me.example/client.json";
  const tokens = await signIn(signInRequest(server.mcpUrl, user, { clientMetadataUrl }));
  strictEqual(user.opened[0]!.searchParams.get("client_id"), clientMetadataUrl);
  strictEqual(server.forms("/token")[0]!.get("client_id"), clientMetadataUrl);
  strictEqual(tokens.client.origin, "document");
  strictEqual(server.forms("/register").length, 0);
});
