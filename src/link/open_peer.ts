import type { Logger } from "../telemetry/logger.ts";
import { USER_AGENT } from "../version.ts";
import { describeEndpoint } from "./describe_endpoint.ts";
import type { Endpoint } from "./endpoint.ts";
import { caching } from "./era/caching.ts";
import { eraLayer } from "./era/era_layer.ts";
import type { EraMemory } from "./era/era_memory.ts";
import type { Credentials } from "./http/credentials.ts";
import type { SentAhead } from "./http/sent_ahead.ts";
import { handshakeGate } from "./handshake_gate.ts";
import type { OpenLink } from "./link.ts";
import { limitInFlight } from "./limit_in_flight.ts";
import type { Outcome, Peer } from "./peer.ts";

/** How an endpoint is spoken to. Times in milliseconds, sizes in bytes. */
export interface PeerOptions {
  /** Where the server is. */
  readonly endpoint: Endpoint;
  /**
   * `auto` means Streamable HTTP, then HTTP+SSE, for a URL; other endpoints have one transport each.
   * @default "auto"
   */
  readonly transport?: "auto" | "http" | "sse" | "stdio" | "tcp";
  /**
   * Which era of the protocol the server speaks; `auto` finds it out.
   * @default "auto"
   */
  readonly protocol?: "auto" | "legacy" | "modern";
  /**
   * What is known of the endpoint's era from before, and will be; for whoever opens the same endpoint several times.
   * @default nothing
   */
  readonly era?: EraMemory;
  /**
   * Whether a modern server's results are kept as long as it calls them fresh.
   * @default true
   */
  readonly cache?: boolean;
  /**
   * How long connecting may take.
   * @default 30_000
   */
  readonly timeoutMs?: number;
  /**
   * Headers for the endpoint's origin, credentials included.
   * @default []
   */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /**
   * The `User-Agent` header.
   * @default "mcp-connect/VERSION"
   */
  readonly userAgent?: string;
  /**
   * Certificates trusted beside the roots, PEM.
   * @default []
   */
  readonly caCerts?: readonly string[];
  /**
   * What a URL's own origin, and no other, is shown of us (mutual TLS), PEM.
   * @default nothing
   */
  readonly clientCertificate?: { readonly cert: string; readonly key: string };
  /**
   * Whether cookies that a URL's own origin sets go back to it, as sticky balancers want it.
   * @default true
   */
  readonly cookies?: boolean;
  /**
   * Credentials for a URL's own origin that come and go.
   * @default none
   */
  readonly credentials?: Credentials;
  /**
   * How long making one connection may take, within `timeoutMs`.
   * @default as long as `timeoutMs` lets it
   */
  readonly connectTimeoutMs?: number;
  /**
   * The largest message taken from the server.
   * @default 128 MiB
   */
  readonly maxMessageSize?: number;
  /**
   * Requests in flight at most; the rest wait.
   * @default 128
   */
  readonly maxInFlight?: number;
  /**
   * The directory a command runs in.
   * @default ours
   */
  readonly cwd?: string;
  /**
   * Variables added to a command's environment.
   * @default {}
   */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * What a URL's or a TCP endpoint's own host is connected to in place of its name, which stays for `Host` and TLS; no
   * proxy is used then.
   * @default what the name leads to
   */
  readonly address?: { readonly hostname: string; readonly port: number };
  /** Told what came of each request that was to tell the server's era. */
  readonly evidence?: (asked: "initialize" | "server/discover", outcome: Outcome) => void;
  /** Told which transport was chosen for a URL, and why. */
  readonly chosen?: (transport: "http" | "sse", why: string) => void;
}

const DEFAULTS = {
  transport: "auto",
  protocol: "auto",
  cache: true,
  timeoutMs: 30_000,
  headers: [],
  userAgent: USER_AGENT,
  caCerts: [],
  cookies: true,
  maxMessageSize: 128 * 1024 * 1024,
  maxInFlight: 128,
  env: {},
} as const satisfies Partial<PeerOptions>;

/** {@linkcode PeerOptions} with nothing left open. */
type CompleteOptions = BegunPeerOptions & Required<Pick<PeerOptions, keyof typeof DEFAULTS>>;

/** Requests that may wait beyond those in flight. */
const MAX_WAITING = 16 * 1024;

/**
 * Makes the Peer of an endpoint. Nothing is opened, and nothing leaves, before the first message; only the code of
 * the wire that is needed is loaded.
 */
export async function openPeer(options: PeerOptions, logger: Logger): Promise<Peer> {
  return await openBegunPeer(options, logger);
}

/** {@linkcode PeerOptions}, and what was begun before there was a Peer. */
export interface BegunPeerOptions extends PeerOptions {
  /** A request that has been sent to a URL already: the first that would be. @default none */
  readonly ahead?: SentAhead;
}

/** {@linkcode openPeer}, for a wire that may have been used already. */
export async function openBegunPeer(options: BegunPeerOptions, logger: Logger): Promise<Peer> {
  const complete: CompleteOptions = { ...DEFAULTS, ...options };
  const endpoint = describeEndpoint(options.endpoint);
  const wire = await openWire(complete, endpoint, logger);
  return limitInFlight({ maxInFlight: complete.maxInFlight, maxWaiting: MAX_WAITING, endpoint })(wire);
}

async function openWire(options: CompleteOptions, name: string, logger: Logger): Promise<Peer> {
  const { endpoint, maxMessageSize, timeoutMs } = options;
  if (endpoint.kind === "http") {
    const { httpPeer } = await import("./http/http_peer.ts");
    const { url } = endpoint;
    return handshakeGate(await httpPeer({ ...options, url, endpoint: name, logger }));
  }
  const [{ duplexPeer }, open] = await Promise.all([
    import("./duplex_peer.ts"),
    opener(options, endpoint, logger).then((open) => bounded(open, options)),
  ]);
  const { explainLink } = await import("./explain_link.ts");
  const wire = duplexPeer({
    open,
    endpoint: name,
    maxMessageSize,
    timeoutMs,
    explain: (error) => explainLink(error, name, endpoint.kind),
    logger,
  });
  const { protocol, era, evidence, cache } = options;
  return eraLayer({
    endpoint: name,
    logger,
    host: name,
    duplex: true,
    protocol,
    ...(era && { memory: era }),
    ...(evidence && { evidence }),
  })(cache ? caching({ endpoint: name, logger })(wire) : wire);
}

/** Opening a socket has a bound of its own where one is given; starting a command is one call that nothing can end. */
async function bounded(open: OpenLink, { endpoint, connectTimeoutMs }: CompleteOptions): Promise<OpenLink> {
  if (connectTimeoutMs === undefined || endpoint.kind === "command") return open;
  const { boundedOpen } = await import("./socket/bounded_open.ts");
  return boundedOpen(open, connectTimeoutMs);
}

async function opener(
  options: CompleteOptions,
  endpoint: Exclude<Endpoint, { kind: "http" }>,
  logger: Logger,
) {
  switch (endpoint.kind) {
    case "command": {
      const { openChild } = await import("./child/open_child.ts");
      const { command, args } = endpoint;
      const { cwd, env } = options;
      return openChild({ command, args, env, logger, ...(cwd === undefined ? {} : { cwd }) });
    }
    case "tcp":
      return (await import("./socket/open_socket.ts")).openTcp(endpoint, options.address);
    case "unix":
      return (await import("./socket/open_socket.ts")).openUnix(endpoint);
  }
}
