import { isAbsolutePath } from "../absolute_path.ts";
import { describeEndpoint } from "../describe_endpoint.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Link, OpenLink } from "../link.ts";
import { LinkError } from "../link_error.ts";
import { requirePermission } from "../require_permission.ts";
import { connectError } from "./connect_error.ts";

const CHUNK = 64 * 1024;

/**
 * Opens a link over TCP. All addresses of the host are tried, of both families, the next when one has not
 * answered within 250 ms; `localhost` is 127.0.0.1 and ::1, whatever the resolver knows of it (the latter where
 * its permission is granted too). `open` rejects with a {@linkcode LinkError}: `REFUSED`, `NOT_FOUND`, `UNREACHABLE`,
 * `TIMEOUT`, `PERMISSION` or `INVALID`; when the signal aborts for another reason than a timeout, with that.
 *
 * @param address what is connected to in place of the name
 */
export function openTcp(
  { hostname, port }: { hostname: string; port: number },
  address?: { readonly hostname: string; readonly port: number },
): OpenLink {
  return async (signal) => {
    signal.throwIfAborted();
    const host = `${bracketed(hostname)}:${port}`;
    requirePermission({ name: "net", host }, `--allow-net=${host}`);
    const to = address ?? { hostname, port };
    const place = `${bracketed(to.hostname)}:${to.port}`;
    requirePermission({ name: "net", host: place }, `--allow-net=${host},${place}`);
    const name = describeEndpoint({ kind: "tcp", hostname, port });
    const conn = await connect(name, signal, () => connectTcp(to.hostname, to.port, signal));
    // A request in two writes would wait 40 ms for Nagle's algorithm and the delayed acknowledgement.
    conn.setNoDelay(true);
    return socketLink(name, conn);
  };
}

/**
 * Opens a link over a Unix socket. Deno wants three permissions for it: `--allow-read` and `--allow-write` of
 * the path, and `--allow-net=unix:PATH`, which takes an absolute path alone: a relative one wants all of
 * `--allow-net`. Rejects like {@linkcode openTcp}.
 */
export function openUnix({ path }: { path: string }): OpenLink {
  return async (signal) => {
    signal.throwIfAborted();
    const isAbsolute = isAbsolutePath(path);
    const net = isAbsolute ? `--allow-net=unix:${path}` : "--allow-net";
    const flags = [`--allow-read=${path}`, `--allow-write=${path}`, net].join(" ");
    requirePermission({ name: "read", path }, flags);
    requirePermission({ name: "write", path }, flags);
    requirePermission({ name: "net", ...(isAbsolute ? { host: `unix:${path}` } : {}) }, flags);
    const endpoint: Endpoint = { kind: "unix", path };
    const name = describeEndpoint(endpoint);
    return socketLink(name, await connect(name, signal, () => Deno.connect({ transport: "unix", path })));
  };
}

// What "localhost" stands for is the resolver's to say, and many know it in one family only, while servers
// listen in the other.
async function connectTcp(hostname: string, port: number, signal: AbortSignal): Promise<Deno.TcpConn> {
  try {
    return await Deno.connect({ hostname, port, signal });
  } catch (error) {
    if (signal.aborted || hostname.toLowerCase() !== "localhost") throw error;
    for (const address of ["::1", "127.0.0.1"]) {
      if (!isPermitted(address, port)) continue;
      try {
        return await Deno.connect({ hostname: address, port, signal });
      } catch {
        // The first error tells of the address as it was given.
      }
    }
    throw error;
  }
}

function isPermitted(address: string, port: number): boolean {
  const host = `${bracketed(address)}:${port}`;
  return Deno.permissions.querySync({ name: "net", host }).state === "granted";
}

function bracketed(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

async function connect<T extends Deno.Conn>(
  name: string,
  signal: AbortSignal,
  open: () => Promise<T>,
): Promise<T> {
  let conn: T;
  try {
    conn = await open();
  } catch (error) {
    throw connectError(error, name, signal);
  }
  if (!signal.aborted) return conn;
  conn.close();
  throw connectError(signal.reason, name, signal);
}

/** A link over an open socket. A server that has only ended its sending may still be written to. */
export function socketLink(name: string, conn: Deno.Conn): Link {
  const buffer = new Uint8Array(CHUNK);
  let closed = false;

  return {
    name,
    async read() {
      if (closed) return null;
      try {
        const count = await conn.read(buffer);
        return count === null || closed ? null : buffer.subarray(0, count);
      } catch (cause) {
        if (closed) return null;
        throw new LinkError("CLOSED", `the connection to ${name} broke`, { cause });
      }
    },
    async write(bytes) {
      let rest = bytes;
      try {
        while (rest.length > 0 && !closed) rest = rest.subarray(await conn.write(rest));
      } catch (cause) {
        if (!closed) throw new LinkError("CLOSED", `${name} has closed the connection`, { cause });
      }
      if (closed) throw new LinkError("CLOSED", `the connection to ${name} is closed`);
    },
    close() {
      if (!closed) {
        closed = true;
        try {
          conn.close();
        } catch {
          // It broke, and is closed.
        }
      }
      return Promise.resolve();
    },
  };
}
