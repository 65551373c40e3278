/**
 * Servers that count how often each call ran. Tools: `write` (without hints: unsafe), `read` (`readOnlyHint`), `put`
 * (`idempotentHint`), and `hang`, which has no hints either and answers only when it is cancelled, or the server closed.
 * Each takes `{call}`, a number that no other call has. Sessions can be forgotten.
 */
import http from "node:http";
// @ts-types="@modelcontextprotocol/sdk/server/mcp"
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
// @ts-types="@modelcontextprotocol/sdk/server/streamableHttp"
import {
  type EventStore,
  StreamableHTTPServerTransport,
} from "@modelcontextprotocol/sdk/server/streamableHttp.js";
// @ts-types="@modelcontextprotocol/sdk/shared/transport"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import { listenRaw } from "./raw_socket.ts";
import { isRequest, type WireMessage } from "./wire_message.ts";

/** A running server that counts. */
export interface CountingServer extends AsyncDisposable {
  readonly port: number;
  /** How often the call ran. */
  ran(call: number): number;
  /** Forgets all sessions, as after a restart; where a connection is the session, does nothing. */
  forget(): void;
  /** How many sessions have been begun. */
  sessions(): number;
  close(): Promise<void>;
}

/** How often each call ran, a byte each. */
function createLedger() {
  let counts = new Uint8Array(1024);
  return {
    note(call: number): void {
      if (call >= counts.length) {
        const more = new Uint8Array(Math.max(counts.length * 2, call + 1));
        more.set(counts);
        counts = more;
      }
      counts[call]!++;
    },
    ran: (call: number) => counts[call] ?? 0,
  };
}
type Ledger = ReturnType<typeof createLedger>;

/** The tools, as `tools/list` has them. */
export const COUNTING_TOOLS = [
  { name: "write", inputSchema: { type: "object" } },
  { name: "hang", inputSchema: { type: "object" } },
  { name: "read", inputSchema: { type: "object" }, annotations: { readOnlyHint: true } },
  { name: "put", inputSchema: { type: "object" }, annotations: { idempotentHint: true } },
] as const;

const CAPABILITIES = { tools: { listChanged: true }, resources: {} };

/** Carries a request out; a number is the id of one that answers when it is cancelled. */
function carryOut({ id, method, params }: WireMessage, ledger: Ledger): WireMessage | undefined {
  const result = (value: unknown) => ({ jsonrpc: "2.0", id: id!, result: value });
  switch (method) {
    case "initialize":
      return result({
        protocolVersion: params.protocolVersion,
        capabilities: CAPABILITIES,
        serverInfo: { name: "counting", version: "1" },
      });
    case "tools/list":
      return result({ tools: COUNTING_TOOLS });
    case "tools/call":
      ledger.note(params.arguments.call);
      if (params.name === "hang") return undefined;
      return result({ content: [{ type: "text", text: `call ${params.arguments.call}` }] });
    case "resources/list":
      return result({ resources: [{ uri: "count://all", name: "all" }] });
    case "resources/read":
      return result({ contents: [{ uri: params.uri, text: params.uri }] });
    case "ping":
      return result({});
    default:
      return { jsonrpc: "2.0", id: id!, error: { code: -32601, message: `Method not found: ${method}` } };
  }
}

/** What is remembered of answers, so that a broken stream can be resumed. */
const RESUMABLE = 4096;

/**
 * Starts a server of Streamable HTTP: sessions, answers as JSON or, for two of three calls, as an event stream with progress that
 * can be resumed, and a stream of its own.
 */
export function startCountingServer(): Promise<CountingServer> {
  const ledger = createLedger();
  const encoder = new TextEncoder();
  let begun = 0;
  let live = new Set<string>();
  /** Streams' ends by session id; and the calls that hang, by request id. */
  const ends = new Set<() => void>();
  const hanging = new Map<unknown, () => void>();
  /** The last events of streams, by the id of the event before. */
  const answers = new Map<string, string>();

  function stream(
    write: (emit: (text: string) => void) => Promise<void> | void,
  ): Response {
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        try {
          await write((text) => controller.enqueue(encoder.encode(text)));
          controller.close();
        } catch {
          // The client has gone.
        }
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }

  const event = (message: unknown, id?: string) =>
    `${id === undefined ? "" : `id: ${id}\n`}event: message\ndata: ${JSON.stringify(message)}\n\n`;

  function until(register: (end: () => void) => void): Promise<void> {
    return new Promise((resolve) => register(resolve));
  }

  async function answer(message: WireMessage): Promise<Response> {
    const reply = carryOut(message, ledger);
    if (reply === undefined) {
      return stream(async (emit) => {
        emit(": wait\n\n");
        await until((end) => hanging.set(message.id, end));
      });
    }
    const call: number = message.params?.arguments?.call ?? 0;
    const token = message.params?._meta?.progressToken;
    if (call % 3 === 0 && token === undefined) return Response.json(reply);
    // Some milliseconds later, so that streams overtake each other.
    const late = call % 5 === 0;
    return await Promise.resolve(stream(async (emit) => {
      const id = crypto.randomUUID();
      answers.set(`${id}/0`, event(reply, `${id}/1`));
      if (answers.size > RESUMABLE) answers.delete(answers.keys().next().value!);
      emit(`id: ${id}/0\ndata: \n\n`);
      if (token !== undefined) {
        for (const progress of [1, 2]) {
          const params = { progressToken: token, progress };
          emit(event({ jsonrpc: "2.0", method: "notifications/progress", params }));
        }
      }
      if (late) await new Promise((resolve) => setTimeout(resolve, 5));
      emit(event(reply, `${id}/1`));
    }));
  }

  function listen(): Response {
    let mine: (() => void) | undefined;
    return stream(async (emit) => {
      emit(": open\n\n");
      await until((end) => ends.add(mine = end));
      ends.delete(mine!);
    });
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const session = request.headers.get("mcp-session-id");
    const message = request.method === "POST" ? await request.json() as WireMessage : {};
    if (message.method === "initialize") {
      const id = crypto.randomUUID();
      begun++;
      live.add(id);
      return Response.json(carryOut(message, ledger), { headers: { "mcp-session-id": id } });
    }
    if (session === null || !live.has(session)) {
      const error = { code: -32001, message: "Session not found" };
      return Response.json({ jsonrpc: "2.0", id: null, error }, { status: 404 });
    }
    if (request.method === "DELETE") {
      live.delete(session);
      return new Response();
    }
    if (request.method === "GET") {
      const last = request.headers.get("last-event-id");
      if (last === null) return listen();
      const missed = answers.get(last);
      return stream((emit) => missed === undefined ? undefined : emit(missed));
    }
    if (isRequest(message)) return await answer(message);
    if (message.method === "notifications/cancelled") {
      hanging.get(message.params.requestId)?.();
      hanging.delete(message.params.requestId);
    }
    return new Response(null, { status: 202 });
  });

  function release(): void {
    for (const end of [...ends, ...hanging.values()]) end();
    ends.clear();
    hanging.clear();
  }

  async function close(): Promise<void> {
    release();
    await server.shutdown();
  }

  return Promise.resolve({
    port: server.addr.port,
    ran: ledger.ran,
    forget() {
      live = new Set();
      for (const end of ends) end();
      ends.clear();
    },
    sessions: () => begun,
    close,
    [Symbol.asyncDispose]: close,
  });
}

/** The official SDK's server with the same tools, over Streamable HTTP with sessions and resumable streams. */
export async function startCountingSdkServer(): Promise<CountingServer> {
  const ledger = createLedger();
  let begun = 0;
  const transports = new Map<string, StreamableHTTPServerTransport>();
  const ended = new Set<Promise<void>>();

  async function open(): Promise<StreamableHTTPServerTransport> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      eventStore: createEventStore(),
      onsessioninitialized(id) {
        begun++;
        transports.set(id, transport);
      },
      onsessionclosed: (id) => void transports.delete(id),
    });
    const server = countingMcpServer(ledger);
    await server.connect(transport as Transport);
    return transport;
  }

  async function handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const id = request.headers["mcp-session-id"];
    const known = typeof id === "string" ? transports.get(id) : undefined;
    if (known === undefined && id !== undefined) {
      response.writeHead(404, { "content-type": "application/json" })
        .end('{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}');
      return;
    }
    await (known ?? await open()).handleRequest(request, response);
  }

  const handling = new Set<Promise<void>>();
  const server = http.createServer((request, response) => {
    const handled = handle(request, response)
      .catch(() => void response.destroy())
      .finally(() => handling.delete(handled));
    handling.add(handled);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();

  function forget(): void {
    for (const transport of transports.values()) {
      const done = transport.close().finally(() => ended.delete(done));
      ended.add(done);
    }
    transports.clear();
  }

  async function close(): Promise<void> {
    forget();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
    await Promise.all([...handling, ...ended]);
  }

  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    ran: ledger.ran,
    forget,
    sessions: () => begun,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function countingMcpServer(ledger: Ledger): McpServer {
  const mcp = new McpServer({ name: "counting", version: "1" });
  for (const tool of COUNTING_TOOLS) {
    mcp.registerTool(tool.name, {
      inputSchema: { call: z.number() },
      ...("annotations" in tool ? { annotations: tool.annotations } : {}),
    }, async ({ call }, { signal, _meta, sendNotification }) => {
      ledger.note(call);
      const progressToken = _meta?.progressToken;
      for (let progress = 1; progress <= 2 && progressToken !== undefined; progress++) {
        await sendNotification({ method: "notifications/progress", params: { progressToken, progress } });
      }
      if (tool.name === "hang") {
        await new Promise<void>((resolve) =>
          signal.addEventListener("abort", () => resolve(), { once: true })
        );
      }
      return { content: [{ type: "text", text: `call ${call}` }] };
    });
  }
  mcp.registerResource(
    "all",
    "count://all",
    {},
    (uri) => ({ contents: [{ uri: uri.href, text: uri.href }] }),
  );
  return mcp;
}

/** Keeps the last events of each stream of one session. */
function createEventStore(): EventStore {
  const streams = new Map<string, [id: string, message: JSONRPCMessage][]>();
  const owners = new Map<string, string>();
  let last = 0;
  return {
    storeEvent(streamId, message) {
      const id = `${streamId}_${++last}`;
      let events = streams.get(streamId);
      if (events === undefined) streams.set(streamId, events = []);
      events.push([id, message]);
      owners.set(id, streamId);
      if (streams.size > RESUMABLE) streams.delete(streams.keys().next().value!);
      if (owners.size > RESUMABLE * 4) owners.delete(owners.keys().next().value!);
      return Promise.resolve(id);
    },
    async replayEventsAfter(lastEventId, { send }) {
      const streamId = owners.get(lastEventId) ?? "";
      const events = streams.get(streamId) ?? [];
      for (const [id, message] of events.slice(events.findIndex(([id]) => id === lastEventId) + 1)) {
        if (Object.keys(message).length > 0) await send(id, message);
      }
      return streamId;
    },
  };
}

/** Starts a server of newline-delimited messages over TCP, whose connections are its sessions. */
export async function startCountingLineServer(): Promise<CountingServer> {
  const ledger = createLedger();
  let begun = 0;
  const listener = await listenRaw(async (connection) => {
    begun++;
    const decoder = new TextDecoder();
    let rest = "";
    for (let chunk = await connection.read(); chunk !== null; chunk = await connection.read()) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const message = JSON.parse(line) as WireMessage;
        const reply = isRequest(message) ? carryOut(message, ledger) : undefined;
        if (reply === undefined) continue;
        await connection.write(`${JSON.stringify(reply)}\n`).catch(() => {});
      }
    }
  });
  return {
    port: listener.port,
    ran: ledger.ran,
    forget() {},
    sessions: () => begun,
    close: listener.close,
    [Symbol.asyncDispose]: listener.close,
  };
}
