import type { ConnectSettings, Fallback } from "../config/settings.ts";
import { describeEndpoint } from "../link/describe_endpoint.ts";
import type { Endpoint } from "../link/endpoint.ts";
import type { SentAhead } from "../link/http/sent_ahead.ts";
import { openBegunPeer, openPeer } from "../link/open_peer.ts";
import type { Peer } from "../link/peer.ts";
import type { Logger } from "../telemetry/logger.ts";
import { clientEras } from "./client_eras.ts";
import type { EraNote } from "./era_notes.ts";
import { recovering } from "./recovery.ts";
import type { Session } from "./session.ts";
import { signInGate } from "./sign_in_gate.ts";
import { type UserAccount, userAccount } from "./user_account.ts";

/** Where a server is. */
export interface Place extends Omit<Fallback, "presumed"> {
  /** What is connected to in place of the endpoint's name. */
  readonly address?: { readonly hostname: string; readonly port: number };
}

/** What {@linkcode openCandidate} needs. */
export interface CandidateOptions {
  /** Where the server is. */
  readonly candidate: Place;
  readonly settings: ConnectSettings;
  /** What is known of the server's eras. */
  readonly era: EraNote;
  /** What the legacy client has established. */
  readonly session: () => Session;
  /** To be called when that has been established again. */
  readonly replayed: (capabilities: Readonly<Record<string, unknown>>) => void;
  /** Aborts when the client has gone. */
  readonly leaving: AbortSignal;
  /** A request that has been sent already: the first that would be. */
  readonly ahead?: SentAhead;
  readonly logger: Logger;
}

/** How often a session that ended by itself is established again before the client asks for something. */
const UNASKED_ATTEMPTS = 10;
/** The part of --timeout that the user may take to sign in before the client is answered without. */
const MOST_OF_TIMEOUT = 0.8;

/**
 * Makes the Peer of one endpoint, for clients of either era: with the user's account there, and what keeps sessions alive.
 * Nothing is opened before the first message.
 */
export async function openCandidate(options: CandidateOptions): Promise<Peer> {
  const { candidate: { endpoint, transport }, settings, session, logger } = options;
  const { memory, ready } = options.era;
  const name = describeEndpoint(endpoint);
  const account = accountAt(endpoint, settings, name, logger);
  const own = {
    ...settingsFor(endpoint, settings),
    endpoint,
    transport,
    ...(options.candidate.address && { address: options.candidate.address }),
    era: memory,
    ...(account === undefined ? {} : { credentials: account }),
  };

  /** Keeps a session alive on a wire. */
  function withSession(wire: Peer, session: () => Session, replayed: CandidateOptions["replayed"]): Peer {
    return recovering({
      session,
      endpoint: name,
      logger,
      timeoutMs: settings.timeoutMs,
      delayMs: settings.retryDelayMs,
      attempts: endpoint.kind === "command" ? settings.retryAttempts : UNASKED_ATTEMPTS,
      keepAliveMs: settings.keepAliveMs,
      // A server that does one thing at a time may be busy with that for a while.
      pingMs: settings.timeoutMs,
      mayDieSilently: endpoint.kind !== "command",
      replayed,
    })(wire);
  }

  async function openModern(): Promise<Peer> {
    const { modernClient } = await import("./modern/modern_client.ts");
    return modernClient({
      openWire: async () => withMemory(await openPeer({ ...own, protocol: "legacy" }, logger), account),
      openSession: withSession,
      duplex: endpoint.kind !== "http",
      protocol: settings.protocol,
      memory,
      timeoutMs: settings.timeoutMs,
      endpoint: name,
      host: hostOf(endpoint, name),
      logger,
    });
  }

  const { ahead } = options;
  const wire = withMemory(await openBegunPeer({ ...own, ...(ahead && { ahead }) }, logger), account);
  await ready;
  const peer = clientEras({
    legacy: withSession(wire, session, options.replayed),
    openModern,
    hasSession: () => session().initialize !== undefined,
  });
  return account === undefined ? peer : withAccount(peer, account, { ...options, name });
}

/** The user's account at an endpoint, where one may be needed. */
function accountAt(
  endpoint: Endpoint,
  settings: ConnectSettings,
  name: string,
  logger: Logger,
): UserAccount | undefined {
  const { store, caCerts, userAgent, timeoutMs } = settings;
  if (settings.signIn === undefined || endpoint.kind !== "http") return undefined;
  // An answer is due within --timeout, which fallbacks share, and the server needs some of that.
  const shareMs = timeoutMs / (1 + settings.fallbacks.length);
  const waitMs = Math.min(settings.signIn.waitMs, shareMs * MOST_OF_TIMEOUT);
  const signIn = { ...settings.signIn, waitMs };
  const { url } = endpoint;
  const place = store === undefined ? {} : { directory: store };
  return userAccount({ ...place, url, signIn, caCerts, userAgent, endpoint: name, logger });
}

/** What the server says of itself once the user has signed in, whoever has asked for it, is remembered for the next time. */
function withMemory(wire: Peer, account: UserAccount | undefined): Peer {
  if (account === undefined) return wire;
  return {
    ...wire,
    request(message, requestOptions) {
      const exchange = wire.request(message, requestOptions);
      if (message.method !== "initialize" && message.method !== "server/discover") return exchange;
      exchange.whenOver((outcome) => {
        if (outcome.kind === "answered" && account.used) account.remember(outcome.message);
      });
      return exchange;
    },
  };
}

function withAccount(
  peer: Peer,
  account: UserAccount,
  { session, name, candidate: { endpoint }, leaving, logger }: CandidateOptions & { readonly name: string },
): Peer {
  leaving.addEventListener("abort", account.leave, { once: true });
  const gated = signInGate({
    signIn: account,
    session,
    known: account.known,
    endpoint: name,
    host: hostOf(endpoint, name),
    logger,
  })(peer);
  return {
    ...gated,
    async close() {
      await Promise.all([account.close(), gated.close()]);
    },
  };
}

/** The name of a server that does not give its own. */
function hostOf(endpoint: Endpoint, name: string): string {
  return endpoint.kind === "http" ? endpoint.url.host : name;
}

/** The settings for an endpoint: headers and certificates are for the origin they were given for, and go to no other. */
function settingsFor(endpoint: Endpoint, settings: ConnectSettings): ConnectSettings {
  const main = settings.endpoint;
  const sameOrigin = endpoint.kind === "http" && main.kind === "http" &&
    endpoint.url.origin === main.url.origin;
  if (endpoint === main || sameOrigin) return settings;
  const { clientCertificate: _, ...rest } = settings;
  return { ...rest, headers: [] };
}
