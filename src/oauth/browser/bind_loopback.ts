import { BrowserError } from "./browser_error.ts";

/** A port that only this machine can reach. */
export interface LoopbackPort {
  readonly port: number;
  /** Whether 127.0.0.1 is bound; else it is ::1 alone. */
  readonly v4: boolean;
  /** One for each address. */
  readonly listeners: readonly Deno.TcpListener[];
}

/** Listens on an address; `Deno.listen`, or what stands in for it in a test. */
export type Listen = (where: { hostname: string; port: number }) => Deno.TcpListener;

/** How often another port is tried, when only one of the two addresses was free. */
const TRIES = 20;

/**
 * Listens on 127.0.0.1 and ::1, on the same port, or on the one of them that this machine has: whichever
 * `localhost` means, nobody else gets what comes to it.
 *
 * @param port 0 for any
 * @throws {BrowserError} `PORT_IN_USE`, `PORT_FORBIDDEN`, `PERMISSION`, `NO_LOOPBACK`
 */
export function bindLoopback(port: number, listen: Listen = Deno.listen): LoopbackPort {
  for (let left = TRIES;; left--) {
    try {
      return bindBoth(port, listen);
    } catch (error) {
      const taken = error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.PermissionDenied;
      // Windows keeps whole ranges of ports for itself, and gives them out all the same when asked for any.
      if (!taken || port !== 0 || left === 0) throw bindError(error, port);
    }
  }
}

function bindBoth(port: number, listen: Listen): LoopbackPort {
  const v4 = permitted("127.0.0.1", port) ? bindOne("127.0.0.1", port, listen) : undefined;
  const same = v4 === undefined ? port : v4.addr.port;
  let v6: Deno.TcpListener | undefined;
  try {
    v6 = permitted("[::1]", same) ? bindOne("::1", same, listen) : undefined;
  } catch (error) {
    v4?.close();
    throw error;
  }
  const listeners = [v4, v6].filter((it) => it !== undefined);
  if (listeners.length > 0) return { port: listeners[0]!.addr.port, v4: v4 !== undefined, listeners };
  const flag = `--allow-net=127.0.0.1${port === 0 ? "" : `:${port}`}`;
  throw permitted("127.0.0.1", port)
    ? new BrowserError("NO_LOOPBACK", "this machine has neither 127.0.0.1 nor ::1 to listen on")
    : new BrowserError("PERMISSION", `Deno's permission ${flag} is missing`, { hint: `Run with ${flag}` });
}

/** @returns nothing where this machine lacks the address */
function bindOne(hostname: string, port: number, listen: Listen): Deno.TcpListener | undefined {
  try {
    return listen({ hostname, port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.PermissionDenied) throw error;
    return undefined;
  }
}

/** A port of 0 asks for all ports: that is what the permission must be for. */
function permitted(host: string, port: number): boolean {
  const descriptor = { name: "net", host: port === 0 ? host : `${host}:${port}` } as const;
  return Deno.permissions.querySync(descriptor).state === "granted";
}

function bindError(cause: unknown, port: number): unknown {
  const other = "Say another --callback-port, or none at all";
  if (cause instanceof Deno.errors.AddrInUse) {
    const hint = port === 0 ? "Say a --callback-port" : other;
    const which = port === 0 ? "no port was free" : `port ${port} is in use by another program`;
    return new BrowserError("PORT_IN_USE", `can't wait for the browser: ${which}`, { hint, cause });
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    const which = port === 0 ? "a port" : `port ${port}`;
    const message = `can't wait for the browser: the system does not let this program have ${which}`;
    return new BrowserError("PORT_FORBIDDEN", message, { hint: other, cause });
  }
  return cause;
}
