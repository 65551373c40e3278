/** Idle connections are given up before a middlebox drops them without a word, in milliseconds. */
export const POOL_IDLE_MS = 60_000;

/** What a client trusts, and what it shows of us. */
export interface ClientIdentity {
  /** Certificates trusted beside the roots, PEM. */
  readonly caCerts: readonly string[];
  readonly cert?: string;
  readonly key?: string;
}

const LOOPBACK = /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;

/** Tells whether a URL's host is this machine. */
export function isLoopback(url: URL): boolean {
  return LOOPBACK.test(url.hostname);
}

/** The port of a URL, its scheme's own where it names none. */
export function portOf(url: URL): number {
  return url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
}

/** Tells whether Deno may connect to a host and port. Never prompts. */
export function mayConnect(host: string): boolean {
  return Deno.permissions.querySync({ name: "net", host }).state === "granted";
}

/** Makes a client: HTTP/1.1 (Deno's `fetch` stalls on larger HTTP/2 bodies). */
export function createClient(
  { caCerts, ...more }: ClientIdentity & Pick<Deno.CreateHttpClientOptions, "proxy" | "allowHost">,
): Deno.HttpClient {
  return Deno.createHttpClient({
    http2: false,
    poolIdleTimeout: POOL_IDLE_MS,
    caCerts: [...caCerts],
    ...more,
  });
}

/** Makes the client for the host of a URL: with the environment's proxy, unless the host is this machine. */
export function clientFor(url: URL, identity: ClientIdentity): Deno.HttpClient {
  const create = () => createClient(identity);
  return isLoopback(url) ? withoutProxy(create) : create();
}

/** What `NO_PROXY` needs to hold for every loopback URL: Deno's `*` is for names, not for addresses. */
const THIS_MACHINE = "*,127.0.0.0/8,::1";

const PROXY_VARIABLES = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/**
 * Makes a client that uses no proxy for this machine, nor for `address`. A client takes its proxy from the environment when
 * it is made, and offers no other way to have none; so `NO_PROXY` names them for that moment, where there is a proxy and we
 * may read and change the variables.
 */
export function withoutProxy(create: () => Deno.HttpClient, address?: string): Deno.HttpClient {
  const proxied = isAnySet(PROXY_VARIABLES);
  return proxied
    ? withNoProxy(address === undefined ? THIS_MACHINE : `${THIS_MACHINE},${address}`, create)
    : create();
}

/** Makes a client whose own proxy is used for every host, which `NO_PROXY` would except from that, too. */
export function withOwnProxy(create: () => Deno.HttpClient): Deno.HttpClient {
  return isAnySet(["NO_PROXY", "no_proxy"]) ? withNoProxy("", create) : create();
}

function withNoProxy(hosts: string, create: () => Deno.HttpClient): Deno.HttpClient {
  if (!mayUse("NO_PROXY") || !mayUse("no_proxy")) return create();
  const before = ["NO_PROXY", "no_proxy"].map((name) => [name, Deno.env.get(name)] as const);
  try {
    for (const [name] of before) Deno.env.set(name, hosts);
    return create();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}

function isAnySet(variables: readonly string[]): boolean {
  const all = mayUse();
  return variables.some((name) => (all || mayUse(name)) && Deno.env.get(name) !== undefined);
}

/** Tells whether Deno allows a variable, or all of them. Never prompts. */
function mayUse(variable?: string): boolean {
  const { state, partial } = Deno.permissions.querySync({
    name: "env",
    ...(variable !== undefined && { variable }),
  });
  return state === "granted" && partial !== true;
}
