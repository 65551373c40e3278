/**
 * The server that every subject is measured against: Streamable HTTP of revision 2025-11-25, with sessions. It
 * answers as servers on the official SDK do, by an event stream, on the `plain` and `slow` ports, and by a JSON
 * body on the `json` port. The `slow` port adds 100 ms to each request. The `modern` port knows revision 2026-07-28 only. Prints its ports as one JSON line, then
 * answers each line on stdin (`reset`, `stats`, or `restart`, which cuts the `plain` port's connections and forgets all
 * sessions) with one line, and ends with stdin.
 */
import { headerOf, listenRaw, type RawRequest, type RawResponse } from "./http_listener.ts";
import { MODERN_REVISION, payloadOf, REVISION, textResult } from "./messages.ts";

/** Requests that the `plain` port saw since the last `reset`. */
export interface WireCount {
  /** All requests but the client's GET event streams. */
  requests: number;
  /** GET requests for an event stream, within a session. */
  streams: number;
}

/** What the added delay of the `slow` port is, in milliseconds. */
export const SLOW_DELAY_MS = 100;

interface Rpc {
  id?: number | string;
  method?: string;
  params?: {
    protocolVersion?: string;
    name?: string;
    arguments?: { text?: string; bytes?: number };
    _meta?: Record<string, unknown>;
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const ID_WIDTH = 24;
const EVENT_STREAM = "content-type: text/event-stream\r\ncache-control: no-cache\r\n";
const JSON_BODY = "content-type: application/json\r\n";
const REVISIONS = ["2024-11-05", "2025-03-26", "2025-06-18", REVISION];
const TOOLS = JSON.stringify({
  tools: [
    {
      name: "echo",
      description: "Gives the text back",
      inputSchema: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
    },
    {
      name: "payload",
      description: "Gives a text of so many bytes",
      inputSchema: { type: "object", properties: { bytes: { type: "integer" } }, required: ["bytes"] },
    },
  ],
});

const sessions = new Set<string>();
const prebuilt = new Map<string, Uint8Array<ArrayBuffer>>();
const uncounted: WireCount = { requests: 0, streams: 0 };
let count: WireCount = { requests: 0, streams: 0 };

function answer(json: boolean, id: number | string, result: string, headers = ""): RawResponse {
  const message = `{"result":${result},"jsonrpc":"2.0","id":${JSON.stringify(id)}}`;
  return json
    ? { status: 200, headers: JSON_BODY + headers, body: encoder.encode(message) }
    : { status: 200, headers: EVENT_STREAM + headers, body: encoder.encode(event(message)), chunked: true };
}

/** The large results are built once; only the id, padded with blanks to a fixed width, is written for each. */
function payloadAnswer(json: boolean, id: number | string, bytes: number): RawResponse {
  const key = `${json} ${bytes}`;
  let body = prebuilt.get(key);
  const tail = json ? "}" : "}\n\n";
  if (body === undefined) {
    const message = `{"result":${textResult(payloadOf(bytes))},"jsonrpc":"2.0","id":${" ".repeat(ID_WIDTH)}}`;
    body = encoder.encode(json ? message : event(message));
    prebuilt.set(key, body);
  }
  const slot = body.length - tail.length - ID_WIDTH;
  encoder.encodeInto(JSON.stringify(id).padEnd(ID_WIDTH), body.subarray(slot, slot + ID_WIDTH));
  return { status: 200, headers: json ? JSON_BODY : EVENT_STREAM, body, chunked: !json };
}

function event(message: string): string {
  return `event: message\ndata: ${message}\n\n`;
}

function refusal(status: number, code: number, message: string): RawResponse {
  const body = encoder.encode(JSON.stringify({ jsonrpc: "2.0", error: { code, message }, id: null }));
  return { status, headers: JSON_BODY, body };
}

function handle(json: boolean, request: RawRequest, count: WireCount): RawResponse {
  const session = headerOf(request.head, "mcp-session-id");
  const isMcp = request.path.split("?")[0] === "/mcp";
  if (isMcp && request.method === "GET" && sessions.has(session ?? "")) {
    count.streams++;
    return { status: 200, headers: EVENT_STREAM, open: true };
  }
  count.requests++;
  if (!isMcp) return { status: 404 };
  if (request.method === "DELETE") return { status: sessions.delete(session ?? "") ? 200 : 404 };
  if (request.method !== "POST") return { status: 405, headers: "allow: GET, POST, DELETE\r\n" };
  const accept = headerOf(request.head, "accept") ?? "";
  if (!accept.includes("application/json") || !accept.includes("text/event-stream")) {
    return refusal(406, -32000, "Not Acceptable");
  }
  const message: Rpc = JSON.parse(decoder.decode(request.body));
  if (message.method === "initialize" && message.id !== undefined) {
    const fresh = crypto.randomUUID();
    sessions.add(fresh);
    const asked = message.params?.protocolVersion ?? "";
    const result = JSON.stringify({
      protocolVersion: REVISIONS.includes(asked) ? asked : REVISION,
      capabilities: { tools: {} },
      serverInfo: { name: "bench-server", version: "1.0.0" },
    });
    return answer(json, message.id, result, `mcp-session-id: ${fresh}\r\n`);
  }
  if (session === undefined) return refusal(400, -32000, "Bad Request: Mcp-Session-Id header is required");
  if (!sessions.has(session)) return refusal(404, -32001, "Session not found");
  if (message.id === undefined || message.method === undefined) return { status: 202 };
  switch (message.method) {
    case "tools/call": {
      const given = message.params?.arguments;
      if (message.params?.name === "payload") return payloadAnswer(json, message.id, given?.bytes ?? 0);
      return answer(json, message.id, textResult(given?.text ?? ""));
    }
    case "tools/list":
      return answer(json, message.id, TOOLS);
    case "ping":
      return answer(json, message.id, "{}");
    default: {
      const error = JSON.stringify({ code: -32601, message: "Method not found" });
      const text = `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"error":${error}}`;
      return { status: 200, headers: EVENT_STREAM, body: encoder.encode(event(text)), chunked: true };
    }
  }
}

const DISCOVERED = JSON.stringify({
  resultType: "complete",
  supportedVersions: [MODERN_REVISION],
  capabilities: { tools: {} },
  ttlMs: 0,
  cacheScope: "private",
});

function handleModern(request: RawRequest): RawResponse {
  if (request.method !== "POST") return { status: 405, headers: "allow: POST\r\n" };
  const { id, method, params }: Rpc = JSON.parse(decoder.decode(request.body));
  if (id === undefined) return { status: 202 };
  if (params?._meta?.["io.modelcontextprotocol/protocolVersion"] !== MODERN_REVISION) {
    return refusal(400, -32022, "Unsupported protocol version");
  }
  if (method === "server/discover") return answer(false, id, DISCOVERED);
  if (method !== "tools/call") return refusal(404, -32601, "Method not found");
  const text = JSON.stringify([{ type: "text", text: params.arguments?.text ?? "" }]);
  return answer(false, id, `{"resultType":"complete","content":${text}}`);
}

function slowly(request: RawRequest): Promise<RawResponse> {
  return new Promise((resolve) =>
    setTimeout(() => resolve(handle(false, request, uncounted)), SLOW_DELAY_MS)
  );
}

async function main(): Promise<void> {
  const listeners = {
    plain: listenRaw((request) => handle(false, request, count)),
    slow: listenRaw(slowly),
    json: listenRaw((request) => handle(true, request, uncounted)),
    modern: listenRaw(handleModern),
  };
  const ports = Object.entries(listeners).map(([name, listener]) => [name, listener.port]);
  const say = (value: unknown) => Deno.stdout.writeSync(encoder.encode(JSON.stringify(value) + "\n"));
  say(Object.fromEntries(ports));
  const buffer = new Uint8Array(1024);
  for (;;) {
    const length = await Deno.stdin.read(buffer);
    if (length === null) break;
    for (const line of decoder.decode(buffer.subarray(0, length)).split("\n")) {
      if (line === "") continue;
      if (line === "reset") count = { requests: 0, streams: 0 };
      if (line === "restart") {
        sessions.clear();
        listeners.plain.cut();
      }
      say(count);
    }
  }
  Deno.exit(0);
}

if (import.meta.main) await main();
