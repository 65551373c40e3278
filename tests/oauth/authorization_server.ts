import { createServer } from "node:http";
import { Buffer } from "node:buffer";
import Provider, { errors } from "oidc-provider";

/** A request as it came to a {@linkcode TestAuthorizationServer}. */
export interface AuthorizationServerRequest {
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** An answer in place of the server's own: what stands in front of it is not well. */
export interface Outage {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A certified authorization server on this machine, in front of an MCP server of which only the metadata exists. */
export interface TestAuthorizationServer extends AsyncDisposable {
  readonly issuer: string;
  /** The same as {@linkcode requests}, with headers. */
  readonly seen: readonly AuthorizationServerRequest[];
  /** What must be seen nowhere, as it was given out or came in: tokens, codes, verifiers, secrets. */
  readonly secrets: ReadonlySet<string>;
  /** The grants that were taken back, as when a refresh token is spent twice. */
  readonly revokedGrants: readonly string[];
  /** The grants of tokens that succeeded: `refresh_token`, `authorization_code`. */
  readonly granted: readonly string[];
  /** Answers in the server's place, while it gives one. */
  outage: (request: { readonly method: string; readonly path: string }) => Outage | undefined;
  /** What the token endpoint refuses a request with; set it to have all refused. */
  sayBack: ((params: URLSearchParams) => Record<string, unknown>) | undefined;
  /** Makes all refresh tokens worthless. */
  revokeRefreshTokens(): Promise<void>;
  /** Makes all access tokens worthless. */
  revokeAccessTokens(): Promise<void>;
  /** Knows no client any more that has registered itself. */
  forgetClients(): Promise<void>;
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
  /** The MCP server, where there is one. @default none: only its metadata exists, here */
  readonly mcpUrl?: string;
}

/** What the provider has to say about servers that are not for tests is no news here. */
for (const name of ["info", "warn"] as const) {
  const { console } = globalThis;
  const write = console[name];
  console[name] = (...args: unknown[]) => {
    if (!String(args[0]).startsWith("oidc-provider ")) write(...args);
  };
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
  const seen: AuthorizationServerRequest[] = [];
  const secrets = new Set<string>();
  const revokedGrants: string[] = [];
  const granted: string[] = [];
  const given = { access: new Set<string>(), refresh: new Set<string>(), clients: new Set<string>() };
  // deno-lint-ignore prefer-const -- its URL has to be known first
  let provider: Provider;
  const server = createServer((request, response) => {
    const [method, path] = [request.method!, request.url!.split("?")[0]!];
    requests.push(`${method} ${path}`);
    seen.push({ method, path, headers: request.headers });
    const outage = self.outage({ method, path });
    if (outage !== undefined) {
      request.resume();
      response.writeHead(outage.status, outage.headers).end(outage.body);
      return;
    }
    const { sayBack } = self;
    if (sayBack !== undefined && path === "/token") {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => body += text).on("end", () => {
        response.writeHead(400, { "content-type": "application/json" });
        response.end(JSON.stringify(sayBack(new URLSearchParams(body))));
      });
      return;
    }
    if (options.mcpUrl === undefined && request.url === "/.well-known/oauth-protected-resource/mcp") {
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
  const mcpUrl = options.mcpUrl ?? `${issuer}/mcp`;
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
  // deno-lint-ignore no-explicit-any -- the provider's context has no types that fit
  provider.use(async (context: any, next: () => Promise<void>) => {
    await next();
    const asked = context.oidc?.params ?? {};
    const answer = Object(context.body);
    const said = [
      asked.code_verifier,
      asked.code,
      asked.client_secret,
      asked.refresh_token,
      asked.device_code,
      answer.access_token,
      answer.refresh_token,
      answer.id_token,
      answer.client_secret,
      answer.registration_access_token,
      answer.device_code,
    ];
    for (const secret of said) if (typeof secret === "string") secrets.add(secret);
    if (context.path === "/reg" && context.status === 201) given.clients.add(answer.client_id);
    if (context.path !== "/token" || context.status !== 200) return;
    granted.push(String(asked.grant_type));
    given.access.add(answer.access_token);
    if (answer.refresh_token !== undefined) given.refresh.add(answer.refresh_token);
  });
  provider.on("grant.revoked", (_context: unknown, id: string) => revokedGrants.push(id));

  const self: TestAuthorizationServer = {
    issuer,
    mcpUrl: new URL(mcpUrl),
    requests,
    seen,
    secrets,
    revokedGrants,
    granted,
    outage: () => undefined,
    sayBack: undefined,
    async revokeRefreshTokens() {
      for (const token of given.refresh) await (await provider.RefreshToken.find(token))?.destroy();
    },
    async forgetClients() {
      const { adapter } = provider.Client as unknown as { adapter: { destroy(id: string): Promise<void> } };
      for (const id of given.clients) await adapter.destroy(id);
    },
    async revokeAccessTokens() {
      for (const token of given.access) {
        await (await provider.AccessToken.find(token))?.destroy();
        await (await provider.ClientCredentials.find(token))?.destroy();
      }
    },
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
  return self;
}
