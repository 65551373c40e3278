/** What is kept of accounts, as copies of the program find it. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createAccountStore, listAccounts } from "../../src/oauth/account_store.ts";
import { readAccount } from "../../src/oauth/read_account.ts";
import type { Tokens } from "../../src/oauth/tokens.ts";
import { createLogger } from "../../src/telemetry/logger.ts";

const CLIENT = {
  issuer: "https://as.example",
  clientId: "c",
  authMethod: "none",
  redirectUris: ["http://127.0.0.1:1/callback"],
  origin: "registered",
} as const;

function tokens(accessToken: string): Tokens {
  return {
    accessToken,
    tokenType: "bearer",
    refreshToken: `refresh ${accessToken}`,
    issuedAt: 1,
    issuer: "https://as.example",
    server: { issuer: "https://as.example" },
    mcpUrl: "https://mcp.example/mcp",
    client: CLIENT,
    grant: "authorization_code",
  };
}

const ENTRY = {
  version: 1,
  name: "https://mcp.example/mcp",
  clients: [CLIENT],
  tokens: tokens("a"),
} as const;

for (
  const [what, stored, read] of [
    ["a whole entry", ENTRY, ENTRY],
    ["nothing", undefined, undefined],
    ["a number", 5, undefined],
    ["null", null, undefined],
    ["another version", { ...ENTRY, version: 2 }, undefined],
    ["null for tokens", { ...ENTRY, tokens: null }, { ...ENTRY, tokens: undefined }],
    ["tokens without a text", { ...ENTRY, tokens: { ...ENTRY.tokens, accessToken: 1 } }, {
      ...ENTRY,
      tokens: undefined,
    }],
    ["tokens without a server", { ...ENTRY, tokens: { ...ENTRY.tokens, server: null } }, {
      ...ENTRY,
      tokens: undefined,
    }],
    ["tokens for what is no URL", { ...ENTRY, tokens: { ...ENTRY.tokens, mcpUrl: "no" } }, {
      ...ENTRY,
      tokens: undefined,
    }],
    ["tokens of a client that is none", { ...ENTRY, tokens: { ...ENTRY.tokens, client: {} } }, {
      ...ENTRY,
      tokens: undefined,
    }],
    ["tokens that end at no time", { ...ENTRY, tokens: { ...ENTRY.tokens, expiresAt: "soon" } }, {
      ...ENTRY,
      tokens: undefined,
    }],
    ["clients of which one is none", { ...ENTRY, clients: [null, CLIENT, 3] }, ENTRY],
    ["clients that are no list", { ...ENTRY, clients: "x" }, { ...ENTRY, clients: [] }],
    ["a port that is none", { ...ENTRY, port: 70_000 }, ENTRY],
    [
      "a server whose words are no JSON",
      { ...ENTRY, server: { capabilities: "{", serverInfo: "{}" } },
      ENTRY,
    ],
    ["an address without an end", { ...ENTRY, pending: { url: "https://x" } }, ENTRY],
  ] as const
) {
  Deno.test(`readAccount makes the best of ${what}`, () => {
    deepStrictEqual(readAccount(stored), read && JSON.parse(JSON.stringify(read)));
  });
}

function openStore(directory: string, warnings: string[] = []) {
  const logger = createLogger({ level: "warn", format: "text", write: (line) => void warnings.push(line) });
  const openKeychain = () => {
    throw new Error("nobody has asked for the keychain");
  };
  const where = {
    openKeychain,
    key: "k",
    server: "https://mcp.example/mcp",
    endpoint: "https://mcp.example/mcp",
  };
  return createAccountStore({ directory, ...where, logger });
}

async function withDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("what one copy writes is not undone by another that writes something else at the same time", () =>
  withDirectory(async (directory) => {
    const [one, two, three] = [openStore(directory), openStore(directory), openStore(directory)];
    for (let round = 1; round <= 20; round++) {
      await Promise.all([
        one.save(tokens(`${round}`)),
        two.savePort(1000 + round),
        three.saveServer({ capabilities: "{}", serverInfo: `{"name":"${round}"}`, instructions: undefined }),
      ]);
      const fresh = openStore(directory);
      strictEqual((await fresh.load())?.accessToken, `${round}`);
      strictEqual(fresh.port, 1000 + round);
      strictEqual((await fresh.server())?.serverInfo, `{"name":"${round}"}`);
    }
  }));

Deno.test("only one copy at a time has a lock, and another gets it when that one ends", () =>
  withDirectory(async (directory) => {
    const [one, two] = [openStore(directory), openStore(directory)];
    const held = await one.tryLock("renew");
    strictEqual(await two.tryLock("renew"), undefined);
    // What is for something else is free.
    (await two.tryLock("sign-in"))![Symbol.dispose]();
    held![Symbol.dispose]();
    (await two.tryLock("renew"))![Symbol.dispose]();
  }));

Deno.test("logging out forgets tokens and clients for all copies", () =>
  withDirectory(async (directory) => {
    const [one, two] = [openStore(directory), openStore(directory)];
    await one.saveClient(CLIENT);
    await one.save(tokens("a"));
    strictEqual((await two.known()).client(CLIENT.issuer)?.clientId, CLIENT.clientId);
    strictEqual((await listAccounts(directory)).length, 1);
    await two.forget();
    strictEqual(await one.load(), undefined);
    strictEqual((await one.known()).client(CLIENT.issuer), undefined);
    deepStrictEqual(await listAccounts(directory), []);
  }));

Deno.test("where nothing can be written it is kept in memory, with one warning", async () => {
  const warnings: string[] = [];
  const store = openStore("/dev/null/nowhere", warnings);
  await store.save(tokens("a"));
  await store.savePort(5);
  strictEqual((await store.load().catch(() => undefined))?.accessToken, "a");
  strictEqual(warnings.length, 1, warnings.join(""));
});
