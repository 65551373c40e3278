import { createLogger, type Logger } from "../../../src/telemetry/logger.ts";
import type { Link } from "../../../src/link/link.ts";
import { type ChildOptions, openChild } from "../../../src/link/child/open_child.ts";

/** A logger whose lines are kept. */
export function quietLogger(lines: string[] = []): Logger {
  return createLogger({
    level: "trace",
    format: "text",
    color: false,
    timestamps: false,
    write: (line) => lines.push(line),
  });
}

/** Opens a link to `sh -c script`. */
export function openShell(script: string, options: Partial<ChildOptions> = {}): Promise<Link> {
  return open({ command: "sh", args: ["-c", script], ...options });
}

/** Opens a link to a command. */
export function open(options: Partial<ChildOptions> & { command: string }): Promise<Link> {
  return openChild({ args: [], env: {}, logger: quietLogger(), ...options })(AbortSignal.timeout(60_000));
}

/** Reads until `text` has come, or to the end. */
export async function readUntil(link: Link, text: string): Promise<string> {
  const decoder = new TextDecoder();
  let all = "";
  while (!all.includes(text)) {
    const chunk = await link.read();
    if (chunk === null) return all;
    all += decoder.decode(chunk, { stream: true });
  }
  return all;
}

/** Whether a process lives; a zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    Deno.kill(pid, 0);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return Deno.build.os !== "linux";
  }
}

/** Waits until a process is gone; throws after `ms`. */
export async function gone(pid: number, ms: number): Promise<void> {
  const deadline = performance.now() + ms;
  while (isAlive(pid)) {
    if (performance.now() > deadline) {
      Deno.kill(pid, "SIGKILL");
      throw new Error(`process ${pid} lives on`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The process ids in `pids 12 34`. */
export function pidsIn(text: string): number[] {
  return [...(/pids((?: \d+)+)/.exec(text)?.[1] ?? "").matchAll(/\d+/g)].map(Number);
}

export const isWindows = Deno.build.os === "windows";
