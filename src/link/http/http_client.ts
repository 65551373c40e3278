import type { Logger } from "../../telemetry/logger.ts";
import { type Failure, failure } from "../failure.ts";
import type { Address, AddressTunnel } from "./address_tunnel.ts";
import { dropBody } from "./body.ts";
import type { ConnectCheck } from "./connect_check.ts";
import type { CookieJar } from "./cookie_jar.ts";
import {
  clientFor,
  createClient,
  isLoopback,
  mayConnect,
  POOL_IDLE_MS,
  portOf,
  withoutProxy,
  withOwnProxy,
} from "./deno_client.ts";
import { asksForCredentials, type Credentials, MOST_ATTEMPTS, type RefusalVerdict } from "./credentials.ts";
import { userHeaders } from "./headers.ts";
import { responseFor, type SentAhead } from "./sent_ahead.ts";

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
  /** What the endpoint's origin, and no other, is shown of us; PEM. */
  readonly clientCertificate?: { readonly cert: string; readonly key: string };
  /** Whether cookies that the endpoint's origin sets go back to it. */
  readonly cookies: boolean;
  /** Credentials for the endpoint's origin that come and go; none when the user's headers hold some. */
  readonly credentials?: Credentials;
  /** How long making a connection may take, in milliseconds. */
  readonly connectTimeoutMs?: number;
  /** What the endpoint's origin is connected to in place of its name, and without a proxy. */
  readonly address?: Address;
  /** A request to the endpoint that has been sent already: the first that would be. */
  readonly ahead?: SentAhead;
  readonly logger: Logger;
}

/** One HTTP request. */
export interface HttpRequest {
  readonly method: "POST" | "GET" | "DELETE";
  readonly url: URL;
  /** The transport's headers. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Nobody has asked for it. @default false for a POST */
  readonly background?: boolean;
  /** The address of the same origin that has named this one as a part of itself. @default none */
  readonly namedBy?: URL;
  /** Told of each wait for credentials, which may be as long as a person takes. */
  readonly waits?: (over: Promise<unknown>) => void;
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

function isFailure(it: Readonly<Record<string, string>> | Failure): it is Failure {
  return "code" in it && "hint" in it;
}

/** Who has named where a request goes; nobody has where it was sent on. */
function namer({ url, namedBy }: HttpRequest, present: URL): { readonly namedBy?: URL } {
  return namedBy === undefined || present !== url ? {} : { namedBy };
}

const NOTHING: Readonly<Record<string, string>> = {};
const STANDS: RefusalVerdict = { kind: "stands" };

/** Redirects followed for one request. */
const MAX_REDIRECTS = 5;

/**
 * Makes an {@linkcode HttpClient}: HTTP/1.1 (Deno's `fetch` stalls on larger HTTP/2 bodies), the environment's proxy
 * for all but this machine, which Deno would not exempt.
 */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { endpoint, logger } = options;
  /** The shared client for each kind of host. */
  const clients = new Map<string, Deno.HttpClient>();
  /** The client of each origin that has been used: its permission is known to be there. */
  const known = new Map<string, Deno.HttpClient>();
  /** Made when the first cookie comes. */
  let jar: CookieJar | undefined;
  let check: Promise<ConnectCheck> | undefined;
  let tunnel: AddressTunnel | undefined;
  let { ahead } = options;
  let closed = false;
  /** The endpoint's own origin has answered something. */
  let answered = false;

  const isOwn = (url: URL) => url.origin === options.url.origin;
  const kindOf = (url: URL, certified = false) =>
    `${isLoopback(url) ? "loopback" : "other"}${certified ? " with certificate" : ""}`;
  if (ahead !== undefined) {
    clients.set(kindOf(ahead.url), ahead.client);
    known.set(ahead.url.origin, ahead.client);
  }

  function clientAt(url: URL): Deno.HttpClient | Failure | Promise<Deno.HttpClient | Failure> {
    const client = known.get(url.origin);
    if (client !== undefined) return client;
    const missing = missingPermission(`${url.hostname}:${portOf(url)}`, endpoint);
    if (missing !== undefined) return missing;
    if (options.address !== undefined && isOwn(url)) return clientOf(options.address);
    const certified = isOwn(url) && url.protocol === "https:" && options.clientCertificate !== undefined;
    const kind = kindOf(url, certified);
    const made = clients.get(kind) ??
      clientFor(url, { caCerts: options.caCerts, ...(certified && options.clientCertificate) });
    clients.set(kind, made);
    known.set(url.origin, made);
    return made;
  }

  /** The client that connects to an address in place of the endpoint's name. */
  async function clientOf(address: Address): Promise<Deno.HttpClient | Failure> {
    const { caCerts, url: { origin, protocol, hostname } } = options;
    const host = `${bracketed(address.hostname)}:${address.port}`;
    const secure = protocol === "https:";
    for (const needed of secure ? [host, "127.0.0.1"] : [host]) {
      const missing = missingPermission(needed, endpoint);
      if (missing !== undefined) return missing;
    }
    let client: Deno.HttpClient;
    if (secure) {
      const { openAddressTunnel } = await import("./address_tunnel.ts");
      if (closed) return failure("SHUTTING_DOWN", endpoint, "the connection has been given up");
      tunnel ??= openAddressTunnel(address, `${hostname}:${portOf(options.url)}`);
      const { proxy } = tunnel;
      client = known.get(origin) ??
        withOwnProxy(() => createClient({ caCerts, ...options.clientCertificate, proxy }));
    } else {
      client = withoutProxy(() => createClient({ caCerts, allowHost: true }), address.hostname);
    }
    clients.set("address", client);
    known.set(origin, client);
    return client;
  }

  /** Where a request really goes: to the address, in TLS by the tunnel. */
  function targetOf(url: URL): URL {
    if (options.address === undefined || !isOwn(url) || url.protocol === "https:") return url;
    const target = new URL(url);
    target.hostname = bracketed(options.address.hostname);
    target.port = String(options.address.port);
    return target;
  }

  function headersFor(request: HttpRequest, url: URL): Record<string, string> {
    const headers = userHeaders(options.userAgent, isOwn(url) ? options.headers : []);
    if (isOwn(url)) {
      const cookie = jar?.header(url, Date.now(), headers["cookie"]);
      if (cookie !== undefined) headers["cookie"] = cookie;
      if (options.address !== undefined && url.protocol === "http:") headers["host"] = url.host;
    }
    Object.assign(headers, request.headers);
    // A session is known to the origin that made it, and to no other.
    if (url.origin !== request.url.origin) {
      delete headers["mcp-session-id"];
      delete headers["last-event-id"];
    }
    return headers;
  }

  /** Asks for other credentials when a response says that they are wanted. */
  async function refused(
    request: HttpRequest,
    url: URL,
    response: Response,
    shown: Readonly<Record<string, string>>,
  ): Promise<RefusalVerdict> {
    const { status, headers } = response;
    const challenge = headers.get("www-authenticate");
    if (options.credentials === undefined || !isOwn(url) || !asksForCredentials(status, challenge)) {
      return STANDS;
    }
    // A session that was begun without credentials does not need any: so say servers built on older releases of the Rust SDK
    // that they don't know it.
    const inSession = request.headers["mcp-session-id"] !== undefined;
    if (inSession && challenge === null && shown["authorization"] === undefined) return STANDS;
    return await options.credentials.refused({
      method: request.method,
      url,
      ...namer(request, url),
      status,
      challenge: challenge ?? undefined,
      nonce: headers.get("dpop-nonce") ?? undefined,
      shown: shown["authorization"],
      background: request.background ?? request.method !== "POST",
      signal: request.signal,
    });
  }

  /** Keeps the cookies of a response; the code for it is loaded with the first. */
  function takeCookies(url: URL, response: Response): void | Promise<void> {
    if (!options.cookies || !isOwn(url) || !response.headers.has("set-cookie")) return;
    const fields = response.headers.getSetCookie();
    if (jar !== undefined) return void jar.store(url, fields, Date.now());
    return import("./cookies.ts").then(({ secretCookies }) => {
      jar ??= secretCookies(logger.secret);
      jar.store(url, fields, Date.now());
    });
  }

  async function checkFor(connectTimeoutMs: number): Promise<ConnectCheck> {
    const { connectCheck } = await import("./connect_check.ts");
    const { caCerts, address } = options;
    return connectCheck({
      endpoint,
      connectTimeoutMs,
      caCerts,
      idleMs: POOL_IDLE_MS,
      ...(address && { pinned: { origin: options.url.origin, address } }),
      logger,
    });
  }

  /** Says what an error means that `fetch` threw. */
  async function explain(error: unknown, url: URL): Promise<HttpReply & { readonly failure: Failure }> {
    const { explainFetch } = await import("./explain.ts");
    const explained = explainFetch(isOwn(url) ? tunnelError(error) : error, endpoint);
    const { code, hint, message } = explained.failure;
    if (answered || !isOwn(url) || url.protocol !== "https:") return explained;
    if (code !== "CONNECTION_LOST" && !(code === "TLS" && /\beof\b/i.test(message))) return explained;
    // A server that misses a certificate, or refuses one, should say so in TLS's words; many just hang up.
    const more = options.clientCertificate === undefined
      ? "if the server wants a client certificate, pass one with --client-cert and --client-key"
      : "does the server accept the certificate of --client-cert?";
    return { ...explained, failure: { ...explained.failure, hint: `${hint}; ${more}` } };
  }

  /** The tunnel can tell the client no more than that it has failed. */
  function tunnelError(error: unknown): unknown {
    const why = tunnel?.failure();
    if (!(why instanceof Error) || !/tunnel/i.test(String((error as Error).cause ?? error))) return error;
    return new Error(`client error (Connect): ${why.message}`);
  }

  return {
    withCredentials: options.headers.some(([name]) => /^(?:authorization|x-api-key|cookie)$/i.test(name)),

    async send(request) {
      let { url } = request;
      let attempts = 0;
      for (let redirects = 0;; redirects++) {
        let response: Response;
        let shown: Readonly<Record<string, string>> = NOTHING;
        try {
          if (options.credentials !== undefined && isOwn(url)) {
            const asked = options.credentials.headersFor({
              method: request.method,
              url,
              ...namer(request, url),
            });
            request.waits?.(asked);
            const showing = await asked;
            if (isFailure(showing)) return { failure: showing, sent: false };
            shown = showing;
          }
          const found = clientAt(url);
          const client = found instanceof Promise ? await found : found;
          if ("code" in client) return { failure: client, sent: false };
          if (options.connectTimeoutMs !== undefined) {
            const late = await (await (check ??= checkFor(options.connectTimeoutMs))).before(
              url,
              request.signal,
            );
            if (late !== undefined) return { failure: late, sent: false };
          }
          const headers = { ...headersFor(request, url), ...shown };
          const early = ahead && responseFor({ ...request, url, headers }, ahead);
          if (ahead !== undefined && early === undefined) {
            logger.warn("the first request has been sent in vain, and is sent again", { endpoint });
          }
          ahead = undefined;
          response = await (early ?? fetch(options.address === undefined ? url : targetOf(url), {
            method: request.method,
            headers,
            redirect: "manual",
            signal: request.signal,
            client,
            ...(request.body === undefined ? {} : { body: sentOnce(request.body) }),
          }));
        } catch (error) {
          if (check !== undefined) (await check).note(url, false);
          return await explain(error, url);
        }
        if (check !== undefined) (await check).note(url, true);
        answered ||= isOwn(url);
        const taking = takeCookies(url, response);
        if (taking !== undefined) await taking;
        if (response.status < 300 || response.status > 308 || response.status === 304) {
          if (response.ok && shown !== NOTHING) options.credentials?.accepted?.();
          if (response.ok || ++attempts > MOST_ATTEMPTS) return { response, url };
          const judged = refused(request, url, response, shown);
          request.waits?.(judged);
          const verdict = await judged;
          if (verdict.kind === "stands") return { response, url };
          await dropBody(response);
          if (verdict.kind === "failed") return { failure: verdict.failure, sent: false };
          // What is sent again may be sent on again.
          url = request.url;
          redirects = -1;
          continue;
        }
        const next = redirectTarget(url, response, redirects, endpoint);
        await dropBody(response);
        if ("code" in next) return { failure: next, sent: false };
        url = next;
      }
    },

    close() {
      closed = true;
      ahead?.abort();
      for (const client of clients.values()) client.close();
      tunnel?.close();
      tunnel = undefined;
      clients.clear();
      known.clear();
    },
  };
}

/**
 * A body that `fetch` sends no more than once. When a connection that has been used before breaks, Deno sends a request
 * whose body is bytes again by itself, whether or not the server has got it (denoland/deno#35610); what may be sent again
 * is ours to decide. A Blob has a length, so it goes out as bytes do.
 */
function sentOnce(body: Uint8Array<ArrayBuffer>): Blob {
  return new Blob([body]);
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

function bracketed(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

/** Asks before using a permission, so that nothing ever prompts. */
function missingPermission(host: string, endpoint: string): Failure | undefined {
  if (mayConnect(host)) return undefined;
  return failure(
    "PERMISSION",
    endpoint,
    `no permission to connect to ${host}: --allow-net=${host} is missing`,
    `run deno with --allow-net=${host}`,
  );
}
