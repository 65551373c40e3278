import type { Endpoint } from "./endpoint.ts";

/** What tells an endpoint from all others: two texts that name the same one have the same key. It may hold secrets. */
export function endpointKey(endpoint: Endpoint): string {
  switch (endpoint.kind) {
    case "http":
      return endpoint.url.href;
    case "tcp":
      return `tcp://${endpoint.hostname.toLowerCase()}:${endpoint.port}`;
    case "unix":
      return `unix:${endpoint.path}`;
    case "command":
      return JSON.stringify([endpoint.command, ...endpoint.args]);
  }
}
