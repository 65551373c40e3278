import { gone, isAlive, isWindows, pidsIn } from "../link/child/processes.ts";
import type { Program } from "../support/program.ts";
import { type RawLineServer, startRawLineServer } from "../support/raw_line_server.ts";
import type { PeerOverride } from "../support/raw_peer.ts";
import { type RawServer, startRawServer } from "../support/raw_server.ts";
import { type RawSseServer, startRawSseServer } from "../support/raw_sse_server.ts";
import type { WireMessage } from "../support/wire_message.ts";

/** What the server leaves undone, so that a test finds the program in the middle of it. */
export type Phase = "initialize" | "idle" | "call" | "question";

/** A server over one wire, stuck where the test wants it. */
export interface StuckServer extends AsyncDisposable {
  /** The words of the command line that name it, and have everything logged. */
  readonly endpoint: readonly string[];
  /** Waits until the server has got the message that it leaves unanswered. */
  stuck(program: Program): Promise<void>;
  /** Waits until nothing of the program is left here: session, connection, process. Throws after `ms`. */
  left(ms: number): Promise<void>;
  /** Waits for the client's answer to the server's question. */
  answered?(): Promise<WireMessage>;
  /** Waits until the server has been told that a request is cancelled. */
  cancelled(program: Program, ms: number): Promise<unknown>;
  /** How many connections, or processes, there ever were. */
  opened(): number;
}

/** Starts the server of a wire. */
export type OpenWire = (phase: Phase) => Promise<StuckServer>;

/** How long what should be gone may still be seen, in ms; a test that passes waits for a fraction of it. */
export const LEFT_MS = 15_000;

const QUESTION = { message: "Who?", requestedSchema: { type: "object", properties: {} } };
const CANCELLED = "notifications/cancelled";
const METHODS: Readonly<Record<Phase, string>> = {
  initialize: "initialize",
  idle: "notifications/initialized",
  call: "tools/call",
  question: "tools/call",
};

async function httpWire(phase: Phase): Promise<StuckServer> {
  const server: RawServer = await startRawServer({ get: "open" });
  let answer: Promise<WireMessage> | undefined;
  if (phase === "initialize") server.on("initialize", (_request, reply) => reply.hang());
  if (phase === "call") server.on("tools/call", (_request, reply) => reply.hang());
  if (phase === "question") {
    server.on("tools/call", async (request, reply) => {
      const stream = await reply.sse();
      answer = stream.request("elicitation/create", QUESTION);
      answer.catch(() => {});
      await request.gone;
    });
  }
  return {
    endpoint: ["--log-level", "debug", server.url],
    async stuck(program) {
      await server.received(({ message }) => message.method === METHODS[phase]);
      if (phase === "question") await program.nextMethod("elicitation/create");
    },
    async left(ms) {
      const [session] = server.sessions;
      if (session !== undefined) {
        await server.received(
          ({ method, headers }) => method === "DELETE" && headers.get("mcp-session-id") === session,
          ms,
        );
      }
      await until(() => server.open() === 0, ms, "a connection is still open");
    },
    ...(phase === "question" ? { answered: () => answer! } : {}),
    cancelled: (_program, ms) => server.received(({ message }) => message.method === CANCELLED, ms),
    opened: server.accepted,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function stickLines(
  server: RawLineServer | RawSseServer,
  phase: Phase,
): Pick<StuckServer, "answered"> {
  let answer: Promise<WireMessage> | undefined;
  const hold: PeerOverride = () => {};
  const ask: PeerOverride = (_message, peer) => {
    answer = peer.request("elicitation/create", QUESTION);
    answer.catch(() => {});
  };
  if (phase === "initialize") server.on("initialize", hold);
  if (phase === "call") server.on("tools/call", hold);
  if (phase === "question") server.on("tools/call", ask);
  return phase === "question" ? { answered: () => answer! } : {};
}

async function sseWire(phase: Phase): Promise<StuckServer> {
  const server = await startRawSseServer();
  const answered = stickLines(server, phase);
  return {
    endpoint: ["--log-level", "debug", server.url],
    async stuck(program) {
      // The first `initialize` goes to the place of the stream, which refuses it.
      await server.received(({ message, path }) =>
        message.method === METHODS[phase] && path.startsWith("/messages")
      );
      if (phase === "question") await program.nextMethod("elicitation/create");
    },
    left: (ms) => until(() => server.open() === 0, ms, "a connection is still open"),
    ...answered,
    cancelled: (_program, ms) => server.received(({ message }) => message.method === CANCELLED, ms),
    opened: server.accepted,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function tcpWire(phase: Phase): Promise<StuckServer> {
  const server = await startRawLineServer();
  const answered = stickLines(server, phase);
  return {
    endpoint: ["--log-level", "debug", server.endpoint],
    async stuck(program) {
      await server.message(({ method }) => method === METHODS[phase]);
      if (phase === "question") await program.nextMethod("elicitation/create");
    },
    left: (ms) => until(() => server.open() === 0, ms, "a connection is still open"),
    ...answered,
    cancelled: (_program, ms) => server.message(({ method }) => method === CANCELLED, ms),
    opened: server.accepted,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/**
 * A server in shell that has a process of its own; both tell their ids on stderr. `$1` is the {@linkcode Phase}.
 * With `$2` it is stubborn: the end of stdin and SIGTERM mean nothing to it.
 */
export const SHELL_SERVER = `
[ -n "$2" ] && trap '' TERM HUP INT
sleep 1000 &
echo "pids $$ $!" >&2
while IFS= read -r line; do
  id=\${line#*\\"id\\":}; id=\${id%%[,\\}]*}
  case $line in
    *\\"method\\":\\"initialize\\"*)
      [ "$1" = initialize ] && { echo got initialize >&2; continue; }
      echo '{"jsonrpc":"2.0","id":'$id',"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"sh","version":"1"}}}' ;;
    *\\"method\\":\\"tools/call\\"*)
      echo got tools/call >&2
      [ "$1" = question ] && echo '{"jsonrpc":"2.0","id":"q1","method":"elicitation/create","params":{"message":"Who?"}}' ;;
    *\\"method\\":\\"notifications/initialized\\"*)
      echo got notifications/initialized >&2 ;;
    *\\"method\\":\\"notifications/cancelled\\"*)
      echo got notifications/cancelled >&2 ;;
    *\\"method\\":\\"ping\\"*)
      echo '{"jsonrpc":"2.0","id":'$id',"result":{}}' ;;
  esac
done
[ -n "$2" ] && while :; do sleep 1; done
`;

/** The words of a command line that start {@linkcode SHELL_SERVER}, its stderr shown on ours. */
export function shellServer(phase: Phase, stubborn = false): readonly string[] {
  return ["--log-level", "debug", "--", "sh", "-c", SHELL_SERVER, "sh", phase, ...(stubborn ? ["yes"] : [])];
}

function childWire(phase: Phase): Promise<StuckServer> {
  let pids: number[] = [];
  return Promise.resolve({
    endpoint: shellServer(phase),
    async stuck(program: Program) {
      pids = await shellPids(program);
      await program.waitStderr(new RegExp(`got ${METHODS[phase]}`));
      if (phase === "question") await program.nextMethod("elicitation/create");
    },
    async left(ms: number) {
      for (const pid of pids) await gone(pid, ms);
    },
    cancelled: (program: Program, ms: number) => program.waitStderr(new RegExp(`got ${CANCELLED}`), ms),
    opened: () => pids.length,
    [Symbol.asyncDispose]() {
      for (const pid of pids.filter(isAlive)) Deno.kill(pid, "SIGKILL");
      return Promise.resolve();
    },
  });
}

/** The process ids that a {@linkcode SHELL_SERVER} behind the program has told: its own and its child's. */
export async function shellPids(program: Program): Promise<number[]> {
  return pidsIn((await program.waitStderr(/pids \d+ \d+/))[0]);
}

/** The wires there are here; the server in shell needs one. */
export const WIRES: ReadonlyMap<string, OpenWire> = new Map<string, OpenWire>([
  ["HTTP", httpWire],
  ["SSE", sseWire],
  ["TCP", tcpWire],
  ...(isWindows ? [] : [["a child process", childWire] as const]),
]);

/** Waits until the program has ended and all that it wrote has been read; gives how it ended. */
export async function ended(program: Program): Promise<{ code: number; signal: Deno.Signal | null }> {
  const { code, signal } = await program.status;
  await program.next(() => false).catch(() => {});
  return { code, signal };
}

/** Runs `body` over all wires at the same time; an error tells which wire it came from. */
export async function overEachWire(
  phase: Phase,
  body: (server: StuckServer, wire: string) => Promise<void>,
): Promise<void> {
  const runs = [...WIRES].map(async ([wire, open]) => {
    try {
      await using server = await open(phase);
      await body(server, wire);
    } catch (error) {
      throw new Error(`over ${wire}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  });
  // All have let go of what they hold before the first error is told.
  const failed = (await Promise.allSettled(runs)).find(({ status }) => status === "rejected");
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
}

/** Waits for what gives no word of itself; throws after `ms`. */
export async function until(condition: () => boolean, ms: number, otherwise: string): Promise<void> {
  const deadline = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${otherwise} after ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
