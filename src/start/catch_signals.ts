/** What was caught of whoever wants the program to end. */
export interface Caught {
  /** The parent process as it was at first. */
  readonly parent: number;
  /** Has the first signal told, with its name; at once where it has come already. To be called once. */
  whenAsked(tell: (signal: Deno.Signal) => void): void;
  /** Leaves signals to the system again. */
  stop(): void;
}

/** The exit code after a second signal: the first was not quick enough (docs/exit-codes.md). */
const IMPATIENT = 130;

/**
 * Catches SIGTERM, SIGINT and SIGHUP (SIGBREAK on Windows, which has no SIGTERM to catch). A second signal ends the program at
 * once.
 */
export function catchSignals(): Caught {
  let asked: Deno.Signal | undefined;
  let tell: ((signal: Deno.Signal) => void) | undefined;
  const handlers = signals().map((signal) => {
    const handle = () => {
      if (asked !== undefined) Deno.exit(IMPATIENT);
      asked = signal;
      tell?.(signal);
    };
    Deno.addSignalListener(signal, handle);
    return () => Deno.removeSignalListener(signal, handle);
  });
  return {
    parent: Deno.ppid,
    whenAsked(it) {
      tell = it;
      if (asked !== undefined) it(asked);
    },
    stop() {
      for (const remove of handlers) remove();
    },
  };
}

function signals(): readonly Deno.Signal[] {
  return Deno.build.os === "windows" ? ["SIGINT", "SIGBREAK", "SIGHUP"] : ["SIGTERM", "SIGINT", "SIGHUP"];
}
