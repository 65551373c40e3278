/** `login`, `logout` and `status`, as a person types them. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { runs } from "../cli/typing_shell.ts";
import { enterCode, signInAt } from "../oauth/scripted_user.ts";
import { programCommand, programEnvironment } from "../support/program.ts";
import { startSdkHttpServer } from "../support/sdk_servers.ts";
import { comeBack, redirectOf } from "../support/test_browser.ts";
import { type Place, startPlace } from "./signed_in_place.ts";

const at = (place: Place) => ["--endpoint", place.server.url];

/** Nothing that was given out is shown. */
function noSecretIn(place: Place, ...texts: string[]): void {
  for (const secret of place.authorization.secrets) {
    for (const text of texts) ok(!text.includes(secret), text);
  }
}

Deno.test("login, status and logout, for people", async () => {
  await using place = await startPlace();
  const { url } = place.server;
  const { issuer } = place.authorization;
  match((await place.run(["status"])).stdout, /^Nobody is signed in anywhere\.\n$/);

  const login = await place.run(["login", ...at(place)]);
  strictEqual(login.code, 0, login.stderr);
  match(login.stdout, new RegExp(`^Signed in to ${url} at ${issuer}, until 20..-.*Z\\.\n`));
  match(login.stderr, /open this address/);
  strictEqual(place.browser.tabs.items.length, 1);

  const again = await place.run(["login", ...at(place)]);
  strictEqual(again.code, 0);
  match(again.stdout, /^Signed in to /);
  strictEqual(again.stderr, "");
  strictEqual(place.browser.tabs.items.length, 1);

  const status = await place.run(["status"]);
  strictEqual(status.code, 0);
  for (const text of [url, issuer, "mcp:read", "renewed by itself"]) ok(status.stdout.includes(text), text);
  strictEqual(status.stderr, "");

  // The program uses it.
  {
    await using program = place.proxy();
    await program.initialize();
  }
  strictEqual(place.browser.tabs.items.length, 1);

  const before = await place.accounts();
  const logout = await place.run(["logout", ...at(place)]);
  strictEqual(logout.code, 0);
  match(logout.stdout, /^Signed out of .*revoked, and forgotten\.\n$/);
  const { tokens } = JSON.parse(before[0]!.text);
  strictEqual((await place.authorization.introspect(tokens.accessToken)).active, false);
  strictEqual((await place.authorization.introspect(tokens.refreshToken)).active, false);
  for (const { text } of await place.accounts()) noSecretIn(place, text);
  const second = await place.run(["logout", ...at(place)]);
  strictEqual(second.code, 0);
  match(second.stdout, /^Nobody was signed in/);
  match((await place.run(["status"])).stdout, /^Nobody/);
  noSecretIn(place, login.stdout, login.stderr, status.stdout, logout.stdout, logout.stderr);
});

Deno.test("login, status and logout with --json: one object each, and no secret", async () => {
  await using place = await startPlace();
  const { url } = place.server;
  const login = await place.run(["login", ...at(place), "--json"]);
  const signedIn = JSON.parse(login.stdout);
  const { expiresAt } = signedIn;
  ok(Date.parse(expiresAt) > Date.now());
  deepStrictEqual(signedIn, {
    ok: true,
    endpoint: url,
    signedIn: true,
    issuer: place.authorization.issuer,
    scopes: ["mcp:read"],
    expiresAt,
    keeping: "file",
    problem: null,
  });
  const status = await place.run(["status", "--json"]);
  const { store, accounts } = JSON.parse(status.stdout);
  strictEqual(store, place.store);
  strictEqual(accounts.length, 1);
  deepStrictEqual([accounts[0].server, accounts[0].renewable, accounts[0].expiresAt], [url, true, expiresAt]);
  const logout = await place.run(["logout", ...at(place), "--json"]);
  deepStrictEqual(JSON.parse(logout.stdout), {
    ok: true,
    endpoint: url,
    wasSignedIn: true,
    revoked: true,
    problem: null,
  });
  const again = JSON.parse((await place.run(["logout", ...at(place), "--json"])).stdout);
  deepStrictEqual([again.ok, again.wasSignedIn], [true, false]);
  deepStrictEqual(JSON.parse((await place.run(["status", "--json"])).stdout).accounts, []);
  noSecretIn(place, login.stdout, login.stderr, status.stdout, logout.stdout);
});

Deno.test("logout forgets, whatever becomes of the revocation, and says so", async () => {
  await using place = await startPlace();
  await place.run(["login", ...at(place)]);
  place.authorization.outage = ({ path }) => path.endsWith("revocation") ? { status: 500 } : undefined;
  const { code, stdout } = await place.run(["logout", ...at(place)]);
  strictEqual(code, 0);
  match(stdout, /forgotten\. They were not revoked: /);
  match((await place.run(["status"])).stdout, /^Nobody/);
});

Deno.test("a running copy notices a logout, and asks the person at the next request", async () => {
  await using place = await startPlace();
  await using program = place.proxy();
  await program.initialize();
  await place.run(["logout", ...at(place)]);
  strictEqual((await program.request("tools/list")).error, undefined);
  strictEqual(place.browser.tabs.items.length, 2);
});

Deno.test("a running copy that waits for the person uses what login gets", async () => {
  await using place = await startPlace();
  const tabs: URL[] = [];
  place.browser.onOpen = (tab) => Promise.resolve(tabs.push(tab));
  await using program = place.proxy(["--auth-wait", "0.2"]);
  await program.initialize();
  // The command waits for the tab that is open already.
  const login = place.run(["login", ...at(place)]);
  await comeBack(tabs[0]!, await signInAt(tabs[0]!, redirectOf(tabs[0]!).href));
  match((await login).stdout, /^Signed in/);
  await program.nextMethod("notifications/tools/list_changed");
  strictEqual(tabs.length, 1);
});

Deno.test("login at a place where nobody listens is an error without a tab", async () => {
  await using place = await startPlace();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/mcp`;
  listener.close();
  const { code, stdout, stderr } = await place.run(["login", "--endpoint", url]);
  ok(code !== 0);
  match(stdout, /^Not signed in to .*\n.+\n$/);
  ok(!/at .*\.ts:/.test(stdout + stderr), stderr);
  const json = JSON.parse((await place.run(["login", "--endpoint", url, "--json"])).stdout);
  strictEqual(json.ok, false);
  ok(json.problem.code !== "" && json.problem.hint !== "");
});

Deno.test("login at a server that wants none says so", async () => {
  await using place = await startPlace();
  await using open = await startSdkHttpServer();
  const { code, stdout } = await place.run(["login", "--endpoint", open.url]);
  strictEqual(code, 0);
  match(stdout, /answers without a sign-in/);
  const json = JSON.parse((await place.run(["login", "--endpoint", open.url, "--json"])).stdout);
  deepStrictEqual([json.ok, json.signedIn, json.problem], [true, false, null]);
});

Deno.test("login for a command, or with sign-in switched off, is a mistake that is named", async () => {
  await using place = await startPlace();
  for (
    const args of [["--", "some", "command"], [...at(place), "--oauth", "off"], [
      ...at(place),
      "--auth-token",
      "x",
    ]]
  ) {
    const { code, stdout, stderr } = await place.run(["login", ...args]);
    strictEqual(code, 2, stderr);
    strictEqual(stdout, "");
    ok(!/unexpected failure/.test(stderr), stderr);
  }
});

Deno.test("a person who says no: login fails with the code for that, and says why", async () => {
  await using place = await startPlace();
  place.browser.onOpen = (tab) => {
    const answer = {
      state: tab.searchParams.get("state")!,
      iss: place.authorization.issuer,
      error: "access_denied",
    };
    return comeBack(tab, new URLSearchParams(answer));
  };
  const { code, stdout } = await place.run(["login", ...at(place)]);
  strictEqual(code, 5);
  match(stdout, /^Not signed in to .*access_denied/);
});

Deno.test("login with a device code shows the code and opens its page; the token is stored", async () => {
  await using place = await startPlace();
  place.browser.onOpen = (tab) => enterCode(tab.href);
  const { code, stdout, stderr } = await place.run(["login", ...at(place), "--device-code"]);
  strictEqual(code, 0, stdout + stderr);
  match(stderr, /[A-Z]{4}-[A-Z]{4}/);
  match(stdout, /^Signed in/);
  // It is another account than that of the browser.
  await using program = place.proxy(["--device-code"]);
  await program.initialize();
  strictEqual(place.browser.tabs.items.length, 1);
  deepStrictEqual(place.browser.problems, []);
});

Deno.test("login as a client needs nobody", async () => {
  const client = {
    client_id: "machine",
    client_secret: "a-secret-of-some-length",
    redirect_uris: [],
    response_types: [],
    grant_types: ["client_credentials"],
    token_endpoint_auth_method: "client_secret_post",
  };
  await using place = await startPlace({ authorization: { clients: [client] } });
  const args = [...at(place), "--client-credentials", "--client-id", "machine"];
  const env = { MCP_CONNECT_CLIENT_SECRET: client.client_secret };
  const { code, stdout, stderr } = await place.run(["login", ...args], { env });
  strictEqual(code, 0, stdout);
  match(stdout, /^Signed in/);
  strictEqual(place.browser.tabs.items.length, 0);
  ok(!(stdout + stderr).includes(client.client_secret));
});

Deno.test("status shows a token that has ended as such, and is not put off by what is damaged", async () => {
  await using place = await startPlace();
  await place.run(["login", ...at(place)]);
  const [{ path, text }] = await place.accounts() as [{ path: string; text: string }];
  const entry = JSON.parse(text);
  entry.tokens.expiresAt = Date.now() - 60_000;
  await Deno.writeTextFile(path, JSON.stringify(entry));
  for (const [i, damaged] of ["", "{", "[]", '{"version":1,"clients":[],"tokens":{}}', "null"].entries()) {
    await Deno.writeTextFile(`${place.store}/accounts/damaged${i}.json`, damaged);
  }
  const { code, stdout, stderr } = await place.run(["status"]);
  strictEqual(code, 0, stderr);
  match(stdout, /which ended 20.*renewed by itself/);
  strictEqual(JSON.parse((await place.run(["status", "--json"])).stdout).accounts.length, 1);
  // Without a refresh token the person is needed.
  delete entry.tokens.refreshToken;
  await Deno.writeTextFile(path, JSON.stringify(entry));
  match((await place.run(["status"])).stdout, /which ended 20.*needs you/);
});

Deno.test("two servers of one origin have an account each", async () => {
  await using place = await startPlace();
  const other = place.server.url.replace(/mcp$/, "other");
  await place.run(["login", ...at(place)]);
  const before = place.server.requests.items.length;
  // Nobody is signed in there, and the first server's token is not shown.
  const { code } = await place.run(["login", "--endpoint", other, "--timeout", "5"]);
  ok(code !== 0);
  const shown = place.server.requests.items.slice(before).map(({ headers }) => headers.get("authorization"));
  ok(shown.length > 0 && shown.every((it) => it === null), String(shown));
  match((await place.run(["logout", "--endpoint", other])).stdout, /^Nobody was signed in/);
  strictEqual(JSON.parse((await place.run(["status", "--json"])).stdout).accounts.length, 1);
});

Deno.test("the address that a browser on another machine ended up at can be pasted into the terminal", {
  ignore: !runs("script", "--version", /util-linux/),
}, async () => {
  await using place = await startPlace();
  const quoted = programCommand(["login", ...at(place), "--no-browser"]).map((it) => `'${it}'`).join(" ");
  const child = new Deno.Command("script", {
    args: ["-qefc", quoted, "/dev/null"],
    clearEnv: true,
    env: programEnvironment({ ...place.env, TERM: "xterm" }),
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const stdin = child.stdin.getWriter();
  const type = (text: string) => stdin.write(new TextEncoder().encode(`${text}\n`));
  let screen = "";
  let typed = false;
  for await (
    const chunk of child.stdout.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
  ) {
    screen += chunk;
    const address = /http:\/\/127\.0\.0\.1:\d+\/auth\?\S+(?=\s)/.exec(screen)?.[0];
    if (address === undefined || typed) continue;
    typed = true;
    const tab = new URL(address);
    const back = redirectOf(tab);
    back.search = (await signInAt(tab, back.href)).toString();
    await type("nonsense");
    await type(back.href);
  }
  await stdin.close().catch(() => {});
  const { code } = await child.status;
  strictEqual(code, 0, screen);
  match(screen, /Signed in to/);
  strictEqual(place.browser.tabs.items.length, 0);
});
