import type { Logger } from "../telemetry/logger.ts";
import type { BalancedPool } from "./pool.ts";

/**
 * Decides which upstream is drained next, of so many: one after the other, and none after the last.
 *
 * @param present the one that is drained now; `undefined` for none
 */
export function nextDrained(present: number | undefined, size: number): number | undefined {
  const next = present === undefined ? 0 : present + 1;
  return next < size ? next : undefined;
}

/** Drains the next upstream in place of the one that is drained now, for a restart of one after the other. */
export function rotateDrain(pool: BalancedPool, logger: Logger): void {
  const { ids, drained } = pool.drains();
  const at = ids.findIndex((id) => drained.has(id));
  const next = nextDrained(at < 0 ? undefined : at, ids.length);
  pool.setDraining("signal", new Set(next === undefined ? [] : [ids[next]!]));
  if (next === undefined) logger.warn("got SIGUSR2: no upstream is drained any more");
}
