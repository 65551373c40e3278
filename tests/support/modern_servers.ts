/** Modern-only servers of the official SDK v2 on every transport, in the test's own process. */
import { createMcpHandler, type ServerOptions } from "@modelcontextprotocol/server";
import { serveStdio, type ServeStdioOptions } from "@modelcontextprotocol/server/stdio";
import { createInbox, type Inbox } from "./inbox.ts";
import { createModernServer, type ModernRecord, type Tell } from "./modern_server.ts";
import { listenRaw } from "./raw_socket.ts";
import { lineTransport } from "./sdk_servers.ts";

/** The command line that runs the modern-only server over stdio; with `dual` behind it, it serves legacy clients as well. */
export const MODERN_STDIO_COMMAND: readonly [string, ...string[]] = [
  Deno.execPath(),
  "run",
  "-A",
  "--quiet",
  new URL("./modern_stdio_server.ts", import.meta.url).href,
];

/** A request as it came to a {@linkcode ModernServer} over HTTP. */
export interface SeenRequest {
  readonly headers: Headers;
  readonly body: string;
  readonly status: number;
}

/** A running modern-only server. */
export interface ModernServer extends AsyncDisposable {
  /** What a client is given: a URL, or `tcp://127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
  /** What happened in it. */
  readonly events: Inbox<string>;
  /** The requests it got, over HTTP. */
  readonly requests: Inbox<SeenRequest>;
  /** Tells those who listen, over HTTP. */
  readonly notify: Tell | undefined;
  close(): Promise<void>;
}

function observed(): { events: Inbox<string>; record: ModernRecord } {
  const events = createInbox<string>((items) => `events: ${items.join(", ") || "none"}`);
  const record: ModernRecord = {
    events: [],
    changed: () => events.push(record.events.at(-1)!),
  };
  return { events, record };
}

/** How a {@linkcode ModernServer} is started. */
export interface ModernServerOptions extends Pick<ServerOptions, "cacheHints"> {
  /** @default any that is free */
  readonly port?: number;
  /** It serves legacy clients as well. @default false */
  readonly dual?: boolean;
}

/** Starts it over Streamable HTTP. */
export function startModernHttpServer(
  { port = 0, dual = false, ...options }: ModernServerOptions = {},
): ModernServer {
  const { events, record } = observed();
  const requests = createInbox<SeenRequest>((items) =>
    `requests: ${items.map(({ status, body }) => `\n${status} ${body}`).join("") || "none"}`
  );
  const handler = createMcpHandler(() => createModernServer(record, handler.notify, options), {
    legacy: dual ? "stateless" : "reject",
  });
  const server = Deno.serve({ port, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const body = await request.clone().text();
    const response = await handler.fetch(request);
    requests.push({ headers: request.headers, body, status: response.status });
    return response;
  });
  let closing: Promise<void> | undefined;
  const close = () =>
    closing ??= (async () => {
      await handler.close();
      await server.shutdown();
    })();
  return {
    url: `http://127.0.0.1:${server.addr.port}/mcp`,
    port: server.addr.port,
    events,
    requests,
    notify: handler.notify,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Starts it on a TCP port: a message a line. */
export async function startModernTcpServer(
  { port, dual = false, ...options }: ModernServerOptions = {},
): Promise<ModernServer> {
  const { events, record } = observed();
  const listener = await listenRaw(async (connection) => {
    const transport = lineTransport(connection);
    const handle = serveStdio(() => createModernServer(record, undefined, options), {
      legacy: dual ? "serve" : "reject",
      transport: transport as NonNullable<ServeStdioOptions["transport"]>,
    });
    await transport.ended;
    await handle.close();
  }, port === undefined ? {} : { port });
  return {
    url: `tcp://127.0.0.1:${listener.port}`,
    port: listener.port,
    events,
    requests: createInbox<SeenRequest>(() => "none"),
    notify: undefined,
    close: listener.close,
    [Symbol.asyncDispose]: listener.close,
  };
}
