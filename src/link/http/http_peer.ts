import type { Logger } from "../../telemetry/logger.ts";
import { caching } from "../era/caching.ts";
import { eraLayer, type EraOptions, type Protocol } from "../era/era_layer.ts";
import type { EraMemory } from "../era/era_memory.ts";
import { mirroredParams } from "../era/mirrored_params.ts";
import type { Peer } from "../peer.ts";
import { autoPeer } from "./auto_peer.ts";
import type { Credentials } from "./credentials.ts";
import { createHttpClient } from "./http_client.ts";
import type { SentAhead } from "./sent_ahead.ts";
import type { SsePeerOptions } from "./sse_peer.ts";
import { streamablePeer, type StreamablePeerOptions } from "./streamable_peer.ts";

/** What an {@linkcode httpPeer} needs. Times in milliseconds, sizes in bytes. */
export interface HttpPeerOptions {
  readonly url: URL;
  /** `http` and `sse` allow that one only. */
  readonly transport: "auto" | "http" | "sse" | "stdio" | "tcp";
  /** The endpoint, for logs and errors. */
  readonly endpoint: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly userAgent: string;
  readonly caCerts: readonly string[];
  readonly clientCertificate?: { readonly cert: string; readonly key: string };
  readonly cookies: boolean;
  readonly credentials?: Credentials;
  readonly connectTimeoutMs?: number;
  readonly address?: { readonly hostname: string; readonly port: number };
  /** A request to the URL that has been sent already: the first that would be. */
  readonly ahead?: SentAhead;
  readonly maxMessageSize: number;
  readonly timeoutMs: number;
  readonly logger: Logger;
  readonly protocol: Protocol;
  readonly cache: boolean;
  readonly era?: EraMemory;
  readonly evidence?: EraOptions["evidence"];
  readonly chosen?: (transport: "http" | "sse", why: string) => void;
}

/** Makes the Peer of a URL: one HTTP client, and the transport that was asked for or is found. */
export async function httpPeer(options: HttpPeerOptions): Promise<Peer> {
  const client = createHttpClient(options);
  const peer = await transportPeer(options, { ...options, client });
  return {
    ...peer,
    async close() {
      await peer.close();
      client.close();
    },
  };
}

async function transportPeer(
  { transport, protocol, era, evidence, cache, credentials, chosen }: HttpPeerOptions,
  options: SsePeerOptions & StreamablePeerOptions,
): Promise<Peer> {
  const { endpoint, logger, url } = options;
  const layer = eraLayer({
    endpoint,
    logger,
    host: url.host,
    duplex: false,
    protocol,
    ...(era && { memory: era }),
    ...(evidence && { evidence }),
  });
  const mirroring = mirroredParams({ endpoint, logger });
  const identity = credentials && { credentials: () => credentials.identity };
  const keeping = cache ? caching({ endpoint, logger, ...identity }) : (next: Peer) => next;
  const openStreamable = () => layer(mirroring(keeping(streamablePeer(options))));
  // Few servers still need it.
  const openSse = async (timeoutMs = options.timeoutMs) =>
    (await import("./sse_peer.ts")).ssePeer({ ...options, timeoutMs });
  if (transport === "http" || transport === "sse") {
    chosen?.(transport, `--transport ${transport}`);
    return transport === "http" ? openStreamable() : await openSse();
  }
  if (protocol === "modern") {
    // HTTP+SSE is of the legacy era.
    chosen?.("http", "--protocol modern");
    return openStreamable();
  }
  return autoPeer({ endpoint, logger, openStreamable, openSse, ...(chosen === undefined ? {} : { chosen }) });
}
