/** What arrived, in order, with waiters for what has not arrived yet. */
export interface Inbox<T> {
  /** All that ever arrived. */
  readonly items: readonly T[];
  /** Adds an item and wakes who waits for it. */
  push(item: T): void;
  /** The first item, past or future, that matches; leaves it in place. */
  find(predicate: (item: T) => boolean, timeoutMs?: number): Promise<T>;
  /** Like {@linkcode Inbox.find}, but each item is given out once: a second call gets the next match. */
  take(predicate: (item: T) => boolean, timeoutMs?: number, from?: number): Promise<T>;
  /** The first `count` items that match, when there are so many. */
  findMany(count: number, predicate: (item: T) => boolean, timeoutMs?: number): Promise<T[]>;
  /** Nothing more will arrive: waiters, present and future, reject with `reason`. */
  end(reason: () => Error): void;
}

/**
 * How long the support code waits for an event before it fails the test, in milliseconds. Generous, because
 * tests run in parallel on small machines; a test that passes never waits so long.
 */
export const DEFAULT_WAIT_MS = 15_000;

/**
 * Makes an {@linkcode Inbox}.
 *
 * @param describe what is known when a wait fails, for the error's text
 */
export function createInbox<T>(describe: (items: readonly T[]) => string): Inbox<T> {
  const items: T[] = [];
  const taken = new Set<number>();
  const waiters = new Set<() => boolean>();
  let ended: (() => Error) | undefined;
  const rejecters = new Set<(error: Error) => void>();

  /** Waits until `attempt` gives a value; it is tried at once and after each arrival. */
  function wait<R>(attempt: () => R | undefined, timeoutMs: number): Promise<R> {
    const now = attempt();
    if (now !== undefined) return Promise.resolve(now);
    if (ended !== undefined) return Promise.reject(ended());
    const site = new Error();
    return new Promise<R>((resolve, reject) => {
      const timer: { id?: ReturnType<typeof setTimeout> } = {};
      let settled = false;
      const settle = () => {
        settled = true;
        clearTimeout(timer.id);
        waiters.delete(waiter);
        rejecters.delete(fail);
      };
      const waiter = () => {
        const value = attempt();
        if (value === undefined) return false;
        settle();
        resolve(value);
        return true;
      };
      const fail = (error: Error) => {
        settle();
        error.stack = `${error.message}\n${site.stack ?? ""}`;
        reject(error);
      };
      // Before the timer: arming one may run what pushes an item.
      waiters.add(waiter);
      rejecters.add(fail);
      timer.id = setTimeout(
        () => fail(new Error(`nothing matched within ${timeoutMs} ms; ${describe(items)}`)),
        timeoutMs,
      );
      if (settled) clearTimeout(timer.id);
    });
  }

  return {
    items,
    push(item) {
      items.push(item);
      for (const waiter of [...waiters]) waiter();
    },
    find(predicate, timeoutMs = DEFAULT_WAIT_MS) {
      const found = wait(() => {
        const index = items.findIndex(predicate);
        return index < 0 ? undefined : { item: items[index] as T };
      }, timeoutMs);
      return found.then(({ item }) => item);
    },
    take(predicate, timeoutMs = DEFAULT_WAIT_MS, from = 0) {
      const found = wait(() => {
        const index = items.findIndex((item, at) => at >= from && !taken.has(at) && predicate(item));
        if (index < 0) return undefined;
        taken.add(index);
        return { item: items[index] as T };
      }, timeoutMs);
      return found.then(({ item }) => item);
    },
    findMany(count, predicate, timeoutMs = DEFAULT_WAIT_MS) {
      return wait(() => {
        const found = items.filter(predicate);
        return found.length < count ? undefined : found.slice(0, count);
      }, timeoutMs);
    },
    end(reason) {
      if (ended !== undefined) return;
      ended = reason;
      for (const reject of [...rejecters]) reject(reason());
    },
  };
}

/** Shortens a text for an error message. */
export function excerpt(text: string, length = 400): string {
  return text.length <= length ? text : `${text.slice(0, length)}… (${text.length} characters)`;
}

/**
 * The promise's value, or an error after `ms` milliseconds; the timer never outlives the wait.
 *
 * @param what what was waited for, for the error's text
 */
export async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
