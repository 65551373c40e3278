import { pause } from "./pause.ts";

/** What has a deadline. Times are `performance.now()` milliseconds, which stand still while the machine sleeps. */
export interface Timed {
  /** When it expires. */
  due: number;
}

/** Watches deadlines. */
export interface Deadlines<T extends Timed> {
  /** Watches an item, or takes note that its deadline has come nearer. */
  watch(item: T): void;
  unwatch(item: T): void;
  /** Ends the watching. */
  stop(): void;
}

/** A timer that comes later than this, in milliseconds, means that this program did not run. */
const LATE_MS = 500;
/** How long it then gets to take in what has come meanwhile, in milliseconds. */
const CATCH_UP_MS = 500;

/**
 * Makes a {@linkcode Deadlines}. One timer, set for the earliest deadline, serves all items; a deadline that moves
 * away needs no word. What has come while this program was stopped is taken in before anything expires.
 */
export function createDeadlines<T extends Timed>(expired: (item: T) => void): Deadlines<T> {
  const items = new Set<T>();
  const stopped = new AbortController();
  /** The earliest time the timer is set for. */
  let armedFor = Infinity;
  /** The timer came late, and gives what has come meanwhile a moment. */
  let catchingUp = false;

  function arm(due: number): void {
    if (due >= armedFor || stopped.signal.aborted) return;
    armedFor = due;
    void pause(Math.ceil(due - performance.now()), stopped.signal).then((over) => over && check(due));
  }

  function check(timer: number): void {
    // A timer set for later than the present one has been overtaken.
    if (timer !== armedFor) return;
    armedFor = Infinity;
    const now = performance.now();
    catchingUp = !catchingUp && now - timer > LATE_MS;
    if (catchingUp) return arm(now + CATCH_UP_MS);
    const over: T[] = [];
    let next = Infinity;
    for (const item of items) {
      if (item.due <= now) over.push(item);
      else if (item.due < next) next = item.due;
    }
    // The youngest first: it may be waiting for the place of an older one, and must not get it now.
    for (const item of over.sort((a, b) => b.due - a.due)) {
      // One that has expired may have given up others.
      if (items.delete(item)) expired(item);
    }
    if (next !== Infinity) arm(next);
  }

  return {
    watch(item) {
      items.add(item);
      if (item.due < armedFor) arm(item.due);
    },
    unwatch(item) {
      items.delete(item);
    },
    stop() {
      stopped.abort();
      items.clear();
    },
  };
}
