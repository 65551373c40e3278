/** Takes what is told, one after the other, and hands it out in the same order. */
export interface Told<T> {
  readonly all: readonly T[];
  readonly tell: (it: T) => void;
  /** The next that has not been handed out and fits; others before it are passed over. */
  next(fits?: (it: T) => boolean): Promise<T>;
}

/** Makes a {@linkcode Told}. */
export function told<T>(): Told<T> {
  const all: T[] = [];
  let given = 0;
  let news = Promise.withResolvers<void>();
  return {
    all,
    tell(it) {
      all.push(it);
      news.resolve();
      news = Promise.withResolvers();
    },
    async next(fits = () => true) {
      for (;;) {
        while (given < all.length) {
          const it = all[given++]!;
          if (fits(it)) return it;
        }
        await inTime(news.promise, () => `told so far: ${JSON.stringify(all)}`);
      }
    },
  };
}

/** Long enough for the slowest machine, in milliseconds. */
const PATIENCE_MS = 30_000;

async function inTime(promise: Promise<void>, context: () => string): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing more was told; ${context()}`)), PATIENCE_MS);
  });
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
