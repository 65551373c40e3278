/**
 * Resolves to `true` after `ms` milliseconds, to `false` as soon as `signal` aborts.
 *
 * Built on `AbortSignal.timeout`: the first `setTimeout` of a program costs 10 ms and 4 MB.
 */
export function pause(ms: number, signal?: AbortSignal): Promise<boolean> {
  if (signal?.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const timer = AbortSignal.timeout(Math.max(0, Math.min(ms, 0x7fffffff)));
    const over = () => {
      signal?.removeEventListener("abort", stopped);
      resolve(true);
    };
    const stopped = () => {
      timer.removeEventListener("abort", over);
      resolve(false);
    };
    timer.addEventListener("abort", over, { once: true });
    signal?.addEventListener("abort", stopped, { once: true });
  });
}

/** Waits for `promise` to settle, however it does, but no longer than `ms` milliseconds; tells whether it did. */
export async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const over = new AbortController();
  try {
    return await Promise.race([
      promise.then(() => true, () => true),
      pause(ms, over.signal).then(() => false),
    ]);
  } finally {
    over.abort();
  }
}

/** Waits for `promise` to settle, however it does, but no longer than until `signal` aborts. */
export function untilAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const over = () => {
      signal.removeEventListener("abort", over);
      resolve();
    };
    signal.addEventListener("abort", over, { once: true });
    promise.then(over, over);
  });
}
