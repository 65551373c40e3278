/** The official SDK's stdio client, tamed for tests that look for leaks. */
// @ts-types="@modelcontextprotocol/sdk/client/index"
import type { Client } from "@modelcontextprotocol/sdk/client/index.js";
// @ts-types="@modelcontextprotocol/sdk/client/stdio"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { programEnvironment, REPOSITORY } from "./program.ts";

/**
 * The official client's transport to this command; its stderr is dropped, unless `stderr` says otherwise. By
 * default the SDK hands on only a few variables; here a child gets those of {@linkcode programEnvironment}.
 */
export function stdioTransport(
  [command, ...args]: readonly [string, ...string[]],
  options: {
    env?: Readonly<Record<string, string | undefined>>;
    cwd?: string;
    stderr?: "ignore" | "pipe" | "inherit";
  } = {},
): StdioClientTransport {
  const { env = {}, cwd = REPOSITORY, stderr = "ignore" } = options;
  return new StdioClientTransport({ command, args, cwd, stderr, env: programEnvironment(env) });
}

/** How long the SDK waits for a child to end, in milliseconds. */
const SDK_CLOSE_MS = 2000;

/**
 * Closes a client and clears the timer that the SDK leaves behind when the child ended in time; its other
 * timers, and everyone else's, stay.
 */
export async function closeStdioClient(client: Client): Promise<void> {
  const { setTimeout: original } = globalThis;
  const left: ReturnType<typeof setTimeout>[] = [];
  const recording = (...args: Parameters<typeof setTimeout>) => {
    const timer = original(...args);
    if (args[1] === SDK_CLOSE_MS) left.push(timer);
    return timer;
  };
  globalThis.setTimeout = Object.assign(recording, original) as typeof setTimeout;
  try {
    await client.close();
  } finally {
    globalThis.setTimeout = original;
    for (const timer of left) clearTimeout(timer);
  }
}
