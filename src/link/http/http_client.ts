import { type Failure, failure } from "../failure.ts";
import { dropBody } from "./body.ts";

/** What an {@linkcode HttpClient} needs. */
export interface HttpClientOptions {
  /** The endpoint, for errors. */
  readonly endpoint: string;
  /** The endpoint's URL: the user's headers go to its origin and to no other. */
  readonly url: URL;
  /** The user's headers, credentials included. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly userAgent: string;
  /** Certificates trusted beside the roots, PEM. */
  readonly caCerts: readonly string[];
}

/** One HTTP request. */
export interface HttpRequest {
  readonly method: "POST" | "GET" | "DELETE";
  readonly url: URL;
  /** The transport's headers. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
}

/** A response, and the URL that gave it after redirects; or why there is none. */
export type HttpReply =
  | { readonly response: Response; readonly url: URL }
  | { readonly failure: Failure; readonly sent: boolean };

/** Sends HTTP requests for one endpoint. */
export interface HttpClient {
  /** Sends a request and follows redirects by hand. Never throws. */
  send(request: HttpRequest): Promise<HttpReply>;
  /** Whether the user's headers hold credentials. */
  readonly withCredentials: boolean;
  /** Lets go of idle connections. */
  close(): void;
}

/** Redirects followed for one request. */
const MAX_REDIRECTS = 5;
/** Idle connections are given up before a middlebox drops them without a word, in milliseconds. */
const POOL_IDLE_MS = 60_000;

const LOOPBACK = /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;

/** Tells whether a URL's host is this machine. */
export function isLoopback(url: URL): boolean {
  return LOOPBACK.test(url.hostname);
}

/**
 * Makes an {@linkcode HttpClient}: HTTP/1.1 (Deno's `fetch` stalls on larger HTTP/2 bodies), the environment's proxy
 * for all but this machine, which Deno would not exempt.
 */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { endpoint } = options;
  /** The shared client for each kind of host. */
  const clients: { loopback?: Deno.HttpClient; other?: Deno.HttpClient } = {};
  /** The client of each origin that has been used: its permission is known to be there. */
  const known = new Map<string, Deno.HttpClient>();

  function clientFor(url: URL): Deno.HttpClient | Failure {
    const client = known.get(url.origin);
    if (client !== undefined) return client;
    const missing = missingPermission(url, endpoint);
    if (missing !== undefined) return missing;
    const made = isLoopback(url)
      ? clients.loopback ??= withoutProxy(createClient)
      : clients.other ??= createClient();
    known.set(url.origin, made);
    return made;
  }

  function createClient(): Deno.HttpClient {
    return Deno.createHttpClient({
      http2: false,
      caCerts: [...options.caCerts],
      poolIdleTimeout: POOL_IDLE_MS,
    });
  }

  function headersFor(request: HttpRequest, url: URL): Record<string, string> {
    const headers: Record<string, string> = { "user-agent": options.userAgent };
    if (url.origin === options.url.origin) {
      for (const [name, value] of options.headers) {
        const key = name.toLowerCase();
        headers[key] = headers[key] === undefined || key === "user-agent"
          ? value
          : `${headers[key]}, ${value}`;
      }
    }
    Object.assign(headers, request.headers);
    // A session is known to the origin that made it, and to no other.
    if (url.origin !== request.url.origin) {
      delete headers["mcp-session-id"];
      delete headers["last-event-id"];
    }
    return headers;
  }

  return {
    withCredentials: options.headers.some(([name]) => /^(?:authorization|x-api-key|cookie)$/i.test(name)),

    async send(request) {
      let { url } = request;
      for (let redirects = 0;; redirects++) {
        let response: Response;
        try {
          const client = clientFor(url);
          if ("code" in client) return { failure: client, sent: false };
          response = await fetch(url, {
            method: request.method,
            headers: headersFor(request, url),
            redirect: "manual",
            signal: request.signal,
            client,
            ...(request.body === undefined ? {} : { body: request.body }),
          });
        } catch (error) {
          const { explainFetch } = await import("./explain.ts");
          return explainFetch(error, endpoint);
        }
        if (response.status < 300 || response.status > 308 || response.status === 304) {
          return { response, url };
        }
        const next = redirectTarget(url, response, redirects, endpoint);
        await dropBody(response);
        if ("code" in next) return { failure: next, sent: false };
        url = next;
      }
    },

    close() {
      clients.loopback?.close();
      clients.other?.close();
      delete clients.loopback;
      delete clients.other;
      known.clear();
    },
  };
}

/**
 * Decides where a redirect leads. The request goes there as it is, whatever the status: a POST turned into a GET
 * (RFC 9110, section 15.4.2, allows it for 301 and 302) is never what an MCP server means.
 */
function redirectTarget(url: URL, response: Response, redirects: number, endpoint: string): URL | Failure {
  const location = response.headers.get("location");
  const { status } = response;
  const refuse = (why: string, hint?: string) =>
    failure("REFUSED", endpoint, `the server redirects (HTTP ${status}) ${why}`, hint, status);
  if (location === null || !URL.canParse(location, url)) return refuse("to nowhere");
  const target = new URL(location, url);
  const shown = `${target.origin}${target.pathname}`;
  if (redirects >= MAX_REDIRECTS) return refuse(`more than ${MAX_REDIRECTS} times, last to ${shown}`);
  if (status === 303) return refuse(`to a page (${shown})`, "is a sign-in page in the way?");
  if (target.protocol !== "https:" && target.protocol !== "http:") return refuse(`to ${target.protocol}`);
  if (url.protocol === "https:" && target.protocol === "http:" && !isLoopback(target)) {
    return refuse(`from https to plain http (${shown})`, "ask whoever runs the server to mend the redirect");
  }
  target.username = target.password = target.hash = "";
  return target;
}

/** What `NO_PROXY` needs to hold for every loopback URL: Deno's `*` is for names, not for addresses. */
const THIS_MACHINE = "*,127.0.0.0/8,::1";

const PROXY_VARIABLES = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/**
 * Makes a client that uses no proxy for this machine. A client takes its proxy from the environment when it is made,
 * and offers no other way to have none; so `NO_PROXY` names this machine for that moment, where there is a proxy and we
 * may read and change the variables.
 */
function withoutProxy(create: () => Deno.HttpClient): Deno.HttpClient {
  const may = (variable: string) => Deno.permissions.querySync({ name: "env", variable }).state === "granted";
  const proxied = PROXY_VARIABLES.some((name) => may(name) && Deno.env.get(name) !== undefined);
  if (!proxied || !may("NO_PROXY") || !may("no_proxy")) return create();
  const before = ["NO_PROXY", "no_proxy"].map((name) => [name, Deno.env.get(name)] as const);
  try {
    for (const [name] of before) Deno.env.set(name, THIS_MACHINE);
    return create();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}

function portOf(url: URL): number {
  return url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
}

/** Asks before using a permission, so that nothing ever prompts. */
function missingPermission(url: URL, endpoint: string): Failure | undefined {
  const host = `${url.hostname}:${portOf(url)}`;
  if (Deno.permissions.querySync({ name: "net", host }).state === "granted") return undefined;
  return failure(
    "PERMISSION",
    endpoint,
    `no permission to connect to ${host}`,
    `run deno with --allow-net=${host}`,
  );
}
