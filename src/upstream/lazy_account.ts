import type { Credentials } from "../link/http/credentials.ts";
import type { SignIn } from "../link/sign_in.ts";

/** The user's account at one endpoint, as far as the rest of the program knows it. */
export interface Account extends Credentials, SignIn {
  /** Gives up what is under way. Idempotent. */
  close(): void;
}

/** What {@linkcode lazyAccount} needs. */
export interface LazyAccountOptions {
  /** Whether something is stored that may have to be shown with the first request. */
  readonly stored: boolean;
  /** Loads what is needed. */
  readonly open: () => Promise<Account>;
}

/** An account whose code is loaded when the server first asks for credentials, or when some are stored. */
export function lazyAccount({ stored, open }: LazyAccountOptions): Account {
  let account: Account | undefined;
  let opening: Promise<Account> | undefined;
  let signedIn: () => void = () => {};
  let closed = false;

  function load(): Promise<Account> {
    return opening ??= open().then((it) => {
      it.listen(() => signedIn());
      if (closed) it.close();
      return account = it;
    });
  }

  return {
    async headersFor(request) {
      if (!stored && opening === undefined) return {};
      return await (account ?? await load()).headersFor(request);
    },
    async refused(refusal) {
      return await (account ?? await load()).refused(refusal);
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
      signedIn = it;
    },
    close() {
      closed = true;
      account?.close();
    },
  };
}
