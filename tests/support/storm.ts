/**
 * A storm: thousands of calls through the real program at once, to a server that does, by a seed, everything that servers do:
 * answers as JSON or as an event stream, early, late, twice, in pieces, with an error, with a refusal, not at all, and asks
 * back in the meantime. What each call must come to is known beforehand.
 */
import { programCommand, programEnvironment } from "./program.ts";

/** What the server does with a call. */
const DEEDS = [
  "json",
  "stream",
  "progress",
  "late",
  "error",
  "refuse",
  "ask",
  "never",
  "break",
  "twice",
  "large",
  "pieces",
] as const;
type Deed = (typeof DEEDS)[number];

/** What a call must come to: exactly one answer of a kind, or none where the client has taken it back. */
type Expected = "result" | "server error" | "our error" | "nothing";

const EXPECTED: Readonly<Record<Deed, Expected>> = {
  json: "result",
  stream: "result",
  progress: "result",
  late: "result",
  error: "server error",
  refuse: "our error",
  ask: "result",
  never: "nothing",
  break: "our error",
  twice: "result",
  large: "result",
  pieces: "result",
};

/** What is let loose. */
export interface StormOptions {
  /** Gives the same storm again. */
  readonly seed: number;
  readonly calls: number;
  /** Calls in flight at a time. */
  readonly atOnce: number;
  /** Told how far it has come, a hundred times. */
  readonly progress?: (done: number, residentKiB: number | undefined) => void;
}

/** What came of it. */
export interface StormReport {
  /** What went against the promise, in words; empty when it was kept. */
  readonly faults: readonly string[];
  readonly exitCode: number;
  /** Answers by what was expected. */
  readonly counts: Readonly<Record<Expected, number>>;
  readonly ms: number;
  /** What the program wrote to stderr. */
  readonly stderr: string;
}

/** A small generator of random numbers (mulberry32): the same numbers for the same seed, 0 ≤ x < 1. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function deedOf(seed: number, call: number): Deed {
  return DEEDS[Math.floor(randomNumbers(seed ^ Math.imul(call + 1, 0x9e3779b1))() * DEEDS.length)]!;
}

/** Runs a storm to its end. */
export async function runStorm({ seed, calls, atOnce, progress }: StormOptions): Promise<StormReport> {
  const started = performance.now();
  const server = startServer(seed);
  const [command, ...args] = programCommand([
    "proxy",
    "--endpoint",
    `http://127.0.0.1:${server.port}/mcp`,
    "--log-level",
    "error",
  ]);
  const child = new Deno.Command(command, {
    args,
    env: programEnvironment(),
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  const client = startClient(child, { seed, calls, atOnce, ...(progress === undefined ? {} : { progress }) });
  const { faults, counts } = await client;
  const { code } = await child.status;
  await server.close();
  const said = await stderr;
  if (code !== 0) faults.push(`exit code ${code}`);
  return { faults, exitCode: code, counts, ms: performance.now() - started, stderr: said };
}

// The server ------------------------------------------------------------------------------------------------------

interface Call {
  readonly id: number;
  readonly call: number;
}

function startServer(seed: number): { port: number; close(): Promise<void> } {
  const encoder = new TextEncoder();
  /** Calls that wait for the client's word: an answer to a question, or a cancellation. */
  const waiting = new Map<string, () => void>();

  const event = (message: unknown) => encoder.encode(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
  const resultOf = ({ id, call }: Call, text = `call ${call}`) => ({
    jsonrpc: "2.0",
    id,
    result: { content: [{ type: "text", text }] },
  });
  const stream = (write: (emit: (bytes: Uint8Array<ArrayBuffer>) => void) => void | Promise<void>) =>
    new Response(
      new ReadableStream({
        async start(controller) {
          try {
            await write((bytes) => controller.enqueue(bytes));
            controller.close();
          } catch {
            // The client has gone.
          }
        },
      }),
      { headers: { "content-type": "text/event-stream" } },
    );
  const wordOf = (key: string) => new Promise<void>((resolve) => waiting.set(key, resolve));

  function carryOut(it: Call): Response | Promise<Response> {
    switch (deedOf(seed, it.call)) {
      case "json":
        return Response.json(resultOf(it));
      case "stream":
        return stream((emit) => emit(event(resultOf(it))));
      case "progress":
        return stream((emit) => {
          for (const value of [1, 2, 3]) {
            const params = { progressToken: it.id, progress: value };
            emit(event({ jsonrpc: "2.0", method: "notifications/progress", params }));
          }
          emit(event(resultOf(it)));
        });
      case "late":
        return new Promise((resolve) => setTimeout(() => resolve(Response.json(resultOf(it))), it.call % 7));
      case "error":
        return Response.json({
          jsonrpc: "2.0",
          id: it.id,
          error: { code: -32602, message: `no ${it.call}` },
        });
      case "refuse":
        return new Response("no", { status: 500 });
      case "ask":
        return stream(async (emit) => {
          emit(event({ jsonrpc: "2.0", id: `ask-${it.call}`, method: "roots/list" }));
          await wordOf(`ask-${it.call}`);
          emit(event(resultOf(it)));
        });
      case "never":
        return stream(async (emit) => {
          emit(encoder.encode(": nothing\n\n"));
          await wordOf(`cancel-${it.id}`);
        });
      case "break":
        return stream((emit) => emit(encoder.encode(": and that was it\n\n")));
      case "twice":
        return stream((emit) => {
          emit(event(resultOf(it)));
          emit(event(resultOf(it)));
        });
      case "large":
        return stream((emit) => emit(event(resultOf(it, "é".repeat(100_000)))));
      case "pieces":
        return stream((emit) => {
          const bytes = event(resultOf(it, "日本語 🦊"));
          for (let at = 0; at < bytes.length; at += 3) emit(bytes.slice(at, at + 3));
        });
    }
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    if (request.method !== "POST") {
      return new Response(null, { status: request.method === "GET" ? 405 : 200 });
    }
    const message = await request.json();
    if (message.method === "tools/call") {
      return carryOut({ id: message.id, call: message.params.arguments.call });
    }
    if (message.method === "initialize") {
      const result = {
        protocolVersion: "2025-11-25",
        capabilities: { tools: {} },
        serverInfo: { name: "storm", version: "1" },
      };
      return Response.json({ jsonrpc: "2.0", id: message.id, result }, {
        headers: { "mcp-session-id": "storm-session" },
      });
    }
    const key = message.method === "notifications/cancelled"
      ? `cancel-${message.params.requestId}`
      : message.id;
    waiting.get(key)?.();
    waiting.delete(key);
    return new Response(null, { status: 202 });
  });
  return { port: server.addr.port, close: () => server.shutdown() };
}

// The client ------------------------------------------------------------------------------------------------------

async function startClient(
  child: Deno.ChildProcess,
  { seed, calls, atOnce, progress }: StormOptions,
): Promise<{ faults: string[]; counts: Record<Expected, number> }> {
  const writer = child.stdin.getWriter();
  const encoder = new TextEncoder();
  const send = (...messages: unknown[]) =>
    writer.write(encoder.encode(messages.map((message) => `${JSON.stringify(message)}\n`).join("")));
  const faults: string[] = [];
  const counts: Record<Expected, number> = { "result": 0, "server error": 0, "our error": 0, "nothing": 0 };
  /** How often each call was answered. */
  const answers = new Uint8Array(calls);
  const progressSeen = new Uint8Array(calls);
  let next = 0;
  let inFlight = 0;
  let done = 0;
  /** Ids count down from a large number, so that no call's id is its number. */
  const idOf = (call: number) => 2_000_000_000 - call;

  function launch(): void {
    const batch: unknown[] = [];
    while (inFlight < atOnce && next < calls) {
      const call = next++;
      const id = idOf(call);
      const params = { name: "storm", arguments: { call }, _meta: { progressToken: id } };
      batch.push({ jsonrpc: "2.0", id, method: "tools/call", params });
      if (deedOf(seed, call) === "never") {
        batch.push({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id } });
        counts.nothing++;
        finish();
      } else {
        inFlight++;
      }
    }
    if (batch.length > 0) void send(...batch).catch(() => faults.push("the program reads no more"));
  }

  function finish(): void {
    done++;
    if (progress !== undefined && done % Math.ceil(calls / 100) === 0) progress(done, residentKiB(child.pid));
  }

  function take(
    message: { id?: unknown; method?: string; params?: Record<string, number>; error?: { code: number } },
  ): void {
    if (message.method === "roots/list") {
      void send({ jsonrpc: "2.0", id: message.id, result: { roots: [] } });
      return;
    }
    if (message.method === "notifications/progress") {
      progressSeen[idOf(message.params!.progressToken!)]!++;
      return;
    }
    if (message.id === 0) return launch();
    const call = typeof message.id === "number" ? idOf(message.id) : -1;
    if (!(call >= 0 && call < calls)) {
      faults.push(`an answer to no call: ${JSON.stringify(message).slice(0, 200)}`);
      return;
    }
    const expected = EXPECTED[deedOf(seed, call)];
    const found: Expected = message.error === undefined
      ? "result"
      : message.error.code === -32602
      ? "server error"
      : "our error";
    if (found !== expected) {
      faults.push(`call ${call} (${deedOf(seed, call)}) came to ${found}, not ${expected}`);
    }
    if (deedOf(seed, call) === "progress" && progressSeen[call] !== 3) {
      faults.push(`call ${call} lost progress`);
    }
    if (++answers[call]! > 1) {
      faults.push(`call ${call} was answered ${answers[call]} times`);
      return;
    }
    counts[found]++;
    inFlight--;
    finish();
    launch();
  }

  await send({
    jsonrpc: "2.0",
    id: 0,
    method: "initialize",
    params: {
      protocolVersion: "2025-11-25",
      capabilities: { roots: {} },
      clientInfo: { name: "storm", version: "1" },
    },
  }, { jsonrpc: "2.0", method: "notifications/initialized" });

  let rest = "";
  const closing = { done: false };
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) take(JSON.parse(line));
    if (done === calls && !closing.done) {
      closing.done = true;
      await writer.close();
    }
  }
  if (rest !== "") faults.push("stdout ended in the middle of a line");
  for (let call = 0; call < calls; call++) {
    if (answers[call] === 0 && EXPECTED[deedOf(seed, call)] !== "nothing") {
      faults.push(`call ${call} was not answered`);
    }
  }
  if (!closing.done) await writer.close().catch(() => {});
  return { faults, counts };
}

/** The memory that a process holds now; `undefined` where that can't be told. */
export function residentKiB(pid: number): number | undefined {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1]);
  } catch {
    return undefined;
  }
}
