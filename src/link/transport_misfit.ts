import type { Endpoint } from "./endpoint.ts";

/** Which transports each kind of endpoint can have, beside `auto`. */
const POSSIBLE: Readonly<Record<Endpoint["kind"], readonly string[]>> = {
  http: ["http", "sse"],
  tcp: ["tcp"],
  unix: [],
  command: ["stdio"],
};

const KIND_NAMES: Readonly<Record<Endpoint["kind"], string>> = {
  http: "a URL",
  tcp: "a TCP address",
  unix: "a Unix socket",
  command: "a command",
};

/**
 * Says why a transport can't serve an endpoint, and what to do: `does not fit a URL; …`.
 *
 * @returns undefined when it can
 */
export function transportMisfit(
  transport: "auto" | "http" | "sse" | "stdio" | "tcp",
  endpoint: Endpoint,
): string | undefined {
  if (transport === "auto" || POSSIBLE[endpoint.kind].includes(transport)) return undefined;
  let hint = "leave it out";
  if (endpoint.kind === "tcp" && (transport === "http" || transport === "sse")) {
    const host = endpoint.hostname.includes(":") ? `[${endpoint.hostname}]` : endpoint.hostname;
    hint = `for HTTP write the endpoint as http://${host}:${endpoint.port}/PATH`;
  } else if (endpoint.kind === "http" && transport === "tcp") {
    hint = "for TCP write the endpoint as tcp://HOST:PORT";
  } else if (endpoint.kind !== "command" && transport === "stdio") {
    hint = "for a command write -- CMD ARGS…";
  }
  return `does not fit ${KIND_NAMES[endpoint.kind]}; ${hint}`;
}
