import { type BrowserCommand, browserCommands, type Surroundings } from "./browser_commands.ts";
import { openableUrl } from "./openable_url.ts";

/** How an attempt to open a browser ended. */
export type Opened =
  | { readonly ok: true; /** The program that took the URL. */ readonly by: string }
  | { readonly ok: false; /** Why not, as a part of a sentence. */ readonly why: string };

/**
 * Opens a URL in a browser. Rejects with a {@linkcode BrowserError} when the URL must not be opened, else never.
 *
 * @param signal ends the waiting for the opener; what it has started goes on
 * @param begins told before anything is started; not where there is nothing to start
 */
export type OpenBrowser = (url: string, signal: AbortSignal, begins?: () => void) => Promise<Opened>;

/** Options of {@linkcode createBrowserOpener}. */
export interface BrowserOpenerOptions {
  /** @default this process's */
  surroundings?: Surroundings;
  /**
   * How many tabs are opened in a while.
   * @default 3
   */
  limit?: number;
  /**
   * How long that while is, in milliseconds.
   * @default 600_000
   */
  limitMs?: number;
  /**
   * How long an opener may run, in milliseconds, until it counts as the browser itself.
   * @default 2500
   */
  patienceMs?: number;
  /**
   * Told of each program that was started, which may outlive us.
   * @default nobody is
   */
  started?: (program: Deno.ChildProcess) => void;
  /**
   * The clock that the limit goes by, in milliseconds.
   * @default `Date.now`
   */
  now?: () => number;
}

/**
 * Makes an {@linkcode OpenBrowser} that opens no more than a few tabs in a while, whoever asks: share one among
 * all that sign in. The opener is started without a shell, apart from our terminal and our streams, and outlives us.
 */
export function createBrowserOpener(options: BrowserOpenerOptions = {}): OpenBrowser {
  const { limit = 3, limitMs = 600_000, patienceMs = 2500, now = Date.now, started = () => {} } = options;
  const surroundings = options.surroundings ?? processSurroundings();
  let opened: number[] = [];

  return async (url, signal, begins = () => {}) => {
    const { commands, notes } = browserCommands(openableUrl(url), surroundings);
    const reasons = [...notes];
    if (commands.length > 0) {
      // A clock that was set back forgets nothing.
      opened = opened.filter((at) => now() - at < limitMs);
      if (opened.length >= limit) {
        return { ok: false, why: `${limit} tabs were opened in the last ${duration(limitMs)}` };
      }
      opened.push(now());
      begins();
    }
    for (const command of commands) {
      if (signal.aborted) return { ok: false, why: "it was given up" };
      const why = await run(command, patienceMs, signal, started);
      if (why === undefined) return { ok: true, by: command.command };
      reasons.push(why);
    }
    return { ok: false, why: reasons.join("; ") };
  };
}

/** Starts an opener; tells why it did not work. */
async function run(
  { command, args }: BrowserCommand,
  patienceMs: number,
  signal: AbortSignal,
  started: (program: Deno.ChildProcess) => void,
): Promise<string | undefined> {
  const name = command.split(/[\\/]/).at(-1)!;
  // Deno would ask the person at the terminal.
  if (Deno.permissions.querySync({ name: "run", command }).state !== "granted") {
    return `Deno's permission --allow-run=${command} is missing`;
  }
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      // Our stdout carries protocol only.
      stdout: "null",
      stderr: "null",
      // The browser may be this very process: neither our end nor a Ctrl-C is its own.
      detached: true,
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `${name} was not found`;
    if (error instanceof Deno.errors.NotCapable) return `Deno does not permit ${name} to run`;
    return `${name} could not be started`;
  }
  started(child);
  const status = await soon(child.status, patienceMs, signal);
  // From here on we may end before it.
  child.unref();
  if (status === undefined || status.success) return undefined;
  return status.signal === null
    ? `${name} ended with code ${status.code}`
    : `${name} ended by ${status.signal}`;
}

/** What `promise` resolves to, if it does so within `ms` milliseconds and before `signal` aborts. */
async function soon<T>(promise: Promise<T>, ms: number, signal: AbortSignal): Promise<T | undefined> {
  const over = Promise.withResolvers<undefined>();
  const stop = () => over.resolve(undefined);
  const timer = setTimeout(stop, ms);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([promise, over.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

function duration(ms: number): string {
  return ms >= 60_000 ? `${Math.round(ms / 60_000)} minutes` : `${Math.round(ms / 1000)} s`;
}

/** This process's surroundings, as far as Deno's permissions show them. */
export function processSurroundings(): Surroundings {
  const granted = (descriptor: Deno.PermissionDescriptor) =>
    Deno.permissions.querySync(descriptor).state === "granted";
  return {
    os: Deno.build.os,
    env: (name) => granted({ name: "env", variable: name }) ? Deno.env.get(name) : undefined,
    isFile(path) {
      try {
        return path !== "" && granted({ name: "read", path }) && Deno.statSync(path).isFile;
      } catch {
        return false;
      }
    },
  };
}
