/** What mcp-remote has kept is found by its name, read, and taken over for the authorization server that issued it. */
import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import type { Discovered } from "../../src/oauth/discover.ts";
import { findMcpRemote, mcpRemoteFolder, readSignIn } from "../../src/oauth/import/mcp_remote_files.ts";
import { mcpRemoteNames } from "../../src/oauth/import/mcp_remote_names.ts";
import { takeOver } from "../../src/oauth/import/take_over.ts";
import { DEFAULT_SETTINGS, type OAuthSettings } from "../../src/oauth/settings.ts";

const URL_ONLY = "8724945d3c4865fe12d6890203193588";
const ALL = "a67fa188f1bb0b7840ac7ccf598dd4b4";

Deno.test("the names of mcp-remote's files: the URL's, and those with the options that it was given", () => {
  const none = { urls: ["https://example.com/mcp"], authorizeParams: {}, headers: {} };
  deepStrictEqual(mcpRemoteNames(none), [URL_ONLY]);
  const names = mcpRemoteNames({
    ...none,
    resource: "https://r.example",
    authorizeParams: { b: "2", a: "1" },
    headers: { "X-Team": "blue" },
    clientMetadataUrl: "https://c.example/c.json",
    tokenEndpoint: "https://t.example/token",
  });
  strictEqual(names[0], ALL);
  strictEqual(names.at(-1), URL_ONLY);
  strictEqual(names.length, 32);
  strictEqual(mcpRemoteNames({ ...none, urls: [...none.urls, "https://example.com/mcp/"] }).length, 2);
});

Deno.test("mcp-remote's folder is where its variable says, or in the home", () => {
  const home = Deno.build.os === "windows" ? "USERPROFILE" : "HOME";
  const folder = (variables: Record<string, string>) => mcpRemoteFolder((name) => variables[name]);
  strictEqual(folder({ [home]: "/h" }), "/h/.mcp-auth");
  strictEqual(folder({ [home]: "/h", MCP_REMOTE_CONFIG_DIR: "/c" }), "/c");
  strictEqual(folder({}), undefined);
});

Deno.test("of several versions' files the newest counts; damaged ones and those of others don't; nothing is written", async () => {
  const folder = await Deno.makeTempDir();
  const write = async (version: string, name: string, value: unknown, age: number) => {
    await Deno.mkdir(`${folder}/${version}`, { recursive: true });
    const path = `${folder}/${version}/${name}`;
    await Deno.writeTextFile(path, typeof value === "string" ? value : JSON.stringify(value));
    await Deno.utime(path, Date.now() / 1000 - age, Date.now() / 1000 - age);
  };
  strictEqual(await findMcpRemote(`${folder}/none`, [URL_ONLY]), undefined);
  await write("mcp-remote-0.1.37", `${URL_ONLY}_tokens.json`, { access_token: "old" }, 100);
  await write("mcp-remote-0.1.37", `${URL_ONLY}_client_info.json`, { client_id: "old-client" }, 100);
  await write("mcp-remote-v1", `${ALL}_tokens.json`, { access_token: "another's" }, 1);
  await write("mcp-remote-v1", `${URL_ONLY}_tokens.json`, '{"access_tok', 1);
  await write("elsewhere", `${URL_ONLY}_tokens.json`, { access_token: "no" }, 1);
  const first = await findMcpRemote(folder, [URL_ONLY]);
  strictEqual(first?.accessToken, "old");
  strictEqual(first.client?.clientId, "old-client");
  await write("mcp-remote-v1", `${URL_ONLY}_tokens.json`, { access_token: "new", issuer: "i" }, 10);
  const before = await listing(folder);
  deepStrictEqual(await findMcpRemote(folder, [URL_ONLY]), {
    path: `${folder}/mcp-remote-v1/${URL_ONLY}_tokens.json`,
    accessToken: "new",
    issuer: "i",
  });
  deepStrictEqual(await listing(folder), before);
  await Deno.remove(folder, { recursive: true });
});

async function listing(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const { name } of Deno.readDirSync(folder)) {
    for (const file of Deno.readDirSync(`${folder}/${name}`)) {
      const path = `${folder}/${name}/${file.name}`;
      found.push(`${path} ${(await Deno.stat(path)).mtime?.getTime()}`);
    }
  }
  return found.sort();
}

Deno.test("the two files are read as mcp-remote writes them, and whatever else they hold", () => {
  deepStrictEqual(
    readSignIn("/p", {
      access_token: "a",
      refresh_token: "r",
      token_type: "bearer",
      expires_at: "1795557032097",
      scope: "x y",
      requested_scope: "x y z",
    }, {
      client_id: "c",
      client_secret: "s",
      client_secret_expires_at: 5,
      token_endpoint_auth_method: "client_secret_post",
      issuer: "https://i.example",
    }),
    {
      path: "/p",
      accessToken: "a",
      refreshToken: "r",
      expiresAt: 1795557032097,
      scopes: ["x", "y"],
      requestedScopes: ["x", "y", "z"],
      client: {
        clientId: "c",
        clientSecret: "s",
        secretExpiresAt: 5000,
        authMethod: "client_secret_post",
        issuer: "https://i.example",
      },
    },
  );
  for (
    const tokens of [{}, { access_token: "" }, { access_token: 1 }, { access_token: "a", token_type: "DPoP" }]
  ) {
    strictEqual(readSignIn("/p", tokens, undefined), undefined);
  }
  deepStrictEqual(readSignIn("/p", { access_token: "a", expires_at: "soon", scope: 3 }, { client_id: 7 }), {
    path: "/p",
    accessToken: "a",
  });
});

const ISSUER = "https://issuer.example";
const FOUND = {
  path: "/p",
  accessToken: "a",
  refreshToken: "r",
  client: { clientId: "c", clientSecret: "s", authMethod: "client_secret_basic" },
};

function taken(
  found: Partial<Parameters<typeof takeOver>[0]["found"]>,
  settings: Partial<OAuthSettings> = {},
  at = ISSUER,
) {
  const discovered: Discovered = {
    resourceMetadata: undefined,
    server: { metadata: { issuer: ISSUER, token_endpoint: `${at}/token` }, known: "metadata" },
    resource: "https://example.com/mcp",
    scopes: ["read"],
    dpop: false,
  };
  return takeOver({
    found: { ...FOUND, ...found },
    mcpUrl: new URL("https://example.com/mcp"),
    settings: { ...DEFAULT_SETTINGS, ...settings },
    discovered,
    now: 1000,
  });
}

Deno.test("tokens of the issuer that the server names are taken over whole", () => {
  for (const issuer of [ISSUER, `${ISSUER}/`]) {
    const { tokens, notes } = taken({ issuer });
    deepStrictEqual(notes, []);
    strictEqual(tokens.refreshToken, "r");
    strictEqual(tokens.issuer, ISSUER);
    strictEqual(tokens.resource, "https://example.com/mcp");
    deepStrictEqual(tokens.scopes, ["read"]);
    deepStrictEqual(tokens.client, {
      issuer: ISSUER,
      clientId: "c",
      clientSecret: "s",
      authMethod: "client_secret_basic",
      redirectUris: [],
      origin: "registered",
    });
  }
});

Deno.test("tokens of another issuer are refused, whoever noted it", () => {
  for (
    const found of [
      { issuer: "https://evil.example" },
      { client: { ...FOUND.client, issuer: "https://evil.example" } },
    ]
  ) throws(() => taken(found), { code: "ISSUER_MISMATCH" });
});

Deno.test("where nobody noted the issuer, nothing secret goes to the one that the server names today", () => {
  const { tokens, notes } = taken({});
  strictEqual(tokens.refreshToken, undefined);
  strictEqual(tokens.client.clientSecret, undefined);
  strictEqual(tokens.client.authMethod, "none");
  match(notes.join(), /refresh token was left behind.*--token-url/);
  // Unless there is a reason to.
  const jwt = (iss: string) => `h.${btoa(JSON.stringify({ iss })).replace(/=+$/, "")}.s`;
  strictEqual(taken({ accessToken: jwt(ISSUER) }).tokens.refreshToken, "r");
  strictEqual(taken({ accessToken: jwt("https://evil.example") }).tokens.refreshToken, undefined);
  strictEqual(taken({}, { tokenUrl: `${ISSUER}/token` }).tokens.refreshToken, "r");
  strictEqual(taken({}, {}, "https://example.com").tokens.refreshToken, "r");
});

Deno.test("a client that mcp-remote does not note comes from the user, or not at all", () => {
  const { client: _, ...bare } = FOUND;
  const none = { ...bare, issuer: ISSUER, client: undefined as never };
  throws(() => taken(none), { code: "NO_CLIENT" });
  const given = taken(none, { clientId: "mine", clientSecret: "x" }).tokens.client;
  deepStrictEqual([given.origin, given.clientId, given.clientSecret], ["given", "mine", "x"]);
  const document = taken(none, { clientMetadataUrl: "https://c.example/c.json" }).tokens.client;
  deepStrictEqual([document.origin, document.clientId], ["document", "https://c.example/c.json"]);
  ok(taken({ issuer: ISSUER }, { clientId: "mine" }).tokens.client.clientId === "mine");
});
