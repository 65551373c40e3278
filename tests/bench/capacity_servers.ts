/** Starts servers of fixed capacity, which a pool of several can be measured by. */
import { filePath } from "./rivals.ts";

/** A running server of fixed capacity. */
export interface CapacityServer {
  readonly url: string;
  /** Ends it without a word, as a crash does. */
  kill(): Promise<void>;
}

/** What each can do: so many calls at once, each of so many milliseconds. */
export const CAPACITY = { atOnce: 4, ms: 20 } as const;

/** Starts so many, and waits for their ports. */
export function startCapacityServers(count: number): Promise<CapacityServer[]> {
  return Promise.all(Array.from({ length: count }, startOne));
}

async function startOne(): Promise<CapacityServer> {
  const program = filePath(new URL("capacity_server.ts", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program, "0", String(CAPACITY.atOnce), String(CAPACITY.ms)],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const port = new TextDecoder().decode(value).trim();
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async kill() {
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
    },
  };
}
