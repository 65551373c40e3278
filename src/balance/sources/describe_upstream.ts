import type { UpstreamSettings } from "../../config/balance_settings.ts";
import { describeEndpoint } from "../../link/describe_endpoint.ts";
import { endpointKey } from "../../link/endpoint_key.ts";

/** An upstream in words, for logs and the status page: its endpoint, and the address where it has one of its own. */
export function describeUpstream(
  { endpoint, address }: Pick<UpstreamSettings, "endpoint" | "address">,
): string {
  const name = describeEndpoint(endpoint);
  return address === undefined ? name : `${name} at ${showAddress(address)}`;
}

/** What tells an upstream from all others, whatever its weight. It may hold secrets. */
export function upstreamId({ endpoint, address }: Pick<UpstreamSettings, "endpoint" | "address">): string {
  const key = endpointKey(endpoint);
  return address === undefined ? key : `${key} at ${showAddress(address)}`;
}

/** An address as it is written: `10.0.0.1:80`, `[::1]:80`. */
export function showAddress({ hostname, port }: NonNullable<UpstreamSettings["address"]>): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}
