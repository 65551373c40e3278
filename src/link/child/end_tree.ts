import type { ProcessGroup } from "./process_group.ts";
import { within } from "../pause.ts";

/** How long a child may take to end by itself, and again after SIGTERM. In milliseconds. */
export const GRACE_MS = 2000;
/** How long what is left of a group may live on after its leader, before it is signalled. In milliseconds. */
const STRAGGLER_MS = 250;
/** And how long after SIGTERM. Zombies count as living: where nobody reaps them, this is waited in vain. */
const STRAGGLER_GRACE_MS = 1000;
/** How long the system may take to end what was sent SIGKILL. In milliseconds. */
const KILL_MS = 1000;
const POLL_MS = 20;

/**
 * Ends a child and what it has started: closes its stdin, waits, sends SIGTERM, waits, sends SIGKILL. What is
 * left of the group when the child has ended gets the same in less time. Takes six seconds at the most.
 *
 * @param exited settles when the child has ended
 * @param closeInput closes its stdin
 * @param grace how long each of the first two waits may take, in milliseconds
 */
export async function endTree(
  group: ProcessGroup,
  exited: Promise<unknown>,
  closeInput: () => void,
  grace: number = GRACE_MS,
): Promise<void> {
  closeInput();
  if (await within(exited, grace) && await emptied(group, STRAGGLER_MS)) return;
  await group.signal("SIGTERM");
  if (await within(exited, grace) && await emptied(group, STRAGGLER_GRACE_MS)) return;
  await group.signal("SIGKILL");
  await within(exited, KILL_MS);
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
