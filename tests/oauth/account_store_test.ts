/** Where what a sign-in gives is kept, and what becomes of it where it can't be. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { createAccountStore, listAccounts, type StoredAccount } from "../../src/oauth/account_store.ts";
import type { Client, Tokens } from "../../src/oauth/tokens.ts";
import { type SecretBox, SecretBoxError } from "../../src/store/secret_box.ts";
import { memoryBox } from "../store/memory_box.ts";
import { collectedLog } from "../support/collected_log.ts";

const CLIENT: Client = {
  issuer: "https://issuer.example",
  clientId: "client-1",
  clientSecret: "the-client-secret",
  authMethod: "client_secret_basic",
  redirectUris: ["http://127.0.0.1:1/callback"],
  origin: "registered",
};
const TOKENS: Tokens = {
  accessToken: "the-access-token",
  tokenType: "bearer",
  refreshToken: "the-refresh-token",
  issuedAt: 1,
  expiresAt: 2_000_000_000_000,
  scopes: ["read"],
  issuer: CLIENT.issuer,
  server: { issuer: CLIENT.issuer },
  mcpUrl: "https://example.com/mcp",
  client: CLIENT,
  grant: "authorization_code",
};
const SECRETS = /the-(?:access|refresh)-token|the-client-secret/;
const FACTS = {
  server: "https://example.com/mcp",
  issuer: CLIENT.issuer,
  clientId: CLIENT.clientId,
  scopes: ["read"],
  expiresAt: TOKENS.expiresAt!,
  renewable: true,
};

/** A store's directory, and copies of the program that use it. */
async function scratch() {
  const root = await Deno.makeTempDir();
  const directory = `${root}/store`;
  const log = collectedLog();
  return {
    root,
    directory,
    log,
    copy(keychain?: SecretBox, where: string | undefined = directory): StoredAccount {
      return createAccountStore({
        ...(where === undefined ? {} : { directory: where }),
        key: "key",
        server: FACTS.server,
        keychain: keychain !== undefined,
        openKeychain: () => keychain ?? never(),
        endpoint: FACTS.server,
        logger: log.logger,
      });
    },
    /** A copy that was not asked to use the keychain, and can. */
    plainCopy: (box: SecretBox) =>
      createAccountStore({
        directory,
        key: "key",
        server: FACTS.server,
        openKeychain: () => box,
        endpoint: FACTS.server,
        logger: log.logger,
      }),
    async text(): Promise<string> {
      let text = "";
      for (const { name } of Deno.readDirSync(`${directory}/accounts`)) {
        if (name.endsWith(".json")) text += await Deno.readTextFile(`${directory}/accounts/${name}`);
      }
      return text;
    },
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

function never(): never {
  throw new Error("nobody has asked for the keychain");
}

/** A keychain that is not there. */
const BROKEN: SecretBox = {
  name: "nothing",
  get: () => Promise.reject(new SecretBoxError("there is no such tool", "install it")),
  set: () => Promise.reject(new SecretBoxError("there is no such tool", "install it")),
  delete: () => Promise.reject(new SecretBoxError("there is no such tool", "install it")),
};

Deno.test("without a word tokens are in a file, and the keychain is not touched", async () => {
  await using it = await scratch();
  const first = it.copy();
  await first.save(TOKENS);
  strictEqual(first.keeping, "file");
  deepStrictEqual(await it.copy().load(), TOKENS);
  deepStrictEqual(await listAccounts(it.directory), [{ ...FACTS, keeping: "file" }]);
});

Deno.test("with the keychain the file holds no secret, every copy can read it, and status shows the same", async () => {
  await using it = await scratch();
  const box = memoryBox();
  const first = it.copy(box);
  await first.savePort(4711);
  strictEqual(box.asked, 0);
  await first.save(TOKENS);
  strictEqual(first.keeping, "keychain");
  strictEqual(SECRETS.test(await it.text()), false);
  strictEqual(box.secrets.size, 1);

  const second = it.copy(box);
  deepStrictEqual(await second.load(), TOKENS);
  strictEqual(second.port, 4711);
  deepStrictEqual((await second.known()).client(CLIENT.issuer), CLIENT);
  await second.save({ ...TOKENS, accessToken: "the-access-token-2" });
  strictEqual((await first.load())?.accessToken, "the-access-token-2");
  strictEqual(SECRETS.test(await it.text()), false);
  deepStrictEqual(await listAccounts(it.directory), [{ ...FACTS, keeping: "keychain" }]);
  deepStrictEqual(it.log.messages("warn"), []);
});

Deno.test("copies that start at once agree on one key", async () => {
  await using it = await scratch();
  const box = memoryBox();
  const copies = Array.from({ length: 8 }, () => it.copy(box));
  await Promise.all(copies.map((copy, i) => copy.save({ ...TOKENS, accessToken: `the-access-token-${i}` })));
  for (const copy of [...copies, it.copy(box)]) match((await copy.load())!.accessToken, SECRETS);
  deepStrictEqual(it.log.messages("warn"), []);
});

Deno.test("what was in a file goes to the keychain when that is asked for, and stays there until logout", async () => {
  await using it = await scratch();
  const box = memoryBox();
  await it.copy().save(TOKENS);
  match(await it.text(), SECRETS);
  deepStrictEqual(await it.copy(box).load(), TOKENS);
  strictEqual(SECRETS.test(await it.text()), false);

  const plain = it.plainCopy(box);
  deepStrictEqual(await plain.load(), TOKENS);
  await plain.save(undefined);
  await plain.save(TOKENS);
  strictEqual(plain.keeping, "keychain");
  strictEqual(SECRETS.test(await it.text()), false);

  await plain.forget();
  strictEqual(box.secrets.size, 0);
  deepStrictEqual(await listAccounts(it.directory), []);
  await plain.save(TOKENS);
  match(await it.text(), SECRETS);
});

Deno.test("without the keychain it is said, once, and a sign-in is kept in memory for this run", async () => {
  await using it = await scratch();
  const store = it.copy(BROKEN);
  await store.save(TOKENS);
  await store.savePort(1);
  await store.save({ ...TOKENS, accessToken: "the-access-token-2" });
  strictEqual((await store.load())?.accessToken, "the-access-token-2");
  deepStrictEqual((await store.known()).client(CLIENT.issuer), CLIENT);
  strictEqual(store.keeping, "memory");
  strictEqual(SECRETS.test(await it.text()), false);
  strictEqual(await it.copy(memoryBox()).load(), undefined);
  const warnings = it.log.records.filter(({ level }) => level === "warn");
  strictEqual(warnings.length, 1);
  match(warnings[0]!.message, /kept in memory/);
  match(JSON.stringify(warnings[0]), /there is no such tool.*install it/);
});

Deno.test("what the keychain has is there again when the keychain is, whatever happened meanwhile", async () => {
  await using it = await scratch();
  const box = memoryBox();
  await it.copy(box).save(TOKENS);
  const without = it.copy(BROKEN);
  strictEqual(await without.load(), undefined);
  await without.save({ ...TOKENS, accessToken: "the-access-token-2" });
  await without.savePort(9);
  deepStrictEqual(await it.copy(box).load(), TOKENS);
  // But who logs out is logged out.
  await without.forget();
  strictEqual(await it.copy(box).load(), undefined);
  deepStrictEqual(await listAccounts(it.directory), []);
});

Deno.test("a key that is gone from the keychain is a sign-in that is gone; the next one makes another", async () => {
  await using it = await scratch();
  const box = memoryBox();
  await it.copy(box).save(TOKENS);
  box.secrets.clear();
  const store = it.copy(box);
  strictEqual(await store.load(), undefined);
  match(JSON.stringify(it.log.records), /does not give the key/);
  await store.save({ ...TOKENS, accessToken: "the-access-token-2" });
  strictEqual(store.keeping, "keychain");
  strictEqual((await it.copy(box).load())?.accessToken, "the-access-token-2");
});

Deno.test("a keychain that gives nothing for a while loses nothing", async () => {
  await using it = await scratch();
  const box = memoryBox();
  await it.copy(box).save(TOKENS);
  const [[id, key]] = [...box.secrets] as [[string, string]];
  box.secrets.clear();
  const store = it.copy(box);
  strictEqual(await store.load(), undefined);
  box.secrets.set(id, key);
  await store.savePort(1);
  deepStrictEqual(await it.copy(box).load(), TOKENS);
});

Deno.test("tokens that can't be written are not forgotten for what the file still says", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using it = await scratch();
  const store = it.copy();
  await store.save(TOKENS);
  // A file where the folder was: nothing can be written any more, whoever tries; the old file is put back to be read.
  const accounts = `${it.directory}/accounts`;
  const [file] = [...Deno.readDirSync(accounts)].filter(({ name }) => name.endsWith(".json"));
  const path = `${accounts}/${file!.name}`;
  const old = await Deno.readTextFile(path);
  await Deno.remove(path);
  await Deno.mkdir(path);
  await store.save({ ...TOKENS, refreshToken: "the-refresh-token-2" });
  strictEqual(store.keeping, "memory");
  await Deno.remove(path);
  await Deno.writeTextFile(path, old, { mode: 0o600 });
  strictEqual((await store.load())?.refreshToken, "the-refresh-token-2");
  // Once it can be written again, it is.
  await store.savePort(1);
  strictEqual((await it.copy().load())?.refreshToken, "the-refresh-token-2");
  strictEqual(store.keeping, "file");
});

Deno.test("whoever forgets is told what may be left, and nothing where all is gone", async () => {
  const stage = await scratch();
  try {
    const copy = stage.copy();
    strictEqual(await copy.forget(), undefined);
    await copy.save(TOKENS);
    strictEqual(await copy.forget(), undefined);
    strictEqual(copy.trouble, undefined);
    // A file stands where the directory should be: nothing can be read, nor written.
    await Deno.writeTextFile(`${stage.root}/file`, "");
    const other = stage.copy(undefined, `${stage.root}/file`);
    strictEqual(await other.load(), undefined);
    match(other.trouble!, /file/);
    await other.save(TOKENS);
    match((await other.forget())!, /file/);
  } finally {
    await Deno.remove(stage.root, { recursive: true });
  }
});

Deno.test("without a directory everything is in memory, and that is said", async () => {
  await using it = await scratch();
  const store = createAccountStore({
    key: "key",
    server: FACTS.server,
    openKeychain: never,
    endpoint: FACTS.server,
    logger: it.log.logger,
  });
  await store.save(TOKENS);
  deepStrictEqual(await store.load(), TOKENS);
  strictEqual(store.keeping, "memory");
  ok(it.log.messages("warn").length === 1);
});
