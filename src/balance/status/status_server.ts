import { LinkError } from "../../link/link_error.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { VERSION } from "../../version.ts";
import type { PoolSnapshot } from "../snapshot.ts";
import { createEventStreams } from "./event_streams.ts";
import { isLoopbackAddress, namesLoopback } from "./loopback_only.ts";
import { formatMetrics, METRICS_TYPE } from "./metrics.ts";
import { renderPage, type StatusPage } from "./page.ts";
import { readiness } from "./readiness.ts";
import { snapshotJson } from "./snapshot_json.ts";

/** Options of {@linkcode startStatusServer}. */
export interface StatusServerOptions {
  readonly hostname: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** What there is to show now; is asked for each answer that needs it. */
  readonly snapshot: () => PoolSnapshot;
  readonly logger: Logger;
}

/** What `--status-port` serves. */
export interface StatusServer {
  /** Where the page is, for a browser of this machine. */
  readonly url: string;
  /** Stops serving at once, open connections included. */
  close(): Promise<void>;
}

/** What is sent back. */
interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | ReadableStream<Uint8Array<ArrayBuffer>> | null;
}

const MOST_LISTENERS = 16;
const EVERY_MS = 1000;
const PATHS = "/, /status.json, /events, /metrics, /healthz and /readyz";
const TEXT = { "Content-Type": "text/plain; charset=utf-8" };
const EVENTS = { "Content-Type": "text/event-stream; charset=utf-8" };

/** Of every answer. There is no CORS header among them: no other site's page may read anything. */
const HEADERS = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/**
 * Serves what goes on in the pool: a page for people, and what monitoring asks for. See docs/status.md.
 *
 * Rejects with a {@linkcode LinkError} `PERMISSION` where Deno does not permit to listen there, and with an `Error` that
 * says what to do where the system does not let it.
 */
export async function startStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const { snapshot, logger } = options;
  const closing = new AbortController();
  const events = createEventStreams({
    data: () => snapshotJson(snapshot()),
    failed: (error) => logger.error("the status can't be told", { error }),
    most: MOST_LISTENERS,
    everyMs: EVERY_MS,
  });
  let page: Promise<StatusPage> | undefined;

  async function answer(path: string, isHead: boolean): Promise<Answer> {
    switch (path) {
      case "/":
        return { status: 200, ...await (page ??= renderPage(VERSION)) };
      case "/status.json":
        return {
          status: 200,
          headers: { "Content-Type": "application/json" },
          body: snapshotJson(snapshot()),
        };
      case "/events":
        return isHead ? { status: 200, headers: EVENTS, body: null } : listen();
      case "/metrics":
        return {
          status: 200,
          headers: { "Content-Type": METRICS_TYPE },
          body: formatMetrics(snapshot(), VERSION),
        };
      case "/healthz":
        return text(200, "ok");
      case "/readyz": {
        const now = snapshot();
        return text(now.ready ? 200 : 503, readiness(now));
      }
      default:
        return text(404, `There is nothing here. What there is: ${PATHS}.`);
    }
  }

  function listen(): Answer {
    const body = events.open();
    if (body !== undefined) return { status: 200, headers: EVENTS, body };
    return text(503, `${MOST_LISTENERS} listen already; /status.json has the same.`, { "Retry-After": "5" });
  }

  async function handle(request: Request): Promise<Response> {
    const isHead = request.method === "HEAD";
    if (isLoopback && !namesLoopback(request.headers.get("Host"))) {
      return toResponse(
        text(403, "This address answers to the name of this machine's loopback only."),
        isHead,
      );
    }
    if (!isHead && request.method !== "GET") {
      return toResponse(text(405, "Only GET and HEAD are answered here.", { Allow: "GET, HEAD" }), false);
    }
    return toResponse(await answer(pathOf(request.url), isHead), isHead);
  }

  const server = listenThere(options, {
    signal: closing.signal,
    // Deno would say itself that it listens.
    onListen: () => {},
    onError: (error) => {
      logger.error("the status can't be told", { error });
      return toResponse(text(500, "The status can't be told; the log says why."), false);
    },
  }, handle);
  const { hostname, port } = server.addr;
  if (isElsewhere(server.addr, options)) {
    closing.abort();
    await server.finished;
    throw elsewhere(options);
  }
  const isLoopback = isLoopbackAddress(hostname);
  const url = `http://${hostIn(openable(hostname))}:${port}/`;
  if (isLoopback) logger.info("the status page is served", { url });
  else {
    logger.warn("the status page is served beyond this machine, to everybody who reaches it", {
      url,
      address: `${hostIn(hostname)}:${port}`,
    });
  }

  return {
    url,
    close() {
      events.close();
      // Without waiting for whoever keeps a connection: nothing that is served is worth it.
      closing.abort();
      return server.finished;
    },
  };
}

function listenThere(
  { hostname, port }: StatusServerOptions,
  options: Omit<Deno.ServeTcpOptions, "hostname" | "port">,
  handle: (request: Request) => Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  const host = `${hostIn(hostname)}:${port}`;
  if (readVariable(ELSEWHERE) !== undefined) throw elsewhere({ hostname, port });
  // Deno would ask for it on the terminal.
  if (Deno.permissions.querySync({ name: "net", host }).state !== "granted") {
    throw new LinkError(
      "PERMISSION",
      `the status page can't be served at ${host}: Deno's permission --allow-net=${host} is missing`,
      { hint: `Run with --allow-net=${host}, or without --status-port.` },
    );
  }
  try {
    return Deno.serve({ ...options, hostname, port }, handle);
  } catch (cause) {
    throw new Error(`the status page can't be served at ${host}: ${explain(cause)}`, { cause });
  }
}

/** With this variable, Deno serves at another address than it is told to, or at that one too. */
const ELSEWHERE = "DENO_SERVE_ADDRESS";

/** Where the variable can't be read, its work is seen. */
function isElsewhere(address: Deno.NetAddr, asked: { hostname: string; port: number }): boolean {
  if (address.transport !== "tcp" || (asked.port !== 0 && address.port !== asked.port)) return true;
  return !isLoopbackAddress(address.hostname) &&
    (asked.hostname === "localhost" || isLoopbackAddress(asked.hostname));
}

function elsewhere({ hostname, port }: { hostname: string; port: number }): Error {
  return new Error(
    `the status page can't be served at ${
      hostIn(hostname)
    }:${port}: the variable ${ELSEWHERE} makes Deno serve it ` +
      "elsewhere; unset that, and name the place with --status-port",
  );
}

function readVariable(variable: string): string | undefined {
  return Deno.permissions.querySync({ name: "env", variable }).state === "granted"
    ? Deno.env.get(variable) || undefined
    : undefined;
}

function explain(error: unknown): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return "another program uses that port; choose another one with --status-port";
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return "this machine has no such address; choose another one with --status-port";
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return "the system does not permit that port; choose one above 1023 with --status-port";
  }
  return `${error instanceof Error ? error.message : error}; choose another place with --status-port`;
}

function text(status: number, line: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { ...TEXT, ...headers }, body: `${line}\n` };
}

function toResponse({ status, headers, body }: Answer, isHead: boolean): Response {
  const all = new Headers({ ...HEADERS, ...headers });
  if (typeof body !== "string") return new Response(body, { status, headers: all });
  const bytes = new TextEncoder().encode(body);
  if (isHead) all.set("Content-Length", String(bytes.length));
  return new Response(isHead ? null : bytes, { status, headers: all });
}

/** The path of an address, whatever its host is: `URL` throws where a `Host` header was nonsense. */
function pathOf(url: string): string {
  return /^\w+:\/\/[^/?#]*([^?#]*)/.exec(url)?.[1] || "/";
}

/** An address that can be connected to, in place of one that stands for all of the machine's. */
function openable(address: string): string {
  return address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
}

function hostIn(hostname: string): string {
  return hostname.includes(":") && !hostname.startsWith("[") ? `[${hostname}]` : hostname;
}
