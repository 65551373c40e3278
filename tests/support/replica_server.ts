/**
 * One of several replicas, as a process of its own that can be killed, stopped and started again:
 * `deno run -A tests/support/replica_server.ts KIND NAME PORT LEDGER LATENCY`. KIND is `http` (Streamable HTTP), `tcp` or
 * `stdio`; PORT may be 0; LATENCY is how long a call takes, in milliseconds.
 *
 * Tools: `write` (without hints: unsafe), `read` (`readOnlyHint`) and `put` (`idempotentHint`), each with `{call}`, a number that
 * no other call has. What is carried out is written to LEDGER first, 4 bytes a call, so that it survives whatever becomes of
 * the process. A result's text is NAME.
 *
 * Where stdin is not the protocol, each line there is a {@linkcode ReplicaMood} that holds from then on, and is repeated on
 * stdout once it does; before that, stdout says `{"port":N}`. It ends with its stdin.
 */
import { COUNTING_TOOLS } from "./counting_server.ts";
import { lines, write } from "./replica_lines.ts";
import { isRequest, type WireMessage } from "./wire_message.ts";

/** How a replica is. What is absent is as usual. */
export interface ReplicaMood {
  /** How long a call takes, in milliseconds. */
  readonly latencyMs?: number;
  /** Of so many calls one is carried out, and its connection broken in the middle of the answer; over HTTP. */
  readonly breakOneIn?: number;
  /** Calls are not carried out but refused with this status; over HTTP. */
  readonly status?: number;
  /** The refusal's `Retry-After`, in seconds. */
  readonly retryAfter?: number;
  /** Takes requests and keeps them until it is in another mood. */
  readonly hang?: boolean;
}

/** What a replica is started with. */
export interface ReplicaOptions {
  readonly kind: "http" | "tcp" | "stdio";
  readonly name: string;
  readonly port: number;
  readonly ledger: string;
  readonly latencyMs: number;
}

const TOOLS = COUNTING_TOOLS.filter(({ name }) => name !== "hang");

if (import.meta.main) {
  const [kind, name, port, ledger, latencyMs] = Deno.args;
  await serve({
    kind: kind as ReplicaOptions["kind"],
    name: name!,
    port: Number(port),
    ledger: ledger!,
    latencyMs: Number(latencyMs),
  });
}

async function serve(options: ReplicaOptions): Promise<void> {
  const ledger = Deno.openSync(options.ledger, { append: true, create: true });
  let mood: ReplicaMood = {};
  let moodChanged = Promise.withResolvers<void>();

  /** Settles when a request may go on. */
  async function turn(method: string | undefined): Promise<void> {
    while (mood.hang === true) await moodChanged.promise;
    if (method === "tools/call") await pause(mood.latencyMs ?? options.latencyMs);
  }

  function carryOut({ id, method, params }: WireMessage): WireMessage {
    const result = (value: unknown) => ({ jsonrpc: "2.0", id: id!, result: value });
    switch (method) {
      case "initialize":
        return result({
          protocolVersion: params.protocolVersion,
          capabilities: { tools: {} },
          serverInfo: { name: "replica", version: "1" },
        });
      case "tools/list":
        return result({ tools: TOOLS });
      case "tools/call":
        ledger.writeSync(new Uint8Array(Uint32Array.of(params.arguments.call).buffer));
        return result({ content: [{ type: "text", text: options.name }] });
      case "ping":
        return result({});
      default:
        return { jsonrpc: "2.0", id: id!, error: { code: -32601, message: `Method not found: ${method}` } };
    }
  }

  /** Answers what comes as lines; a request does not wait for the one before. */
  async function converse(
    readable: ReadableStream<Uint8Array>,
    answer: (message: WireMessage) => Promise<void>,
  ): Promise<void> {
    for await (const line of lines(readable)) {
      const message = JSON.parse(line) as WireMessage;
      if (isRequest(message)) void turn(message.method).then(() => answer(carryOut(message))).catch(() => {});
    }
  }

  async function obey(): Promise<never> {
    for await (const line of lines(Deno.stdin.readable)) {
      mood = JSON.parse(line);
      moodChanged.resolve();
      moodChanged = Promise.withResolvers();
      await write(Deno.stdout, line);
    }
    Deno.exit(0);
  }

  if (options.kind === "stdio") {
    Deno.writeTextFileSync(`${options.ledger}.pid`, String(Deno.pid));
    await converse(Deno.stdin.readable, (message) => write(Deno.stdout, JSON.stringify(message)));
    Deno.exit(0);
  }
  if (options.kind === "tcp") {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: options.port });
    await write(Deno.stdout, JSON.stringify({ port: (listener.addr as Deno.NetAddr).port }));
    void obey();
    for await (const connection of listener) {
      void converse(connection.readable, (message) => write(connection, JSON.stringify(message))).catch(
        () => {},
      );
    }
    return;
  }
  await serveHttp({ port: options.port, mood: () => mood, turn, carryOut });
  await obey();
}

async function serveHttp({ port, mood, turn, carryOut }: {
  readonly port: number;
  readonly mood: () => ReplicaMood;
  readonly turn: (method: string | undefined) => Promise<void>;
  readonly carryOut: (message: WireMessage) => WireMessage;
}): Promise<void> {
  const sessions = new Set<string>();
  const encoder = new TextEncoder();
  let calls = 0;

  /** An event stream; one with no answer breaks. */
  function stream(answer: WireMessage | undefined): Response {
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(encoder.encode(": here it comes\n\n"));
        if (answer === undefined) {
          // What was said has left when the connection breaks.
          await pause(5);
          controller.error(new Error("broken on purpose"));
          return;
        }
        controller.enqueue(encoder.encode(`event: message\ndata: ${JSON.stringify(answer)}\n\n`));
        controller.close();
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }

  async function handle(request: Request): Promise<Response> {
    const session = request.headers.get("mcp-session-id");
    const message = request.method === "POST" ? await request.json() as WireMessage : {};
    const { status, retryAfter } = mood();
    if (status !== undefined) {
      const headers: HeadersInit = retryAfter === undefined ? {} : { "retry-after": String(retryAfter) };
      return new Response("not now", { status, headers });
    }
    await turn(message.method);
    if (message.method === "initialize") {
      const id = crypto.randomUUID();
      sessions.add(id);
      return Response.json(carryOut(message), { headers: { "mcp-session-id": id } });
    }
    if (session === null || !sessions.has(session)) {
      const error = { code: -32001, message: "Session not found" };
      return Response.json({ jsonrpc: "2.0", id: null, error }, { status: 404 });
    }
    if (request.method === "DELETE") return new Response(null, { status: 204 });
    if (request.method === "GET") return new Response(new ReadableStream(), { headers: EVENTS });
    if (!isRequest(message)) return new Response(null, { status: 202 });
    const answer = carryOut(message);
    if (message.method !== "tools/call") return Response.json(answer);
    const { breakOneIn } = mood();
    if (breakOneIn !== undefined && ++calls % breakOneIn === 0) return stream(undefined);
    return message.params.arguments.call % 2 === 0 ? stream(answer) : Response.json(answer);
  }

  const listening = Promise.withResolvers<number>();
  Deno.serve({
    hostname: "127.0.0.1",
    port,
    onListen: (address) => listening.resolve(address.port),
    // A stream that is broken on purpose is no news.
    onError: () => new Response(null, { status: 500 }),
  }, handle);
  await write(Deno.stdout, JSON.stringify({ port: await listening.promise }));
}

const EVENTS = { "content-type": "text/event-stream" };

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
