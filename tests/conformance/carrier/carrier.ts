/**
 * Lets the suite, which speaks to servers over HTTP, speak to the program, whose clients speak over stdio. It does what
 * HTTP needs (framing, sessions, statuses, the comparison of headers with the body) and hands every message on: to one
 * program for each session of a legacy client, and to one for each scenario in the modern era, which has no sessions.
 */
import type { ProgramOptions } from "../../support/program.ts";
import { tryParse, type WireMessage } from "../../support/wire_message.ts";
import { contradiction, isLocal } from "../http_rules.ts";
import { type Carried, openSession, type Session } from "./session.ts";

export interface CarrierOptions {
  /** The era that the suite's client speaks. */
  readonly era: "legacy" | "modern";
  /** The program's arguments. */
  readonly args: readonly string[];
  /**
   * What is started instead of the program, with the same arguments.
   *
   * @default the program
   */
  readonly entry?: ProgramOptions["entry"];
}

/** What went through for one scenario. */
export interface Traffic {
  readonly requests: readonly Carried[];
  /** What the programs wrote to stderr. */
  readonly stderr: string;
  /** What went wrong in a program beside its answers. */
  readonly problems: readonly string[];
}

export interface Carrier extends AsyncDisposable {
  /** Where a scenario finds its server. */
  url(scenario: string): string;
  /** Ends the programs of a scenario that is over, and gives what went through them. */
  finish(scenario: string): Promise<Traffic>;
}

/** A scenario that is under way. */
interface Run {
  readonly sessions: Map<string, Session>;
  readonly requests: Carried[];
  readonly stderr: string[];
  readonly problems: string[];
  readonly closing: Promise<void>[];
}

/** Starts it on a port of its own. */
export function startCarrier({ era, args, entry }: CarrierOptions): Carrier {
  const runs = new Map<string, Run>();

  function runOf(scenario: string): Run {
    const known = runs.get(scenario);
    if (known !== undefined) return known;
    const run: Run = { sessions: new Map(), requests: [], stderr: [], problems: [], closing: [] };
    runs.set(scenario, run);
    return run;
  }

  function open(run: Run, id: string): Session {
    const session = openSession({
      era,
      args,
      ...(entry === undefined ? {} : { entry }),
      carried: (request) => run.requests.push(request),
    });
    run.sessions.set(id, session);
    return session;
  }

  function close(run: Run, id: string): void {
    const session = run.sessions.get(id)!;
    run.sessions.delete(id);
    run.closing.push(
      session.close()
        .catch((error) => void run.problems.push((error as Error).message))
        .then(() => void run.stderr.push(session.stderr())),
    );
  }

  async function modern(run: Run, request: Request): Promise<Response> {
    if (request.method !== "POST") return new Response(null, { status: 405 });
    const message = await read(request);
    if (message === undefined) return refuse(400, null, -32700, "Parse error");
    const header = contradiction(request.headers, message);
    if (header !== undefined) return refuse(400, message.id, -32020, `${header} does not match the body`);
    const session = run.sessions.get("") ?? open(run, "");
    return await session.post(message, {}, request.signal);
  }

  async function legacy(run: Run, request: Request): Promise<Response> {
    const id = request.headers.get("mcp-session-id");
    const known = id === null ? undefined : run.sessions.get(id);
    if (id !== null && known === undefined) return refuse(404, null, -32600, "Session not found");
    if (request.method === "GET" && known !== undefined) return known.get();
    if (request.method === "DELETE" && known !== undefined) {
      close(run, id!);
      return new Response(null, { status: 200 });
    }
    if (request.method !== "POST") return new Response(null, { status: 405 });
    const message = await read(request);
    if (message === undefined) return refuse(400, null, -32700, "Parse error");
    if (known !== undefined) return await known.post(message, {}, request.signal);
    if (message.method !== "initialize") return refuse(400, message.id, -32600, "No session");
    const opened = crypto.randomUUID();
    return await open(run, opened).post(message, { "mcp-session-id": opened }, request.signal);
  }

  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    if (!isLocal(request.headers)) return new Response("not from here", { status: 403 });
    const run = runOf(new URL(request.url).pathname.split("/")[1]!);
    return await (era === "legacy" ? legacy(run, request) : modern(run, request));
  });

  async function finish(scenario: string): Promise<Traffic> {
    const run = runOf(scenario);
    runs.delete(scenario);
    for (const id of [...run.sessions.keys()]) close(run, id);
    await Promise.all(run.closing);
    return { requests: run.requests, stderr: run.stderr.join(""), problems: run.problems };
  }

  return {
    url: (scenario) => `http://127.0.0.1:${server.addr.port}/${scenario}/mcp`,
    finish,
    async [Symbol.asyncDispose]() {
      await Promise.all([...runs.keys()].map(finish));
      await server.shutdown();
    },
  };
}

async function read(request: Request): Promise<WireMessage | undefined> {
  const value = tryParse(await request.text());
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
}

function refuse(status: number, id: WireMessage["id"], code: number, message: string): Response {
  return Response.json({ jsonrpc: "2.0", id: id ?? null, error: { code, message } }, { status });
}
