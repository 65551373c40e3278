/** An MCP server of the official SDK that wants to know whose request it is, in the test's own process. */
// @ts-types="@modelcontextprotocol/sdk/server/webStandardStreamableHttp"
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
// @ts-types="@modelcontextprotocol/sdk/server/mcp"
import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
// @ts-types="@modelcontextprotocol/sdk/shared/transport"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { createInbox, type Inbox } from "./inbox.ts";
import { createModernServer } from "./modern_server.ts";
import { createSdkServer } from "./sdk_server.ts";
import { startSdkSseServer } from "./sdk_servers.ts";

/** A request as it came to a {@linkcode ProtectedServer}. */
export interface ProtectedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  /** The JSON-RPC method, where there is one. */
  readonly rpc: string | undefined;
  readonly status: number;
}

/** Who may do what, as the authorization server says. */
export type Introspect = (accessToken: string) => Promise<Record<string, unknown>>;

/** Options of {@linkcode startProtectedServer}. */
export interface ProtectedServerOptions {
  /** Servers of SDK v1 know sessions, those of v2 only the modern era; `sse` is HTTP+SSE, at `/sse`. @default "legacy" */
  readonly era?: "legacy" | "modern" | "sse";
  /** The scope that a tool wants beside being signed in. @default none */
  readonly scopes?: Readonly<Record<string, string>>;
  /**
   * How long a token counts that was good once, in milliseconds, as gateways have it that don't ask each time.
   * @default 0
   */
  readonly trustMs?: number;
  /** Makes the server of a legacy session. @default the SDK's test server */
  readonly make?: () => McpServer;
}

/** A running server. */
export interface ProtectedServer extends AsyncDisposable {
  readonly url: string;
  readonly origin: string;
  readonly requests: Inbox<ProtectedRequest>;
  /** Who gives tokens for it; to be set before the first request. */
  guard: { readonly issuer: string; readonly introspect: Introspect } | undefined;
  /** Answers in the server's place, while it gives one. */
  outage: (request: Request) => Response | undefined;
  /** The requests that were refused for want of a token. */
  refused(): readonly ProtectedRequest[];
  /** Forgets all sessions, as one that was started again has. */
  forgetSessions(): Promise<void>;
}

/** Starts it on a random port, at `/mcp`. */
export function startProtectedServer(options: ProtectedServerOptions = {}): ProtectedServer {
  const { era = "legacy", scopes = {}, trustMs = 0, make = () => createSdkServer() } = options;
  const requests = createInbox<ProtectedRequest>((items) =>
    `requests: ${items.map((it) => `${it.method} ${it.path} ${it.rpc} ${it.status}`).join("; ") || "none"}`
  );
  const transports = new Map<string, WebStandardStreamableHTTPServerTransport>();
  const modern: ReturnType<typeof createMcpHandler> | undefined = era === "modern"
    ? createMcpHandler(() => createModernServer({ events: [], changed: () => {} }, modern!.notify), {
      legacy: "reject",
    })
    : undefined;

  const sse = era === "sse" ? startSdkSseServer() : undefined;
  const place = era === "sse" ? "/sse" : "/mcp";
  const metadataPath = `/.well-known/oauth-protected-resource${place}`;
  const trusted = new Map<string, { readonly until: number; readonly seen: Record<string, unknown> }>();

  async function introspect(token: string): Promise<Record<string, unknown>> {
    const known = trusted.get(token);
    if (known !== undefined && performance.now() < known.until) return known.seen;
    const seen = await self.guard!.introspect(token);
    if (seen.active === true) trusted.set(token, { until: performance.now() + trustMs, seen });
    return seen;
  }

  async function serveLegacy(request: Request): Promise<Response> {
    const session = request.headers.get("mcp-session-id");
    const known = session === null ? undefined : transports.get(session);
    if (known !== undefined) return await known.handleRequest(request);
    if (session !== null) return Response.json(sessionUnknown, { status: 404 });
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      onsessioninitialized: (id) => void transports.set(id, transport),
      onsessionclosed: (id) => void transports.delete(id),
    });
    await make().connect(transport as Transport);
    return await transport.handleRequest(request);
  }

  async function judge(request: Request, body: string): Promise<Response | undefined> {
    const { guard } = self;
    if (guard === undefined) return undefined;
    const metadata = `resource_metadata="${self.origin}${metadataPath}"`;
    const shown = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
    if (shown === undefined) return refuse(401, `Bearer ${metadata}`);
    const seen = await introspect(shown);
    if (seen.active !== true || seen.aud !== self.url) {
      return refuse(401, `Bearer error="invalid_token", ${metadata}`);
    }
    const { method, params } = body === "" ? Object(null) : JSON.parse(body);
    const wanted = method === "tools/call" ? scopes[params?.name] : undefined;
    if (wanted === undefined || String(seen.scope).split(" ").includes(wanted)) return undefined;
    return refuse(403, `Bearer error="insufficient_scope", scope="${wanted}", ${metadata}`);
  }

  async function forward({ url, method, headers, signal }: Request, body: string): Promise<Response> {
    const to = new URL((await sse!).url);
    const { pathname, search } = new URL(url);
    to.pathname = pathname;
    to.search = search;
    const init = { method, headers, signal, ...(body === "" ? {} : { body }) };
    const response = await fetch(to, init);
    return new Response(response.body, { status: response.status, headers: response.headers });
  }

  async function answer(request: Request, path: string, body: string): Promise<Response> {
    const outage = self.outage(request);
    if (outage !== undefined) return outage;
    if (path === metadataPath && self.guard !== undefined) {
      return Response.json({
        resource: self.url,
        authorization_servers: [self.guard.issuer],
        scopes_supported: ["mcp:read"],
      });
    }
    if (path !== place && !(sse !== undefined && path === "/messages")) {
      return new Response(null, { status: 404 });
    }
    return await judge(request, body) ??
      await (modern?.fetch(request) ?? (sse === undefined ? serveLegacy(request) : forward(request, body)));
  }

  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const path = new URL(request.url).pathname;
    const body = await request.clone().text();
    const response = await answer(request, path, body);
    const rpc = body === "" ? undefined : Object(JSON.parse(body)).method;
    const { method, headers } = request;
    requests.push({ method, path, headers, rpc, status: response.status });
    return response;
  });
  const origin = `http://127.0.0.1:${server.addr.port}`;

  async function forgetSessions(): Promise<void> {
    const those = [...transports.values()];
    transports.clear();
    for (const transport of those) await transport.close();
  }

  const self: ProtectedServer = {
    url: `${origin}${place}`,
    origin,
    requests,
    guard: undefined,
    outage: () => undefined,
    refused: () => requests.items.filter(({ status }) => status === 401),
    forgetSessions,
    async [Symbol.asyncDispose]() {
      await forgetSessions();
      await modern?.close();
      await (await sse)?.close();
      await server.shutdown();
    },
  };
  return self;
}

const sessionUnknown = { jsonrpc: "2.0", id: null, error: { code: -32001, message: "Session not found" } };

function refuse(status: number, challenge: string): Response {
  return new Response(null, { status, headers: { "www-authenticate": challenge } });
}
