import { proxyUse } from "../link/http/proxy_use.ts";
import { addressKind, type Home, isLoopbackHost, mayConnect } from "./address.ts";
import { serverWords, shownUrl, SignInError, type SignInErrorCode } from "./errors.ts";
import { unlessAborted } from "./unless_aborted.ts";
import { exchangeOver, tooLarge } from "./http_exchange.ts";

/** What a {@linkcode GuardedFetch} needs. */
export interface GuardedFetchOptions {
  /** The MCP server: what is near it may be asked. */
  readonly mcpUrl: URL;
  /** Whether private and link-local addresses may be asked anyway. */
  readonly allowPrivate: boolean;
  /** Certificates trusted beside the roots, PEM. */
  readonly caCerts: readonly string[];
  /** What we call ourselves. */
  readonly userAgent: string;
  /** How long one request may take, its redirects included, in milliseconds. @default 15000 */
  readonly timeoutMs?: number;
  /** The most bytes of an answer. @default 1 MiB */
  readonly maxBytes?: number;
  /** Whether the environment has a proxy for a URL. @default what the environment says */
  readonly proxied?: (url: URL) => boolean;
  /** Finds the addresses of a name; `undefined` where Deno does not permit to ask. @default the system's resolver */
  readonly resolve?: (hostname: string) => Promise<readonly string[] | undefined>;
  /** Makes a connection. @default Deno's */
  readonly connect?: (to: { hostname: string; port: number; signal: AbortSignal }) => Promise<Deno.TcpConn>;
}

/** A request of OAuth. There is no place for a user's headers, a cookie or a bearer token. */
export interface GuardedRequest {
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** The one way that requests of OAuth take. */
export interface GuardedFetch {
  /**
   * Sends a request. A GET follows redirects, each checked like the first URL; a POST, which holds secrets, none.
   *
   * @throws {SignInError}
   */
  send(url: string, request: GuardedRequest): Promise<Response>;
  /**
   * Checks a URL that somebody else will open: its scheme, and its host where that is an address.
   *
   * @throws {SignInError} `BLOCKED`
   */
  check(url: string): Promise<URL>;
}

const MAX_REDIRECTS = 3;
/** How long one of several addresses gets until the next is tried, in milliseconds. */
const CONNECT_MS = 5000;

/**
 * Makes a {@linkcode GuardedFetch} (S/2026-07-28 best practices, "Server-Side Request Forgery"): https, or http on this
 * machine; no address that strangers can't reach, unless the MCP server is there too; the address that was checked is
 * the one that is connected to. Behind an HTTP proxy, which resolves names itself, only addresses in the URL can be
 * checked.
 */
export function guardedFetch(options: GuardedFetchOptions): GuardedFetch {
  const { mcpUrl, allowPrivate, caCerts, timeoutMs = 15_000, maxBytes = 1024 * 1024 } = options;
  const resolve = options.resolve ?? systemResolve;
  const dial = options.connect ?? Deno.connect;
  const proxied = options.proxied ?? environmentProxies;
  let home: Promise<Home> | undefined;

  /** Where the MCP server is. That its name leads to this machine counts for nothing: anybody's name can. */
  async function findHome(): Promise<Home> {
    const { hostname } = mcpUrl;
    const kind = isLoopbackHost(hostname) ? "loopback" : addressKind(hostname);
    if (kind !== undefined) return { hostname, kind };
    if (proxied(mcpUrl)) return { hostname, kind: "public" };
    const addresses = await resolve(hostname).catch(() => []) ?? await addressInUse(mcpUrl);
    const kinds = addresses.map(addressKind);
    const isPrivate = kinds.length > 0 && kinds.every((it) => it === "private");
    return { hostname, kind: isPrivate ? "private" : "public" };
  }

  /** Where a connection to a name ends up: Deno lets us look a name up only where all of its ports are permitted. */
  async function addressInUse(url: URL): Promise<string[]> {
    try {
      const signal = AbortSignal.timeout(CONNECT_MS);
      using tcp = await dial({ hostname: url.hostname, port: portOf(url), signal });
      return [(tcp.remoteAddr as Deno.NetAddr).hostname];
    } catch {
      return [];
    }
  }

  async function mayAsk(url: URL, address: string): Promise<void> {
    const kind = addressKind(address) ?? "reserved";
    const whose = kind === "public" ? { hostname: mcpUrl.hostname, kind } : await (home ??= findHome());
    if (mayConnect(url.hostname, kind, whose, allowPrivate)) {
      // Plain http is for this machine alone, and a name may be resolved to anything.
      if (url.protocol === "https:" || kind === "loopback") return;
    }
    const where = addressKind(url.hostname) === undefined ? `, which is at ${serverWords(address)},` : "";
    throw new SignInError(
      "BLOCKED",
      `${shownUrl(url)}${where} is not asked: ${
        kind === "reserved" ? "no server can be there" : `a ${kind} address, and the MCP server is elsewhere`
      }`,
      kind === "reserved" ? {} : { hint: "if you trust the server that named it, pass --allow-private-auth" },
    );
  }

  async function check(text: string): Promise<URL> {
    const url = checkedUrl(text);
    const kind = isLoopbackHost(url.hostname) ? "127.0.0.1" : url.hostname;
    if (addressKind(kind) !== undefined) await mayAsk(url, kind);
    return url;
  }

  async function sendOnce(url: URL, request: GuardedRequest, signal: AbortSignal): Promise<Response> {
    await check(url.href);
    requirePermission(url);
    const headers = { ...request.headers, "user-agent": options.userAgent };
    const body = request.body === undefined ? undefined : new TextEncoder().encode(request.body);
    const ready = { method: request.method, url, headers, ...(body === undefined ? {} : { body }) };
    if (!isLoopbackHost(url.hostname) && proxied(url)) return await throughProxy(ready, signal);
    const wire = await connect(url, signal);
    const close = () => {
      try {
        wire.close();
      } catch {
        // The other side, or the signal, was first.
      }
    };
    signal.addEventListener("abort", close);
    try {
      signal.throwIfAborted();
      return await exchangeOver(wire, ready, maxBytes);
    } finally {
      signal.removeEventListener("abort", close);
      close();
    }
  }

  /** Connects to an address that was checked. */
  async function connect(url: URL, signal: AbortSignal): Promise<Deno.Conn> {
    const hostname = url.hostname.replace(/^\[|\]$/g, "");
    const port = portOf(url);
    const addresses = addressKind(hostname) === undefined
      ? await unlessAborted(resolve(hostname), signal)
      : [hostname];
    if (addresses?.length === 0) throw new Error("no such host");
    // One that must not be asked is enough: names that mean two things are how guards are deceived.
    for (const address of addresses ?? []) await mayAsk(url, address);
    // Deno permits connections by name; who has permitted no more gets them by name, and its address is judged then.
    const permitted = addresses?.every((address) => isPermitted(address, port));
    const targets = addresses !== undefined && permitted ? addresses : [hostname];
    let failed: unknown;
    for (const [i, target] of targets.entries()) {
      const patience = new AbortController();
      const last = i === targets.length - 1;
      const timer = last ? undefined : setTimeout(() => patience.abort(), CONNECT_MS);
      try {
        const tcp = await dial({
          hostname: target,
          port,
          signal: AbortSignal.any([signal, patience.signal]),
        });
        return await secured(tcp, url, hostname, signal);
      } catch (error) {
        if (signal.aborted || error instanceof SignInError) throw error;
        failed = error;
      } finally {
        clearTimeout(timer);
      }
    }
    throw failed;
  }

  async function secured(
    tcp: Deno.TcpConn,
    url: URL,
    hostname: string,
    signal: AbortSignal,
  ): Promise<Deno.Conn> {
    const drop = () => {
      try {
        tcp.close();
      } catch {
        // It has become a TLS connection, or has broken.
      }
    };
    try {
      // The last word, before the first byte: between a look-up and a connection a name can change its mind.
      await mayAsk(url, (tcp.remoteAddr as Deno.NetAddr).hostname);
      tcp.setNoDelay(true);
    } catch (error) {
      drop();
      throw error;
    }
    if (url.protocol === "http:") return tcp;
    signal.addEventListener("abort", drop);
    try {
      const tls = await Deno.startTls(tcp, { hostname, caCerts: [...caCerts], alpnProtocols: ["http/1.1"] });
      try {
        await unlessAborted(tls.handshake(), signal);
        return tls;
      } catch (error) {
        tls.close();
        throw error;
      }
    } catch (error) {
      drop();
      throw error;
    } finally {
      signal.removeEventListener("abort", drop);
    }
  }

  async function throughProxy(
    { method, url, headers, body }: {
      method: string;
      url: URL;
      headers: Record<string, string>;
      body?: Uint8Array<ArrayBuffer>;
    },
    signal: AbortSignal,
  ): Promise<Response> {
    using client = Deno.createHttpClient({ http2: false, caCerts: [...caCerts] });
    const init = { method, headers, redirect: "manual" as const, signal, client };
    const response = await fetch(url, body === undefined ? init : { ...init, body: new Blob([body]) });
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    for await (const part of response.body ?? []) {
      if ((size += part.length) > maxBytes) throw tooLarge(maxBytes);
      parts.push(part);
    }
    const whole = response.body === null ? null : new Blob(parts);
    const fields = new Headers(response.headers);
    return new Response(whole, { status: response.status, headers: fields });
  }

  return {
    check,

    async send(text, request) {
      let url = checkedUrl(text);
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(), timeoutMs);
      const signal = AbortSignal.any([request.signal, late.signal]);
      try {
        for (let redirects = 0;; redirects++) {
          const response = await sendOnce(url, request, signal);
          if (![301, 302, 303, 307, 308].includes(response.status)) return response;
          url = redirectTarget(url, response.headers.get("location"), request.method, redirects);
        }
      } catch (error) {
        throw explain(error, url, request.signal, late.signal, timeoutMs);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Reads a URL and checks what needs no look-up. */
function checkedUrl(text: string): URL {
  const blocked = (why: string, hint?: string) =>
    new SignInError("BLOCKED", `${shownUrl(text)} is not asked: ${why}`, hint === undefined ? {} : { hint });
  if (!URL.canParse(text)) throw blocked("it is no URL");
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") throw blocked("it is neither https: nor http:");
  if (url.username !== "" || url.password !== "") throw blocked("it holds a user name or a password");
  // OAuth 2.1, section 1.5; S/2026-07-28/basic/authorization/security-considerations, "Communication Security"
  if (url.protocol === "http:" && !isLoopbackHost(url.hostname)) {
    throw blocked(
      "tokens go over https: alone, but for this machine",
      "ask whoever runs the server for https",
    );
  }
  url.hash = "";
  return url;
}

function redirectTarget(url: URL, location: string | null, method: string, redirects: number): URL {
  const refuse = (why: string) => new SignInError("REDIRECT", `${shownUrl(url)} redirects ${why}`);
  // What a POST holds (a code, a refresh token, a secret) is for that endpoint and no other.
  if (method !== "GET") throw refuse("a request that holds credentials, which is not followed");
  if (location === null || !URL.canParse(location, url)) throw refuse("to nowhere");
  if (redirects >= MAX_REDIRECTS) throw refuse(`more than ${MAX_REDIRECTS} times`);
  return checkedUrl(new URL(location, url).href);
}

function portOf(url: URL): number {
  return url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
}

function isPermitted(hostname: string, port: number): boolean {
  const host = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  return Deno.permissions.querySync({ name: "net", host }).state === "granted";
}

/** Asks before using a permission, so that nothing ever prompts. */
function requirePermission(url: URL): void {
  const host = `${url.hostname}:${portOf(url)}`;
  if (Deno.permissions.querySync({ name: "net", host }).state === "granted") return;
  throw new SignInError("PERMISSION", `no permission to connect to ${host}: --allow-net=${host} is missing`, {
    hint: `run deno with --allow-net=${host}`,
  });
}

async function systemResolve(hostname: string): Promise<readonly string[] | undefined> {
  // Asked for without the permission for all ports of the name, the system's resolver fails.
  if (Deno.permissions.querySync({ name: "net", host: hostname }).state !== "granted") return undefined;
  const { lookup } = await import("node:dns/promises");
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
}

function environmentProxies(url: URL): boolean {
  return proxyUse(url, (name) => {
    if (Deno.permissions.querySync({ name: "env", variable: name }).state !== "granted") return null;
    return Deno.env.get(name);
  }) === "proxy";
}

function explain(
  error: unknown,
  url: URL,
  stop: AbortSignal,
  late: AbortSignal,
  timeoutMs: number,
): SignInError {
  const failed = (code: SignInErrorCode, message: string, hint?: string) =>
    new SignInError(code, message, { cause: error, ...(hint === undefined ? {} : { hint }) });
  const where = shownUrl(url);
  if (stop.aborted) return failed("CANCELLED", `the request to ${where} was given up`);
  if (late.aborted) return failed("TIMEOUT", `no whole answer from ${where} within ${timeoutMs / 1000} s`);
  if (error instanceof SignInError) {
    if (error.message.includes(where)) return error;
    const { hint, cause } = error;
    return new SignInError(error.code, `${where}: ${error.message}`, {
      ...(hint === undefined ? {} : { hint }),
      ...(cause === undefined ? {} : { cause }),
    });
  }
  if (error instanceof Deno.errors.NotCapable) return failed("PERMISSION", `${where}: ${error.message}`);
  const text = messages(error);
  if (/certificate|tls|handshake|\bpeer\b/i.test(text)) {
    return failed(
      "TLS",
      `no secure connection to ${where}: ${serverWords(text)}`,
      "pass the certificate of a private authority with --ca-cert FILE",
    );
  }
  return failed("UNREACHABLE", `${where} can't be reached: ${serverWords(text)}`, "is the address right?");
}

function messages(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${messages(error.cause)}`;
}
