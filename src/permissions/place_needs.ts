import { isAbsolutePath } from "../link/absolute_path.ts";
import type { Endpoint } from "../link/endpoint.ts";
import { portOf } from "../link/http/deno_client.ts";
import type { Need } from "./need.ts";
import type { Place, Use } from "./use.ts";

const UNREACHED = "it can't be connected to, and the error names the flag";

/** What it takes to reach all that is connected to. */
export function placeNeeds(use: Use): Need[] {
  return [...use.facts.places.flatMap((place) => needsOf(place, use)), ...lookupNeeds(use)];
}

/** What it takes to look names up. */
function lookupNeeds({ facts, settings }: Use): Need[] {
  if (facts.lookups.length === 0) return [];
  const server = settings?.balance?.dnsServer;
  const without = "nothing is found behind the name, and the log names the flag";
  return server === undefined
    ? facts.lookups.map((name) => need("net", name, `looking up ${name}`, without))
    : [need("net", hostPort(server.ipAddr, server.port), "the DNS server", without)];
}

/** A host and a port as `--allow-net` takes them. */
export function hostPort(hostname: string, port: number): string {
  return `${hostname.includes(":") && !hostname.startsWith("[") ? `[${hostname}]` : hostname}:${port}`;
}

function needsOf({ endpoint, address, role }: Place, use: Use): Need[] {
  switch (endpoint.kind) {
    case "http":
    case "tcp": {
      const [hostname, port] = endpoint.kind === "http"
        ? [endpoint.url.hostname, portOf(endpoint.url)]
        : [endpoint.hostname, endpoint.port];
      const named = need("net", hostPort(hostname, port), `the ${role}`, UNREACHED);
      if (address !== undefined) return [named, ...addressNeeds(endpoint, address, role)];
      if (endpoint.kind !== "tcp" || hostname.toLowerCase() !== "localhost") return [named];
      const families = ["127.0.0.1", "::1"].map((it) =>
        comfort(
          "net",
          hostPort(it, port),
          "what localhost stands for",
          "only what the resolver makes of localhost is tried",
        )
      );
      return [named, ...families];
    }
    case "unix": {
      const { path } = endpoint;
      const reason = `the ${role}'s socket`;
      const all = `${reason}; all of it, as Deno permits a socket by its absolute path alone`;
      return [
        isAbsolutePath(path)
          ? need("net", `unix:${path}`, reason, UNREACHED)
          : { kind: "net", reason: all, without: UNREACHED, weight: "needed" },
        need("read", path, reason, UNREACHED),
        need("write", path, reason, UNREACHED),
      ];
    }
    case "command":
      return commandNeeds(endpoint.command, role, use);
  }
}

function addressNeeds(endpoint: Endpoint, address: NonNullable<Place["address"]>, role: string): Need[] {
  const there = need("net", hostPort(address.hostname, address.port), `an address of the ${role}`, UNREACHED);
  if (endpoint.kind !== "http" || endpoint.url.protocol !== "https:") return [there];
  return [
    there,
    need(
      "net",
      "127.0.0.1",
      "the way to an address of a name that https goes, on this machine and for this process alone",
      UNREACHED,
    ),
  ];
}

function commandNeeds(command: string, role: string, { facts, settings }: Use): Need[] {
  const { cwd } = settings ?? {};
  const isRelative = /[\\/]/.test(command) && !isAbsolutePath(command);
  const file = cwd !== undefined && isRelative ? `${cwd}/${command}` : command;
  const reason = `the ${role}'s command`;
  const without = "it can't be started, and the error names the flag";
  const loader = [
    ...facts.loaderVariables,
    ...Object.entries(settings?.env ?? {}).flatMap(([name, value]) =>
      value !== "" && isOfLoader(name) ? [name] : []
    ),
  ];
  if (loader.length > 0) {
    const why = `${reason}; all of it, because ${[...new Set(loader)].join(" and ")} is set`;
    return [{ kind: "run", reason: why, without, weight: "needed" }];
  }
  const windows = facts.os === "windows";
  return [
    need("run", file, reason, without),
    {
      kind: "run",
      reason: `ending what ${command} has started too, and watching that nothing of it outlives us`,
      without: `only ${command} itself can be ended; what it has started ends by itself, or stays`,
      weight: "extra",
    },
    ...(windows
      ? [comfort("env", "PATHEXT", `finding ${command}`, "the order of extensions is .com, .exe, .bat, .cmd")]
      : []),
  ];
}

/**
 * Whether a variable is one of the loader's, in whatever case. Where one is set, and not empty, Deno starts programs for the
 * whole run permission alone.
 */
export function isOfLoader(name: string): boolean {
  return /^(?:LD|DYLD)_/i.test(name);
}

/** A {@linkcode Need} without which the job can't be done. */
export function need(kind: Need["kind"], value: string, reason: string, without: string): Need {
  return { kind, value, reason, without, weight: "needed" };
}

/** A {@linkcode Need} without which the job is done all the same. */
export function comfort(kind: Need["kind"], value: string, reason: string, without: string): Need {
  return { kind, value, reason, without, weight: "comfort" };
}
