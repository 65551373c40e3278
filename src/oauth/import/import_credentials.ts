import { type Failure, failure } from "../../link/failure.ts";
import type { CredentialRefusal, Credentials } from "../../link/http/credentials.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { StoredAccount } from "../account_store.ts";
import { readChallenge } from "../challenge.ts";
import { discover } from "../discover.ts";
import { SignInError } from "../errors.ts";
import type { GuardedFetch } from "../guarded_fetch.ts";
import { renew } from "../renew.ts";
import type { OAuthSettings } from "../settings.ts";
import { isFor, isOver, secretsOf, type Tokens } from "../tokens.ts";
import type { McpRemoteSignIn } from "./mcp_remote_files.ts";
import { takeOver } from "./take_over.ts";

/** What {@linkcode importCredentials} needs. */
export interface ImportOptions {
  readonly found: McpRemoteSignIn;
  readonly mcpUrl: URL;
  readonly settings: OAuthSettings;
  readonly store: StoredAccount;
  readonly fetch: GuardedFetch;
  readonly signal: AbortSignal;
  readonly endpoint: string;
  readonly logger: Logger;
}

/** Credentials that are taken over when the server first asks for some. */
export interface ImportedCredentials extends Credentials {
  /** What was taken over, once the server has asked. */
  readonly tokens: Tokens | undefined;
  /** They had to be renewed: the refresh token that mcp-remote has may be spent. */
  readonly renewed: boolean;
  /** What was left behind, and why, as sentences. */
  readonly notes: readonly string[];
}

/**
 * Takes over the tokens of another program when the server asks for credentials: only then, and with what it says, it can be
 * found out who gives tokens for it. Those that have run out, or are refused, are renewed once; nobody is asked to sign in.
 */
export function importCredentials(options: ImportOptions): ImportedCredentials {
  const { found, mcpUrl, settings, store, fetch, signal, endpoint, logger } = options;
  for (const secret of [found.accessToken, found.refreshToken, found.client?.clientSecret]) {
    if (secret !== undefined) logger.secret(secret);
  }
  let tokens: Tokens | undefined;
  let renewed = false;
  let notes: readonly string[] = [];

  async function take({ challenge }: CredentialRefusal): Promise<void> {
    const discovered = await discover({
      mcpUrl,
      challenge: readChallenge(challenge),
      settings,
      known: await store.known(),
      fetch,
      signal,
    });
    ({ tokens, notes } = takeOver({ found, mcpUrl, settings, discovered, now: Date.now() }));
    if (isOver(tokens, Date.now())) await renewOnce(tokens);
  }

  /** What replaces a refresh token is kept at once: the one before may be worth nothing by then. */
  async function renewOnce(old: Tokens): Promise<void> {
    if (old.refreshToken === undefined) {
      throw new SignInError("EXPIRED", "they have run out, and there is no refresh token", {
        hint: "sign in anew, with mcp-connect login",
      });
    }
    renewed = true;
    tokens = await renew({ tokens: old, settings, fetch, signal });
    for (const secret of secretsOf(tokens)) logger.secret(secret);
    await store.save(tokens);
  }

  function failed(error: unknown): Failure {
    const { message, hint } = error instanceof SignInError
      ? error
      : { message: String(error), hint: undefined };
    return failure("LOGIN_REQUIRED", endpoint, `mcp-remote's tokens are of no use: ${message}`, hint);
  }

  return {
    get identity() {
      return tokens === undefined ? "" : JSON.stringify([tokens.issuer, tokens.client.clientId]);
    },
    headersFor({ url }) {
      const fits = tokens !== undefined && isFor(tokens, url);
      return Promise.resolve(fits ? { authorization: `Bearer ${tokens!.accessToken}` } : {});
    },
    async refused(refusal) {
      try {
        if (tokens === undefined) await take(refusal);
        else if (refusal.status === 401 && !renewed) await renewOnce(tokens);
        else {
          throw new SignInError("DENIED", `the server refuses them (HTTP ${refusal.status})`, {
            hint: "sign in anew, with mcp-connect login",
          });
        }
        return { kind: "again" };
      } catch (error) {
        return { kind: "failed", failure: failed(error) };
      }
    },
    get tokens() {
      return tokens;
    },
    get renewed() {
      return renewed;
    },
    get notes() {
      return notes;
    },
  };
}
