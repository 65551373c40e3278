import type { Logger } from "../../telemetry/logger.ts";
import { type Failure, failure } from "../failure.ts";
import { isLoopback, portOf } from "./deno_client.ts";
import { proxyUse } from "./proxy_use.ts";

/** What a {@linkcode connectCheck} needs. */
export interface ConnectCheckOptions {
  /** The endpoint, for logs and errors. */
  readonly endpoint: string;
  /** How long a connection may take to stand, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Certificates trusted beside the roots, PEM. */
  readonly caCerts: readonly string[];
  /** An origin that is connected to at another address than its name's, and without a proxy. */
  readonly pinned?: {
    readonly origin: string;
    readonly address: { readonly hostname: string; readonly port: number };
  };
  /** How long a connection of the client stays usable when nothing passes, in milliseconds. */
  readonly idleMs: number;
  readonly logger: Logger;
}

/** Makes sure that servers can be connected to. */
export interface ConnectCheck {
  /**
   * Connects to the URL's server, unless it has answered of late. What fails for another reason than time is left to
   * the request itself, which tells more.
   *
   * @param signal ends the waiting
   * @returns why nothing should be sent; undefined when it may
   */
  before(url: URL, signal: AbortSignal): Promise<Failure | undefined>;
  /** Takes note of how a request to the URL's server went. */
  note(url: URL, answered: boolean): void;
}

/**
 * Bounds the time that making a connection takes. `fetch` does not tell when it is connected, and a bound on the time
 * until an answer begins would be another thing; so before a request that needs a new connection, one is made
 * beforehand (with its TLS handshake) that carries nothing and is closed.
 *
 * That is known of: the first request to an origin, one after a failure, and one after an idle time in which the
 * client has given its connections up. Where a proxy leads there, or may, nothing is checked.
 */
export function connectCheck(options: ConnectCheckOptions): ConnectCheck {
  const { endpoint, connectTimeoutMs, logger } = options;
  /** When each origin was last known to be there, in milliseconds. */
  const seen = new Map<string, number>();
  const checks = new Map<string, Promise<boolean>>();
  let warned = false;

  function isDirect(url: URL): boolean {
    if (url.origin === options.pinned?.origin) return true;
    const use = proxyUse(url, (name) => mayRead(name) ? Deno.env.get(name) : null);
    // Which is what the client makes true, where it can.
    if (use === "proxy" && isLoopback(url) && mayRead("NO_PROXY") && mayRead("no_proxy")) return true;
    if (use === "unknown" && !warned) {
      warned = true;
      logger.warn(
        "--connect-timeout has no effect: whether a proxy leads to the endpoint can't be seen; " +
          "run Deno with --allow-env=HTTP_PROXY,http_proxy,HTTPS_PROXY,https_proxy,ALL_PROXY,all_proxy,NO_PROXY,no_proxy",
        { endpoint },
      );
    }
    return use === "direct";
  }

  function isThere(url: URL): Promise<boolean> {
    const running = checks.get(url.origin);
    if (running !== undefined) return running;
    const check = connects(url, options).finally(() => checks.delete(url.origin));
    checks.set(url.origin, check);
    return check;
  }

  return {
    async before(url, signal) {
      const last = seen.get(url.origin);
      if (last !== undefined && performance.now() - last < options.idleMs) return undefined;
      if (signal.aborted || !isDirect(url)) return undefined;
      const start = performance.now();
      const there = await unlessAborted(isThere(url), signal);
      if (there !== false) {
        if (there === true) seen.set(url.origin, performance.now());
        return undefined;
      }
      logger.debug("no connection in time", { endpoint, ms: Math.round(performance.now() - start) });
      const secure = url.protocol === "https:" ? ", TLS handshake included," : "";
      return failure(
        "CONNECT_TIMEOUT",
        endpoint,
        `no connection to ${url.hostname}:${portOf(url)}${secure} within ${connectTimeoutMs / 1000} s`,
        "is the server up, or a firewall in between? Raise --connect-timeout if the way there is slow",
      );
    },
    note(url, answered) {
      if (answered) seen.set(url.origin, performance.now());
      else seen.delete(url.origin);
    },
  };
}

/** Connects and closes; false when that took too long. A failure of any other kind counts as true. */
async function connects(
  url: URL,
  { connectTimeoutMs, caCerts, pinned }: ConnectCheckOptions,
): Promise<boolean> {
  const signal = AbortSignal.timeout(connectTimeoutMs);
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const address = url.origin === pinned?.origin ? pinned.address : { hostname, port: portOf(url) };
  let conn: Deno.Conn | undefined;
  const close = () => {
    try {
      conn?.close();
    } catch {
      // It broke, and is closed.
    }
  };
  try {
    conn = await Deno.connect({ ...address, signal });
    if (url.protocol === "https:") {
      const tls = await Deno.startTls(conn as Deno.TcpConn, { hostname, caCerts: [...caCerts] });
      conn = tls;
      signal.addEventListener("abort", close, { once: true });
      await tls.handshake();
    }
    return true;
  } catch {
    return !signal.aborted;
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const aborted = Promise.withResolvers<undefined>();
  const stop = () => aborted.resolve(undefined);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function mayRead(variable: string): boolean {
  return Deno.permissions.querySync({ name: "env", variable }).state === "granted";
}
