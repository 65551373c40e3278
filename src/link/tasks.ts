import { within } from "./pause.ts";

/** Work that is under way, so that an end can wait for it. */
export interface Tasks {
  /** How many tasks are under way. */
  readonly size: number;
  /** Keeps account of `work` until it settles, and returns it; what it rejects with, and nobody catches, is seen. */
  run<T>(work: Promise<T>): Promise<T>;
  /** Waits until all present tasks have settled, at most `ms` milliseconds; tells whether they have. */
  settled(ms: number): Promise<boolean>;
}

/** Makes a {@linkcode Tasks}. */
export function createTasks(): Tasks {
  const running = new Set<Promise<unknown>>();
  return {
    get size() {
      return running.size;
    },
    run<T>(work: Promise<T>): Promise<T> {
      // Not `work` itself: a promise that has a handler for its rejection is silent to all others.
      const counted: Promise<T> = work.finally(() => running.delete(counted));
      running.add(counted);
      return counted;
    },
    settled: (ms) => running.size === 0 ? Promise.resolve(true) : within(Promise.allSettled(running), ms),
  };
}
