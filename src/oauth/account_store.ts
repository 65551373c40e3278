import { pause } from "../link/pause.ts";
import type { KnownServer } from "../mcp/early_answers.ts";
import { entryPath, type EntryPlace, missingFlags } from "../store/entry_path.ts";
import { keepPrivate } from "../store/keep_private.ts";
import { tryLock } from "../store/lock.ts";
import { readEntries } from "../store/read_entries.ts";
import { readEntry } from "../store/read_entry.ts";
import { createSealer, type Sealer } from "../store/sealer.ts";
import { type SecretBox, SecretBoxError } from "../store/secret_box.ts";
import { writeEntry } from "../store/write_entry.ts";
import type { Logger } from "../telemetry/logger.ts";
import { ACCOUNTS } from "./account_key.ts";
import {
  type AccountEntry,
  type AccountFacts,
  type AccountSecrets,
  readAccount,
  type TokenSummary,
} from "./read_account.ts";
import type { Known } from "./registration.ts";
import { type Client, isRenewable, type Tokens } from "./tokens.ts";

/** What {@linkcode createAccountStore} needs. */
export interface AccountStoreOptions {
  /** The store's directory; absent: it is kept in memory. */
  readonly directory?: string;
  /** What the account belongs to: the endpoint, and as whom. */
  readonly key: string;
  /** The MCP server, as it is shown. */
  readonly server: string;
  /** Whether new secrets are kept by the keychain. What it has stays there, whatever this says. @default false */
  readonly keychain?: boolean;
  /** Opens the keychain. @throws {SecretBoxError} */
  readonly openKeychain: (directory: string) => SecretBox;
  /** The endpoint, for logs. */
  readonly endpoint: string;
  readonly logger: Logger;
}

/** Where an account is kept. */
export type Keeping = "file" | "keychain" | "memory";

/** What is kept of one account. */
export interface StoredAccount {
  /** Where the tokens are, as far as is known by now. */
  readonly keeping: Keeping;
  /** Reads the tokens, past any cache. */
  load(): Promise<Tokens | undefined>;
  /** Keeps other tokens, or none. Never rejects for what can't be written: it is kept in memory then. */
  save(tokens: Tokens | undefined): Promise<void>;
  /** Keeps other copies out; `undefined` when one is in. */
  tryLock(what: "renew" | "sign-in"): Promise<Disposable | undefined>;
  /** Where another copy sends the user, while it does. */
  pendingUrl(): Promise<string | undefined>;
  setPendingUrl(url: string | undefined): Promise<void>;
  /** What is known of clients. */
  known(): Promise<Known>;
  /** Keeps a client that was registered. */
  saveClient(client: Client): Promise<void>;
  /** Forgets a client that its authorization server does not know any more. */
  forgetClient(client: Client): Promise<void>;
  /** Forgets tokens and clients. @returns why they may be in the store all the same; undefined when they are not */
  forget(): Promise<string | undefined>;
  /** Why what is stored can't be read, or nothing written; undefined as far as nothing went wrong. */
  readonly trouble: string | undefined;
  /** The port the browser came back to the last time. */
  readonly port: number | undefined;
  savePort(port: number): Promise<void>;
  /** What the server has said of itself the last time. */
  server(): Promise<KnownServer | undefined>;
  saveServer(server: KnownServer): Promise<void>;
}

/** A URL that another copy shows counts so long, in milliseconds. */
const PENDING_MS = 15 * 60_000;

/** How long a copy that writes is waited for, in milliseconds; a keychain may ask the person something. */
const WRITING_MS = 10_000;
const WRITING_LOOK_MS = 10;
const NO_LOCK: Disposable = { [Symbol.dispose]() {} };

/** How often it is looked whether another copy has let go of a lock, in milliseconds. */
const LOOK_MS = 50;

/** Makes a {@linkcode StoredAccount}. */
export function createAccountStore(options: AccountStoreOptions): StoredAccount {
  const { directory, key, endpoint, logger, keychain = false } = options;
  const nothing: AccountFacts & AccountSecrets = { name: options.server, clients: [] };
  const place: EntryPlace | undefined = directory === undefined
    ? undefined
    : { directory, kind: ACCOUNTS, key };
  /** All that is known; the secrets of it are opened. */
  let account = nothing;
  /** Secrets that could not be written: they count, whatever the file says. */
  let own: AccountSecrets | undefined = place === undefined ? nothing : undefined;
  let keeping: Keeping = place === undefined ? "memory" : keychain ? "keychain" : "file";
  /** The keychain can't be used, as long as this program runs. */
  let unsealable = false;
  /** What is sealed and could not be opened. */
  let unopened: string | undefined;
  let sealer: Promise<Sealer> | undefined;
  let told = false;
  let trouble: string | undefined;
  let writing: Promise<void> = Promise.resolve();
  /** The ids of clients that nobody knows any more, though tokens of theirs may be there. */
  const unknown = new Set<string>();
  const isKnown = ({ clientId }: Client) => !unknown.has(clientId);

  function withClient(clients: readonly Client[], client: Client): readonly Client[] {
    return client.origin === "registered" && isKnown(client)
      ? [...clients.filter(({ issuer }) => issuer !== client.issuer), client]
      : clients;
  }

  async function read(): Promise<AccountFacts & AccountSecrets> {
    await writing;
    if (place === undefined) return account;
    let found: AccountEntry | undefined;
    const missing = missingFlags(place.directory);
    if (missing !== undefined) inMemory(`Deno's permission ${missing} is missing`);
    try {
      const mended = await keepPrivate(place);
      if (mended.length > 0) {
        logger.warn("others could read what is stored: that is over", { endpoint, paths: mended });
      }
      found = readAccount(await readEntry(place));
    } catch (error) {
      inMemory(String(error));
    }
    if (found === undefined) return account;
    account = await opened(found);
    // It was in the file before the keychain was asked for.
    const isPlain = found.tokens !== undefined || found.clients.length > 0;
    if (keychain && isPlain && !unsealable) await change((now) => now);
    return account;
  }

  /** An entry with its secrets. */
  async function opened(entry: AccountEntry): Promise<AccountFacts & AccountSecrets> {
    const { version: _, sealed, summary: __, tokens, clients, ...facts } = entry;
    if (own !== undefined) return { ...facts, ...own };
    if (sealed === undefined) return { ...facts, ...secretsIn({ tokens, clients }) };
    if (sealed !== unopened && !unsealable) {
      try {
        const text = await (await theSealer()).open(sealed);
        if (text !== undefined) {
          keeping = "keychain";
          return { ...facts, ...JSON.parse(text) as AccountSecrets };
        }
        logger.warn("the keychain does not give the key to the stored sign-in", {
          endpoint,
          hint: "is it locked? If the key is gone, sign in again",
        });
      } catch (error) {
        withoutKeychain(error);
      }
      unopened = sealed;
    }
    return { ...facts, clients: [] };
  }

  /** Changes what is kept: what others have changed meanwhile stays. */
  function change(
    how: (now: AccountFacts & AccountSecrets) => AccountFacts & AccountSecrets,
    forgetting = false,
  ): Promise<void> {
    const before = writing;
    return writing = (async () => {
      await before;
      if (place === undefined) {
        account = how(account);
        return inMemory("there is no directory for it");
      }
      using _alone = await lockWriting(place);
      const found = readAccount(await readEntry(place).catch(() => undefined));
      const entry = forgetting ? undefined : found;
      account = how(entry === undefined ? account : await opened(entry));
      const next = await closed(account, entry);
      if (await write(place, next.entry) && next.whole) {
        own = undefined;
        keeping = next.entry.sealed === undefined ? keychain ? keeping : "file" : "keychain";
      } else {
        own = secretsIn(account);
      }
    })();
  }

  /** Between reading and writing nobody else may write, or what they have written is lost: a refresh token, at worst. */
  async function lockWriting(place: EntryPlace): Promise<Disposable> {
    for (let waited = 0; waited < WRITING_MS; waited += WRITING_LOOK_MS) {
      const held = await tryLock(place, "write").catch(() => NO_LOCK);
      if (held !== undefined) return held;
      await pause(WRITING_LOOK_MS);
    }
    // Whoever has it does not run.
    return NO_LOCK;
  }

  async function write(place: EntryPlace, entry: AccountEntry): Promise<boolean> {
    try {
      if (await writeEntry(place, entry)) return true;
      inMemory(`Deno's permission ${missingFlags(place.directory)} is missing`);
    } catch (error) {
      inMemory(String(error));
    }
    return false;
  }

  /** What is written of an account in place of an entry, and whether that is all of it. */
  async function closed(
    { tokens, clients, ...facts }: AccountFacts & AccountSecrets,
    before: AccountEntry | undefined,
  ): Promise<{ readonly entry: AccountEntry; readonly whole: boolean }> {
    const secrets = secretsIn({ tokens, clients });
    const wasSealed = before?.sealed !== undefined;
    const isEmpty = tokens === undefined && clients.length === 0;
    if (!wasSealed && (isEmpty || !keychain)) {
      return { entry: { version: 1, ...facts, ...secrets }, whole: true };
    }
    // Nothing takes the place of what another copy may be able to open, but another sign-in.
    const isMute = wasSealed && isEmpty && before.sealed === unopened;
    if (!unsealable && !isMute) {
      try {
        const sealed = await (await theSealer()).seal(JSON.stringify(secrets), before?.sealed);
        const summary = tokens === undefined ? {} : { summary: summaryOf(tokens) };
        return { entry: { version: 1, ...facts, clients: [], sealed, ...summary }, whole: true };
      } catch (error) {
        withoutKeychain(error);
      }
    }
    // What was there may be of use another day, and nothing joins it.
    const { sealed, summary } = before ?? {};
    return {
      entry: {
        version: 1,
        ...facts,
        ...secretsIn(before ?? nothing),
        ...(sealed === undefined ? {} : { sealed }),
        ...(summary === undefined ? {} : { summary }),
      },
      whole: isMute,
    };
  }

  function theSealer(): Promise<Sealer> {
    return sealer ??= Promise.resolve(createSealer({
      box: () => options.openKeychain(place!.directory),
      // The file's name, which is the same for all copies and tells nothing of the server.
      id: entryPath(place!).replace(/^.*\//s, "").replace(/\.json$/, ""),
      label: `mcp-connect: ${options.server}`,
      exclusively,
    }));
  }

  async function exclusively<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      using held = await tryLock(place!, "key");
      if (held !== undefined) return await work();
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  function withoutKeychain(error: unknown): void {
    unsealable = true;
    const hint = error instanceof SecretBoxError ? error.hint : undefined;
    const why = error instanceof Error ? error.message : String(error);
    inMemory(`the keychain can't be used: ${why}`, hint);
  }

  function inMemory(why: string, hint?: string): void {
    keeping = "memory";
    if (place !== undefined) trouble = why;
    if (told) return;
    told = true;
    logger.warn("the sign-in is kept in memory, and gone when this program ends", {
      endpoint,
      why,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  return {
    async load() {
      return (await read()).tokens;
    },
    save: (tokens) =>
      change(({ tokens: _, ...now }) =>
        tokens === undefined ? now : { ...now, tokens, clients: withClient(now.clients, tokens.client) }
      ),
    async tryLock(what) {
      if (place === undefined) return { [Symbol.dispose]() {} };
      try {
        return await tryLock(place, what);
      } catch (error) {
        logger.debug("there is no lock among copies of this program", { endpoint, error: String(error) });
        return { [Symbol.dispose]() {} };
      }
    },
    async pendingUrl() {
      const { pending } = await read();
      return pending !== undefined && pending.until > Date.now() ? pending.url : undefined;
    },
    setPendingUrl: (url) =>
      change(({ pending: _, ...now }) =>
        url === undefined ? now : { ...now, pending: { url, until: Date.now() + PENDING_MS } }
      ),
    async known() {
      const { clients, tokens } = await read();
      return {
        client: (issuer) => clients.find((it) => it.issuer === issuer),
        issuerOf: (clientId) => tokens?.client.clientId === clientId ? tokens.issuer : undefined,
      };
    },
    forgetClient(client) {
      unknown.add(client.clientId);
      return change((now) => ({ ...now, clients: now.clients.filter(isKnown) }));
    },
    saveClient: (client) => change((now) => ({ ...now, clients: withClient(now.clients, client) })),
    async forget() {
      const found = place && readAccount(await readEntry(place).catch(() => undefined));
      await change(() => nothing, true);
      // What could not be written is as it was.
      const left = place !== undefined && own !== undefined ? trouble : undefined;
      if (found?.sealed === undefined) return left;
      try {
        await (await theSealer()).forget();
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        logger.warn("the key is still in the keychain; what it opened is gone", { endpoint, why });
      }
      return left;
    },
    get trouble() {
      return trouble;
    },
    get keeping() {
      return keeping;
    },
    get port() {
      return account.port;
    },
    savePort: (port) => change((now) => ({ ...now, port })),
    server: async () => (await read()).server,
    async saveServer(server) {
      if (JSON.stringify((await read()).server) === JSON.stringify(server)) return;
      await change((now) => ({ ...now, server }));
    },
  };
}

function secretsIn(
  { tokens, clients }: { tokens?: Tokens | undefined; clients: readonly Client[] },
): AccountSecrets {
  return { clients, ...(tokens === undefined ? {} : { tokens }) };
}

/** An account as `status` shows it. */
export interface ListedAccount extends TokenSummary {
  readonly server: string;
  /** Where the tokens are. */
  readonly keeping: Exclude<Keeping, "memory">;
}

function summaryOf(tokens: Tokens): TokenSummary {
  const { issuer, client, scopes = [], expiresAt = null } = tokens;
  return { issuer, clientId: client.clientId, scopes, expiresAt, renewable: isRenewable(tokens) };
}

/** What is stored of all accounts. */
export async function listAccounts(directory: string): Promise<ListedAccount[]> {
  const entries = await readEntries(directory, ACCOUNTS);
  return entries.map(readAccount).filter((it) => it !== undefined).flatMap(
    ({ name, tokens, sealed, summary }): ListedAccount[] => {
      if (sealed !== undefined && summary !== undefined) {
        return [{ server: name, ...summary, keeping: "keychain" }];
      }
      return tokens === undefined ? [] : [{ server: name, ...summaryOf(tokens), keeping: "file" }];
    },
  );
}
