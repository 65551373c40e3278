import { within } from "./pause.ts";

/** Work that is under way, so that an end can wait for it. */
export interface Tasks {
  /** How many tasks are under way. */
  readonly size: number;
  /** Keeps account of `work` until it settles, and returns it. */
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
    run(work) {
      running.add(work);
      const over = () => void running.delete(work);
      work.then(over, over);
      return work;
    },
    settled: (ms) => running.size === 0 ? Promise.resolve(true) : within(Promise.allSettled(running), ms),
  };
}
