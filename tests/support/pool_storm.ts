/**
 * A storm over a pool: thousands of calls through the real program to three replicas, so many in flight at a time, while a
 * scenario does to the replicas what it likes. Then all is counted: each call is answered exactly once, no unsafe call was
 * carried out twice by all replicas together, what is said not to have run has not, and no safe call has failed.
 */
import { type Program, type ProgramStatus, startProgram } from "./program.ts";
import { type Replica, startReplica } from "./replicas.ts";
import type { WireMessage } from "./wire_message.ts";

/** What is let loose. */
export interface PoolStormOptions {
  /** Calls in flight at a time. @default 64 */
  readonly atOnce?: number;
  /** How many calls are made at least; more while the scenario lasts. */
  readonly calls: number;
  /** Which tools are called. @default all three, by chance */
  readonly tools?: readonly ("write" | "read" | "put")[];
  /** How long a call takes at a replica, in milliseconds. @default 20 */
  readonly latencyMs?: number;
  /** What the replicas are. @default three of Streamable HTTP */
  readonly kinds?: readonly ("http" | "tcp" | "stdio")[];
  /** How the program looks after them. @default quicker than it would */
  readonly health?: readonly string[];
  /** More of the command line. */
  readonly args?: readonly string[];
}

/** A storm under way. */
export interface PoolStorm extends AsyncDisposable {
  readonly program: Program;
  readonly replicas: readonly Replica[];
  /** Calls answered so far, with results or errors. */
  readonly answered: number;
  /** Errors among them. */
  readonly errors: number;
  /** Calls made so far. */
  readonly made: number;
  /** Whether one of the first so many calls, which could go elsewhere, is not answered yet. */
  safeCallsWait(made: number): boolean;
  /** Calls answered in the last second. */
  rate(): number;
  /** How many results of the last second came from this one. */
  lately(replica: Replica): number;
  /** How many of the last so many results came from each replica, by its name. */
  last(count: number): Readonly<Record<string, number>>;
  /** Waits until it holds; looks after each answer and now and then. Fails with what was waited for. */
  until(what: string, holds: () => boolean, ms?: number): Promise<void>;
  /** Waits for so many more answers. */
  more(count: number, ms?: number): Promise<void>;
  /** Waits until each of these has given its part of the last answers. */
  spread(replicas?: readonly Replica[], ms?: number): Promise<void>;
  /** Has fewer, or more, in flight from now on. */
  setAtOnce(count: number): void;
  /** From now on safe calls may fail: there is nobody who could answer them. */
  allowFailures(allowed: boolean): void;
  /**
   * Makes what is left of the calls, has all answered, ends the program and counts.
   *
   * @param patient without it stdin ends at once, whatever is in flight
   */
  finish(patient?: boolean): Promise<PoolStormReport>;
}

/** How a call may end. */
export type CallEnd = "result" | "not_run" | "unknown";

/** What came of it. */
export interface PoolStormReport {
  /** What went against the promises, in words; empty when they were kept. */
  readonly faults: readonly string[];
  readonly counts: Readonly<Record<CallEnd, number>>;
  /** What each replica has carried out. */
  readonly executions: readonly number[];
  readonly status: ProgramStatus;
  /** From the end of stdin to the program's, in milliseconds. */
  readonly exitMs: number;
  readonly calls: number;
  /** From the first call to the last answer, in milliseconds. */
  readonly ms: number;
  /** The longest time without any answer, in milliseconds. */
  readonly longestPauseMs: number;
}

const TOOLS = ["write", "read", "put"] as const;
/** Ids begin here, so that none is a call's number. */
const FIRST_ID = 1_000_000;
const WAIT_MS = 30_000;
/** Tests are not kept waiting for what is found out and forgiven at leisure otherwise. */
const QUICK = ["--health-interval", "2", "--health-timeout", "2", "--slow-start", "1"];
/** So many results tell how they are spread. */
const SAMPLE = 150;
/** The part of its fair share that one has to give. */
const FAIR = 0.6;

/** Starts replicas, the program over them, and the calls. */
export async function startPoolStorm(options: PoolStormOptions): Promise<PoolStorm> {
  const { kinds = ["http", "http", "http"], latencyMs = 20, tools = TOOLS } = options;
  /** In no step with the turns of a pool. */
  const toolOf = (call: number) => tools[(Math.imul(call + 1, 0x9e3779b1) >>> 16) % tools.length]!;
  const directory = await Deno.makeTempDir();
  const replicas = await Promise.all(
    kinds.map((kind, index) => startReplica({ kind, name: "ABC"[index]!, directory, latencyMs })),
  );
  const command = replicas.find((it) => it.command !== undefined)?.command;
  const endpoints = replicas.filter((it) => it.command === undefined).map((it) => it.endpoint);
  const program = startProgram([
    "load-balance",
    ...["--endpoints", endpoints.join(",")],
    ...options.health ?? QUICK,
    ...["--log-level", "info", ...options.args ?? []],
    ...(command === undefined ? [] : ["--", ...command]),
  ], { trace: (direction, message) => direction === "received" && take(message) });

  let atOnce = options.atOnce ?? 64;
  let launched = 0;
  let inFlight = 0;
  let stopped = false;
  let mayFail = false;
  let errors = 0;
  const ends: (CallEnd | undefined)[] = [];
  /** When each answer came, and whose each result was. */
  const times: number[] = [];
  const givers: string[] = [];
  const givenAt: number[] = [];
  const faults: string[] = [];
  const watchers = new Set<() => void>();

  function launch(): void {
    let batch = "";
    while (inFlight < atOnce && !(stopped && launched >= options.calls)) {
      const call = launched++;
      inFlight++;
      const params = { name: toolOf(call), arguments: { call } };
      batch += `${JSON.stringify({ jsonrpc: "2.0", id: FIRST_ID + call, method: "tools/call", params })}\n`;
    }
    if (batch !== "") program.send(batch).catch(() => {});
  }

  function take(message: WireMessage): void {
    if (message.method !== undefined || typeof message.id !== "number" || message.id < FIRST_ID) return;
    const call = message.id - FIRST_ID;
    if (call >= launched) return void faults.push(`an answer to no call: ${JSON.stringify(message)}`);
    if (ends[call] !== undefined) {
      return void faults.push(`call ${call} was answered again: ${JSON.stringify(message)}`);
    }
    times.push(performance.now());
    ends[call] = endOf(call, message);
    if (message.result !== undefined) {
      givers.push(message.result.content[0].text);
      givenAt.push(performance.now());
    }
    inFlight--;
    launch();
    for (const look of [...watchers]) look();
  }

  function endOf(call: number, { result, error }: WireMessage): CallEnd {
    if (result !== undefined) return "result";
    errors++;
    const outcome = error?.data?.outcome;
    const known = outcome === "not_run" || outcome === "unknown";
    if (!known || (toolOf(call) !== "write" && !mayFail)) {
      faults.push(`call ${call} (${toolOf(call)}) came to ${JSON.stringify(error)}`);
    }
    return known ? outcome : "unknown";
  }

  function countSince(times: readonly number[], since: number): number {
    let from = times.length;
    while (from > 0 && times[from - 1]! > since) from--;
    return times.length - from;
  }

  function rate(): number {
    return countSince(times, performance.now() - 1000);
  }

  function lately({ name }: Replica): number {
    const count = countSince(givenAt, performance.now() - 1000);
    return count === 0 ? 0 : givers.slice(-count).filter((it) => it === name).length;
  }

  function last(count: number): Record<string, number> {
    const counts = Object.fromEntries(replicas.map(({ name }) => [name, 0]));
    for (const name of givers.slice(-count)) counts[name]!++;
    return counts;
  }

  function until(what: string, holds: () => boolean, ms = WAIT_MS): Promise<void> {
    const site = new Error();
    return new Promise((resolve, reject) => {
      const start = performance.now();
      const look = () => {
        const late = performance.now() - start > ms;
        if (!late && !holds() && !program.ended()) return;
        watchers.delete(look);
        clearInterval(timer);
        if (holds()) return resolve();
        site.message = `not within ${ms} ms: ${what}. ${describe()}`;
        reject(site);
      };
      const timer = setInterval(look, 50);
      watchers.add(look);
      look();
    });
  }

  function describe(): string {
    return `${times.length} of ${launched} answered, ${errors} errors, ${rate()}/s, last ${
      JSON.stringify(last(SAMPLE))
    }; ` +
      `stderr: ${program.stderr().slice(-3000)}`;
  }

  async function finish(patient = true): Promise<PoolStormReport> {
    stopped = true;
    if (patient) {
      launch();
      await until("every call is answered", () => inFlight === 0 && launched >= options.calls, 60_000);
    } else atOnce = 0;
    const ending = performance.now();
    await program.closeStdin();
    const status = await program.status;
    const exitMs = performance.now() - ending;
    const ms = (times.at(-1) ?? started) - started;
    const counts = { result: 0, not_run: 0, unknown: 0 };
    const ran = new Uint8Array(launched);
    for (const call of replicas.flatMap((replica) => [...replica.ledger()])) ran[call]!++;
    for (let call = 0; call < launched; call++) {
      const end = ends[call];
      if (end !== undefined) counts[end]++;
      const fault = faultOf(toolOf(call), end, ran[call]!);
      if (fault !== undefined) faults.push(`call ${call} (${toolOf(call)}) ${fault}`);
    }
    const executions = replicas.map((it) => it.executions());
    const longestPauseMs = times.reduce(
      (most, time, at) => Math.max(most, time - (times[at - 1] ?? started)),
      0,
    );
    return { faults, counts, executions, status, exitMs, calls: launched, ms, longestPauseMs };
  }

  async function dispose(): Promise<void> {
    stopped = true;
    await program[Symbol.asyncDispose]();
    for (const replica of replicas) await replica[Symbol.asyncDispose]();
    await Deno.remove(directory, { recursive: true });
  }

  try {
    await program.initialize({ timeoutMs: WAIT_MS });
    await program.request("tools/list");
  } catch (error) {
    await dispose();
    throw error;
  }
  const started = performance.now();
  launch();

  return {
    program,
    replicas,
    get answered() {
      return times.length;
    },
    get errors() {
      return errors;
    },
    get made() {
      return launched;
    },
    safeCallsWait(made) {
      for (let call = 0; call < made; call++) {
        if (ends[call] === undefined && toolOf(call) !== "write") return true;
      }
      return false;
    },
    rate,
    lately,
    last,
    until,
    more(count, ms) {
      const enough = times.length + count;
      return until(`${count} more answers`, () => times.length >= enough, ms);
    },
    spread(among = replicas, ms) {
      const fair = SAMPLE / among.length * FAIR;
      return until(`an even spread over ${among.map((it) => it.name)}`, () => {
        const counts = last(SAMPLE);
        return among.every(({ name }) => counts[name]! >= fair);
      }, ms);
    },
    setAtOnce(count) {
      atOnce = count;
      launch();
    },
    allowFailures: (allowed) => void (mayFail = allowed),
    finish,
    [Symbol.asyncDispose]: dispose,
  };
}

function faultOf(tool: string, end: CallEnd | undefined, ran: number): string | undefined {
  if (end === undefined) return "was not answered";
  if (tool === "write" && ran > 1) return `ran ${ran} times`;
  if (end === "result" && ran === 0) return "has a result, and did not run";
  return end === "not_run" && tool === "write" && ran > 0 ? "is said not to have run, and ran" : undefined;
}
