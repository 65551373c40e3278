/** What the figures were taken on: facts that matter to them, nothing that names the machine. */
import { nodeVersion } from "./rivals.ts";

/** Facts in the order shown. */
export async function machineFacts(): Promise<string[]> {
  const memory = Math.round(Deno.systemMemoryInfo().total / 2 ** 30);
  return [
    `${navigator.hardwareConcurrency} cores${processorName()}`,
    `${memory} GiB of memory`,
    `${Deno.build.os} ${Deno.osRelease().split("-")[0]} on ${Deno.build.arch}`,
    `Deno ${Deno.version.deno} (V8 ${Deno.version.v8})`,
    `Node ${await nodeVersion() ?? "missing: Deno runs the rivals"}`,
  ];
}

function processorName(): string {
  try {
    const name = /^model name\s*:\s*(.+)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1];
    return name === undefined ? "" : ` (${name.trim()})`;
  } catch {
    return "";
  }
}
