import { pause } from "../link/pause.ts";
import { catchSignals, type Caught } from "../start/catch_signals.ts";
import type { Logger } from "../telemetry/logger.ts";

/** Watches for everything that ends the program, beside the end of stdin. */
export interface Ends {
  /** Resolves, with the reason, at the first of them. */
  readonly ended: Promise<string>;
  /** Tells whether one of them has come: then there is no time to lose. */
  hurried(): boolean;
  /** Reports an end of another kind. */
  end(why: string): void;
  /** Ends the watching. */
  stop(): void;
}

/** How often the parent is looked at, in milliseconds. */
const PARENT_MS = 1000;
/** How often stdout is, which takes more. */
const STDOUT_MS = 3000;

/**
 * Starts watching: for SIGTERM, SIGINT and SIGHUP (SIGBREAK on Windows, which has no SIGTERM to catch), for a
 * parent that died without closing our stdin, and for a stdout that nobody reads any more. A second signal ends the program at once.
 *
 * @param bound told once that no C function is looked up any more: `--allow-ffi` has done its work
 * @param caught the signals, where they are caught already
 */
export function watchEnds(
  logger: Logger,
  bound: () => void = () => {},
  caught: Caught = catchSignals(),
): Ends {
  const { promise, resolve } = Promise.withResolvers<string>();
  const stopped = new AbortController();
  let hurried = false;

  function end(why: string): void {
    hurried = true;
    resolve(why);
  }

  caught.whenAsked((signal) => end(`got ${signal}`));
  void watchParent();
  void watchStdout();

  async function watchParent(): Promise<void> {
    const { parent } = caught;
    while (await pause(PARENT_MS, stopped.signal)) {
      if (Deno.ppid === parent) continue;
      logger.debug("the parent process is gone");
      return end("the parent process is gone");
    }
  }

  async function watchStdout(): Promise<void> {
    if (!await pause(STDOUT_MS, stopped.signal)) return;
    const { stdoutWatch } = await import("./stdout_gone.ts");
    const gone = stdoutWatch();
    bound();
    while (gone !== undefined) {
      if (await gone()) return end("the client closed stdout");
      if (!await pause(STDOUT_MS, stopped.signal)) return;
    }
  }

  return {
    ended: promise,
    hurried: () => hurried,
    end,
    stop() {
      stopped.abort();
      caught.stop();
    },
  };
}
