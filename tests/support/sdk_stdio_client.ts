/** The official SDK's stdio client, tamed for tests that look for leaks. */
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

/** How long the SDK waits for a child to end, in milliseconds: when it closes one, and one that it only asked for its era. */
const SDK_CLOSE_MS: readonly unknown[] = [2000, 1000];

/** Closes a client and leaves no timer behind. */
export async function closeStdioClient(client: { close(): Promise<void> }): Promise<void> {
  await withoutTimersLeft(() => client.close());
}

/**
 * Clears the timers that the SDK leaves behind when a child ended in time; its other timers, and everyone else's, stay.
 */
export async function withoutTimersLeft<T>(work: () => Promise<T>): Promise<T> {
  const { setTimeout: original } = globalThis;
  const left: ReturnType<typeof setTimeout>[] = [];
  const recording = (...args: Parameters<typeof setTimeout>) => {
    const timer = original(...args);
    if (SDK_CLOSE_MS.includes(args[1])) left.push(timer);
    return timer;
  };
  globalThis.setTimeout = Object.assign(recording, original) as typeof setTimeout;
  try {
    return await work();
  } finally {
    globalThis.setTimeout = original;
    for (const timer of left) clearTimeout(timer);
  }
}
