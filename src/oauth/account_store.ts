import type { KnownServer } from "../mcp/early_answers.ts";
import type { EntryPlace } from "../store/entry_path.ts";
import { pause } from "../link/pause.ts";
import { keepPrivate } from "../store/keep_private.ts";
import { tryLock } from "../store/lock.ts";
import { readEntries } from "../store/read_entries.ts";
import { readEntry } from "../store/read_entry.ts";
import { writeEntry } from "../store/write_entry.ts";
import type { Logger } from "../telemetry/logger.ts";
import { type AccountEntry, readAccount } from "./read_account.ts";
import type { Known } from "./registration.ts";
import type { Client, Tokens } from "./tokens.ts";

/** What {@linkcode createAccountStore} needs. */
export interface AccountStoreOptions {
  /** The store's directory; absent: it is kept in memory. */
  readonly directory?: string;
  /** What the account belongs to: the endpoint, and as whom. */
  readonly key: string;
  /** The MCP server, as it is shown. */
  readonly server: string;
  /** The endpoint, for logs. */
  readonly endpoint: string;
  readonly logger: Logger;
}

/** What is kept of one account. */
export interface StoredAccount {
  /** Reads the tokens, past any cache. Never rejects for what can't be read: what is in memory counts then. */
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
  /** Keeps a client, if it was registered. */
  saveClient(client: Client): Promise<void>;
  /** Forgets a client that its authorization server does not know any more. */
  forgetClient(client: Client): Promise<void>;
  /** Forgets tokens and clients. */
  forget(): Promise<void>;
  /** The port the browser came back to the last time. */
  readonly port: number | undefined;
  savePort(port: number): Promise<void>;
  /** What the server has said of itself the last time. */
  server(): Promise<KnownServer | undefined>;
  saveServer(server: KnownServer): Promise<void>;
}

/** The directory of accounts in the store. */
export const ACCOUNTS = "accounts";
/** A URL that another copy shows counts so long, in milliseconds. */
const PENDING_MS = 15 * 60_000;
/** How long a copy that writes is waited for, in milliseconds. */
const WRITING_MS = 3000;
const WRITING_LOOK_MS = 10;
const NO_LOCK: Disposable = { [Symbol.dispose]() {} };

/** Makes a {@linkcode StoredAccount}. */
export function createAccountStore(options: AccountStoreOptions): StoredAccount {
  const { directory, key, endpoint, logger } = options;
  const nothing: AccountEntry = { version: 1, name: options.server, clients: [] };
  const place: EntryPlace | undefined = directory === undefined
    ? undefined
    : { directory, kind: ACCOUNTS, key };
  let entry = nothing;
  let told = false;
  let writing: Promise<void> = Promise.resolve();

  async function read(): Promise<AccountEntry> {
    await writing;
    if (place === undefined) return entry;
    try {
      const mended = await keepPrivate(place);
      if (mended.length > 0) {
        logger.warn("others could read what is stored: that is over", { endpoint, paths: mended });
      }
      entry = readAccount(await readEntry(place)) ?? entry;
    } catch (error) {
      inMemory(String(error));
    }
    return entry;
  }

  /** Changes what is kept: what others have changed meanwhile stays. */
  function change(how: (now: AccountEntry) => AccountEntry): Promise<void> {
    const before = writing;
    return writing = (async () => {
      await before;
      if (place === undefined) {
        entry = how(entry);
        return inMemory("there is no directory for it");
      }
      using _alone = await lockWriting();
      entry = how(readAccount(await readEntry(place).catch(() => undefined)) ?? entry);
      try {
        if (!await writeEntry(place, entry)) inMemory("Deno has no permission to write there");
      } catch (error) {
        inMemory(String(error));
      }
    })();
  }

  /** Between reading and writing nobody else may write, or what they have written is lost: a refresh token, at worst. */
  async function lockWriting(): Promise<Disposable> {
    for (let waited = 0; waited < WRITING_MS; waited += WRITING_LOOK_MS) {
      const held = await tryLock(place!, "write").catch(() => NO_LOCK);
      if (held !== undefined) return held;
      await pause(WRITING_LOOK_MS);
    }
    // Whoever has it does not run.
    return NO_LOCK;
  }

  function inMemory(why: string): void {
    if (told) return;
    told = true;
    logger.warn("the sign-in is kept in memory, and gone when this program ends", { endpoint, why });
  }

  return {
    async load() {
      return (await read()).tokens;
    },
    save: (tokens) => change(({ tokens: _, ...now }) => tokens === undefined ? now : { ...now, tokens }),
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
    saveClient: (client) => change((now) => ({ ...now, clients: withClient(now.clients, client) })),
    forgetClient: ({ issuer, clientId }) =>
      change((now) => ({
        ...now,
        clients: now.clients.filter((it) => it.issuer !== issuer || it.clientId !== clientId),
      })),
    forget: () => change(() => nothing),
    get port() {
      return entry.port;
    },
    savePort: (port) => change((now) => ({ ...now, port })),
    server: async () => (await read()).server,
    async saveServer(server) {
      if (JSON.stringify((await read()).server) === JSON.stringify(server)) return;
      await change((now) => ({ ...now, server }));
    },
  };
}

function withClient(clients: readonly Client[], client: Client): readonly Client[] {
  return client.origin === "registered"
    ? [...clients.filter(({ issuer }) => issuer !== client.issuer), client]
    : clients;
}

/** An account as `status` shows it: nothing of it is secret. */
export interface AccountFacts {
  readonly server: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** When the access token ends, in milliseconds since the epoch; `null` when nobody has said. */
  readonly expiresAt: number | null;
  /** It can be renewed without the user. */
  readonly renewable: boolean;
}

/** What is stored of all accounts. */
export async function listAccounts(directory: string): Promise<AccountFacts[]> {
  const entries = await readEntries(directory, ACCOUNTS);
  return entries.flatMap((it) => {
    const { name, tokens } = readAccount(it) ?? {};
    if (name === undefined || tokens === undefined) return [];
    const { issuer, client, scopes = [], expiresAt = null, refreshToken, grant } = tokens;
    const renewable = refreshToken !== undefined || grant === "client_credentials";
    return [{ server: name, issuer, clientId: client.clientId, scopes, expiresAt, renewable }];
  });
}
