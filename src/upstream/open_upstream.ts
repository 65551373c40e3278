import type { UpstreamSettings } from "../config/balance_settings.ts";
import type { ConnectSettings, Fallback } from "../config/settings.ts";
import type { Message } from "../jsonrpc/message.ts";
import { describeEndpoint } from "../link/describe_endpoint.ts";
import { openExchange } from "../link/exchange.ts";
import type { SentAhead } from "../link/http/sent_ahead.ts";
import type { Exchange, Peer, PeerListener, RequestOptions } from "../link/peer.ts";
import type { Logger } from "../telemetry/logger.ts";
import { createEraNotes } from "./era_notes.ts";
import type { KeptListening } from "./kept_listening.ts";
import { createListings } from "./listings.ts";
import type { ToolHints } from "../mcp/safety.ts";
import { openCandidate } from "./open_candidate.ts";
import { retrying } from "./retry.ts";
import type { Session } from "./session.ts";

/** What {@linkcode openUpstream} needs beside the settings. */
export interface UpstreamOptions {
  readonly settings: ConnectSettings;
  readonly logger: Logger;
  /** What the client has established. */
  readonly session: () => Session;
  /** Aborts when the client has gone, while requests of its may still be in flight. */
  readonly leaving: AbortSignal;
  /** A request that has been sent to the endpoint already: the first that would be. */
  readonly ahead?: SentAhead;
  /** Makes the Peer of several upstreams, where the settings name several. */
  readonly openPool?: (tools: PoolTools) => Promise<Peer>;
}

/** What whoever spreads requests over several upstreams is given. */
export interface PoolTools {
  /** Makes the Peer of one upstream. */
  readonly open: (
    upstream: UpstreamSettings,
    replayed: (capabilities: Readonly<Record<string, unknown>>) => void,
  ) => Promise<Peer>;
  /** What the tool that is called says of itself. */
  readonly hintsFor: (call: Message) => ToolHints | undefined;
  /** Makes that count as unknown for one tool. */
  readonly dispute: (tool: string) => void;
}

/**
 * Makes the Peer that stands for the server, whatever becomes of connections, sessions and processes: the endpoint's wire,
 * with recovery of the session and repetition of requests around it. Nothing is opened before the first message.
 */
export async function openUpstream(options: UpstreamOptions): Promise<Peer> {
  const { settings, logger, session, leaving } = options;
  const listings = createListings();
  const { store, cwd } = settings;
  // Where the user says which era it is, nothing is found out.
  const stored = store !== undefined && settings.protocol === "auto" && settings.transport !== "sse";
  const eras = createEraNotes({ logger, ...(stored && { store }), ...(cwd !== undefined && { cwd }) });
  let listener: PeerListener | undefined;
  let { ahead } = options;
  let lastId = 0;

  /** The Peer of one endpoint. */
  function open(candidate: Omit<Fallback, "presumed">, replayed: () => void): Promise<Peer> {
    const mine = candidate === settings ? ahead : undefined;
    if (mine !== undefined) ahead = undefined;
    return openCandidate({
      candidate,
      settings,
      era: eras.of(candidate.endpoint),
      session,
      replayed,
      leaving,
      logger,
      ...(mine && { ahead: mine }),
    });
  }

  /** The Peer of the endpoint itself, or of the upstreams that stand for it. */
  function openFirst(replayed: () => void): Promise<Peer> {
    const { openPool } = options;
    if (openPool === undefined) return open(settings, replayed);
    return openPool({
      open: (upstream, itsReplayed) =>
        openCandidate({
          candidate: upstream,
          // The user's headers are for all that the user has named.
          settings: upstream.foreign === true
            ? { ...withoutCredentials(settings), endpoint: upstream.endpoint }
            : { ...settings, endpoint: upstream.endpoint },
          era: eras.of(upstream.endpoint),
          session,
          replayed: itsReplayed,
          leaving,
          logger,
        }),
      hintsFor: listings.hintsFor,
      dispute: listings.dispute,
    });
  }

  async function openWithFallbacks(): Promise<Peer> {
    const { fallbackPool } = await import("./fallback.ts");
    const [first, ...rest] = [settings, ...settings.fallbacks].map((it) => ({
      endpoint: describeEndpoint(it.endpoint),
      open: it === settings ? openFirst : (replayed: () => void) => open(it, replayed),
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
    await (settings.fallbacks.length === 0 ? openFirst(() => void compareLists()) : openWithFallbacks());
  const layer = retrying({
    attempts: settings.retryAttempts,
    delayMs: settings.retryDelayMs,
    timeoutMs: settings.timeoutMs,
    requestTimeoutMs: settings.requestTimeoutMs,
    listings,
    onceOnly: settings.endpoint.kind === "command" && settings.fallbacks.length === 0 &&
      options.openPool === undefined,
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

/** For whom the user has not named: headers and certificates stay here. */
function withoutCredentials(settings: ConnectSettings): ConnectSettings {
  const { clientCertificate: _, ...rest } = settings;
  return { ...rest, headers: [] };
}
