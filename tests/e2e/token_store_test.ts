/** Where tokens are kept, through the real program: the keychain, nowhere, and from another program. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type ProtectedServer, startProtectedServer } from "../oauth/protected_server.ts";
import { programCommand, programEnvironment, startProgram } from "../support/program.ts";
import { hasSecretService, startSecretService } from "../support/secret_service.ts";

const CLIENT = ["--client-credentials", "--client-id", "me", "--client-secret", "the-client-secret"];

type Variables = Readonly<Record<string, string | undefined>>;

/** A folder of the test's own, and the program with its store there. */
async function scratch(more: Variables = {}) {
  const root = await Deno.makeTempDir();
  const env = { MCP_CONNECT_NO_STORE: undefined, MCP_CONNECT_STORE: `${root}/store`, ...more };
  return {
    root,
    env,
    run: (args: readonly string[], changes: Variables = {}, permissions?: readonly string[]) =>
      run(args, { ...env, ...changes }, permissions),
    /** All that is in the folder, as text. */
    text: () => textIn(root),
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

async function textIn(folder: string): Promise<string> {
  let text = "";
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    text += isDirectory ? await textIn(`${folder}/${name}`) : await Deno.readTextFile(`${folder}/${name}`);
  }
  return text;
}

async function run(args: readonly string[], env: Variables, permissions: readonly string[] = ["-A"]) {
  const [command, ...rest] = programCommand(args, { permissions: ["--no-prompt", ...permissions] });
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: rest,
    clearEnv: true,
    env: programEnvironment(env),
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** A session of a client: the handshake, and a request. Returns what the program has said. */
async function session(server: ProtectedServer, env: Variables, args: readonly string[]): Promise<string> {
  await using program = startProgram(["proxy", "--endpoint", server.url, ...args], { env });
  await program.initialize();
  const { result } = await program.request("tools/list");
  assert.deepEqual(result, { tools: [] });
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
  return program.stderr();
}

function holdsSecret(text: string, server: ProtectedServer): boolean {
  return [...server.secrets, "the-client-secret"].some((it) => text.includes(it));
}

if (Deno.build.os === "linux") {
  Deno.test(
    "with --token-store keychain no file holds a secret, and one token serves every run until logout",
    {
      ignore: !hasSecretService(),
    },
    async () => {
      await using keyring = await startSecretService();
      await using it = await scratch(keyring.env);
      await using server = startProtectedServer();
      const login = await it.run(["login", server.url, "--token-store", "keychain", ...CLIENT]);
      assert.equal(login.code, 0, login.stderr);
      assert.match(
        login.stdout,
        /^Signed in to .*\nKept in the store, in a file that only the keychain can open\.\n$/,
      );
      assert.equal(holdsSecret(await it.text(), server), false);

      // Whatever is asked for later: it is where it is.
      assert.equal(await session(server, it.env, CLIENT), "");
      assert.equal(await session(server, it.env, ["--token-store", "keychain", ...CLIENT]), "");
      assert.equal(server.tokenRequests.length, 1);
      assert.equal(holdsSecret(await it.text(), server), false);

      const status = await it.run(["status"], { DBUS_SESSION_BUS_ADDRESS: "" });
      assert.match(
        status.stdout,
        /as +me\n.*\n.*renewed by itself\n +kept in +the store, opened by the keychain/,
      );

      const logout = await it.run(["logout", server.url, ...CLIENT]);
      assert.match(logout.stdout, /were revoked, and forgotten/);
      assert.deepEqual(server.revoked, [server.secrets[0]]);
      const found = await new Deno.Command("secret-tool", {
        args: ["search", "--all", "service", "mcp-connect"],
        env: keyring.env,
        stdin: "null",
      }).output();
      assert.equal(new TextDecoder().decode(found.stdout), "");
    },
  );

  Deno.test(
    "a keychain that is out of reach is told, why and what to do, and the sign-in lasts as long as the program",
    {
      ignore: !hasSecretService(),
    },
    async () => {
      await using keyring = await startSecretService({ unlocked: false });
      await using it = await scratch();
      await using server = startProtectedServer();
      const args = ["--token-store", "keychain", ...CLIENT];
      const flags = ["--allow-net=127.0.0.1", "--allow-env", "--allow-read", "--allow-write"];
      const cases: [changes: Variables, permissions: readonly string[], expected: RegExp][] = [
        [keyring.env, ["-A"], /the Secret Service refuses/],
        [
          { DBUS_SESSION_BUS_ADDRESS: "unix:path=/nonexistent", DISPLAY: "" },
          ["-A"],
          /Secret Service refuses/,
        ],
        [{ PATH: "/nonexistent" }, ["-A"], /there is no secret-tool.*install it/],
        [{}, flags, /secret-tool may not be run.*run Deno with --allow-run=secret-tool/],
      ];
      for (const [changes, permissions, expected] of cases) {
        const login = await it.run(["login", server.url, ...args], changes, permissions);
        assert.equal(login.code, 0, login.stderr);
        assert.match(login.stdout, /It could not be kept/);
        assert.match(login.stderr, /kept in memory/);
        assert.match(login.stderr, expected);
        assert.equal(holdsSecret(await it.text() + login.stderr, server), false);
      }
      const said = await session(server, it.env, args.with(1, "keychain"));
      assert.equal(holdsSecret(said, server), false);
    },
  );
}

Deno.test("without a home the program runs, keeps the sign-in in memory, and says so once", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using server = startProtectedServer();
  // Where Deno has its own things must not depend on a home that is not there.
  const { DENO_DIR = await denoDirectory() } = Deno.env.toObject();
  const env = { MCP_CONNECT_NO_STORE: undefined, HOME: undefined, XDG_STATE_HOME: undefined, DENO_DIR };
  const said = await session(server, env, CLIENT);
  assert.match(said, /the sign-in is kept in memory, and gone when this program ends.*no directory/);
  assert.equal(said.match(/kept in memory/g)?.length, 1);
  await session(server, env, CLIENT);
  assert.equal(server.tokenRequests.length, 2);
  const status = await run(["status", "--json"], env);
  assert.deepEqual(JSON.parse(status.stdout), { store: null, accounts: [] });
  const login = await run(["login", server.url, ...CLIENT], env);
  assert.match(login.stdout, /It could not be kept, and ends with this command/);
});

Deno.test("with a home that can't be written to the program runs, keeps the sign-in in memory, and says so", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using server = startProtectedServer();
  await using it = await scratch();
  const DENO_DIR = await denoDirectory();
  const home = `${it.root}/home`;
  await Deno.mkdir(home, { mode: 0o500 });
  const args = programCommand(["proxy", "--endpoint", server.url, ...CLIENT]);
  // The superuser may write everywhere, but for what it gives up.
  const without = ["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", "--"];
  const entry = Deno.uid() === 0 ? ["setpriv", ...without, ...args] : args;
  const env = { MCP_CONNECT_NO_STORE: undefined, HOME: home, XDG_STATE_HOME: undefined, DENO_DIR };
  await using program = startProgram([], { env, entry });
  await program.initialize();
  assert.deepEqual((await program.request("tools/list")).result, { tools: [] });
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
  assert.match(program.stderr(), /kept in memory.*denied/i);
  assert.deepEqual([...Deno.readDirSync(home)], []);
});

async function denoDirectory(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

// From mcp-remote --------------------------------------------------------------------------------------------------

/** What mcp-remote leaves after a sign-in. */
async function leave(
  root: string,
  server: ProtectedServer,
  tokens: Record<string, unknown>,
): Promise<string> {
  const name = createHash("md5").update(server.url).digest("hex");
  const folder = `${root}/mcp-auth/mcp-remote-v1`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    `${folder}/${name}_tokens.json`,
    JSON.stringify({ token_type: "Bearer", ...tokens }),
  );
  await Deno.writeTextFile(
    `${folder}/${name}_client_info.json`,
    JSON.stringify({ client_id: "registered-1", redirect_uris: ["http://localhost:1/oauth/callback"] }),
  );
  return await textIn(`${root}/mcp-auth`);
}

Deno.test("mcp-remote's tokens are taken over without a browser, and its folder stays as it was", async () => {
  await using it = await scratch();
  await using server = startProtectedServer();
  const env = { MCP_REMOTE_CONFIG_DIR: `${it.root}/mcp-auth` };
  const { accessToken, refreshToken } = server.issue();
  const before = await leave(it.root, server, {
    access_token: accessToken,
    refresh_token: refreshToken,
    expires_at: Date.now() + 3_600_000,
    issuer: server.origin,
  });
  const login = await it.run(["login", "--import", "mcp-remote", server.url], env);
  assert.equal(login.code, 0, login.stdout + login.stderr);
  assert.match(
    login.stdout,
    /^Found: .*_tokens\.json\nSigned in to .*\nKept in the store.*\nmcp-remote's copy is as it was/,
  );
  assert.equal(holdsSecret(login.stdout + login.stderr, server), false);
  assert.equal(await textIn(`${it.root}/mcp-auth`), before);
  assert.equal(server.tokenRequests.length, 0);

  await session(server, it.env, []);
  assert.equal(server.tokenRequests.length, 0);
  // And they can be renewed.
  server.end(accessToken);
  await session(server, it.env, []);
  assert.deepEqual(server.tokenRequests.map(({ parameters }) => parameters.get("refresh_token")), [
    refreshToken,
  ]);
  assert.equal(server.tokenRequests[0]!.parameters.get("client_id"), "registered-1");
});

Deno.test("mcp-remote's tokens that have run out, or are refused, are renewed once, and that is said", async () => {
  for (const expires_at of [Date.now() - 1000, Date.now() + 3_600_000]) {
    await using it = await scratch();
    await using server = startProtectedServer();
    const { accessToken, refreshToken } = server.issue();
    server.end(accessToken);
    await leave(it.root, server, { access_token: accessToken, refresh_token: refreshToken, expires_at });
    const login = await it.run(["login", "--import", "mcp-remote", "--json", server.url], {
      MCP_REMOTE_CONFIG_DIR: `${it.root}/mcp-auth`,
    });
    const facts = JSON.parse(login.stdout);
    assert.deepEqual([facts.ok, facts.signedIn, facts.imported.renewed], [true, true, true]);
    assert.equal(server.tokenRequests.length, 1);
    await session(server, it.env, []);
    assert.equal(server.tokenRequests.length, 1);
  }
});

Deno.test("what mcp-remote does not have, or what is of no use any more, is told, and nobody is asked to sign in", async () => {
  await using it = await scratch();
  await using server = startProtectedServer();
  const env = { MCP_REMOTE_CONFIG_DIR: `${it.root}/mcp-auth` };
  const args = ["login", "--import", "mcp-remote", server.url];
  const none = await it.run(args, env);
  assert.equal(none.code, 5);
  assert.match(none.stdout, /mcp-remote has no tokens for it in .*looked for [0-9a-f]{32}_tokens\.json/);

  const { accessToken } = server.issue();
  server.end(accessToken);
  await leave(it.root, server, { access_token: accessToken, refresh_token: "spent" });
  const spent = await it.run(args, env);
  assert.equal(spent.code, 5);
  assert.match(spent.stdout, /mcp-remote's tokens are of no use: .*gave no token/);

  await leave(it.root, server, {
    access_token: accessToken,
    refresh_token: "r",
    issuer: "https://evil.example",
  });
  const foreign = await it.run(args, env);
  assert.match(foreign.stdout, /issued by https:\/\/evil\.example, and the MCP server now names/);
  assert.equal(server.tokenRequests.length, 1);

  const read = await it.run(args, env, ["--allow-net=127.0.0.1", "--allow-env"]);
  assert.equal(read.code, 6);
  assert.match(read.stderr, /--import needs to read .*--allow-read=/);
  assert.match(
    (await it.run(["login", "--import", "another", server.url])).stderr,
    /takes one of mcp-remote/,
  );
});
