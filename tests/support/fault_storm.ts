/**
 * A storm with a saboteur: thousands of requests of all kinds through the real program and a {@linkcode FaultProxy} to a
 * server that counts. Whatever happens, each request is answered exactly once, no unsafe call runs twice, and what is said
 * not to have run has not.
 */
import {
  type CountingServer,
  startCountingLineServer,
  startCountingSdkServer,
  startCountingServer,
} from "./counting_server.ts";
import { type FaultProxy, type FaultRates, startFaultLineProxy, startFaultProxy } from "./fault_proxy.ts";
import { within } from "./inbox.ts";
import { programCommand, programEnvironment } from "./program.ts";
import { randomNumbers, residentKiB } from "./storm.ts";
import { isRequest, type WireMessage } from "./wire_message.ts";

/** What is let loose. */
export interface FaultStormOptions {
  /** Chooses requests and faults. */
  readonly seed: number;
  readonly calls: number;
  /** Requests in flight at a time. */
  readonly atOnce: number;
  /** What stands behind the proxy: a server made for this, the official SDK's, or one over TCP. */
  readonly server: "http" | "sdk" | "tcp";
  /** A second proxy before the same server is the fallback; faults of both are counted together. @default false */
  readonly fallback?: boolean;
  /** Sessions are forgotten after every so many calls. @default never */
  readonly forgetEvery?: number;
  /** @default those of {@linkcode HTTP_FAULTS} or {@linkcode LINE_FAULTS} */
  readonly rates?: FaultRates;
  /** Told how far it has come, a hundred times. */
  readonly progress?: (done: number, residentKiB: number | undefined) => void;
}

/** How a request may end. */
export type End = "result" | "not run" | "unknown" | "nothing";

/** What came of it. */
export interface FaultStormReport {
  /** What went against the promises, in words; empty when they were kept. */
  readonly faults: readonly string[];
  /** Requests by how they ended. */
  readonly counts: Readonly<Record<End, number>>;
  /** How often each fault was met. */
  readonly met: Readonly<Record<string, number>>;
  /** Sessions that were begun at the server. */
  readonly sessions: number;
  readonly exitCode: number;
  readonly ms: number;
  readonly stderr: string;
}

/** Faults of an HTTP endpoint. */
export const HTTP_FAULTS: FaultRates = {
  delay: 0.08,
  stall: 0.003,
  cutBefore: 0.01,
  cutAfter: 0.01,
  truncate: 0.01,
  duplicate: 0.03,
  hold: 0.03,
  tooMany: 0.01,
  unavailable: 0.005,
  gatewayBefore: 0.005,
  gatewayAfter: 0.005,
  sessionUnknown: 0.003,
  outage: 0.0007,
};

/** Faults of a TCP endpoint: a cut there takes all that is in flight. */
export const LINE_FAULTS: FaultRates = {
  delay: 0.01,
  stall: 0.0005,
  cutBefore: 0.001,
  cutAfter: 0.001,
  truncate: 0.001,
  duplicate: 0.01,
  outage: 0.0007,
};

const KINDS = [
  "write",
  "write",
  "read",
  "put",
  "progress",
  "list",
  "resource",
  "ping",
  "notify",
  "cancel",
] as const;
type Kind = typeof KINDS[number];

function kindOf(seed: number, call: number): Kind {
  return KINDS[Math.floor(randomNumbers(seed ^ Math.imul(call + 1, 0x85ebca6b))() * KINDS.length)]!;
}

/** Open files of the program above what it has at work: connections that nobody closes. */
const MOST_FILES = 400;

/** Runs a storm to its end. */
export async function runFaultStorm(options: FaultStormOptions): Promise<FaultStormReport> {
  const started = performance.now();
  const start = { http: startCountingServer, sdk: startCountingSdkServer, tcp: startCountingLineServer };
  await using server = await start[options.server]();
  const line = options.server === "tcp";
  const rates = options.rates ?? (line ? LINE_FAULTS : HTTP_FAULTS);
  const startProxy = line ? startFaultLineProxy : startFaultProxy;
  await using proxy = await startProxy({ target: server.port, seed: options.seed, rates });
  await using second = options.fallback
    ? await startProxy({ target: server.port, seed: ~options.seed, rates })
    : undefined;
  const urlOf = ({ port }: FaultProxy) => `${line ? "tcp" : "http"}://127.0.0.1:${port}${line ? "" : "/mcp"}`;
  const args = [
    "proxy",
    "--endpoint",
    urlOf(proxy),
    ...(second === undefined ? [] : ["--fallbacks", urlOf(second)]),
    "--retry-delay",
    "20",
    "--retry-attempts",
    "6",
    "--log-level",
    "error",
  ];
  const [command, ...rest] = programCommand(args);
  const child = new Deno.Command(command, {
    args: rest,
    env: programEnvironment(),
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  const { faults, counts } = await converse(child, options, server);
  const exit = within(child.status, 20_000, "the program's end");
  const { code } = await exit.catch((error) => {
    faults.push(String(error));
    child.kill("SIGKILL");
    return child.status;
  });
  if (code !== 0) faults.push(`exit code ${code}`);
  for (const it of [proxy, second]) if (it !== undefined) faults.push(...await openConnections(it));
  return {
    faults,
    counts,
    met: Object.fromEntries(
      Object.entries(proxy.counts).map(([fault, count]) => [
        fault,
        count + (second?.counts[fault as keyof FaultRates] ?? 0),
      ]),
    ),
    sessions: server.sessions(),
    exitCode: code,
    ms: performance.now() - started,
    stderr: await stderr,
  };
}

/** The program has gone: so have its connections, as soon as the system says so. */
async function openConnections(proxy: FaultProxy): Promise<string[]> {
  for (let left = 100; proxy.open() > 0 && left > 0; left--) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return proxy.open() === 0 ? [] : [`${proxy.open()} connections are open after the end`];
}

async function converse(
  child: Deno.ChildProcess,
  { seed, calls, atOnce, progress, forgetEvery }: FaultStormOptions,
  server: CountingServer,
): Promise<{ faults: string[]; counts: Record<End, number> }> {
  const writer = child.stdin.getWriter();
  const encoder = new TextEncoder();
  const faults: string[] = [];
  const counts: Record<End, number> = { "result": 0, "not run": 0, "unknown": 0, "nothing": 0 };
  /** How each call ended: 0 not yet, 1 result, 2 not run, 3 unknown, 4 cancelled. */
  const ends = new Uint8Array(calls);
  const progressSeen = new Map<number, number>();
  let next = 0;
  let inFlight = 0;
  let done = 0;
  const idOf = (call: number) => 2_000_000_000 - call;

  function send(...messages: unknown[]): void {
    const text = messages.map((message) => `${JSON.stringify({ jsonrpc: "2.0", ...message as object })}\n`);
    writer.write(encoder.encode(text.join(""))).catch(() => faults.push("the program reads no more"));
  }

  function messagesOf(call: number): unknown[] {
    const id = idOf(call);
    const tool = (name: string, meta = {}) => ({
      id,
      method: "tools/call",
      params: { name, arguments: { call }, ...meta },
    });
    switch (kindOf(seed, call)) {
      case "write":
        return [tool("write")];
      case "read":
        return [tool("read")];
      case "put":
        return [tool("put")];
      case "progress":
        return [tool("write", { _meta: { progressToken: id } })];
      case "list":
        return [{ id, method: call % 2 === 0 ? "tools/list" : "resources/list" }];
      case "resource":
        return [{ id, method: "resources/read", params: { uri: "count://all" } }];
      case "ping":
        return [{ id, method: "ping" }];
      case "notify":
        return [{ method: "notifications/roots/list_changed" }];
      case "cancel":
        return [tool("hang"), { method: "notifications/cancelled", params: { requestId: id } }];
    }
  }

  function launch(): void {
    const batch: unknown[] = [];
    while (inFlight < atOnce && next < calls) {
      const call = next++;
      batch.push(...messagesOf(call));
      const kind = kindOf(seed, call);
      if (kind === "cancel" || kind === "notify") {
        ends[call] = 4;
        counts.nothing++;
        finish();
      } else {
        inFlight++;
      }
    }
    if (batch.length > 0) send(...batch);
  }

  function finish(): void {
    done++;
    if (forgetEvery !== undefined && done % forgetEvery === 0) server.forget();
    if (progress !== undefined && done % Math.ceil(calls / 100) === 0) progress(done, residentKiB(child.pid));
  }

  function take(message: WireMessage): void {
    if (message.method === "notifications/progress") {
      const call = idOf(message.params.progressToken);
      const before = progressSeen.get(call) ?? 0;
      if (ends[call] !== 0) faults.push(`call ${call} made progress after its end`);
      // A call that is repeated begins again, but an event that comes twice counts once; nothing here is repeated.
      if (message.params.progress < before) faults.push(`call ${call}'s progress went back`);
      progressSeen.set(call, message.params.progress);
      return;
    }
    if (message.method !== undefined) {
      if (isRequest(message)) faults.push(`a question of nobody's: ${message.method}`);
      return;
    }
    if (message.id === 0) {
      if (message.error !== undefined) faults.push(`initialize: ${JSON.stringify(message.error)}`);
      return send({ method: "notifications/initialized" }, { id: 1, method: "tools/list" });
    }
    if (message.id === 1) return launch();
    const call = typeof message.id === "number" ? idOf(message.id) : -1;
    if (!(call >= 0 && call < next)) {
      faults.push(`an answer to no call: ${JSON.stringify(message).slice(0, 200)}`);
      return;
    }
    if (ends[call] !== 0) {
      const what = ends[call] === 4 ? "after its cancellation" : "twice";
      faults.push(`call ${call} (${kindOf(seed, call)}) was answered ${what}: ${JSON.stringify(message)}`);
      return;
    }
    progressSeen.delete(call);
    const end = endOf(message);
    if (end === undefined) {
      faults.push(`call ${call} (${kindOf(seed, call)}) came to ${JSON.stringify(message.error)}`);
    }
    counts[end ?? "unknown"]++;
    ends[call] = { "result": 1, "not run": 2, "unknown": 3, "nothing": 4 }[end ?? "unknown"];
    inFlight--;
    finish();
    launch();
  }

  send({
    id: 0,
    method: "initialize",
    params: {
      protocolVersion: "2025-11-25",
      capabilities: { roots: { listChanged: true } },
      clientInfo: { name: "storm", version: "1" },
    },
  });
  let rest = "";
  let closed = false;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) take(JSON.parse(line));
    if (done < calls || closed) continue;
    closed = true;
    const files = openFiles(child.pid);
    if (files > MOST_FILES) faults.push(`${files} files are open at the end`);
    await writer.close();
  }
  if (rest !== "") faults.push("stdout ended in the middle of a line");
  if (!closed) await writer.close().catch(() => {});
  for (let call = 0; call < calls; call++) {
    const fault = faultOf(kindOf(seed, call), ends[call]!, server.ran(call));
    if (fault !== undefined) faults.push(`call ${call} (${kindOf(seed, call)}) ${fault}`);
  }
  return { faults, counts };
}

function endOf({ error }: WireMessage): End | undefined {
  if (error === undefined) return "result";
  if (error.data?.outcome === "not_run") return "not run";
  if (error.data?.outcome === "unknown") return "unknown";
  // The server's own words about a session that was lost once more.
  return error.code === -32001 ? "not run" : undefined;
}

function faultOf(kind: Kind, end: number, ran: number): string | undefined {
  if (end === 0) return "was not answered";
  const isTool = ["write", "progress", "cancel", "read", "put"].includes(kind);
  if (!isTool) return undefined;
  if (ran > 1 && kind !== "read" && kind !== "put") return `ran ${ran} times`;
  if (end === 1 && ran === 0) return "has a result, and did not run";
  return end === 2 && ran > 0 ? "is said not to have run, and ran" : undefined;
}

function openFiles(pid: number): number {
  try {
    return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
  } catch {
    return 0;
  }
}
