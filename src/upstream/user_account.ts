import type { SignInSettings } from "../config/settings.ts";
import type { Message } from "../jsonrpc/message.ts";
import { type Failure, failure } from "../link/failure.ts";
import { within } from "../link/pause.ts";
import type { Credentials } from "../link/http/credentials.ts";
import type { SignIn, SignInListener } from "../link/sign_in.ts";
import type { KnownServer } from "../mcp/early_answers.ts";
import { accountKey, ACCOUNTS } from "../oauth/account_key.ts";
import type { OpenAccount } from "../oauth/open_account.ts";
import { hasEntry } from "../store/entry_path.ts";
import type { Logger } from "../telemetry/logger.ts";

/** The user's account at one endpoint, as far as the rest of the program knows it. */
export interface UserAccount extends Credentials, SignIn {
  /** What the server has said of itself the last time. */
  known(): Promise<KnownServer | undefined>;
  /** Takes the server's answer to `initialize`, for the next time. */
  remember(answer: Message): void;
  /** The client has gone: nobody is asked to sign in for it any more. Idempotent. */
  leave(): void;
  /** Gives up what is under way, and writes what is to be remembered if that takes no more than a moment. Idempotent. */
  close(): Promise<void>;
}

/** What {@linkcode userAccount} needs. */
export interface UserAccountOptions {
  /** The MCP server. */
  readonly url: URL;
  readonly signIn: SignInSettings;
  /** The store's directory; absent: what a sign-in gives is kept in memory. */
  readonly directory?: string;
  readonly caCerts: readonly string[];
  readonly userAgent: string;
  /** The endpoint, for logs and errors. */
  readonly endpoint: string;
  readonly logger: Logger;
}

/** How long the last write may hold up the end of the program, in milliseconds. */
const CLOSE_MS = 200;

/** The user's account, whose code is loaded when the server first asks for credentials, or when some are stored. */
export function userAccount(options: UserAccountOptions): UserAccount {
  /** There is something in the store; looked at when the server is first asked. */
  let stored: boolean | undefined;
  let account: OpenAccount["account"] | undefined;
  let opening: Promise<OpenAccount> | undefined;
  let listener: SignInListener | undefined;
  let remembering: Promise<void> = Promise.resolve();
  let left = false;
  let closed = false;

  function open(): Promise<OpenAccount> {
    return opening ??= import("../oauth/open_account.ts").then(({ openAccount }) => {
      const { signIn, ...rest } = options;
      const opened = openAccount({
        ...rest,
        settings: signIn.oauth,
        keychain: signIn.keychain,
        waitMs: signIn.waitMs,
        say,
      });
      account = opened.account;
      account.listen({ shown: () => listener?.shown(), signedIn: () => listener?.signedIn() });
      if (left) account.leave();
      if (closed) account.close();
      return opened;
    });
  }

  /** The account, or why its code is not there: a file that is missing, or a package that Deno was not told of. */
  async function accountOrFailure(): Promise<OpenAccount["account"] | Failure> {
    try {
      return (await open()).account;
    } catch (error) {
      // Deno adds advice for whoever writes the program.
      const [why] = (error instanceof Error ? error.message : String(error)).split("\n");
      return failure(
        "UNAUTHORIZED",
        options.endpoint,
        `the server asks for credentials, and the code for signing in can't be loaded: ${why}`,
        "is the program whole? From a checkout, Deno needs its deno.json (--config)",
      );
    }
  }

  return {
    get identity() {
      return account?.identity ?? "";
    },
    async headersFor(request) {
      if (opening === undefined && !(stored ??= isStored(options))) return {};
      const it = account ?? await accountOrFailure();
      return "code" in it ? it : await it.headersFor(request);
    },
    async refused(refusal) {
      const it = account ?? await accountOrFailure();
      return "code" in it ? { kind: "failed", failure: it } : await it.refused(refusal);
    },
    accepted() {
      account?.accepted?.();
    },
    get pending() {
      return account?.pending === true;
    },
    get url() {
      return account?.url;
    },
    get used() {
      return account?.used === true;
    },
    listen(it) {
      listener = it;
    },
    async known() {
      return await (await open()).store.server().catch(() => undefined);
    },
    remember(answer) {
      remembering = remembering.then(async () => {
        const { knownFrom } = await import("../mcp/early_answers.ts");
        const known = knownFrom(answer);
        if (known !== undefined) await (await open()).store.saveServer(known);
      }).catch(() => {});
    },
    leave() {
      left = true;
      account?.leave();
    },
    async close() {
      closed = true;
      account?.close();
      await within(remembering, CLOSE_MS);
    },
  };
}

const encoder = new TextEncoder();

/** What the person has to read goes by no filter: an address of which a part is blotted out is of no use. */
function say(text: string): void {
  const bytes = encoder.encode(`${text}\n`);
  try {
    for (let from = 0; from < bytes.length;) from += Deno.stderr.writeSync(bytes.subarray(from));
  } catch {
    // Nobody reads it.
  }
}

/** Whether something is stored for the account, as far as Deno's permissions show it; never prompts. */
function isStored({ directory, url, signIn }: UserAccountOptions): boolean {
  return directory !== undefined &&
    hasEntry({ directory, kind: ACCOUNTS, key: accountKey(url, signIn.oauth) });
}
