import type { Endpoint } from "../link/endpoint.ts";
import type { TransportChoice } from "./settings.ts";

/** How the next upstream is chosen. */
export type PolicyName = (typeof POLICY_NAMES)[number];

/** All of them, the default first. */
export const POLICY_NAMES = [
  "round-robin",
  "least-pending",
  "p2c",
  "random",
  "weighted",
  "sticky",
  "hash",
] as const;

/** What is kept together beyond what must be. */
export type Affinity = "none" | "session" | "resource";

/** One upstream, as the user has named it. */
export interface UpstreamSettings {
  /** Where it is. */
  readonly endpoint: Endpoint;
  /** Never contradicts {@linkcode endpoint}. */
  readonly transport: TransportChoice;
  /** Above 0. */
  readonly weight: number;
  /** It takes nothing new. */
  readonly drain: boolean;
  /** The address that is connected to in place of the endpoint's name, which is kept for `Host` and TLS. */
  readonly address?: { readonly hostname: string; readonly port: number };
  /** It was named by DNS alone, and is outside of the domain that the user has named: it gets none of the user's headers. */
  readonly foreign?: true;
}

/** Where upstreams come from that may change while the program runs. */
export type UpstreamSource =
  /** A file with one upstream a line. */
  | { readonly kind: "file"; readonly path: string }
  /** Every address of a name. */
  | { readonly kind: "addresses"; readonly upstream: UpstreamSettings }
  /** The SRV records of a name; it is the host of the upstream's endpoint, whose port is 0 where it is TCP. */
  | { readonly kind: "srv"; readonly name: string; readonly upstream: UpstreamSettings };

/**
 * How load is spread over several upstreams. Times in milliseconds.
 *
 * The user's headers and credentials were given for all of them: each upstream's origin gets them, and no other that one
 * of them may redirect to. Of SRV records the targets are such origins too, if they
 * are in the domain that was named.
 */
export interface BalanceSettings {
  /** Those that were named one by one. */
  readonly upstreams: readonly UpstreamSettings[];
  /** Those that are looked up, and looked up again. */
  readonly sources: readonly UpstreamSource[];
  readonly policy: PolicyName;
  readonly affinity: Affinity;
  /** Each upstream is asked for a sign of life so often; absent: never. */
  readonly checkIntervalMs?: number;
  /** How long it may take to give one. */
  readonly checkTimeoutMs: number;
  /** A safe request without an answer for so long is sent to a second upstream too; absent: never. */
  readonly hedgeAfterMs?: number;
  /** How long an upstream that is back is given less than its share; may be 0. */
  readonly slowStartMs: number;
  /** The most upstreams that are ejected at a time for being slower or worse than the others, in percent; may be 0. */
  readonly maxEjectedPercent: number;
  /** A file that names upstreams that take nothing new; absent: none. */
  readonly drainFile?: string;
  /** Where names are looked up again and again. */
  readonly dnsRefreshMs: number;
  /** The DNS server to ask; absent: the system's. */
  readonly dnsServer?: { readonly ipAddr: string; readonly port: number };
  /** Where the status page is served; absent: nowhere. */
  readonly status?: { readonly hostname: string; readonly port: number };
}
