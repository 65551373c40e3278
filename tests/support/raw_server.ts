import { chosenRevision, defaultAnswer, type DefaultAnswers } from "./default_answers.ts";
import type { EventStream } from "./event_stream.ts";
import { createInbox, DEFAULT_WAIT_MS } from "./inbox.ts";
import {
  type RawHandler,
  type RawHttpServer,
  type RawReply,
  type RawRequest,
  startRawHttp,
} from "./raw_http.ts";
import type { RawListenOptions } from "./raw_socket.ts";
import { isRequest, isResponse, type WireMessage } from "./wire_message.ts";

/**
 * Overrides what the server does. Returning `"default"` leaves the request to the default behaviour, provided
 * that nothing was sent.
 */
export type Override = RawHandler;

export interface RawServerOptions extends RawListenOptions, DefaultAnswers {
  /** The MCP endpoint. @default "/mcp" */
  readonly at?: string;
  /** How results go out. @default "json" */
  readonly mode?: "json" | "sse";
  /** Whether `initialize` starts a session with an id. @default true */
  readonly sessions?: boolean;
  /** What a GET gets: 405, or an event stream that the test pushes to. @default "refuse" */
  readonly get?: "refuse" | "open";
  /** Overrides to begin with; the keys are those of {@linkcode RawServer.on}. */
  readonly on?: Readonly<Record<string, Override>>;
}

/** A Streamable HTTP server that a test scripts. */
export interface RawServer extends RawHttpServer {
  /** The MCP endpoint's URL. */
  readonly url: string;
  /** The session ids given out, oldest first. */
  readonly sessions: readonly string[];
  /**
   * What a client did that a client must not do, in words: a missing session id or revision header, a wrong
   * `Accept`, a request after DELETE, …
   */
  readonly violations: readonly string[];
  /**
   * Overrides the behaviour for a JSON-RPC method, or for `"notification"`, `"response"`, `"batch"`, or for an
   * HTTP method (`"GET"`, `"DELETE"`, and `"POST"`, which sees every message first).
   */
  on(key: string, override: Override): void;
  /** The event streams opened by GET, oldest first. */
  readonly streams: readonly EventStream[];
  /** The next event stream that a client opens by GET; each is given out once. */
  stream(timeoutMs?: number): Promise<EventStream>;
  /** Sends a message on the latest open GET stream; waits for one to be opened. */
  push(message: unknown): Promise<void>;
  /** Sends a server request on the latest open GET stream and waits for the answer. */
  ask(method: string, params?: unknown): Promise<WireMessage>;
  /** Makes the server forget its sessions, as after a restart: their ids get 404. */
  forgetSessions(): void;
  /** The requests that carried this JSON-RPC method. */
  calls(method: string): RawRequest[];
}

/**
 * Starts a Streamable HTTP server that behaves well until told otherwise.
 *
 * @example
 * ```ts ignore
 * await using server = await startRawServer({ get: "open" });
 * server.on("tools/call", async (_request, reply) => {
 *   const stream = await reply.sse({ split: 1 });
 *   await stream.notify("notifications/progress", { progressToken: 1, progress: 1 });
 *   await stream.result({ content: [] });
 *   await stream.end();
 * });
 * ```
 */
export async function startRawServer(options: RawServerOptions = {}): Promise<RawServer> {
  const { at = "/mcp", mode = "json", get = "refuse" } = options;
  const overrides = new Map<string, Override>(Object.entries(options.on ?? {}));
  const sessions: string[] = [];
  const live = new Map<string, string>();
  let revision: string | undefined;
  const violations: string[] = [];
  const streams = createInbox<EventStream>((items) => `${items.length} GET streams were opened`);

  function check({ method, headers, message, number }: RawRequest): void {
    const blame = (text: string) => violations.push(`request ${number} (${method}): ${text}`);
    const accept = headers.get("accept") ?? "";
    const wanted = { POST: ["application/json", "text/event-stream"], GET: ["text/event-stream"] }[method];
    for (const type of wanted ?? []) if (!accept.includes(type)) blame(`Accept lacks ${type}`);
    if (method === "POST" && !headers.get("content-type")?.startsWith("application/json")) {
      blame(`Content-Type is ${headers.get("content-type")}`);
    }
    if (message.method === "initialize") {
      if (headers.has("mcp-session-id")) blame("initialize carries a session id");
      return;
    }
    const said = headers.get("mcp-protocol-version");
    if (revision !== undefined && revision >= "2025-06-18" && said !== revision) {
      blame(`MCP-Protocol-Version is ${said}, negotiated ${revision}`);
    }
  }

  /** 400 without the session id, 404 with an unknown one, as 2025-11-25 has it (transports, session management). */
  function sessionFault({ headers, message }: RawRequest): number | undefined {
    if (sessions.length === 0 || message.method === "initialize") return undefined;
    const id = headers.get("mcp-session-id");
    if (id === null) return 400;
    return live.has(id) ? undefined : 404;
  }

  async function initialize(request: RawRequest, reply: RawReply): Promise<void> {
    revision = chosenRevision(request.message, options);
    const headers: Record<string, string> = {};
    if (options.sessions ?? true) {
      const id = `raw-session-${sessions.length + 1}-${crypto.randomUUID()}`;
      sessions.push(id);
      live.set(id, revision);
      headers["mcp-session-id"] = id;
    }
    await answer(defaultAnswer(request.message, options), reply, headers);
  }

  async function answer(
    value: unknown,
    reply: RawReply,
    headers: Record<string, string> = {},
  ): Promise<void> {
    if (mode === "json") return await reply.body(value, { headers });
    const stream = await reply.sse({ headers });
    await stream.send(value);
    await stream.end();
  }

  async function post(request: RawRequest, reply: RawReply): Promise<void> {
    const { message, messages } = request;
    if (message.method === "initialize") return await initialize(request, reply);
    if (messages.length === 0) return await reply.error(-32700, "Parse error", undefined, { status: 400 });
    const answers = messages.filter(isRequest).map((one) => defaultAnswer(one, options));
    if (answers.length === 0) return await reply.status(202);
    await answer(messages.length === 1 ? answers[0] : answers, reply);
  }

  function keysFor({ method, message, messages }: RawRequest): string[] {
    if (method !== "POST") return [method];
    if (messages.length > 1) return ["POST", "batch"];
    if (isResponse(message)) return ["POST", "response"];
    const own = message.method === undefined ? [] : [message.method];
    return ["POST", ...own, ...(isRequest(message) ? [] : ["notification"])];
  }

  const handler: RawHandler = async (request, reply) => {
    const { method, headers } = request;
    if (request.url.pathname !== at && !overrides.has(request.url.pathname)) return await reply.status(404);
    if (request.url.pathname === at) check(request);
    for (const key of [request.url.pathname, ...keysFor(request)]) {
      const override = overrides.get(key);
      if (override === undefined) continue;
      const outcome = await override(request, reply);
      if (outcome !== "default") return;
    }
    const fault = sessionFault(request);
    if (fault !== undefined) {
      if (fault === 400) violations.push(`request ${request.number} (${method}): no session id`);
      return await reply.error(
        -32001,
        fault === 404 ? "Session not found" : "Mcp-Session-Id is required",
        {},
        {
          status: fault,
        },
      );
    }
    if (method === "POST") return await post(request, reply);
    if (method === "DELETE") {
      live.delete(headers.get("mcp-session-id") ?? "");
      return await reply.status(200);
    }
    if (method === "GET" && get === "open") return streams.push(await reply.sse());
    await reply.status(405, "", { allow: "POST" });
  };

  const http = await startRawHttp(handler, options);
  const openStream = async () => {
    await streams.find((stream) => stream.open());
    return streams.items.findLast((stream) => stream.open()) as EventStream;
  };

  return {
    ...http,
    url: `${http.origin}${at}`,
    sessions,
    violations,
    streams: streams.items,
    on: (key, override) => void overrides.set(key, override),
    stream: (timeoutMs = DEFAULT_WAIT_MS) => streams.take(() => true, timeoutMs),
    push: async (message) => await (await openStream()).send(message),
    ask: async (method, params) => await (await openStream()).request(method, params),
    forgetSessions: () => live.clear(),
    calls: (method) => http.requests.filter(({ messages }) => messages.some((one) => one.method === method)),
  };
}
