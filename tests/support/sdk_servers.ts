/** Servers of the official SDK v1 on every transport, in the test's own process. */
import http from "node:http";
// @ts-types="@modelcontextprotocol/sdk/server/sse"
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
// @ts-types="@modelcontextprotocol/sdk/server/streamableHttp"
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
// @ts-types="@modelcontextprotocol/sdk/shared/transport"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { createInbox, DEFAULT_WAIT_MS } from "./inbox.ts";
import { listenRaw, type RawConnection } from "./raw_socket.ts";
import { createSdkServer, type SdkServerRecord, sdkServerRecord } from "./sdk_server.ts";

/** The command line that runs the SDK server over stdio. */
export const SDK_STDIO_COMMAND: readonly [string, ...string[]] = [
  Deno.execPath(),
  "run",
  "-A",
  "--quiet",
  new URL("./sdk_stdio_server.ts", import.meta.url).href,
];

/** A running server. */
export interface SdkServer extends AsyncDisposable {
  /** What a client is given: a URL, or `tcp://127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
  readonly record: SdkServerRecord;
  /** How many sessions are open. */
  sessions(): number;
  /** Waits until the record satisfies the predicate. */
  recorded(predicate: (record: SdkServerRecord) => boolean, timeoutMs?: number): Promise<void>;
  /** Forgets all sessions, as after a restart: over Streamable HTTP their ids get 404. */
  forgetSessions(): Promise<void>;
  /** Ends all sessions and stops listening. Idempotent. */
  close(): Promise<void>;
}

export interface SdkHttpOptions {
  /** Answers with plain JSON instead of event streams. @default false */
  readonly json?: boolean;
  /** No sessions: a server for each request. @default false */
  readonly stateless?: boolean;
  /** @default any that is free */
  readonly port?: number;
}

/** Starts the SDK server over Streamable HTTP, at `/mcp`. */
export function startSdkHttpServer(
  { json = false, stateless = false, port = 0 }: SdkHttpOptions = {},
): Promise<SdkServer> {
  const transports = new Map<string, StreamableHTTPServerTransport>();
  const open = async (record: SdkServerRecord) => {
    const transport = new StreamableHTTPServerTransport({
      ...(stateless ? {} : { sessionIdGenerator: () => crypto.randomUUID() }),
      enableJsonResponse: json,
      onsessioninitialized: (id) => void transports.set(id, transport),
      onsessionclosed: (id) => void transports.delete(id),
    });
    await createSdkServer(record).connect(transport as Transport);
    return transport;
  };
  return startNodeServer("/mcp", async (request, response, record) => {
    const session = request.headers["mcp-session-id"];
    const known = typeof session === "string" ? transports.get(session) : undefined;
    if (known === undefined && typeof session === "string" && !stateless) {
      response.writeHead(404, { "content-type": "application/json" })
        .end('{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}');
      return;
    }
    const transport = known ?? await open(record);
    await transport.handleRequest(request, response);
    if (stateless) response.once("close", () => void transport.close());
    else if (known === undefined && transport.sessionId === undefined) await transport.close();
  }, {
    sessions: () => transports.size,
    close: async () => {
      for (const transport of transports.values()) await transport.close();
      transports.clear();
    },
  }, port);
}

/** Starts the SDK server over the HTTP+SSE transport of 2024-11-05: stream at `/sse`, messages at `/messages`. */
export function startSdkSseServer({ port = 0 } = {}): Promise<SdkServer> {
  const transports = new Map<string, SSEServerTransport>();
  return startNodeServer("/sse", async (request, response, record) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    if (request.method === "GET" && url.pathname === "/sse") {
      const transport = new SSEServerTransport("/messages", response);
      transports.set(transport.sessionId, transport);
      response.once("close", () => transports.delete(transport.sessionId));
      await createSdkServer(record).connect(transport);
      return;
    }
    const transport = transports.get(url.searchParams.get("sessionId") ?? "");
    if (request.method === "POST" && transport !== undefined) {
      return await transport.handlePostMessage(request, response);
    }
    response.writeHead(url.pathname === "/sse" ? 405 : 404).end();
  }, {
    sessions: () => transports.size,
    close: async () => {
      for (const transport of transports.values()) await transport.close();
    },
  }, port);
}

/** Starts the SDK server on a TCP port: one session a connection, a message a line. */
export async function startSdkTcpServer({ port = 0 } = {}): Promise<SdkServer> {
  const { record, recorded } = observable();
  const listener = await listenRaw(async (connection) => {
    const server = createSdkServer(record);
    const transport = lineTransport(connection);
    await server.connect(transport);
    await transport.ended;
    await server.close();
  }, { port });
  return {
    url: `tcp://127.0.0.1:${listener.port}`,
    port: listener.port,
    record,
    recorded,
    sessions: () => listener.open.size,
    async forgetSessions() {
      for (const connection of listener.open) connection.destroy();
      await Promise.all([...listener.open].map(({ closed }) => closed));
    },
    close: listener.close,
    [Symbol.asyncDispose]: listener.close,
  };
}

function observable(): Pick<SdkServer, "record" | "recorded"> {
  const changes = createInbox<string>(() => `slow ${record.slow}, cancelled ${record.cancelled}`);
  const record: SdkServerRecord = sdkServerRecord(() => changes.push(""));
  return {
    record,
    async recorded(predicate, timeoutMs = DEFAULT_WAIT_MS) {
      if (!predicate(record)) await changes.find(() => predicate(record), timeoutMs);
    },
  };
}

async function startNodeServer(
  path: string,
  handle: (
    request: http.IncomingMessage,
    response: http.ServerResponse,
    record: SdkServerRecord,
  ) => Promise<void>,
  state: { sessions: () => number; close: () => Promise<void> },
  wanted = 0,
): Promise<SdkServer> {
  const { record, recorded } = observable();
  const handling = new Set<Promise<void>>();
  const server = http.createServer((request, response) => {
    const handled = handle(request, response, record)
      .catch((error) => {
        if (!response.headersSent) response.writeHead(500);
        response.end(String(error));
      })
      .finally(() => handling.delete(handled));
    handling.add(handled);
  });
  await new Promise<void>((resolve) => server.listen(wanted, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  let closing: Promise<void> | undefined;
  const close = () =>
    closing ??= (async () => {
      await state.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      await Promise.all(handling);
    })();
  return {
    url: `http://127.0.0.1:${port}${path}`,
    port,
    record,
    recorded,
    sessions: state.sessions,
    forgetSessions: state.close,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The SDK's transport over a connection: a message a line. */
export function lineTransport(connection: RawConnection): Transport & { readonly ended: Promise<void> } {
  const ended = Promise.withResolvers<void>();
  const transport: Transport & { readonly ended: Promise<void> } = {
    ended: ended.promise,
    start() {
      (async () => {
        const decoder = new TextDecoder();
        let rest = "";
        for (let chunk = await connection.read(); chunk !== null; chunk = await connection.read()) {
          const [first = "", ...lines] = decoder.decode(chunk, { stream: true }).split("\n");
          rest += first;
          for (const next of lines) {
            if (rest.trim() !== "") receive(rest);
            rest = next;
          }
        }
        ended.resolve();
      })();
      return Promise.resolve();
    },
    send: (message) => connection.write(`${JSON.stringify(message)}\n`),
    close() {
      connection.destroy();
      ended.resolve();
      transport.onclose?.();
      return Promise.resolve();
    },
  };
  const receive = (line: string) => {
    try {
      transport.onmessage?.(JSON.parse(line) as JSONRPCMessage);
    } catch (error) {
      transport.onerror?.(error as Error);
    }
  };
  return transport;
}
