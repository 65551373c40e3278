/** Replicas of one server, each a process of its own: see `replica_server.ts`. */
import { within } from "./inbox.ts";
import { REPOSITORY } from "./program.ts";
import { lines } from "./replica_lines.ts";
import type { ReplicaMood, ReplicaOptions } from "./replica_server.ts";
import { until } from "./until.ts";

/** A replica, whatever becomes of its processes: it keeps its port and its ledger. */
export interface Replica extends AsyncDisposable {
  readonly name: string;
  /** How `load-balance` is told of it; a command line where the program itself starts it. */
  readonly endpoint: string;
  readonly command: readonly string[] | undefined;
  /** How many calls it has carried out, in all its lives. */
  executions(): number;
  /** The calls it has carried out, one after the other. */
  ledger(): Uint32Array;
  /** Puts it in another mood; settles when that holds. */
  be(mood: ReplicaMood): Promise<void>;
  /** `kill -9`; settles when it has gone. */
  kill(): Promise<void>;
  /** Starts it again after {@linkcode Replica.kill}, or waits until the program has: those without a port are its children. */
  start(): Promise<void>;
  /** Stops it where it stands, as it is in a debugger or on a machine without memory: the system goes on accepting for it. */
  stop(): void;
  /** Lets one that was stopped go on. */
  resume(): void;
}

const STARTING_MS = 30_000;

/** Starts a replica, with its ledger in a directory. */
export async function startReplica(
  { directory, ...given }: Pick<ReplicaOptions, "kind" | "name" | "latencyMs"> & {
    readonly directory: string;
  },
): Promise<Replica> {
  const ledger = `${directory}/${given.name}`;
  const server = `${REPOSITORY}tests/support/replica_server.ts`;
  const config = `--config=${REPOSITORY}deno.json`;
  let port = 0;
  /** The process of the program's that was killed. */
  let killed: number | undefined;
  let process: Deno.ChildProcess | undefined;
  let said: AsyncGenerator<string> | undefined;
  let writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>> | undefined;

  const command = () => [
    ...[Deno.execPath(), "run", "--quiet", config, "-A", server],
    ...[given.kind, given.name, String(port), ledger, String(given.latencyMs)],
  ];

  async function hear(what: string): Promise<string> {
    const { value } = await within(said!.next(), STARTING_MS, what);
    if (value === undefined) throw new Error(`the replica ${given.name} has ended: ${what}`);
    return value;
  }

  async function start(): Promise<void> {
    if (given.kind === "stdio") return await until(() => killed !== pid(), STARTING_MS);
    const [executable, ...args] = command();
    process = new Deno.Command(executable!, { args, stdin: "piped", stdout: "piped", stderr: "inherit" })
      .spawn();
    said = lines(process.stdout);
    writer = process.stdin.getWriter();
    writer.closed.catch(() => {});
    port = JSON.parse(await hear("its port")).port;
  }

  function pid(): number {
    return process?.pid ?? Number(Deno.readTextFileSync(`${ledger}.pid`));
  }

  async function kill(): Promise<void> {
    if (given.kind === "stdio") return Deno.kill(killed = pid(), "SIGKILL");
    if (process === undefined) return;
    process.kill("SIGKILL");
    await process.status;
    await writer!.close().catch(() => {});
    await said!.return(undefined);
    process = undefined;
  }

  if (given.kind !== "stdio") await start();
  return {
    name: given.name,
    get endpoint() {
      return given.kind === "http" ? `http://127.0.0.1:${port}/mcp` : `tcp://127.0.0.1:${port}`;
    },
    command: given.kind === "stdio" ? command() : undefined,
    executions: () => size(ledger) >> 2,
    ledger() {
      const bytes = size(ledger) === 0 ? new Uint8Array() : Deno.readFileSync(ledger);
      return new Uint32Array(bytes.buffer, 0, bytes.length >> 2);
    },
    async be(mood) {
      await writer!.write(new TextEncoder().encode(`${JSON.stringify(mood)}\n`));
      await hear("that it has heard");
    },
    kill,
    start,
    stop: () => Deno.kill(pid(), "SIGSTOP"),
    resume: () => Deno.kill(pid(), "SIGCONT"),
    async [Symbol.asyncDispose]() {
      if (given.kind !== "stdio") return await kill();
      // The program has ended it.
      await until(() => !isAlive(pid()));
    },
  };
}

function size(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}
