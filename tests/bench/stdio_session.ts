/**
 * The driver: a client over the raw pipes of a child process. It counts line ends and parses nothing, so that it
 * is never what limits a subject.
 */
import type { FloodLength, FloodResult, Session } from "./session.ts";
import { lineOf } from "./messages.ts";

/** How a subject's process is started. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const NEWLINE = 10;
const READ_SIZE = 256 * 1024;
const GRACE_MS = 3000;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Called for each chunk that came in, with the number of lines it ended. */
type OnChunk = (chunk: Uint8Array, lines: number) => void;

/**
 * Starts a program and gives a session over its pipes; nothing is sent yet.
 * @param deadlineMs after so long the process is killed and whatever waits for it fails
 */
export function openStdioSession(program: Program, deadlineMs: number, verbose: boolean): Session {
  const child = new Deno.Command(program.command, {
    args: [...program.args],
    env: { ...program.env },
    stdin: "piped",
    stdout: "piped",
    stderr: verbose ? "inherit" : "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  let onChunk: OnChunk = () => {};
  let fail: (reason: Error) => void = () => {};
  let ended: Error | undefined;
  const deadline = setTimeout(() => {
    ended = new Error(`no end within ${deadlineMs / 1000} s`);
    kill(child, "SIGKILL");
  }, deadlineMs);
  const reading = pump(child.stdout, (chunk, lines) => onChunk(chunk, lines)).finally(() => {
    ended ??= new Error("the program closed its stdout");
    fail(ended);
  });

  const write = (bytes: Uint8Array) => void writer.write(bytes).catch((error: Error) => fail(error));
  const until = <T>(start: (resolve: (value: T) => void) => void): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      fail = reject;
      if (ended === undefined) start(resolve);
      else reject(ended);
    });

  return {
    pid: child.pid,
    async ask(text) {
      const pieces: Uint8Array[] = [];
      await until<void>((resolve) => {
        onChunk = (chunk, lines) => {
          pieces.push(chunk.slice());
          if (lines > 0) resolve();
        };
        write(lineOf(text));
      });
      return decoder.decode(joined(pieces));
    },
    time(text) {
      const line = lineOf(text);
      return until<number>((resolve) => {
        const start = performance.now();
        onChunk = (_chunk, lines) => {
          if (lines > 0) resolve(performance.now() - start);
        };
        write(line);
      });
    },
    async tell(text) {
      await writer.write(lineOf(text));
    },
    flood(textOf, inFlight, length) {
      return until<FloodResult>((resolve) => {
        const start = performance.now();
        let sent = 0;
        let answered = 0;
        const send = (count: number) => {
          let text = "";
          for (let i = 0; i < count; i++) text += textOf(sent++) + "\n";
          write(encoder.encode(text));
        };
        onChunk = (_chunk, lines) => {
          if (lines === 0) return;
          answered += lines;
          const more = roomFor(length, start, sent, lines);
          if (more > 0) send(more);
          else if (answered >= sent) resolve({ calls: answered, ms: performance.now() - start });
        };
        send(Math.min(inFlight, length.calls ?? inFlight));
      });
    },
    async close() {
      fail = () => {};
      await writer.close().catch(() => {});
      const patience = setTimeout(() => kill(child, "SIGKILL"), GRACE_MS);
      kill(child, "SIGTERM");
      await child.status;
      clearTimeout(patience);
      clearTimeout(deadline);
      await reading;
    },
  };
}

/** How many of `wanted` more requests still fit into the flood's length. */
function roomFor(length: FloodLength, start: number, sent: number, wanted: number): number {
  if (length.ms !== undefined && performance.now() - start >= length.ms) return 0;
  return length.calls === undefined ? wanted : Math.min(wanted, length.calls - sent);
}

/** Reads to the end into one reused buffer. */
async function pump(source: ReadableStream<Uint8Array<ArrayBuffer>>, onChunk: OnChunk): Promise<void> {
  const reader = source.getReader({ mode: "byob" });
  let buffer = new Uint8Array(READ_SIZE);
  for (;;) {
    const { value, done } = await reader.read(buffer);
    if (done) return;
    let lines = 0;
    for (let at = value.indexOf(NEWLINE); at >= 0; at = value.indexOf(NEWLINE, at + 1)) lines++;
    onChunk(value, lines);
    buffer = new Uint8Array(value.buffer);
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // ended already
  }
}
