/** A request that came. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

/** An MCP server and an authorization server in one, which does what a test wants. */
export interface HostileServer extends AsyncDisposable {
  readonly origin: string;
  readonly mcpUrl: URL;
  readonly seen: readonly SeenRequest[];
  /** The form of the requests to a path. */
  forms(path: string): URLSearchParams[];
}

type Handler = (request: SeenRequest, origin: string) => Response | Promise<Response>;

/** What a {@linkcode HostileServer} does in its own way. */
export interface HostileServerOptions {
  /** Members of the resource's metadata, in place of honest ones. */
  readonly resource?: (origin: string) => Record<string, unknown>;
  /** Members of the authorization server's metadata, in place of honest ones. */
  readonly server?: (origin: string) => Record<string, unknown>;
  /** Answers by `METHOD /path`, in place of honest ones. */
  readonly routes?: Readonly<Record<string, Handler>>;
  readonly tls?: { readonly cert: string; readonly key: string };
}

const notFound = () => new Response("no", { status: 404 });

/** Starts the server on a random port of 127.0.0.1. */
export function startHostileServer(options: HostileServerOptions = {}): HostileServer {
  const seen: SeenRequest[] = [];
  const honest: Record<string, Handler> = {
    "GET /.well-known/oauth-protected-resource/mcp": (_request, origin) =>
      Response.json({
        resource: `${origin}/mcp`,
        authorization_servers: [origin],
        ...options.resource?.(origin),
      }),
    "GET /.well-known/oauth-authorization-server": (_request, origin) =>
      Response.json({
        issuer: origin,
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
        registration_endpoint: `${origin}/register`,
        revocation_endpoint: `${origin}/revoke`,
        code_challenge_methods_supported: ["S256"],
        ...options.server?.(origin),
      }),
    "POST /register": () => Response.json({ client_id: "registered-client" }, { status: 201 }),
    "POST /token": () =>
      Response.json({ access_token: "issued-token", token_type: "Bearer", expires_in: 60 }),
  };
  const handler = async (request: Request) => {
    const { pathname, origin } = new URL(request.url);
    const it = {
      method: request.method,
      path: pathname,
      headers: request.headers,
      body: await request.text(),
    };
    seen.push(it);
    const route = `${request.method} ${pathname}`;
    return await (options.routes?.[route] ?? honest[route] ?? notFound)(it, origin);
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {}, ...options.tls }, handler);
  const origin = `${options.tls === undefined ? "http" : "https"}://127.0.0.1:${server.addr.port}`;
  return {
    origin,
    mcpUrl: new URL(`${origin}/mcp`),
    seen,
    forms: (path) => seen.filter((it) => it.path === path).map((it) => new URLSearchParams(it.body)),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A port where a connection is an alarm. */
export interface Trap extends Disposable {
  readonly port: number;
  /** How many have connected. */
  readonly connections: number;
}

/** Sets a trap on this machine. */
export function setTrap(): Trap {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let connections = 0;
  (async () => {
    try {
      for await (const connection of listener) {
        connections++;
        connection.close();
      }
    } catch {
      // The test is over.
    }
  })();
  return {
    port: listener.addr.port,
    get connections() {
      return connections;
    },
    [Symbol.dispose]: () => listener.close(),
  };
}
