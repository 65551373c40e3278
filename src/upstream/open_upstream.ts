import type { ConnectSettings, Fallback } from "../config/settings.ts";
import type { Message } from "../jsonrpc/message.ts";
import { describeEndpoint } from "../link/describe_endpoint.ts";
import type { Endpoint } from "../link/endpoint.ts";
import { openExchange } from "../link/exchange.ts";
import { openPeer } from "../link/open_peer.ts";
import type { Exchange, Peer, PeerListener, RequestOptions } from "../link/peer.ts";
import type { Logger } from "../telemetry/logger.ts";
import { clientEras } from "./client_eras.ts";
import { createEraNotes } from "./era_notes.ts";
import type { KeptListening } from "./kept_listening.ts";
import { createListings } from "./listings.ts";
import { recovering } from "./recovery.ts";
import { retrying } from "./retry.ts";
import type { Session } from "./session.ts";

/** What {@linkcode openUpstream} needs beside the settings. */
export interface UpstreamOptions {
  readonly settings: ConnectSettings;
  readonly logger: Logger;
  /** What the client has established. */
  readonly session: () => Session;
}

/** How often a session that ended by itself is established again before the client asks for something. */
const UNASKED_ATTEMPTS = 10;

/**
 * Makes the Peer that stands for the server, whatever becomes of connections, sessions and processes: the endpoint's wire,
 * with recovery of the session and repetition of requests around it. Nothing is opened before the first message.
 */
export async function openUpstream(options: UpstreamOptions): Promise<Peer> {
  const { settings, logger, session } = options;
  const listings = createListings();
  const { store, cwd } = settings;
  // Where the user says which era it is, nothing is found out.
  const stored = store !== undefined && settings.protocol === "auto" && settings.transport !== "sse";
  const eras = createEraNotes({ logger, ...(stored && { store }), ...(cwd !== undefined && { cwd }) });
  let listener: PeerListener | undefined;
  let lastId = 0;

  /** The Peer of one endpoint, which keeps the client's session alive there. */
  async function open(
    { endpoint, transport }: Omit<Fallback, "presumed">,
    replayed: () => void,
  ): Promise<Peer> {
    const { memory: era, ready } = eras.of(endpoint);
    const own = { ...settingsFor(endpoint, settings), endpoint, transport, era };
    const name = describeEndpoint(endpoint);

    /** Keeps a session alive on a wire. */
    function withSession(wire: Peer, session: () => Session, replayed: () => void): Peer {
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
        openWire: () => openPeer({ ...own, protocol: "legacy" }, logger),
        openSession: withSession,
        duplex: endpoint.kind !== "http",
        protocol: settings.protocol,
        memory: era,
        timeoutMs: settings.timeoutMs,
        endpoint: name,
        host: endpoint.kind === "http" ? endpoint.url.host : name,
        logger,
      });
    }

    const wire = await openPeer(own, logger);
    await ready;
    return clientEras({
      legacy: withSession(wire, session, replayed),
      openModern,
      hasSession: () => session().initialize !== undefined,
    });
  }

  async function openWithFallbacks(): Promise<Peer> {
    const { fallbackPool } = await import("./fallback.ts");
    const [first, ...rest] = [settings, ...settings.fallbacks].map((it) => ({
      endpoint: describeEndpoint(it.endpoint),
      open: (replayed: () => void) => open(it, replayed),
      ...("presumed" in it && it.presumed !== undefined ? { warning: it.presumed } : {}),
    }));
    return fallbackPool({
      candidates: [first!, ...rest],
      timeoutMs: settings.timeoutMs,
      returnToFirst: settings.returnToFirst,
      session,
      hintsFor: listings.hintsFor,
      changed(another) {
        if (another) listings.forgetHints();
        void compareLists();
      },
      logger,
    });
  }

  let teller: (() => void) | undefined;

  /** The server may be another than the one whose lists the client has read. */
  async function compareLists(): Promise<void> {
    // Clients without a session listen for what changes.
    if (listings.methods.length === 0 || session().initialize === undefined) return;
    const { changesTeller } = await import("./list_changes.ts");
    const tell = (message: Message) => listener?.receive(message);
    const newId = () => `"mcp-connect-list-${++lastId}"`;
    teller ??= changesTeller({ peer, listings, newId, receive: tell, tell });
    teller();
  }

  const peer =
    await (settings.fallbacks.length === 0 ? open(settings, () => void compareLists()) : openWithFallbacks());
  const layer = retrying({
    attempts: settings.retryAttempts,
    delayMs: settings.retryDelayMs,
    timeoutMs: settings.timeoutMs,
    requestTimeoutMs: settings.requestTimeoutMs,
    listings,
    onceOnly: settings.endpoint.kind === "command" && settings.fallbacks.length === 0,
    endpoint: describeEndpoint(settings.endpoint),
    logger,
  });
  const whole = layer(peer);
  /** There as soon as a client listens for something. */
  let kept: KeptListening | undefined;

  async function keepListening(): Promise<KeptListening> {
    const { keptListening } = await import("./kept_listening.ts");
    return kept ??= keptListening({
      send: whole.request,
      receive: (message) => listener?.receive(message),
      newId: () => `"mcp-connect-listen-${++lastId}"`,
      endpoint: describeEndpoint(settings.endpoint),
      logger,
    });
  }

  function listenFor(message: Message, requestOptions: RequestOptions): Exchange {
    if (kept !== undefined) return kept.carry(message, requestOptions);
    let sent: Exchange | undefined;
    const exchange = openExchange((notice) => sent?.cancel(notice), () => sent?.held ?? sent === undefined);
    void keepListening().then((it) => {
      if (exchange.settled) return;
      sent = it.carry(message, requestOptions);
      sent.whenOver(exchange.settle);
    });
    return exchange;
  }

  return {
    ...whole,
    request: (message, requestOptions = {}) =>
      message.method === "subscriptions/listen"
        ? listenFor(message, requestOptions)
        : whole.request(message, requestOptions),
    listen(it) {
      listener = it;
      whole.listen({
        ...it,
        receive: (message) => (kept?.receiverOf(message) ?? it.receive)(message),
      });
    },
    async close() {
      kept?.close();
      await Promise.all([whole.close(), eras.close()]);
    },
  };
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
