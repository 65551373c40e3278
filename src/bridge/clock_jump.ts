import { pause } from "../link/pause.ts";

/** How often the clock is looked at, in milliseconds. */
const TICK_MS = 5000;
/** How late a look may come on a busy machine, in milliseconds; later ones mean that we did not run. */
const LATE_MS = 10_000;

/**
 * Watches for times in which this program did not run: the machine slept, or the program was stopped. The wall clock goes
 * on then; a clock that was set forward looks the same and does no harm.
 *
 * @param woken called when it runs again, with how long it did not, in milliseconds
 * @param signal ends the watching
 */
export async function watchClock(woken: (ms: number) => void, signal: AbortSignal): Promise<void> {
  for (let last = Date.now(); await pause(TICK_MS, signal);) {
    const now = Date.now();
    if (now - last > TICK_MS + LATE_MS) woken(now - last - TICK_MS);
    last = now;
  }
}
