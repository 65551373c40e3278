import type { Endpoint } from "../link/endpoint.ts";

/** What verdicts are called in the store. */
export const VERDICTS = "verdicts";

/**
 * What an endpoint's verdict is stored under: what tells it apart, without a URL's credentials and query.
 *
 * @param directory the one that commands run in; absent: ours
 */
export function verdictKey(endpoint: Endpoint, directory?: string): string {
  const cwd = () => directory ?? Deno.cwd();
  switch (endpoint.kind) {
    case "http":
      return `${endpoint.url.origin}${endpoint.url.pathname}`;
    case "tcp":
      return `tcp://${endpoint.hostname}:${endpoint.port}`;
    case "unix":
      return JSON.stringify(["unix", endpoint.path, endpoint.path.startsWith("/") ? "" : cwd()]);
    case "command":
      return JSON.stringify(["command", endpoint.command, ...endpoint.args, cwd()]);
  }
}
