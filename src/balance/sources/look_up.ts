import type { UpstreamSettings } from "../../config/balance_settings.ts";
import type { Endpoint } from "../../link/endpoint.ts";
import { upstreamId } from "./describe_upstream.ts";

/** An SRV record (RFC 2782). */
export interface SrvRecord {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

/** The upstreams that a name's addresses are: in a stable order, whatever order they were told in. */
export function fromAddresses(upstream: UpstreamSettings, addresses: readonly string[]): UpstreamSettings[] {
  const { endpoint } = upstream;
  const port = portOf(endpoint);
  return sorted(addresses).map((hostname) => ({ ...upstream, address: { hostname, port } }));
}

/**
 * The upstreams that SRV records stand for: those of the most preferred priority, each at its target's name and port. A
 * record's weight is its part of what the records have on average, times the weight of the upstream.
 *
 * @param addresses those of the targets, where the system's own resolver is not to be asked for them; a target without
 * any is left out, and the weight of one with several is shared among them
 */
export function fromRecords(
  upstream: UpstreamSettings,
  records: readonly SrvRecord[],
  addresses?: ReadonlyMap<string, readonly string[]>,
): UpstreamSettings[] {
  const found = preferred(records).flatMap((record) => {
    const endpoint = endpointAt(upstream.endpoint, record);
    return endpoint === undefined ? [] : [{ endpoint, record }];
  });
  const weights = relative(found.map(({ record }) => record.weight));
  const upstreams = found.flatMap(({ endpoint, record }, i): UpstreamSettings[] => {
    const weight = bounded(weights[i]! * upstream.weight);
    const foreign = isWithin(targetOf(record), domainOf(upstream.endpoint)) ? {} : { foreign: true } as const;
    if (addresses === undefined) return [{ ...upstream, ...foreign, endpoint, weight }];
    const list = sorted(addresses.get(targetOf(record)) ?? []);
    return list.map((hostname) => ({
      ...upstream,
      ...foreign,
      endpoint,
      weight: bounded(weight / list.length),
      address: { hostname, port: record.port },
    }));
  });
  // Records may name the same place twice.
  const byId = new Map(upstreams.toReversed().map((it) => [upstreamId(it), it]));
  return [...byId].sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0).map(([, it]) => it);
}

/** The records that are to be used: those of the lowest number in priority. A target of `.` is none. */
export function preferred(records: readonly SrvRecord[]): readonly SrvRecord[] {
  const usable = records.filter((record) => targetOf(record) !== "" && record.port > 0);
  const least = Math.min(...usable.map(({ priority }) => priority));
  return usable.filter(({ priority }) => priority === least);
}

/** The name that a record leads to, without the dot at its end. */
export function targetOf({ target }: SrvRecord): string {
  return target.replace(/\.$/, "").toLowerCase();
}

/** The domain that a service's name is in: `_mcp._tcp.example.com` is of `example.com`. */
function domainOf(endpoint: Endpoint): string {
  const host = endpoint.kind === "http"
    ? endpoint.url.hostname
    : endpoint.kind === "tcp"
    ? endpoint.hostname
    : "";
  return host.replace(/^(?:_[^.]*\.)+/, "").replace(/\.$/, "").toLowerCase();
}

/** Whether a host is in a domain that is none of a whole country's or the like, as far as a dot tells. */
function isWithin(host: string, domain: string): boolean {
  if (host === domain) return true;
  return domain.includes(".") && host.endsWith(`.${domain}`);
}

/** Of weights 0 means a small chance; where all are 0 they are equal. The average is about 1. */
function relative(weights: readonly number[]): number[] {
  const above = weights.filter((weight) => weight > 0);
  if (above.length === 0) return weights.map(() => 1);
  const small = Math.min(...above) / 100;
  const mean = above.reduce((sum, weight) => sum + weight, 0) / above.length;
  return weights.map((weight) => (weight === 0 ? small : weight) / mean);
}

/** A weight that is above 0, without digits that nobody needs. */
function bounded(weight: number): number {
  return Math.max(0.0001, Math.round(weight * 10_000) / 10_000);
}

function endpointAt(endpoint: Endpoint, record: SrvRecord): Endpoint | undefined {
  const hostname = targetOf(record);
  const { port } = record;
  if (endpoint.kind !== "http") return { kind: "tcp", hostname, port };
  const url = new URL(endpoint.url);
  url.hostname = hostname;
  // What is no host's name is not taken.
  if (url.hostname !== hostname) return undefined;
  url.port = String(port);
  return { kind: "http", url };
}

function portOf(endpoint: Endpoint): number {
  if (endpoint.kind === "tcp") return endpoint.port;
  if (endpoint.kind !== "http") throw new TypeError(`a ${endpoint.kind} endpoint has no address`);
  const { port, protocol } = endpoint.url;
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}

/** Each address once. One with a zone, which URLs can't hold, is left out. */
function sorted(addresses: readonly string[]): string[] {
  const usable = new Set(addresses.filter((it) => !it.includes("%")));
  const order = (it: string) =>
    it.includes(":") ? `6${it}` : `4${it.split(".").map((part) => part.padStart(3, "0")).join(".")}`;
  return [...usable].sort((a, b) => order(a) < order(b) ? -1 : order(a) > order(b) ? 1 : 0);
}
