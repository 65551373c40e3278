import { pause } from "../../link/pause.ts";

/** What a file is at one moment. */
export type FileState =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "missing" }
  /** It is there, and can't be read. */
  | { readonly kind: "unreadable"; readonly why: string };

/** What a {@linkcode watchFile} needs. */
export interface WatchFileOptions {
  readonly path: string;
  /** Told of the file's first state, and of each that is another than the one before. */
  readonly seen: (state: FileState) => void;
  /** Ends the watching. */
  readonly signal: AbortSignal;
  /**
   * How often the file is looked at where the system tells of no changes, in milliseconds.
   * @default 5000
   */
  readonly pollMs?: number;
}

/** A file that is watched. */
export interface WatchedFile {
  /** Resolves when the first state has been told. */
  readonly first: Promise<void>;
  /** Looks at the file now. */
  reread(): void;
  /** Resolves when the watching is over and nothing of it goes on. */
  readonly ended: Promise<void>;
}

/** A file that changes still after so long is being written, in milliseconds. */
const SETTLE_MS = 100;
/** How often it may go on changing before it is read all the same. */
const MOST_SETTLING = 10;
/** The most that is read; more is a mistake (a device, a log). */
const LARGEST_FILE = 4 * 1024 * 1024;

/**
 * Watches what a file holds, whatever way it is changed: written in place, replaced, removed and made again, or reached
 * by links one of which is swapped (as Kubernetes does it). The system's events of the file's directory say when to look;
 * where there are none (network file systems, a missing permission, a link that leads elsewhere) looking now and then does.
 */
export function watchFile({ path, seen, signal, pollMs = 5000 }: WatchFileOptions): WatchedFile {
  let wake = Promise.withResolvers<void>();
  let forced = false;
  let watcher: Deno.FsWatcher | undefined;
  const notice = () => wake.resolve();

  async function listen(it: Deno.FsWatcher): Promise<void> {
    try {
      // Other files' events cost one look, too: which of them are links on the way, nobody says.
      for await (const { kind } of it) if (kind !== "access") notice();
    } catch {
      // It is closed, or broke.
    }
    if (watcher === it) watcher = undefined;
  }

  function watch(): void {
    if (watcher !== undefined || signal.aborted) return;
    const directory = path.replace(/[^/\\]*$/, "") || ".";
    // Nothing may prompt.
    if (Deno.permissions.querySync({ name: "read", path: directory }).state !== "granted") return;
    try {
      watcher = Deno.watchFs(directory, { recursive: false });
    } catch {
      // There is no such directory yet, or the system has no more watchers.
      return;
    }
    void listen(watcher);
  }

  const closeWatcher = () => {
    const it = watcher;
    watcher = undefined;
    try {
      it?.close();
    } catch {
      // It broke, and is closed.
    }
  };

  async function run(told: () => void): Promise<void> {
    signal.addEventListener("abort", closeWatcher, { once: true });
    watch();
    let stamp = await stampOf(path);
    let state = await readState(path);
    if (signal.aborted) return;
    seen(state);
    told();
    for (;;) {
      if (!forced && !await awoken(wake.promise, pollMs, signal)) return;
      const now = forced;
      forced = false;
      wake = Promise.withResolvers();
      watch();
      const found = now ? await stampOf(path) : await settled(stamp);
      if (signal.aborted) return;
      if (!now && found === stamp) continue;
      stamp = found;
      const next = await readState(path);
      if (signal.aborted) return;
      if (!isSame(state, next)) seen(next);
      state = next;
    }
  }

  /** The file's stamp, once it is that of before or no longer changes. */
  async function settled(before: string): Promise<string> {
    let found = await stampOf(path);
    for (let i = 0; i < MOST_SETTLING && found !== before; i++) {
      if (!await pause(SETTLE_MS, signal)) break;
      const next = await stampOf(path);
      if (next === found) break;
      found = next;
    }
    return found;
  }

  const first = Promise.withResolvers<void>();
  return {
    first: first.promise,
    ended: run(first.resolve).finally(first.resolve),
    reread() {
      forced = true;
      notice();
    },
  };
}

/** Waits until `promise` resolves or `ms` milliseconds are over; false when `signal` aborts. */
async function awoken(promise: Promise<void>, ms: number, signal: AbortSignal): Promise<boolean> {
  const over = new AbortController();
  const stop = () => over.abort();
  signal.addEventListener("abort", stop, { once: true });
  try {
    await Promise.race([promise, pause(ms, over.signal)]);
  } finally {
    over.abort();
    signal.removeEventListener("abort", stop);
  }
  return !signal.aborted;
}

/** What is another whenever the file is: it, its place and its size, and when it was changed. */
async function stampOf(path: string): Promise<string> {
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return "forbidden";
  try {
    const { dev, ino, size, mtime, ctime } = await Deno.stat(path);
    return [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join();
  } catch (error) {
    return error instanceof Error ? error.name : "unknown";
  }
}

async function readState(path: string): Promise<FileState> {
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") {
    return { kind: "unreadable", why: `Deno may not read it: run it with --allow-read=${path}` };
  }
  try {
    const { isDirectory, size } = await Deno.stat(path);
    if (isDirectory) return { kind: "unreadable", why: "it is a directory" };
    if (size > LARGEST_FILE) return { kind: "unreadable", why: "it is too large" };
    const bytes = await Deno.readFile(path);
    try {
      return { kind: "text", text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
    } catch {
      return { kind: "unreadable", why: "it is not text (UTF-8)" };
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { kind: "missing" };
    return { kind: "unreadable", why: error instanceof Error ? error.message : String(error) };
  }
}

function isSame(a: FileState, b: FileState): boolean {
  return a.kind === b.kind && (a as { text?: string }).text === (b as { text?: string }).text &&
    (a as { why?: string }).why === (b as { why?: string }).why;
}
