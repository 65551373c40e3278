/** When tokens are renewed, by whom, and what a failure means. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { SignInError, type SignInErrorCode } from "../../src/oauth/errors.ts";
import {
  type Attempt,
  brake,
  createRefresher,
  isVain,
  memoryStore,
  type RefresherOptions,
  refreshFailure,
  renewalReason,
  type TokenStore,
} from "../../src/oauth/refresh.ts";
import { DEFAULT_SETTINGS, type OAuthSettings } from "../../src/oauth/settings.ts";
import { chooseTokens, fits, isDue, isFor, secretsOf, type Tokens } from "../../src/oauth/tokens.ts";

const TOKENS: Tokens = {
  accessToken: "a1",
  tokenType: "bearer",
  refreshToken: "r1",
  issuedAt: 0,
  expiresAt: 3_600_000,
  issuer: "https://as.example",
  server: { issuer: "https://as.example" },
  mcpUrl: "https://mcp.example/mcp",
  resource: "https://mcp.example/mcp",
  client: {
    issuer: "https://as.example",
    clientId: "c",
    authMethod: "none",
    redirectUris: [],
    origin: "registered",
  },
  grant: "authorization_code",
};
const { refreshToken: _r, ...WITHOUT_REFRESH } = TOKENS;
const { expiresAt: _e, ...WITHOUT_END } = TOKENS;
const failed = (code: SignInErrorCode, oauthError?: string) =>
  new SignInError(code, "no", oauthError === undefined ? {} : { oauthError });

Deno.test("a token is due in its last minute, or the last tenth of a short life, and up to twice as early", () => {
  strictEqual(isDue(TOKENS, 3_539_999, 0), false);
  strictEqual(isDue(TOKENS, 3_540_000, 0), true);
  strictEqual(isDue(TOKENS, 3_480_000, 1), true);
  strictEqual(isDue(TOKENS, 3_479_999, 1), false);
  const short = { ...TOKENS, expiresAt: 10_000 };
  strictEqual(isDue(short, 8_999, 0), false);
  strictEqual(isDue(short, 9_000, 0), true);
  strictEqual(isDue(WITHOUT_END, Number.MAX_SAFE_INTEGER, 1), false);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e9 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (life, random) => {
        // Never at once, and always before it is over.
        strictEqual(isDue({ ...TOKENS, expiresAt: life }, 0, random), false);
        strictEqual(isDue({ ...TOKENS, expiresAt: life }, life, random), true);
      },
    ),
  );
});

Deno.test("what the store holds is used, renewed, or no use", () => {
  const late = 3_590_000;
  const over = 3_600_000;
  const rows: readonly (readonly [
    stored: Tokens | undefined,
    refused: string | undefined,
    now: number,
    choice: string,
  ])[] = [
    [undefined, undefined, 0, "sign in"],
    [TOKENS, undefined, 0, "use"],
    [TOKENS, undefined, late, "renew"],
    [TOKENS, undefined, over, "renew"],
    [TOKENS, "a1", 0, "renew"],
    // Another process has been faster.
    [TOKENS, "a0", 0, "use"],
    [WITHOUT_REFRESH, undefined, late, "use"],
    [WITHOUT_REFRESH, undefined, over, "sign in"],
    [WITHOUT_REFRESH, "a1", 0, "sign in"],
    [{ ...WITHOUT_REFRESH, grant: "client_credentials" }, "a1", 0, "renew"],
    [{ ...WITHOUT_REFRESH, grant: "jwt_bearer" }, "a1", 0, "renew"],
    [{ ...WITHOUT_REFRESH, grant: "id_jag" }, undefined, over, "renew"],
    [{ ...WITHOUT_REFRESH, grant: "device_code" }, "a1", 0, "sign in"],
    [WITHOUT_END, undefined, over * 1000, "use"],
    [WITHOUT_END, "a1", 5, "renew"],
  ];
  for (const [stored, refused, now, choice] of rows) {
    strictEqual(chooseTokens(stored, refused, now, 0), choice);
  }
});

Deno.test("a token goes to the resource it was issued for and nowhere else", () => {
  const rows: readonly (readonly [url: string, may: boolean])[] = [
    ["https://mcp.example/mcp", true],
    ["https://mcp.example/mcp/messages?x=1", true],
    ["https://mcp.example/other", false],
    ["https://evil.example/mcp", false],
    ["http://mcp.example/mcp", false],
    ["https://mcp.example:8443/mcp", false],
    ["https://sub.mcp.example/mcp", false],
  ];
  for (const [url, may] of rows) strictEqual(isFor(TOKENS, new URL(url)), may, url);
  const { resource: _, ...any } = TOKENS;
  strictEqual(isFor(any, new URL("https://mcp.example/other")), true);
  strictEqual(isFor({ ...TOKENS, resource: "api://app" }, new URL("https://mcp.example/other")), true);
  strictEqual(isFor({ ...TOKENS, resource: "api://app" }, new URL("https://evil.example/")), false);
});

Deno.test("tokens of other settings are not used", () => {
  const given: Tokens = { ...TOKENS, client: { ...TOKENS.client, origin: "given" } };
  const document: Tokens = {
    ...TOKENS,
    client: { ...TOKENS.client, clientId: "https://me.example/c", origin: "document" },
  };
  const rows: readonly (readonly [tokens: Tokens, settings: Partial<OAuthSettings>, fits: boolean])[] = [
    [TOKENS, {}, true],
    [TOKENS, { clientId: "other" }, false],
    [TOKENS, { grant: "device_code" }, false],
    [TOKENS, { issuer: "https://other.example" }, false],
    [TOKENS, { resource: false }, false],
    [TOKENS, { resource: "https://mcp.example/mcp" }, true],
    [TOKENS, { resource: "https://mcp.example" }, false],
    [given, {}, false],
    [given, { clientId: "c" }, true],
    [document, { clientMetadataUrl: "https://me.example/c" }, true],
    [document, {}, false],
  ];
  for (const [tokens, settings, does] of rows) {
    strictEqual(fits(tokens, { ...DEFAULT_SETTINGS, ...settings }), does, JSON.stringify(settings));
  }
});

Deno.test("the secrets of tokens are known, all of them", () => {
  const all: Tokens = {
    ...TOKENS,
    client: { ...TOKENS.client, clientSecret: "s" },
    dpopKey: { algorithm: "ES256", privateJwk: { d: "k" }, publicJwk: {} },
  };
  deepStrictEqual(secretsOf(all), ["a1", "r1", "s", "k"]);
  deepStrictEqual(secretsOf(WITHOUT_REFRESH), ["a1"]);
});

Deno.test("each failure of a refresh means one thing", () => {
  const rows: readonly (readonly [error: unknown, kind: string])[] = [
    [failed("UNREACHABLE"), "passing"],
    [failed("TIMEOUT"), "passing"],
    [failed("BUSY"), "passing"],
    [failed("TOKEN_REFUSED", "temporarily_unavailable"), "passing"],
    [failed("TOKEN_REFUSED", "server_error"), "passing"],
    [failed("TOKEN_REFUSED", "invalid_grant"), "spent"],
    [failed("EXPIRED"), "spent"],
    [failed("TOKEN_REFUSED", "invalid_client"), "client"],
    [failed("TOKEN_REFUSED", "unauthorized_client"), "client"],
    [failed("TOKEN_REFUSED", "invalid_scope"), "final"],
    [failed("BLOCKED"), "final"],
    [failed("REDIRECT"), "final"],
    [failed("BAD_TOKEN_ANSWER"), "final"],
    [new Error("a bug"), "final"],
  ];
  for (const [error, kind] of rows) strictEqual(refreshFailure(error).kind, kind);
  const busy = new SignInError("BUSY", "no", { retryAfterMs: 7000 });
  deepStrictEqual(refreshFailure(busy), { kind: "passing", retryAfterMs: 7000 });
});

Deno.test("after failures each attempt waits twice as long, up to a minute, or as long as the server wants", () => {
  const after = (count: number, retryAfterMs?: number): Attempt[] =>
    Array.from({ length: count }, () => ({
      at: 100,
      why: "due",
      outcome: "failed",
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    }));
  strictEqual(brake([], 100), 0);
  deepStrictEqual([1, 2, 3, 10].map((count) => brake(after(count), 100)), [1000, 2000, 4000, 60_000]);
  strictEqual(brake(after(1, 90_000), 100), 90_000);
  strictEqual(brake(after(1), 1100), 0);
  strictEqual(brake([...after(5), { at: 100, why: "due", outcome: "renewed" }], 100), 0);
});

Deno.test("a server that refuses each new token gets no third one within a minute", () => {
  strictEqual(renewalReason(TOKENS, "a1", 9_999), "refused");
  strictEqual(renewalReason(TOKENS, "a1", 10_000), "due");
  strictEqual(renewalReason(TOKENS, undefined, 1), "due");
  const refused = (at: number): Attempt => ({ at, why: "refused", outcome: "renewed" });
  strictEqual(isVain([refused(0)], 1), false);
  strictEqual(isVain([refused(0), refused(1)], 2), true);
  strictEqual(isVain([refused(0), refused(1)], 60_001), false);
});

/** A token endpoint that rotates: each refresh token works once. */
function rotating(first = 1) {
  let valid = first;
  const spent: string[] = [];
  return {
    spent,
    async renew(tokens: Tokens): Promise<Tokens> {
      spent.push(tokens.refreshToken!);
      await Promise.resolve();
      if (tokens.refreshToken !== `r${valid}`) throw failed("TOKEN_REFUSED", "invalid_grant");
      valid++;
      return {
        ...tokens,
        accessToken: `a${valid}`,
        refreshToken: `r${valid}`,
        issuedAt: 3_600_000,
        expiresAt: 7_200_000,
      };
    },
  };
}

const never = new AbortController().signal;
const OVER = 3_600_000;

function refresher(
  store: TokenStore,
  renew: RefresherOptions["renew"],
  more: Partial<RefresherOptions> = {},
) {
  return createRefresher({
    store,
    renew,
    signal: never,
    now: () => OVER,
    random: 0,
    wait: () => Promise.resolve(true),
    ...more,
  });
}

Deno.test("a hundred requests, in ten processes, with a token that has run out: one refresh", async () => {
  const store = memoryStore(TOKENS);
  const server = rotating();
  const processes = Array.from({ length: 10 }, () => refresher(store, server.renew));
  const all = await Promise.all(Array.from({ length: 100 }, (_, i) => processes[i % 10]!.fresh(never)));
  for (const fresh of all) ok(fresh.kind === "tokens" && fresh.tokens.accessToken === "a2");
  deepStrictEqual(server.spent, ["r1"]);
});

Deno.test("a token that is good costs no refresh", async () => {
  const server = rotating();
  const fresh = await refresher(memoryStore(TOKENS), server.renew, { now: () => 0 }).fresh(never);
  ok(fresh.kind === "tokens" && fresh.tokens === TOKENS);
  deepStrictEqual(server.spent, []);
});

Deno.test("a token that another process has renewed is used, though ours was refused", async () => {
  const store = memoryStore({ ...TOKENS, accessToken: "a2", refreshToken: "r2" });
  const server = rotating(2);
  const fresh = await refresher(store, server.renew, { now: () => 0 }).fresh(never, "a1");
  ok(fresh.kind === "tokens" && fresh.tokens.accessToken === "a2");
  deepStrictEqual(server.spent, []);
});

Deno.test("a loser does not remove the winner's tokens, and uses them", async () => {
  const store = memoryStore(TOKENS);
  const winner: Tokens = { ...TOKENS, accessToken: "a2", refreshToken: "r2", expiresAt: 7_200_000 };
  const fresh = await refresher(store, async () => {
    // Somebody whom no lock reaches is faster.
    await store.save(winner);
    throw failed("TOKEN_REFUSED", "invalid_grant");
  }).fresh(never);
  ok(fresh.kind === "tokens" && fresh.tokens === winner);
  strictEqual(await store.load(), winner);
});

Deno.test("a refresh token that is worth nothing is removed, and leads to one sign-in, not a loop", async () => {
  const store = memoryStore(TOKENS);
  let tries = 0;
  const one = refresher(store, () => {
    tries++;
    return Promise.reject(failed("TOKEN_REFUSED", "invalid_grant"));
  });
  deepStrictEqual(await one.fresh(never), { kind: "sign in", why: "spent" });
  deepStrictEqual(await one.fresh(never), { kind: "sign in", why: "none" });
  strictEqual(tries, 1);
});

Deno.test("what passes is tried again, with the same refresh token", async () => {
  const store = memoryStore(TOKENS);
  const server = rotating();
  let now = OVER;
  let failures = 2;
  const waits: number[] = [];
  const fresh = await refresher(store, (tokens) => {
    if (failures-- > 0) return Promise.reject(failed("UNREACHABLE"));
    return server.renew(tokens);
  }, {
    now: () => now,
    wait: (ms) => {
      waits.push(ms);
      now += ms;
      return Promise.resolve(true);
    },
  }).fresh(never);
  ok(fresh.kind === "tokens" && fresh.tokens.accessToken === "a2");
  deepStrictEqual(waits, [1000, 2000]);
});

Deno.test("what does not pass ends, and the tokens stay", async () => {
  const store = memoryStore(TOKENS);
  let tries = 0;
  const one = refresher(store, () => {
    tries++;
    return Promise.reject(failed("UNREACHABLE"));
  }, { wait: () => Promise.resolve(true) });
  const fresh = await one.fresh(never);
  ok(fresh.kind === "failed" && fresh.retryAfterMs! > 0);
  ok(tries <= 3);
  const before = tries;
  // The clock stands still: the next request is not another attempt.
  ok((await one.fresh(never)).kind === "failed");
  strictEqual(tries, before);
  strictEqual(await store.load(), TOKENS);
});

Deno.test("a token that is due but good is used while its server is down", async () => {
  const fresh = await refresher(memoryStore(TOKENS), () => Promise.reject(failed("UNREACHABLE")), {
    now: () => 3_590_000,
  }).fresh(never);
  ok(fresh.kind === "tokens" && fresh.tokens === TOKENS);
});

Deno.test("who is let in no more without a person asks less and less often, and uses what is still good", async () => {
  const machine: Tokens = { ...WITHOUT_REFRESH, grant: "client_credentials" };
  let now = 3_545_000;
  let asked = 0;
  const one = refresher(memoryStore(machine), () => {
    asked++;
    return Promise.reject(failed("TOKEN_REFUSED", "invalid_grant"));
  }, { now: () => now });
  for (const after of [0, 100, 899, 1, 1999, 1]) {
    now += after;
    const fresh = await one.fresh(never);
    ok(fresh.kind === "tokens" && fresh.tokens === machine);
  }
  // At once, after a second, and after two more.
  strictEqual(asked, 3);
});

Deno.test("a server that refuses what it gives is not asked for ever", async () => {
  const store = memoryStore({ ...TOKENS, issuedAt: OVER, expiresAt: OVER * 2 });
  const server = rotating();
  const one = refresher(store, server.renew);
  let refused = "a1";
  const kinds = [];
  for (let i = 0; i < 4; i++) {
    const fresh = await one.fresh(never, refused);
    kinds.push(fresh.kind);
    if (fresh.kind === "tokens") refused = fresh.tokens.accessToken;
  }
  deepStrictEqual(kinds, ["tokens", "tokens", "sign in", "sign in"]);
  deepStrictEqual(server.spent, ["r1", "r2"]);
});

Deno.test("a request that is given up does not take the others' renewal with it", async () => {
  const store = memoryStore(TOKENS);
  const server = rotating();
  const { promise, resolve } = Promise.withResolvers<void>();
  const one = refresher(store, async (tokens) => {
    await promise;
    return await server.renew(tokens);
  });
  const stop = new AbortController();
  const first = one.fresh(stop.signal);
  const second = one.fresh(never);
  stop.abort(new Error("given up"));
  await rejects(first, /given up/);
  resolve();
  const fresh = await second;
  ok(fresh.kind === "tokens" && fresh.tokens.accessToken === "a2");
  deepStrictEqual(server.spent, ["r1"]);
});
