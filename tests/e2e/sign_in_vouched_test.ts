/** The program as a workload, and for a user whom an identity provider vouches for. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { startIdentityProvider } from "../oauth/identity_provider.ts";
import { type ProtectedServer, startProtectedServer } from "../oauth/protected_server.ts";
import { claimsOf, someJwt } from "../oauth/some_jwt.ts";
import { type Program, startProgram } from "../support/program.ts";

/** A directory with a token's file and a store, gone afterwards. */
async function startHome(token: string) {
  const root = await Deno.makeTempDir();
  const file = `${root}/token`;
  await Deno.writeTextFile(file, token);
  const env = { MCP_CONNECT_STORE: `${root}/store`, MCP_CONNECT_NO_STORE: undefined, BROWSER: "none" };
  return {
    file,
    write: (text: string) => Deno.writeTextFile(file, text),
    start(args: readonly string[], more: Record<string, string> = {}, protocol = true): Program {
      return startProgram(args, { env: { ...env, MCP_CONNECT_LOG_LEVEL: "trace", ...more }, protocol });
    },
    async [Symbol.asyncDispose]() {
      await Deno.remove(root, { recursive: true });
    },
  };
}

const at = (server: ProtectedServer) => ["--endpoint", server.url];

function hasNone(program: Program, secrets: readonly string[]): void {
  const text = program.stderr() + program.stdout();
  ok(text.includes("signed in"), "nothing was logged");
  for (const secret of secrets) {
    for (const spelling of [secret, secret.split(".").at(-1)!, encodeURIComponent(secret), btoa(secret)]) {
      ok(!text.includes(spelling), `a secret was shown: ${spelling}`);
    }
  }
}

Deno.test("a workload is let in without a person, and again with its newer token when the first access has ended", async () => {
  await using server = startProtectedServer({ judge: () => undefined });
  const tokens = ["one", "two"].map((jti) => someJwt({ sub: "workload", aud: server.origin, jti }));
  await using home = await startHome(`${tokens[0]}\n`);
  await using program = home.start(["proxy", ...at(server)], { MCP_CONNECT_WORKLOAD_TOKEN_FILE: home.file });
  await program.initialize();
  await home.write(tokens[1]!);
  server.end(server.secrets[0]!);
  strictEqual((await program.request("tools/list")).error, undefined);
  deepStrictEqual(server.tokenRequests.map(({ parameters }) => parameters.get("assertion")), tokens);

  await using status = home.start(["status"], {}, false);
  strictEqual((await status.status).code, 0);
  match(status.stdout(), /as {7}the workload itself\n[^]*renewed by itself/);
  hasNone(program, [...tokens, ...server.secrets]);
});

Deno.test("a workload that is refused gets to know why, and nothing else is tried", async () => {
  await using server = startProtectedServer({
    judge: (assertion) => ({ error: "invalid_grant", error_description: `${assertion} has expired` }),
  });
  const token = someJwt({ sub: "workload", aud: server.origin });
  await using home = await startHome(token);
  await using program = home.start(["proxy", ...at(server), "--workload-token-file", home.file]);
  const { error } = await program.request("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "test", version: "1" },
  });
  match(error!.message, /gave no token \(invalid_grant\): .*has expired/);
  strictEqual(server.tokenRequests.length, 1);
  ok(!(program.stderr() + program.stdout()).includes(token));
});

Deno.test("a user whom the identity provider vouches for is let in, and again for as long as it does", async () => {
  await using provider = startIdentityProvider();
  await using server = startProtectedServer({ judge: () => undefined });
  const idTokens = [provider.idToken("ada"), provider.idToken("ada again")];
  await using home = await startHome(idTokens[0]!);
  const args = [
    ...["--id-token-file", home.file, "--idp-token-url", provider.tokenUrl, "--idp-client-id", "idp-client"],
    ...["--client-id", "mcp-client"],
  ];
  const env = {
    MCP_CONNECT_IDP_CLIENT_SECRET: "secret-of-the-idp-client",
    MCP_CONNECT_CLIENT_SECRET: "secret-of-the-mcp-client",
  };
  await using program = home.start(["proxy", ...at(server), ...args], env);
  await program.initialize();
  await home.write(idTokens[1]!);
  server.end(server.secrets[0]!);
  strictEqual((await program.request("tools/list")).error, undefined);
  const subjects = server.tokenRequests.map(({ parameters }) => claimsOf(parameters.get("assertion")!).sub);
  deepStrictEqual(subjects, ["ada", "ada again"]);

  // The identity provider has had enough.
  provider.instead = () => Response.json({ error: "access_denied" }, { status: 400 });
  for (const secret of server.secrets) server.end(secret);
  const { error } = await program.request("tools/list");
  match(error!.message, /gave no token \(access_denied\)/);
  strictEqual(server.tokenRequests.length, 2);
  const secrets = [...idTokens, ...provider.given, ...Object.values(env), ...server.secrets];
  hasNone(program, secrets);
});

Deno.test("login and logout work for a user who is vouched for", async () => {
  await using provider = startIdentityProvider();
  await using server = startProtectedServer({ judge: () => undefined });
  await using home = await startHome(provider.idToken("ada"));
  const args = [
    ...[...at(server), "--client-id", "mcp-client", "--id-token-file", home.file],
    ...["--idp-token-url", provider.tokenUrl, "--idp-client-id", "idp-client"],
  ];
  await using login = home.start(["login", ...args], {}, false);
  strictEqual((await login.status).code, 0, login.stderr());
  match(login.stdout(), /^Signed in/);
  await using logout = home.start(["logout", ...args], {}, false);
  strictEqual((await logout.status).code, 0, logout.stderr());
  strictEqual(server.revoked.length, 1);
});

Deno.test("a workload that is let in no more does not ask again and again", async () => {
  let trusted = true;
  await using server = startProtectedServer({
    judge: () => trusted ? undefined : { error: "invalid_grant", error_description: "not any more" },
  });
  await using home = await startHome(someJwt({ sub: "workload", aud: server.origin }));
  await using program = home.start(["proxy", ...at(server), "--workload-token-file", home.file]);
  await program.initialize();
  trusted = false;
  for (const secret of server.secrets) server.end(secret);
  for (let i = 0; i < 5; i++) {
    const { error } = await program.request("tools/list");
    ok(error !== undefined);
    if (i === 0) match(error.message, /gave no token \(invalid_grant\): not any more/);
  }
  // The first, its renewal, and one more after asking who gives tokens: that may have changed.
  strictEqual(server.tokenRequests.length, 3);
});
