import { readChallenge } from "../../src/oauth/challenge.ts";
import { discover, type Discovered } from "../../src/oauth/discover.ts";
import { guardedFetch } from "../../src/oauth/guarded_fetch.ts";
import { DEFAULT_SETTINGS } from "../../src/oauth/settings.ts";
import { LATEST_LEGACY_REVISION } from "../../src/mcp/revision.ts";
import { USER_AGENT, VERSION } from "../../src/version.ts";

/** What a server says of signing in to it. */
export type SignInAnswer =
  | { readonly kind: "unwanted" }
  /** Each host as `--allow-net` takes it; none where it is not known who gives tokens. */
  | { readonly kind: "wanted"; readonly hosts: readonly string[]; readonly why?: string }
  | { readonly kind: "unknown"; readonly why: string };

const PATIENCE_MS = 15_000;

/**
 * Asks a server what a client asks it for first, and if it wants a sign-in, finds out who gives tokens for it. Nobody is
 * signed in.
 */
export async function askSignIn(url: URL, patienceMs = PATIENCE_MS): Promise<SignInAnswer> {
  const signal = AbortSignal.timeout(patienceMs);
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { accept: "application/json, text/event-stream", "content-type": "application/json" },
      body: JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "initialize",
        params: {
          protocolVersion: LATEST_LEGACY_REVISION,
          capabilities: {},
          clientInfo: { name: "mcp-connect", version: VERSION },
        },
      }),
      redirect: "manual",
      signal,
    });
    await response.body?.cancel();
  } catch (error) {
    return { kind: "unknown", why: `it does not answer: ${reasonOf(error)}` };
  }
  if (response.ok) return { kind: "unwanted" };
  if (response.status !== 401) return { kind: "unknown", why: `it answers with status ${response.status}` };
  try {
    const found = await discover({
      mcpUrl: url,
      challenge: readChallenge(response.headers.get("www-authenticate")),
      settings: DEFAULT_SETTINGS,
      known: { client: () => undefined, issuerOf: () => undefined },
      fetch: guardedFetch({
        mcpUrl: url,
        allowPrivate: false,
        caCerts: [],
        userAgent: USER_AGENT,
      }),
      signal,
    });
    return { kind: "wanted", hosts: hostsOf(found) };
  } catch (error) {
    return { kind: "wanted", hosts: [], why: reasonOf(error) };
  }
}

/** Whom a sign-in, renewing and signing out ask; where the user is sent is the browser's business. */
function hostsOf({ resourceMetadata, server: { metadata } }: Discovered): string[] {
  const urls = [
    resourceMetadata?.url,
    metadata.issuer,
    metadata.token_endpoint,
    metadata.registration_endpoint,
    metadata.revocation_endpoint,
    metadata.pushed_authorization_request_endpoint,
    metadata.device_authorization_endpoint,
  ];
  const hosts = urls.flatMap((it) => it !== undefined && URL.canParse(it) ? [hostOf(new URL(it))] : []);
  return [...new Set(hosts)];
}

/** The host and port of a URL, as `--allow-net` takes them. */
export function hostOf({ hostname, port, protocol }: URL): string {
  return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
