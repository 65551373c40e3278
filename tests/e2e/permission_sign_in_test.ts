/** The commands that sign in work with exactly the flags that `permissions` prints, and say what is missing with one less. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { isWindows } from "../link/child/processes.ts";
import type { Need } from "../../src/permissions/need.ts";
import type { Program } from "../support/program.ts";
import { signIn } from "../support/test_browser.ts";
import { startProtectedServer as startServerWithTokens } from "../oauth/protected_server.ts";
import { enterCode } from "../oauth/scripted_user.ts";
import { beginSession, type Trial, tryOut } from "./permission_trial.ts";
import { type Place, startPlace } from "./signed_in_place.ts";

const unix = { ignore: isWindows };

/** Where no tab opens, the person goes to the address that is printed. */
async function helpOut(program: Program, lacks: Need | undefined): Promise<void> {
  if (lacks?.kind !== "run" && lacks?.value !== "BROWSER") return;
  const [, address] = await program.waitStderr(/(http:\/\/127\.0\.0\.1:\d+\/\S+)/);
  await signIn(new URL(address!));
}

/** What of a use is the same whoever signs in. */
function trialAt(place: Place, port: number, args: readonly string[]): Trial {
  return {
    args: [...args, "--endpoint", place.server.url, "--callback-port", String(port)],
    env: place.env,
    async prepare() {
      await Deno.remove(place.store, { recursive: true }).catch(() => {});
    },
  };
}

/** The flags of a sign-in in a browser. */
function browserFlags(place: Place, port: number): string[] {
  const [server, issuer] = [place.server.url, place.authorization.issuer].map((it) => new URL(it).host);
  return [
    `--allow-net=${server},${issuer},127.0.0.1:${port}`,
    `--allow-read=${place.store}`,
    `--allow-write=${place.store}`,
    "--allow-env=BROWSER,MCP_CONNECT_STORE",
    `--allow-run=${Deno.execPath()}`,
  ];
}

Deno.test(
  "permissions login: the server, its authorization server, the way back, the store, the browser",
  unix,
  async () => {
    await using place = await startPlace();
    const port = freePort();
    const { flags, unknowns } = await tryOut({
      ...trialAt(place, port, ["login"]),
      bridges: false,
      use: helpOut,
      check: ({ stdout }) => assert.match(stdout, /^Signed in to /),
    });
    assert.deepEqual(flags, browserFlags(place, port));
    assert.deepEqual(unknowns, []);
  },
);

Deno.test(
  "permissions proxy, for a server that wants a sign-in: what that takes is found by asking",
  unix,
  async () => {
    await using place = await startPlace();
    const port = freePort();
    const { flags } = await tryOut({
      ...trialAt(place, port, ["proxy"]),
      use: (program, lacks) => Promise.all([beginSession(program), helpOut(program, lacks)]),
    });
    assert.deepEqual(flags, browserFlags(place, port));
  },
);

Deno.test("permissions auth-proxy", unix, async () => {
  await using place = await startPlace();
  const port = freePort();
  const { flags } = await tryOut({
    ...trialAt(place, port, ["auth-proxy"]),
    use: (program, lacks) => Promise.all([beginSession(program), helpOut(program, lacks)]),
  });
  assert.deepEqual(flags, browserFlags(place, port));
});

Deno.test("permissions login --device-code: no way back is needed", unix, async () => {
  await using place = await startPlace();
  place.browser.onOpen = (tab) => enterCode(tab.href);
  const { flags } = await tryOut({
    ...trialAt(place, freePort(), ["login"]),
    args: ["login", "--endpoint", place.server.url, "--device-code"],
    bridges: false,
    // Each waits five seconds, as the authorization server has it.
    less: ({ kind }) => kind === "run",
    async use(program, lacks) {
      if (lacks?.kind !== "run" && lacks?.value !== "BROWSER") return;
      const [, address] = await program.waitStderr(/(http:\S+user_code=\S+)/);
      await enterCode(address!);
    },
    check: ({ stdout }) => assert.match(stdout, /^Signed in to /),
  });
  const hosts = [place.server.url, place.authorization.issuer].map((it) => new URL(it).host);
  assert.equal(flags[0], `--allow-net=${hosts.join(",")}`);
});

Deno.test("permissions login --client-credentials: nobody is asked, nothing is run", async () => {
  const client = {
    client_id: "machine",
    client_secret: "a-secret-of-some-length",
    redirect_uris: [],
    response_types: [],
    grant_types: ["client_credentials"],
    token_endpoint_auth_method: "client_secret_post",
  };
  await using place = await startPlace({ authorization: { clients: [client] } });
  const root = await Deno.makeTempDir();
  await Deno.writeTextFile(`${root}/secret`, client.client_secret);
  const { flags } = await tryOut({
    ...trialAt(place, 0, []),
    args: [
      "login",
      "--endpoint",
      place.server.url,
      "--client-credentials",
      "--client-id",
      "machine",
      "--client-secret-file",
      `${root}/secret`,
    ],
    bridges: false,
    check: ({ stdout }) => assert.match(stdout, /^Signed in to /),
  });
  assert.deepEqual(flags.map((it) => it.replace(/=.*/, "")), [
    "--allow-net",
    "--allow-read",
    "--allow-write",
    "--allow-env",
  ]);
  assert.ok(flags[1]!.includes(`${root}/secret`));
  await Deno.remove(root, { recursive: true });
});

Deno.test("permissions status and logout: the store; and who takes tokens back", unix, async () => {
  await using place = await startPlace();
  const { url } = place.server;
  const again = {
    env: place.env,
    bridges: false,
    async prepare() {
      const { code, stderr } = await place.run(["login", "--endpoint", url]);
      assert.equal(code, 0, stderr);
    },
  };
  const status = await tryOut({
    ...again,
    args: ["status"],
    check: ({ stdout }) => assert.match(stdout, /127\.0\.0\.1/),
  });
  assert.deepEqual(status.flags, [`--allow-read=${place.store}`, "--allow-env=MCP_CONNECT_STORE"]);

  const hosts = [url, place.authorization.issuer].map((it) => new URL(it).host);
  const logout = await tryOut({
    ...again,
    args: ["logout", "--endpoint", url],
    // It forgets in any case, and says what was not taken back.
    without: ({ kind, value }) => kind === "net" ? (value === hosts[1] ? "partly" : "either") : undefined,
    check: ({ stdout }) => assert.match(stdout, /^Signed out of|^Nobody was signed in/),
  });
  assert.deepEqual(logout.flags, [
    `--allow-net=${hosts.join(",")}`,
    `--allow-read=${place.store}`,
    `--allow-write=${place.store}`,
    "--allow-env=MCP_CONNECT_STORE",
  ]);
});

Deno.test(
  "permissions permissions, for a server that wants a sign-in: what it takes to find that out",
  unix,
  async () => {
    await using place = await startPlace();
    const port = freePort();
    const { args, ...rest } = trialAt(place, port, ["proxy"]);
    const { flags } = await tryOut({
      ...rest,
      args: ["permissions", ...args],
      bridges: false,
      tellsOfFlags: true,
      check: ({ stdout }) => assert.match(stdout, /^--allow-net=/),
    });
    assert.match(flags.join(" "), /^--allow-net=\S+ --allow-env=\S+$/);
  },
);

Deno.test("permissions login --import: the folder that is taken over, and nothing to run", async () => {
  await using server = startServerWithTokens();
  const root = await Deno.makeTempDir();
  const { accessToken, refreshToken } = server.issue();
  const name = createHash("md5").update(server.url).digest("hex");
  const folder = `${root}/mcp-auth/mcp-remote-v1`;
  await Deno.mkdir(folder, { recursive: true });
  const tokens = {
    token_type: "Bearer",
    access_token: accessToken,
    refresh_token: refreshToken,
    expires_at: Date.now() + 3_600_000,
    issuer: server.origin,
  };
  await Deno.writeTextFile(`${folder}/${name}_tokens.json`, JSON.stringify(tokens));
  const client = { client_id: "registered-1", redirect_uris: ["http://localhost:1/oauth/callback"] };
  await Deno.writeTextFile(`${folder}/${name}_client_info.json`, JSON.stringify(client));
  const { flags } = await tryOut({
    args: ["login", "--import", "mcp-remote", server.url],
    env: {
      MCP_CONNECT_NO_STORE: undefined,
      MCP_CONNECT_STORE: `${root}/store`,
      MCP_REMOTE_CONFIG_DIR: `${root}/mcp-auth`,
    },
    bridges: false,
    // Without it the folder is looked for elsewhere, where nothing is.
    less: ({ value }) => value !== "MCP_REMOTE_CONFIG_DIR",
    check: ({ stdout }) => assert.match(stdout, /^Found: .*\nSigned in to /),
  });
  assert.deepEqual(flags, [
    `--allow-net=${new URL(server.url).host}`,
    `--allow-read=${root}/mcp-auth,${root}/store`,
    `--allow-write=${root}/store`,
    "--allow-env=MCP_CONNECT_STORE,MCP_REMOTE_CONFIG_DIR",
  ]);
  await Deno.remove(root, { recursive: true });
});

/** A port that nobody uses at the moment. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
