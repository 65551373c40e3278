import type { ConnectSettings, SignInSettings } from "../config/settings.ts";
import { request } from "../jsonrpc/answers.ts";
import { describeEndpoint } from "../link/describe_endpoint.ts";
import type { Endpoint } from "../link/endpoint.ts";
import type { Credentials } from "../link/http/credentials.ts";
import { openPeer } from "../link/open_peer.ts";
import { within } from "../link/pause.ts";
import { LATEST_LEGACY_REVISION } from "../mcp/revision.ts";
import { readChallenge } from "../oauth/challenge.ts";
import { discover, type Discovered } from "../oauth/discover.ts";
import { guardedFetch } from "../oauth/guarded_fetch.ts";
import type { OAuthSettings } from "../oauth/settings.ts";
import type { Logger } from "../telemetry/logger.ts";
import { VERSION } from "../version.ts";
import type { AuthorizationUrl, Place, ServerSignIn } from "./use.ts";

/** What {@linkcode askServers} needs. */
export interface AskServers {
  readonly settings: ConnectSettings;
  readonly places: readonly Place[];
  /** Whether nobody is to be asked. */
  readonly offline: boolean;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** How long the end of the session may take, in milliseconds. */
const CLOSE_MS = 3000;

/**
 * Asks each server at a URL what a client asks it for first. Of one that wants a sign-in it finds out who gives tokens:
 * from its metadata, as a sign-in would. Nobody is signed in, and no credentials are shown but the user's own headers.
 */
export async function askServers(asking: AskServers): Promise<ServerSignIn[]> {
  const { settings: { signIn }, places } = asking;
  if (signIn === undefined) return [];
  const asked = new Map<string, WebPlace>();
  for (const { endpoint, ...place } of places) {
    if (endpoint.kind !== "http") continue;
    const { url } = endpoint;
    const key = `${url.origin}${url.pathname}`;
    // One of the addresses of a name is asked in its place, as the name itself may lead elsewhere, or nowhere.
    if (asked.get(key)?.address === undefined) asked.set(key, { ...place, url });
  }
  return await Promise.all([...asked.values()].map((place) => askServer(place, signIn, asking)));
}

type WebPlace = Omit<Place, "endpoint"> & { readonly url: URL };

async function askServer(
  { url, address, foreign }: WebPlace,
  signIn: SignInSettings,
  asking: AskServers,
): Promise<ServerSignIn> {
  const { settings, offline, logger, signal } = asking;
  const { oauth } = signIn;
  const endpoint: Endpoint = { kind: "http", url };
  const server = describeEndpoint(endpoint);
  const own = ownUrls(oauth);
  if (offline) {
    return { server, answer: "unknown", urls: own, why: "nothing was asked, as --offline wants it" };
  }

  let challenge: { readonly text: string | undefined } | undefined;
  const credentials: Credentials = {
    identity: "",
    headersFor: () => Promise.resolve({}),
    refused(refusal) {
      challenge ??= { text: refusal.challenge };
      return Promise.resolve({ kind: "stands" });
    },
  };
  const { clientCertificate, ...rest } = settings;
  const peer = await openPeer({
    ...rest,
    endpoint,
    credentials,
    ...(address === undefined ? {} : { address }),
    ...(foreign || clientCertificate === undefined ? {} : { clientCertificate }),
    ...(foreign ? { headers: [] } : {}),
  }, logger);
  const outcome = await peer.request(request("1", "initialize", {
    protocolVersion: LATEST_LEGACY_REVISION,
    capabilities: {},
    clientInfo: { name: "mcp-connect", version: VERSION },
  })).outcome;
  await within(peer.close(), CLOSE_MS);
  if (challenge === undefined) {
    return "failure" in outcome
      ? { server, answer: "unknown", urls: own, why: `it did not answer: ${outcome.failure.message}` }
      : { server, answer: "unwanted", urls: [] };
  }

  const fetch = guardedFetch({
    mcpUrl: url,
    allowPrivate: oauth.allowPrivate,
    caCerts: settings.caCerts,
    userAgent: settings.userAgent,
  });
  try {
    const known = { client: () => undefined, issuerOf: () => undefined };
    const found = await discover({
      mcpUrl: url,
      challenge: readChallenge(challenge.text),
      settings: oauth,
      known,
      fetch,
      signal,
    });
    return { server, answer: "wanted", urls: [...foundUrls(found, oauth), ...own] };
  } catch (error) {
    return {
      server,
      answer: "wanted",
      urls: own,
      why: error instanceof Error ? error.message : String(error),
    };
  }
}

/** What the user has named. */
function ownUrls({ tokenUrl, identityProvider }: OAuthSettings): AuthorizationUrl[] {
  return [
    ...(tokenUrl === undefined ? [] : [{ url: new URL(tokenUrl), what: "getting tokens (--token-url)" }]),
    ...(identityProvider === undefined
      ? []
      : [{ url: new URL(identityProvider.tokenUrl), what: "the identity provider (--idp-token-url)" }]),
  ];
}

/** What a sign-in, renewing and signing out ask; where the user is sent is the browser's business. */
function foundUrls({ resourceMetadata, server }: Discovered, { grant }: OAuthSettings): AuthorizationUrl[] {
  const { metadata, known } = server;
  const texts: readonly (readonly [text: string | undefined, what: string])[] = [
    [resourceMetadata?.url, "the server's metadata"],
    [known === "settings" ? undefined : metadata.issuer, "the authorization server"],
    [metadata.token_endpoint, "the authorization server"],
    [metadata.registration_endpoint, "the authorization server"],
    [metadata.revocation_endpoint, "the authorization server"],
    [metadata.pushed_authorization_request_endpoint, "the authorization server"],
    [
      grant === "device_code" ? metadata.device_authorization_endpoint : undefined,
      "the authorization server",
    ],
  ];
  return texts.flatMap(([text, what]) =>
    text === undefined || !URL.canParse(text) ? [] : [{ url: new URL(text), what }]
  );
}
