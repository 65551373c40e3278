import { createInbox, DEFAULT_WAIT_MS, excerpt, type Inbox, within } from "./inbox.ts";
import { isRequest, isResponse, messagesIn, tryParse, type WireMessage } from "./wire_message.ts";

/** The repository's root directory, as a path. */
export const REPOSITORY = pathOf(new URL("../../", import.meta.url));

/** The program's entry, as a path. */
export const ENTRY = pathOf(new URL("../../src/main.ts", import.meta.url));

/** How the program ended. */
export interface ProgramStatus {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  /** From spawn to exit, in milliseconds. */
  readonly ms: number;
}

export interface ProgramOptions {
  /**
   * Flags of `deno run`, permissions above all.
   *
   * @default ["-A"]
   */
  readonly permissions?: readonly string[];
  /** Added to the environment; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** @default the repository's root */
  readonly cwd?: string;
  /**
   * The module to run instead of `src/main.ts`, or a whole command line.
   *
   * @default ENTRY
   */
  readonly entry?: string | readonly string[];
  /**
   * Whether stdout carries nothing but JSON-RPC, one message a line; then a line that is anything else fails
   * the test when the program is disposed of. Set it to false for commands that print for people.
   *
   * @default true
   */
  readonly protocol?: boolean;
  /** How long {@linkcode Program} may take to end by itself once stdin closes, in ms. @default 5000 */
  readonly graceMs?: number;
  /** Told of every message that is sent (when sent as an object) or received, as it happens. */
  readonly trace?: (direction: "sent" | "received", message: WireMessage) => void;
}

export interface InitializeOptions {
  /** @default "2025-11-25" */
  readonly protocolVersion?: string;
  /** @default {} */
  readonly capabilities?: Record<string, unknown>;
  /** @default {name: "test-client", version: "1.0.0"} */
  readonly clientInfo?: Record<string, unknown>;
  /** @default 15000 */
  readonly timeoutMs?: number;
}

/** Answers a server's request: what it returns is the result, what it throws (`{code, message}`) the error. */
export type Responder = (params: unknown, message: WireMessage) => unknown;

/** A running program, seen from the client's side of its pipes. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  /** Every stdout line, raw, without its newline. */
  readonly lines: readonly string[];
  /** All that was written to stdout; what follows the last newline included. */
  stdout(): string;
  /** All that was written to stderr. */
  stderr(): string;
  /** Every message received, in order; those of a batch one by one. */
  readonly messages: readonly WireMessage[];
  /** The stdout lines that were not JSON-RPC. */
  readonly noise: readonly string[];
  readonly status: Promise<ProgramStatus>;
  /** Whether it has ended. */
  ended(): boolean;
  /** Writes a message: an object as JSON, a string as a line (newline added when missing), bytes as they are. */
  send(message: unknown): Promise<void>;
  /** Sends a notification. */
  notify(method: string, params?: unknown): Promise<void>;
  /** Sends a request under an id of our own (1, 2, 3, …) and waits for its answer, result or error. */
  request(method: string, params?: unknown, timeoutMs?: number): Promise<WireMessage>;
  /** The answer to the request with this id. */
  response(id: string | number, timeoutMs?: number): Promise<WireMessage>;
  /** The next message that matches, of all received; each message is given out once. */
  next(predicate: (message: WireMessage) => boolean, timeoutMs?: number): Promise<WireMessage>;
  /** The next notification or server request of this method. */
  nextMethod(method: string, timeoutMs?: number): Promise<WireMessage>;
  /** Waits for the stderr text to match. */
  waitStderr(pattern: RegExp, timeoutMs?: number): Promise<RegExpMatchArray>;
  /** Performs the handshake and gives the `initialize` result; throws on an error. */
  initialize(options?: InitializeOptions): Promise<Record<string, unknown>>;
  /** Answers each server request of this method, those already here too. */
  respond(method: string, responder: Responder): void;
  /** Stops and resumes reading stdout, to be a slow client. */
  pauseStdout(): void;
  resumeStdout(): void;
  /** Closes our end of its stdout, as a client that died. */
  closeStdout(): Promise<void>;
  closeStdin(): Promise<void>;
  kill(signal?: Deno.Signal): void;
}

/**
 * Starts the real program with piped stdio.
 *
 * @example
 * ```ts ignore
 * await using program = startProgram(["proxy", "--endpoint", server.url]);
 * await program.initialize();
 * const { result } = await program.request("tools/call", { name: "echo", arguments: { text: "hi" } });
 * await program.closeStdin();
 * assert.equal((await program.status).code, 0);
 * ```
 */
export function startProgram(args: readonly string[], options: ProgramOptions = {}): Program {
  const started = performance.now();
  const [command, ...rest] = programCommand(args, options);
  const child = new Deno.Command(command, {
    args: rest,
    cwd: options.cwd ?? REPOSITORY,
    clearEnv: true,
    env: programEnvironment(options.env),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();

  const protocol = options.protocol ?? true;
  const lines: string[] = [];
  const noise: string[] = [];
  const responders = new Map<string, Responder>();
  const unanswered = new Set<WireMessage>();
  const inbox: Inbox<WireMessage> = createInbox(() =>
    `received ${excerpt(lines.map((line) => excerpt(line)).join("\n") || "nothing", 2000)}\n` +
    `stderr: ${excerpt(stderr.text(), 2000) || "nothing"}`
  );

  let exited = false;
  const status = child.status.then(({ code, signal }) => {
    exited = true;
    return { code, signal, ms: performance.now() - started };
  });

  const stdin = child.stdin.getWriter();
  let stdinClosed = false;
  let writing: Promise<unknown> = Promise.resolve();
  stdin.closed.catch(() => {});

  function send(message: unknown): Promise<void> {
    const bytes = encode(message);
    if (typeof message === "object" && !(message instanceof Uint8Array)) {
      for (const one of messagesIn(message)) options.trace?.("sent", one);
    }
    const written = writing.then(() => stdin.write(bytes));
    writing = written.catch(() => {});
    return written;
  }

  async function answer(message: WireMessage, responder: Responder): Promise<void> {
    unanswered.delete(message);
    const { id } = message;
    try {
      await send({ jsonrpc: "2.0", id, result: await responder(message.params, message) });
    } catch (error) {
      const { code, message: text, data } = error as { code?: number; message?: string; data?: unknown };
      await send({
        jsonrpc: "2.0",
        id,
        error: { code: code ?? -32603, message: text ?? "error", ...(data === undefined ? {} : { data }) },
      });
    }
  }

  function receiveLine(line: string): void {
    lines.push(line);
    if (!protocol) return;
    const messages = messagesIn(tryParse(line));
    if (messages.length === 0) noise.push(line);
    for (const message of messages) {
      options.trace?.("received", message);
      inbox.push(message);
      if (!isRequest(message)) continue;
      const responder = responders.get(message.method ?? "");
      if (responder === undefined) unanswered.add(message);
      else answer(message, responder).catch(() => {});
    }
  }

  const stdout = readLines(child.stdout, receiveLine);
  const stderr = collect(child.stderr);
  const announced = stdout.done.then(async () => {
    // Its exit follows within moments and says more than the end of stdout.
    const ending = await ends(status, 500) ? `ended with code ${(await status).code}` : "closed its stdout";
    inbox.end(() => new Error(`the program ${ending}; stderr: ${excerpt(stderr.text(), 2000) || "nothing"}`));
  });
  const drained = Promise.all([announced, stderr.done]);

  let lastId = 0;
  const next = (predicate: (message: WireMessage) => boolean, timeoutMs = DEFAULT_WAIT_MS) =>
    inbox.take(predicate, timeoutMs);
  const response = (id: string | number, timeoutMs = DEFAULT_WAIT_MS) =>
    next((message) => isResponse(message) && message.id === id, timeoutMs);

  async function request(
    method: string,
    params?: unknown,
    timeoutMs = DEFAULT_WAIT_MS,
  ): Promise<WireMessage> {
    const id = ++lastId;
    const from = inbox.items.length;
    // The answer's clock starts before the write, which never ends when the program has stopped reading.
    const answered = inbox.take((message) => isResponse(message) && message.id === id, timeoutMs, from);
    answered.catch(() => {});
    const sent = send({ jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) });
    // A broken pipe shows as the end of stdout, which says more.
    sent.catch(() => {});
    return await answered;
  }

  async function closeStdin(): Promise<void> {
    if (stdinClosed) return;
    stdinClosed = true;
    await writing;
    await stdin.close().catch(() => {});
  }

  function kill(signal: Deno.Signal = "SIGKILL"): void {
    if (exited) return;
    try {
      child.kill(signal);
    } catch {
      // It has just ended by itself.
    }
  }

  return {
    pid: child.pid,
    lines,
    stdout: stdout.text,
    stderr: stderr.text,
    messages: inbox.items,
    noise,
    status,
    ended: () => exited,
    send,
    notify: (method, params) => send({ jsonrpc: "2.0", method, ...(params === undefined ? {} : { params }) }),
    request,
    response,
    next,
    nextMethod: (method, timeoutMs) => next((message) => message.method === method, timeoutMs),
    waitStderr: stderr.match,
    async initialize(
      { protocolVersion = "2025-11-25", capabilities = {}, clientInfo, timeoutMs = DEFAULT_WAIT_MS } = {},
    ) {
      const { result, error } = await request("initialize", {
        protocolVersion,
        capabilities,
        clientInfo: clientInfo ?? { name: "test-client", version: "1.0.0" },
      }, timeoutMs);
      if (error !== undefined) throw new Error(`initialize: ${error.code} ${error.message}`);
      await send({ jsonrpc: "2.0", method: "notifications/initialized" });
      return result;
    },
    respond(method, responder) {
      responders.set(method, responder);
      for (const message of [...unanswered]) {
        if (message.method === method) answer(message, responder).catch(() => {});
      }
    },
    pauseStdout: stdout.pause,
    resumeStdout: stdout.resume,
    closeStdout: stdout.cancel,
    closeStdin,
    kill,
    async [Symbol.asyncDispose]() {
      stdout.resume();
      const grace = options.graceMs ?? 5000;
      // A program that has stopped reading would keep a pending write, and so the close, waiting for ever.
      const closing = closeStdin();
      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        if (await ends(status, grace)) break;
        kill(signal);
      }
      await status;
      await closing;
      // A grandchild that outlived the program still holds these pipes.
      if (!(await ends(drained, 1000))) await Promise.all([stdout.cancel(), stderr.cancel()]);
      await drained;
      if (protocol && noise.length > 0) {
        throw new Error(`stdout carried what is no JSON-RPC: ${excerpt(noise.join("\n"))}`);
      }
    },
  };
}

/** Whether the promise settles within `ms`. */
async function ends(promise: Promise<unknown>, ms: number): Promise<boolean> {
  try {
    await within(promise, ms, "end");
    return true;
  } catch {
    return false;
  }
}

function pathOf(url: URL): string {
  const path = decodeURIComponent(url.pathname);
  return Deno.build.os === "windows" ? path.slice(1).replaceAll("/", "\\") : path;
}

/** The command line that runs the program with these arguments, for whoever must spawn it otherwise. */
export function programCommand(
  args: readonly string[],
  options: Pick<ProgramOptions, "entry" | "permissions"> = {},
): [string, ...string[]] {
  const { entry = ENTRY, permissions = ["-A"] } = options;
  if (typeof entry !== "string") {
    const [command = Deno.execPath(), ...rest] = entry;
    return [command, ...rest, ...args];
  }
  const config = `--config=${REPOSITORY}deno.json`;
  return [Deno.execPath(), "run", "--quiet", config, ...permissions, entry, ...args];
}

/** Our environment without what would change how the program behaves, and with these changes. */
export function programEnvironment(
  changes: Readonly<Record<string, string | undefined>> = {},
): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(Deno.env.toObject())) {
    if (!/^MCP_|^(https?|all|no)_proxy$|^OTEL_/i.test(name)) result[name] = value;
  }
  result["DENO_NO_UPDATE_CHECK"] = "1";
  // What a test finds out of its servers is nobody else's business.
  result["MCP_CONNECT_NO_STORE"] = "1";
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) delete result[name];
    else result[name] = value;
  }
  return result;
}

function encode(message: unknown): Uint8Array {
  if (message instanceof Uint8Array) return message;
  const text = typeof message === "string" ? message : JSON.stringify(message);
  return new TextEncoder().encode(text.endsWith("\n") ? text : `${text}\n`);
}

interface LineReader {
  readonly done: Promise<void>;
  text(): string;
  pause(): void;
  resume(): void;
  cancel(): Promise<void>;
}

function readLines(stream: ReadableStream<Uint8Array>, receive: (line: string) => void): LineReader {
  const reader = stream.getReader();
  let gate: PromiseWithResolvers<void> | undefined;
  const complete: string[] = [];
  let rest: Uint8Array[] = [];

  async function run(): Promise<void> {
    while (true) {
      await gate?.promise;
      const { value, done } = await reader.read();
      if (done) break;
      let start = 0;
      for (let end = value.indexOf(10); end >= 0; end = value.indexOf(10, start)) {
        rest.push(value.subarray(start, end));
        const line = decode(rest);
        rest = [];
        start = end + 1;
        complete.push(line);
        receive(line);
      }
      if (start < value.length) rest.push(value.slice(start));
    }
    if (rest.length > 0) receive(decode(rest));
  }

  return {
    done: run().catch(() => {}),
    text: () => complete.map((line) => `${line}\n`).join("") + decode(rest),
    pause: () => void (gate ??= Promise.withResolvers<void>()),
    resume() {
      gate?.resolve();
      gate = undefined;
    },
    cancel: () => reader.cancel().catch(() => {}),
  };
}

function decode(chunks: readonly Uint8Array[]): string {
  if (chunks.length === 0) return "";
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let text = "";
  for (const chunk of chunks) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

interface Collector {
  readonly done: Promise<void>;
  text(): string;
  match(pattern: RegExp, timeoutMs?: number): Promise<RegExpMatchArray>;
  cancel(): Promise<void>;
}

function collect(stream: ReadableStream<Uint8Array>): Collector {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const arrivals = createInbox<string>(() => `stderr: ${excerpt(text, 2000) || "nothing"}`);

  async function run(): Promise<void> {
    while (true) {
      const { value, done } = await reader.read();
      if (done) break;
      text += decoder.decode(value, { stream: true });
      arrivals.push("");
    }
  }

  return {
    done: run().catch(() => {}).then(() =>
      arrivals.end(() => new Error(`stderr ended: ${excerpt(text, 2000)}`))
    ),
    text: () => text,
    async match(pattern, timeoutMs = DEFAULT_WAIT_MS) {
      const found = text.match(pattern);
      if (found !== null) return found;
      await arrivals.find(() => pattern.test(text), timeoutMs);
      return text.match(pattern) as RegExpMatchArray;
    },
    cancel: () => reader.cancel().catch(() => {}),
  };
}
