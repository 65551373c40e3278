/** Memory of a process and all its descendants, from Linux's /proc; elsewhere nothing can be read. */

/** Whether this system lets us read memory. */
export const canReadMemory = Deno.build.os === "linux";

/** A size field of /proc/PID/status, in KiB. @returns 0 when the process or the field is gone */
function statusKiB(pid: number, field: string): number {
  try {
    return statusFieldKiB(Deno.readTextFileSync(`/proc/${pid}/status`), field);
  } catch {
    return 0;
  }
}

/** Reads a size field out of the text of a /proc status file, in KiB; 0 when it is missing. */
export function statusFieldKiB(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
}

/** The parent's id out of the text of /proc/PID/stat, whose second field may hold blanks and parentheses. */
export function parentOf(stat: string): number {
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

/** The process and all its descendants. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of Deno.readDirSync("/proc")) {
    const pid = Number(entry.name);
    if (!Number.isInteger(pid)) continue;
    try {
      const parent = parentOf(Deno.readTextFileSync(`/proc/${pid}/stat`));
      children.set(parent, [...children.get(parent) ?? [], pid]);
    } catch {
      // ended meanwhile
    }
  }
  const tree = [root];
  for (let i = 0; i < tree.length; i++) tree.push(...children.get(tree[i]!) ?? []);
  return tree;
}

function sumMiB(root: number, field: string): number {
  return processTree(root).reduce((sum, pid) => sum + statusKiB(pid, field), 0) / 1024;
}

/**
 * Resident memory of the tree at rest, in MiB: waits, then takes the median of five readings.
 * @param settleMs how long to wait first
 */
export async function restingMiB(root: number, settleMs: number): Promise<number> {
  await pause(settleMs);
  const readings: number[] = [];
  for (let i = 0; i < 5; i++) {
    readings.push(sumMiB(root, "VmRSS"));
    await pause(100);
  }
  return readings.sort((a, b) => a - b)[2]!;
}

/** Peak resident memory of the tree since the last `resetPeak`, in MiB. */
export function peakMiB(root: number): number {
  return sumMiB(root, "VmHWM");
}

/**
 * Sets the peak back to what is resident now.
 * @returns false when the system does not allow it; then the peak counts from the process's start
 */
export function resetPeak(root: number): boolean {
  try {
    for (const pid of processTree(root)) Deno.writeTextFileSync(`/proc/${pid}/clear_refs`, "5");
    return true;
  } catch {
    return false;
  }
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
