import { isLoopback, portOf } from "../link/http/deno_client.ts";
import { proxyUse, proxyVariables } from "../link/http/proxy_use.ts";
import type { Need } from "./need.ts";
import { comfort, hostPort } from "./place_needs.ts";
import { expectsSignIn } from "./sign_in_needs.ts";
import type { Facts, Use } from "./use.ts";

/** The variables by which proxies are named. To keep a request off a proxy, two of them are set for a moment. */
export const PROXY_VARIABLES = [
  "HTTP_PROXY",
  "http_proxy",
  "HTTPS_PROXY",
  "https_proxy",
  "ALL_PROXY",
  "all_proxy",
  "NO_PROXY",
  "no_proxy",
] as const;

/** The ports of proxies that name none, by their scheme. */
const PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };
const SOCKS_PORT = 1080;

/** What it takes to know of proxies, and to go through them. */
export function proxyNeeds(use: Use): Need[] {
  const { facts, settings } = use;
  const hosts = new Map(
    httpUrls(use).flatMap((url) => {
      const found = proxyOf(url, facts.proxyVariables);
      return found === undefined ? [] : [[found.host, found.variable] as const];
    }),
  );
  const variables = minds(use)
    ? PROXY_VARIABLES.map((name) =>
      comfort(
        "env",
        name,
        isProxied(facts)
          ? "which requests go through the proxy, and which don't"
          : "whether a proxy leads there, for --connect-timeout",
        settings?.connectTimeoutMs === undefined
          ? "requests to this machine go through the proxy too, and those of a sign-in past it"
          : "the same, and --connect-timeout has no effect, as the log says",
      )
    )
    : [];
  return [
    ...[...hosts].map(([host, variable]) =>
      comfort("net", host, `the proxy that ${variable} names`, "it is used all the same: Deno does not mind")
    ),
    ...variables,
  ];
}

/** Whether the environment names a proxy. */
export function isProxied({ proxyVariables: set }: Facts): boolean {
  return Object.keys(set).some((name) => !/^no_/i.test(name));
}

/** Where the requests for a URL go instead, and the variable that says so. */
function proxyOf(
  url: URL,
  set: Facts["proxyVariables"],
): { readonly host: string; readonly variable: string } | undefined {
  if (isLoopback(url) || proxyUse(url, (name) => set[name]) !== "proxy") return undefined;
  const variable = proxyVariables(url).find((name) => set[name] !== undefined);
  const text = variable === undefined ? "" : set[variable]!;
  const proxy = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (variable === undefined || proxy === null || proxy.hostname === "") return undefined;
  const port = proxy.port !== "" ? Number(proxy.port) : PORTS[proxy.protocol] ?? SOCKS_PORT;
  return { host: hostPort(proxy.hostname, port), variable };
}

/** What is asked over HTTP by name; an address of a name is connected to without a proxy. */
function httpUrls(use: Use): URL[] {
  const { places, signIns } = use.facts;
  return [
    ...(use.releases === undefined ? [] : [use.releases]),
    ...places.flatMap(({ endpoint, address }) =>
      endpoint.kind === "http" && address === undefined && portOf(endpoint.url) > 0 ? [endpoint.url] : []
    ),
    ...(expectsSignIn(use) ? signIns.flatMap(({ urls }) => urls.map(({ url }) => url)) : []),
  ];
}

/** Whether the program has to know of proxies; Deno itself uses them whether it may see them or not. */
function minds(use: Use): boolean {
  const { command, facts, settings } = use;
  const urls = facts.places.flatMap(({ endpoint }) => endpoint.kind === "http" ? [endpoint.url] : []);
  if (urls.length === 0) return false;
  if (settings?.connectTimeoutMs !== undefined) return true;
  if (!isProxied(facts)) return false;
  return command === "test" || expectsSignIn(use) || facts.lookups.length > 0 || urls.some(isLoopback);
}
