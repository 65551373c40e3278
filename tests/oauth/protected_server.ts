/** What a token endpoint was asked. */
export interface TokenRequest {
  readonly grant: string;
  readonly parameters: URLSearchParams;
  readonly authorization: string | null;
}

/** A small MCP server that wants tokens, and the authorization server it names, on this machine. */
export interface ProtectedServer extends AsyncDisposable {
  readonly origin: string;
  /** The MCP server. */
  readonly url: string;
  /** All that it has issued: access tokens, refresh tokens. */
  readonly secrets: readonly string[];
  /** The requests to the token endpoint. */
  readonly tokenRequests: readonly TokenRequest[];
  /** The methods that were called with a token that is good. */
  readonly calls: readonly string[];
  /** The tokens that were revoked. */
  readonly revoked: readonly string[];
  /** Issues tokens by the way, as if somebody had signed in. */
  issue(): { accessToken: string; refreshToken: string };
  /** Makes an access token worthless. */
  end(accessToken: string): void;
}

/** Options of {@linkcode startProtectedServer}. */
export interface ProtectedServerOptions {
  /** How long access tokens live, in seconds. @default 3600 */
  readonly seconds?: number;
  /** The issuer that the metadata names, and that has metadata of its own elsewhere. @default its own origin */
  readonly issuer?: string;
  /** Judges a JWT that is to be the grant: what it is refused with, or nothing. @default each is refused */
  readonly judge?: (assertion: string) => Record<string, unknown> | undefined;
}

/** Starts it on a random port. */
export function startProtectedServer(
  { seconds = 3600, issuer: other, judge = () => ({ error: "invalid_grant" }) }: ProtectedServerOptions = {},
): ProtectedServer {
  const secrets: string[] = [];
  const good = new Set<string>();
  const refreshable = new Set<string>();
  const tokenRequests: TokenRequest[] = [];
  const calls: string[] = [];
  const revoked: string[] = [];

  function issue() {
    const [accessToken, refreshToken] = [`access-${crypto.randomUUID()}`, `refresh-${crypto.randomUUID()}`];
    secrets.push(accessToken, refreshToken);
    good.add(accessToken);
    refreshable.add(refreshToken);
    return { accessToken, refreshToken };
  }

  async function token(request: Request): Promise<Response> {
    const parameters = new URLSearchParams(await request.text());
    const grant = parameters.get("grant_type") ?? "";
    tokenRequests.push({ grant, parameters, authorization: request.headers.get("authorization") });
    if (grant === "urn:ietf:params:oauth:grant-type:jwt-bearer") {
      const refusal = judge(parameters.get("assertion") ?? "");
      if (refusal !== undefined) return Response.json(refusal, { status: 400 });
      const { accessToken } = issue();
      return Response.json({ access_token: accessToken, token_type: "Bearer", expires_in: seconds });
    }
    // A refresh token is good once.
    const fits = grant === "client_credentials" ||
      grant === "refresh_token" && refreshable.delete(parameters.get("refresh_token") ?? "");
    if (!fits) return Response.json({ error: "invalid_grant" }, { status: 400 });
    const { accessToken, refreshToken } = issue();
    return Response.json({
      access_token: accessToken,
      token_type: "Bearer",
      expires_in: seconds,
      ...(grant === "refresh_token" ? { refresh_token: refreshToken } : {}),
    });
  }

  async function mcp(request: Request): Promise<Response> {
    const shown = request.headers.get("authorization")?.replace(/^Bearer /, "") ?? "";
    if (!good.has(shown)) {
      return new Response(null, {
        status: 401,
        headers: { "www-authenticate": `Bearer resource_metadata="${origin}/metadata", scope="mcp"` },
      });
    }
    if (request.method !== "POST") return new Response(null, { status: 405 });
    const { id, method, params } = await request.json();
    calls.push(method);
    if (id === undefined) return new Response(null, { status: 202 });
    const result = method === "initialize"
      ? {
        protocolVersion: params.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: "protected", version: "1" },
      }
      : method === "tools/list"
      ? { tools: [] }
      : undefined;
    return Response.json({
      jsonrpc: "2.0",
      id,
      ...(result === undefined ? { error: { code: -32601, message: "Method not found" } } : { result }),
    });
  }

  async function serve(request: Request): Promise<Response> {
    switch (new URL(request.url).pathname) {
      case "/mcp":
        return await mcp(request);
      case "/metadata":
        return Response.json({ resource: `${origin}/mcp`, authorization_servers: [other ?? origin] });
      case "/.well-known/oauth-authorization-server":
        return Response.json({
          issuer: origin,
          authorization_endpoint: `${origin}/authorize`,
          token_endpoint: `${origin}/token`,
          revocation_endpoint: `${origin}/revoke`,
          response_types_supported: ["code"],
          code_challenge_methods_supported: ["S256"],
          token_endpoint_auth_methods_supported: ["client_secret_basic", "none"],
        });
      case "/token":
        return await token(request);
      case "/revoke": {
        const gone = new URLSearchParams(await request.text()).get("token") ?? "";
        revoked.push(gone);
        good.delete(gone);
        refreshable.delete(gone);
        return new Response(null, { status: 200 });
      }
      default:
        return new Response(null, { status: 404 });
    }
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, serve);
  const origin = `http://127.0.0.1:${server.addr.port}`;
  return {
    origin,
    url: `${origin}/mcp`,
    secrets,
    tokenRequests,
    calls,
    revoked,
    issue,
    end: (accessToken) => void good.delete(accessToken),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
