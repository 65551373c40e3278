import { pause } from "../link/pause.ts";

/** What {@linkcode watchClock} goes by. Times in milliseconds. */
export interface ClockOptions {
  /** How often the clock is looked at. @default 5_000 */
  readonly tickMs?: number;
  /** How late a look may come on a busy machine; later ones mean that we did not run. @default 10_000 */
  readonly lateMs?: number;
  /** The wall clock. @default Date.now */
  readonly now?: () => number;
}

const TICK_MS = 5000;
const LATE_MS = 10_000;

/**
 * Watches for times in which this program did not run: the machine slept, or the program was stopped. The wall clock goes
 * on then; a clock that was set forward looks the same and does no harm.
 *
 * @param woken called when it runs again, with how long it did not, in milliseconds
 * @param signal ends the watching
 */
export async function watchClock(
  woken: (ms: number) => void,
  signal: AbortSignal,
  { tickMs = TICK_MS, lateMs = LATE_MS, now = Date.now }: ClockOptions = {},
): Promise<void> {
  for (let last = now(); await pause(tickMs, signal);) {
    const time = now();
    if (time - last > tickMs + lateMs) woken(time - last - tickMs);
    last = time;
  }
}
