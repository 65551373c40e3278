/** What servers, pages and people who mean ill must not get. Each test is named for what it forbids. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { enterCode, signInAt } from "../oauth/scripted_user.ts";
import type { Program, ProgramOptions } from "../support/program.ts";
import { startProgram } from "../support/program.ts";
import { startSdkHttpServer } from "../support/sdk_servers.ts";
import { comeBack, type LastPage, leave, redirectOf, signIn } from "../support/test_browser.ts";
import { type Place, startPlace } from "./signed_in_place.ts";

const initialize = (program: Program) =>
  program.request("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "c", version: "1" },
  }, 30_000);

const call = (program: Program) => program.request("tools/call", { name: "echo", arguments: { text: "hi" } });

// Leaks ---------------------------------------------------------------------------------------------------------------

Deno.test("no header or cookie of the user's goes to the authorization server, nor with a request for metadata", async () => {
  await using place = await startPlace();
  place.server.outage = (request) =>
    request.headers.has("authorization") ? undefined : new Response(null, {
      status: new URL(request.url).pathname === "/mcp" ? 401 : 404,
      headers: {
        "set-cookie": "session=set-by-server; Path=/",
        "www-authenticate": `Bearer resource_metadata="${place.authorization.issuer}/metadata"`,
      },
    });
  place.authorization.outage = ({ path }) =>
    path === "/metadata"
      ? {
        status: 200,
        headers: { "content-type": "application/json", "set-cookie": "as=set-by-as; Path=/" },
        body: JSON.stringify({
          resource: place.server.url,
          authorization_servers: [place.authorization.issuer],
          scopes_supported: ["mcp:read"],
        }),
      }
      : undefined;
  await using program = place.proxy(["--header", "X-Secret: a-secret", "--header", "Cookie: mine=1"]);
  await program.initialize();
  await place.authorization.revokeAccessTokens();
  strictEqual((await call(program)).error, undefined);
  const ours = place.authorization.seen.filter(({ headers }) =>
    /mcp-connect/.test(`${headers["user-agent"]}`)
  );
  const paths = new Set(ours.map(({ path }) => path));
  for (const path of ["/metadata", "/reg", "/token"]) ok(paths.has(path), `${path} was not asked`);
  for (const { path, headers } of ours) {
    const text = JSON.stringify(headers);
    ok(!/a-secret|mine=1|set-by|Bearer/.test(text), `${path}: ${text}`);
    strictEqual(headers["authorization"], undefined);
    strictEqual(headers["cookie"], undefined);
  }
  // They do go to the server.
  strictEqual(place.server.requests.items.at(-1)!.headers.get("x-secret"), "a-secret");
});

Deno.test("a token does not follow a redirect to another origin", async () => {
  await using place = await startPlace();
  await using other = await startSdkHttpServer();
  const seen: (string | null)[] = [];
  await using spy = spyOn(other.url, seen);
  await using program = place.proxy();
  await program.initialize();
  place.server.outage = (request) =>
    request.method === "POST"
      ? new Response(null, { status: 307, headers: { location: spy.url } })
      : undefined;
  await call(program);
  ok(seen.length > 0);
  ok(seen.every((it) => it === null), String(seen));
});

Deno.test("another origin's 401 behind a redirect neither gets the token nor opens a tab", async () => {
  await using place = await startPlace();
  const seen: (string | null)[] = [];
  await using spy = spyOn(undefined, seen);
  await using program = place.proxy();
  await program.initialize();
  place.server.outage = (request) =>
    request.method === "POST"
      ? new Response(null, { status: 307, headers: { location: spy.url } })
      : undefined;
  const { error } = await call(program);
  ok(error !== undefined);
  ok(seen.length > 0 && seen.every((it) => it === null), String(seen));
  strictEqual(place.browser.tabs.items.length, 1);
});

Deno.test("a token does not go to another path of its origin than its resource", async () => {
  await using place = await startPlace();
  await using program = place.proxy();
  await program.initialize();
  place.server.outage = (request) =>
    request.method === "POST" && new URL(request.url).pathname === "/mcp"
      ? new Response(null, { status: 307, headers: { location: "/other-tenant" } })
      : undefined;
  await call(program);
  const there = place.server.requests.items.filter(({ path }) => path === "/other-tenant");
  ok(there.length > 0);
  ok(there.every(({ headers }) => headers.get("authorization") === null));
});

Deno.test("a token does not go to a fallback", async () => {
  await using place = await startPlace();
  await using other = await startSdkHttpServer();
  const seen: (string | null)[] = [];
  await using spy = spyOn(other.url, seen);
  {
    await using program = place.proxy();
    await program.initialize();
  }
  place.server.outage = () => new Response(null, { status: 404 });
  await using program = place.proxy(["--fallbacks", spy.url, "--retry-attempts", "0"]);
  await program.initialize();
  ok(seen.length > 0);
  ok(seen.every((it) => it === null), String(seen));
});

/** A server of another origin that hands on what it gets, and shows with which `Authorization` it came. */
function spyOn(url: string | undefined, seen: (string | null)[]) {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    seen.push(request.headers.get("authorization"));
    await request.body?.cancel();
    return url === undefined
      ? new Response(null, { status: 401, headers: { "www-authenticate": "Bearer" } })
      : new Response(null, { status: 307, headers: { location: url } });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/mcp`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

// Forged answers ------------------------------------------------------------------------------------------------------

Deno.test("nothing but the person's own answer ends the sign-in: no state, two states, an error with a wrong one", async () => {
  await using place = await startPlace();
  place.browser.onOpen = leave;
  await using program = place.proxy(["--auth-wait", "30"]);
  const answer = initialize(program);
  const tab = await place.browser.tabs.find(() => true);
  const state = tab.searchParams.get("state")!;
  for (
    const query of [
      "code=x",
      "error=access_denied",
      "code=x&state=",
      `code=x&state=${state}x`,
      `code=x&state=${state.slice(0, -1)}`,
      `code=x&state=${state}&state=other`,
      "error=access_denied&state=other",
    ]
  ) {
    ok((await comeBack(tab, new URLSearchParams(query))).status >= 400, query);
  }
  strictEqual((await signIn(tab)).status, 200);
  strictEqual((await answer).error, undefined);
});

Deno.test("a page of another name that leads to this machine can't answer, even with the right state", async () => {
  await using place = await startPlace();
  place.browser.onOpen = leave;
  await using program = place.proxy(["--auth-wait", "30"]);
  const answer = initialize(program);
  const tab = await place.browser.tabs.find(() => true);
  const [port, state] = [Number(redirectOf(tab).port), tab.searchParams.get("state")];
  using wire = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = `GET /callback?code=x&state=${state} HTTP/1.1\r\nHost: evil.example:${port}\r\n\r\n`;
  await wire.write(new TextEncoder().encode(request));
  const buffer = new Uint8Array(1024);
  const length = await wire.read(buffer) ?? 0;
  match(new TextDecoder().decode(buffer.subarray(0, length)), /^HTTP\/1\.1 4\d\d /);
  strictEqual((await signIn(tab)).status, 200);
  strictEqual((await answer).error, undefined);
});

for (
  const [what, change] of [
    ["of another issuer", (it: URLSearchParams) => it.set("iss", "https://evil.example")],
    ["of no issuer, where the server says that it names itself", (it: URLSearchParams) => it.delete("iss")],
  ] as const
) {
  Deno.test(`a code ${what} is given to nobody`, async () => {
    await using place = await startPlace();
    place.browser.onOpen = async (tab) => {
      const answer = await signInAt(tab, redirectOf(tab).href);
      change(answer);
      await comeBack(tab, answer);
    };
    await using program = place.proxy();
    const { error } = await initialize(program);
    match(error!.message!, /signing in failed/);
    ok(!place.authorization.requests.includes("POST /token"));
  });
}

Deno.test("an error of another issuer is not believed, and its words are not shown", async () => {
  await using place = await startPlace();
  place.browser.onOpen = async (tab) => {
    const state = tab.searchParams.get("state")!;
    await comeBack(
      tab,
      new URLSearchParams({
        state,
        iss: "https://evil.example",
        error: "access_denied",
        error_description: "call 555-EVIL",
      }),
    );
  };
  await using program = place.proxy();
  const { error } = await initialize(program);
  ok(!/EVIL/.test(JSON.stringify(error) + program.stderr()));
});

// Poisoned metadata ---------------------------------------------------------------------------------------------------

/** What a server that means ill says of itself and of who gives tokens; `SELF` stands for its origin. */
interface Poison {
  readonly challenge?: string;
  readonly resource?: Record<string, unknown>;
  readonly authorization?: Record<string, unknown>;
}

function startPoisoned({ challenge = "Bearer", resource = {}, authorization = {} }: Poison) {
  const asked: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    await request.body?.cancel();
    const self = new URL(request.url).origin;
    const { pathname } = new URL(request.url);
    asked.push(`${request.method} ${pathname}`);
    const json = (value: unknown, status = 200) =>
      new Response(JSON.stringify(value).replaceAll("SELF", self), {
        status,
        headers: { "content-type": "application/json" },
      });
    if (pathname === "/mcp") {
      const headers = { "www-authenticate": challenge.replaceAll("SELF", self) };
      return new Response(null, { status: 401, headers });
    }
    if (pathname === "/.well-known/oauth-protected-resource/mcp") {
      return json({ resource: "SELF/mcp", authorization_servers: ["SELF"], ...resource });
    }
    if (pathname === "/.well-known/oauth-authorization-server") {
      return json({
        issuer: "SELF",
        authorization_endpoint: "SELF/auth",
        token_endpoint: "SELF/token",
        registration_endpoint: "SELF/reg",
        response_types_supported: ["code"],
        code_challenge_methods_supported: ["S256"],
        ...authorization,
      });
    }
    if (pathname === "/reg") return json({ client_id: "c", redirect_uris: [] }, 201);
    return new Response(null, { status: 404 });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/mcp`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const LINK_LOCAL = "http://169.254.169.254";

for (
  const [what, poison, says] of [
    [
      "an authorization server at a link-local address",
      { resource: { authorization_servers: [LINK_LOCAL] } },
      /not asked/,
    ],
    ["one at a link-local address over https", {
      resource: { authorization_servers: ["https://169.254.169.254/"] },
    }, /not asked/],
    ["one at a private address", { resource: { authorization_servers: ["https://10.0.0.1/"] } }, /not asked/],
    ["one at a private address in hexadecimal", {
      resource: { authorization_servers: ["https://0x0a000001/"] },
    }, /not asked/],
    [
      "one at a private address of IPv6",
      { resource: { authorization_servers: ["https://[fd00::1]/"] } },
      /not asked/,
    ],
    ["one over plain http", { resource: { authorization_servers: ["http://as.example/"] } }, /https/],
    [
      "one that is a file",
      { resource: { authorization_servers: ["file:///etc/passwd"] } },
      /not asked|neither/,
    ],
    ["metadata at a link-local address", {
      challenge: `Bearer resource_metadata="${LINK_LOCAL}/latest/meta-data"`,
    }, /not asked/],
    ["a token endpoint at a link-local address", {
      authorization: { token_endpoint: `${LINK_LOCAL}/token` },
    }, undefined],
    ["a registration endpoint at a link-local address", {
      authorization: { registration_endpoint: `${LINK_LOCAL}/reg` },
    }, /not asked/],
    ["a sign-in page at a link-local address", {
      authorization: { authorization_endpoint: `${LINK_LOCAL}/auth` },
    }, /not asked/],
    [
      "a sign-in page that is a program",
      { authorization: { authorization_endpoint: "javascript:alert(1)" } },
      /./,
    ],
    [
      "a sign-in page that is a file",
      { authorization: { authorization_endpoint: "file:///etc/passwd" } },
      /./,
    ],
    ["an issuer that is another's", { authorization: { issuer: "https://accounts.example" } }, /not of/],
    ["a resource that is another's", { resource: { resource: "https://bank.example/mcp" } }, /is about/],
    ["a resource that is a sibling's", { resource: { resource: "SELF/other" } }, /is about/],
    ["no word of PKCE", { authorization: { code_challenge_methods_supported: undefined } }, /PKCE/],
    ["PKCE in plain", { authorization: { code_challenge_methods_supported: ["plain"] } }, /PKCE/],
  ] as const
) {
  Deno.test(`a server's metadata can't lead us astray: ${what}`, async () => {
    await using server = startPoisoned(poison);
    await using place = await startPlace();
    // The person would do all that he is shown.
    place.browser.onOpen = (tab) =>
      comeBack(tab, new URLSearchParams({ code: "x", state: tab.searchParams.get("state")! }));
    await using program = startProgram(["proxy", "--endpoint", server.url], { env: place.env });
    const started = performance.now();
    const { error } = await initialize(program);
    ok(error !== undefined);
    ok(performance.now() - started < 15_000, "it was tried");
    if (says === undefined) return match(error.message!, /not asked/);
    match(`${error.message} ${(error.data as { hint: string }).hint}`, says);
    strictEqual(place.browser.tabs.items.length, 0, String(place.browser.tabs.items[0]));
  });
}

// Logs ----------------------------------------------------------------------------------------------------------------

/** Runs programs with the most talkative log there is, and looks for what must not be in it. */
async function scanned(
  place: Place,
  format: "text" | "json",
  work: (start: (args?: readonly string[], options?: ProgramOptions) => Program) => Promise<void>,
  others: readonly string[] = [],
): Promise<void> {
  const file = await Deno.makeTempFile();
  const programs: Program[] = [];
  await work((args = [], options) => {
    const log = ["--log-level", "trace", "--log-format", format, "--log-file", file];
    const program = place.proxy([...args, ...log], options);
    programs.push(program);
    return program;
  });
  for (const program of programs) await program[Symbol.asyncDispose]();
  const texts = [
    await Deno.readTextFile(file),
    ...programs.flatMap((it) => [it.stdout(), it.stderr()]),
  ];
  await Deno.remove(file);
  ok(texts[0]!.includes("signed in"), "nothing was logged");
  const secrets = [...place.authorization.secrets, ...others];
  ok(secrets.length >= 4, `only ${secrets.length} secrets are known`);
  for (const secret of secrets) {
    for (const spelling of [secret, encodeURIComponent(secret), btoa(secret)]) {
      const text = texts.find((it) => it.includes(spelling));
      const at = text?.indexOf(spelling) ?? 0;
      strictEqual(text, undefined, `…${text?.slice(Math.max(0, at - 200), at + 20)}…`);
    }
  }
}

for (const format of ["text", "json"] as const) {
  Deno.test(`no token, code, verifier or secret is in the log of all that can happen (${format})`, async () => {
    await using place = await startPlace({ scopes: { add: "mcp:write" } });
    await scanned(place, format, async (start) => {
      const first = start();
      await first.initialize();
      await call(first);
      await place.authorization.revokeAccessTokens();
      await call(first);
      await first.request("tools/call", { name: "add", arguments: { a: 1, b: 2 } });
      // Answers that say too much.
      await place.authorization.revokeAccessTokens();
      const everything = JSON.stringify([...place.authorization.secrets]);
      place.authorization.outage = ({ path }) =>
        path === "/token"
          ? {
            status: 400,
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ error: "invalid_request", error_description: everything }),
          }
          : undefined;
      await call(first);
      place.authorization.outage = ({ path }) =>
        path === "/token" ? { status: 500, body: everything } : undefined;
      await call(first);
      place.authorization.outage = () => undefined;
      const second = start(["--keep-alive", "0.1"]);
      await second.initialize();
      await call(second);
    });
  });
}

Deno.test("no secret of a client of the user's own is in the log", async () => {
  const client = {
    client_id: "mine",
    client_secret: "my-secret/of+some=length",
    redirect_uris: ["http://127.0.0.1/callback"],
    application_type: "native",
  };
  await using place = await startPlace({ authorization: { clients: [client] } });
  await scanned(place, "text", async (start) => {
    const program = start(["--client-id", "mine"], {
      env: { MCP_CONNECT_CLIENT_SECRET: client.client_secret },
    });
    await program.initialize();
    await place.authorization.revokeAccessTokens();
    await call(program);
  }, [client.client_secret]);
});

Deno.test("no secret is in the log of login, of a device code and of logout", async () => {
  await using place = await startPlace();
  const file = await Deno.makeTempFile();
  const more = ["--endpoint", place.server.url, "--log-level", "trace", "--log-file", file];
  place.browser.onOpen = (tab) => tab.searchParams.has("redirect_uri") ? signIn(tab) : enterCode(tab.href);
  const texts: string[] = [];
  for (const args of [["login"], ["logout"], ["login", "--device-code"], ["logout", "--device-code"]]) {
    const { code, stdout, stderr } = await place.run([...args, ...more]);
    strictEqual(code, 0, stdout);
    texts.push(stdout, stderr);
  }
  texts.push(await Deno.readTextFile(file));
  await Deno.remove(file);
  ok(place.authorization.secrets.size >= 8);
  for (const secret of place.authorization.secrets) {
    for (const text of texts) {
      ok(!text.includes(secret), text.slice(text.indexOf(secret) - 200).slice(0, 300));
    }
  }
});

Deno.test("no secret is in what a client is told, whatever an authorization server says", async () => {
  await using place = await startPlace();
  place.authorization.outage = ({ path }) =>
    path === "/token"
      ? {
        status: 400,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          error: "invalid_grant\u001b[31m\nforged line",
          error_description: "x".repeat(100_000) + "\u001b]0;title\u0007\nERROR forged",
        }),
      }
      : undefined;
  await using program = place.proxy();
  const { error } = await initialize(program);
  ok(JSON.stringify(error).length < 5000);
  const seen = JSON.stringify(error) + program.stderr();
  // deno-lint-ignore no-control-regex -- it is what must not be there
  ok(!/\u001b|\\u001b/.test(seen), seen);
  ok(!/^ERROR forged/m.test(program.stderr()));
});

Deno.test("the tab shows no secret, whatever an authorization server says back", async () => {
  await using place = await startPlace();
  let page: Promise<LastPage> | undefined;
  place.browser.onOpen = (tab) => page = signIn(tab);
  let code = "";
  place.authorization.sayBack = (params) => {
    code = params.get("code") ?? code;
    return { error: "invalid_grant", error_description: `no such code: ${code}` };
  };
  await using program = place.proxy();
  const { error } = await initialize(program);
  const text = (await page!).text;
  ok(code.length > 20);
  match(text, /no such code/);
  ok(!text.includes(code) && !JSON.stringify(error).includes(code));
});

Deno.test("the tab says nothing in a server's own words that could be a page", async () => {
  await using place = await startPlace();
  const pages: string[] = [];
  place.browser.onOpen = async (tab) => {
    const state = tab.searchParams.get("state")!;
    const { issuer: iss } = place.authorization;
    const error_description = "<script>alert(1)</script>";
    const answer = new URLSearchParams({ state, iss, error: "access_denied", error_description });
    pages.push((await comeBack(tab, answer)).text);
  };
  await using program = place.proxy();
  await initialize(program);
  strictEqual(pages.length, 1);
  ok(!/<script>alert/.test(pages[0]!), pages[0]);
  deepStrictEqual(place.browser.problems, []);
});
