import { createServer } from "node:http";
import { Buffer } from "node:buffer";
import Provider, { errors } from "oidc-provider";

/** A certified authorization server on this machine, in front of an MCP server of which only the metadata exists. */
export interface TestAuthorizationServer extends AsyncDisposable {
  readonly issuer: string;
  /** The MCP server's URL: its metadata is there. */
  readonly mcpUrl: URL;
  /** The requests that came, as `METHOD path`. */
  readonly requests: readonly string[];
  /** Tells what the server itself thinks of an access token. */
  introspect(accessToken: string): Promise<Record<string, unknown>>;
}

/** Options of {@linkcode startAuthorizationServer}. */
export interface AuthorizationServerOptions {
  /** How long access tokens live, in seconds. @default 60 */
  readonly accessTokenSeconds?: number;
  /** Clients that are there from the start. */
  readonly clients?: readonly Record<string, unknown>[];
  /** Whether clients may register themselves. @default true */
  readonly registration?: boolean;
  /** Whether authorization requests must be pushed. @default false */
  readonly pushed?: boolean;
  /** Whether the MCP server wants tokens bound to a key. @default false */
  readonly dpop?: boolean;
}

/** A client of the tests that may ask what a token is. */
const INSPECTOR = { client_id: "inspector", client_secret: "inspector-secret" };

/** Starts the server on a random port. */
export async function startAuthorizationServer(
  options: AuthorizationServerOptions = {},
): Promise<TestAuthorizationServer> {
  const { accessTokenSeconds = 60, clients = [], registration = true, pushed = false, dpop = false } =
    options;
  const requests: string[] = [];
  // deno-lint-ignore prefer-const -- its URL has to be known first
  let provider: Provider;
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url!.split("?")[0]}`);
    if (request.url === "/.well-known/oauth-protected-resource/mcp") {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({
        resource: mcpUrl,
        authorization_servers: [issuer],
        scopes_supported: ["mcp:read"],
        ...(dpop ? { dpop_bound_access_tokens_required: true } : {}),
      }));
      return;
    }
    provider.callback()(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as { port: number };
  const issuer = `http://127.0.0.1:${port}`;
  const mcpUrl = `${issuer}/mcp`;
  provider = new Provider(issuer, {
    clients: [
      { ...INSPECTOR, redirect_uris: [], response_types: [], grant_types: [] },
      ...clients,
    ] as never[],
    scopes: ["openid", "offline_access", "mcp:read", "mcp:write"],
    clientDefaults: { grant_types: ["authorization_code", "refresh_token"] },
    findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
    cookies: { keys: ["a key for the tests alone"] },
    rotateRefreshToken: true,
    pkce: { required: () => true },
    ttl: { AccessToken: accessTokenSeconds, ClientCredentials: accessTokenSeconds, DeviceCode: 60 },
    features: {
      devInteractions: { enabled: true },
      registration: { enabled: registration },
      revocation: { enabled: true, allowedPolicy: () => true },
      introspection: { enabled: true, allowedPolicy: () => true },
      deviceFlow: { enabled: true },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: () => true },
      pushedAuthorizationRequests: { enabled: pushed, requirePushedAuthorizationRequests: pushed },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context: unknown, resource: string) => {
          if (resource !== mcpUrl) throw new errors.InvalidTarget();
          return {
            scope: "mcp:read mcp:write",
            accessTokenFormat: "opaque",
            accessTokenTTL: accessTokenSeconds,
          };
        },
      },
    },
  } as never);

  return {
    issuer,
    mcpUrl: new URL(mcpUrl),
    requests,
    async introspect(accessToken) {
      const response = await fetch(`${issuer}/token/introspection`, {
        method: "POST",
        headers: { authorization: `Basic ${btoa(`${INSPECTOR.client_id}:${INSPECTOR.client_secret}`)}` },
        body: new URLSearchParams({ token: accessToken }),
      });
      return await response.json();
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
