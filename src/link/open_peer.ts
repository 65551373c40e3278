import type { Logger } from "../telemetry/logger.ts";
import { describeEndpoint } from "./describe_endpoint.ts";
import type { Endpoint } from "./endpoint.ts";
import { handshakeGate } from "./handshake_gate.ts";
import { limitInFlight } from "./limit_in_flight.ts";
import type { Peer } from "./peer.ts";

/** How an endpoint is spoken to. Times in milliseconds, sizes in bytes. */
export interface PeerOptions {
  readonly endpoint: Endpoint;
  /** `auto` means Streamable HTTP, then HTTP+SSE, for a URL; other endpoints have one transport each. */
  readonly transport: "auto" | "http" | "sse" | "stdio" | "tcp";
  readonly timeoutMs: number;
  /** Headers for the endpoint's origin, credentials included. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly userAgent: string;
  /** Certificates trusted beside the roots, PEM. */
  readonly caCerts: readonly string[];
  readonly maxMessageSize: number;
  /** Requests in flight at most; the rest wait. */
  readonly maxInFlight: number;
  /** The directory a command runs in; ours by default. */
  readonly cwd?: string;
  /** Variables added to a command's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Told which transport was chosen for a URL, and why. */
  readonly chosen?: (transport: "http" | "sse", why: string) => void;
}

/** Requests that may wait beyond those in flight. */
const MAX_WAITING = 16 * 1024;

/**
 * Makes the Peer of an endpoint. Nothing is opened, and nothing leaves, before the first message; only the code of
 * the wire that is needed is loaded.
 */
export async function openPeer(options: PeerOptions, logger: Logger): Promise<Peer> {
  const endpoint = describeEndpoint(options.endpoint);
  const wire = await openWire(options, endpoint, logger);
  return limitInFlight({ maxInFlight: options.maxInFlight, maxWaiting: MAX_WAITING, endpoint })(wire);
}

async function openWire(options: PeerOptions, name: string, logger: Logger): Promise<Peer> {
  const { endpoint, maxMessageSize, timeoutMs } = options;
  if (endpoint.kind === "http") {
    const { httpPeer } = await import("./http/http_peer.ts");
    const { url } = endpoint;
    return handshakeGate(httpPeer({ ...options, url, endpoint: name, logger }));
  }
  const [{ duplexPeer }, open] = await Promise.all([
    import("./duplex_peer.ts"),
    opener(options, endpoint, logger),
  ]);
  const { explainLink } = await import("./explain_link.ts");
  return duplexPeer({
    open,
    endpoint: name,
    maxMessageSize,
    timeoutMs,
    explain: (error) => explainLink(error, name, endpoint.kind),
    logger,
  });
}

async function opener(options: PeerOptions, endpoint: Exclude<Endpoint, { kind: "http" }>, logger: Logger) {
  switch (endpoint.kind) {
    case "command": {
      const { openChild } = await import("./child/open_child.ts");
      const { command, args } = endpoint;
      const { cwd, env } = options;
      return openChild({ command, args, env, logger, ...(cwd === undefined ? {} : { cwd }) });
    }
    case "tcp":
      return (await import("./socket/open_socket.ts")).openTcp(endpoint);
    case "unix":
      return (await import("./socket/open_socket.ts")).openUnix(endpoint);
  }
}
