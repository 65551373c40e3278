import type { ProcessGroup } from "./process_group.ts";
import { within } from "./within.ts";

/** How long a child may take to end by itself, and again after SIGTERM. In milliseconds. */
export const GRACE_MS = 2000;
/** How long what the child started may live on after it without being asked to end. In milliseconds. */
const STRAGGLER_MS = 250;
const LAST_WAIT_MS = 1000;
const POLL_MS = 20;

/**
 * Ends a child and what it has started: closes its stdin, waits, sends SIGTERM, waits, sends SIGKILL. What is
 * left of the group when the child has ended gets the same, without the long first wait. Takes five seconds
 * and a bit at the most.
 *
 * @param exited settles when the child has ended
 * @param closeInput closes its stdin
 */
export async function endTree(
  group: ProcessGroup,
  exited: Promise<unknown>,
  closeInput: () => void,
  grace: number = GRACE_MS,
): Promise<void> {
  closeInput();
  if (await within(exited, grace) && await emptied(group, STRAGGLER_MS)) return;
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const wait = signal === "SIGTERM" ? grace : LAST_WAIT_MS;
    const deadline = performance.now() + wait;
    await group.signal(signal);
    if (await within(exited, wait) && await emptied(group, deadline - performance.now())) return;
  }
}

/** Waits until no member of the group is alive; where that can't be told, it does not wait. */
async function emptied(group: ProcessGroup, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (group.alive() === true) {
    if (performance.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return true;
}
