/** Starts the benchmark's server in a process of its own and speaks to it through its pipes. */
import type { WireCount } from "./server.ts";

/** The running server. */
export interface ServerProcess {
  /**
   * Its MCP endpoints. `slow` adds a delay to each request, `json` answers by JSON bodies, `modern` knows 2026-07-28 only.
   */
  readonly urls: Readonly<Record<"plain" | "slow" | "json" | "modern", string>>;
  /** Starts counting anew. */
  reset(): Promise<void>;
  /** Cuts all connections of `plain` and forgets all sessions, as a restart does. */
  restart(): Promise<void>;
  /** What was counted since the last reset. */
  stats(): Promise<WireCount>;
  close(): Promise<void>;
}

/**
 * Starts the server and waits for its ports.
 * @throws {Error} when it ends before it is ready
 */
export async function startServer(): Promise<ServerProcess> {
  const program = new URL("./server.ts", import.meta.url).href;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  const line = async (): Promise<string> => {
    for (;;) {
      const end = pending.indexOf("\n");
      if (end >= 0) {
        const found = pending.slice(0, end);
        pending = pending.slice(end + 1);
        return found;
      }
      const { value, done } = await reader.read();
      if (done) throw new Error("the benchmark's server ended early");
      pending += value;
    }
  };
  const ask = async (command: string): Promise<WireCount> => {
    await writer.write(new TextEncoder().encode(command + "\n"));
    return JSON.parse(await line());
  };
  const ports: Record<string, number> = JSON.parse(await line());
  const url = (name: string) => `http://127.0.0.1:${ports[name]}/mcp`;
  return {
    urls: { plain: url("plain"), slow: url("slow"), json: url("json"), modern: url("modern") },
    reset: async () => void await ask("reset"),
    restart: async () => void await ask("restart"),
    stats: () => ask("stats"),
    async close() {
      await writer.close();
      await child.status;
      await reader.cancel();
    },
  };
}
