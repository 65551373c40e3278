import type { Logger } from "../../telemetry/logger.ts";
import { pause } from "../pause.ts";
import type { Exchange } from "../peer.ts";

/** What {@linkcode keepListening} needs. */
export interface ListenOptions {
  /** What is to be listened for now; `undefined` for nothing. */
  readonly wanted: () => Readonly<Record<string, unknown>> | undefined;
  /** Sends `subscriptions/listen`; its exchange lasts as long as the server keeps it up. */
  readonly open: (filter: Readonly<Record<string, unknown>>) => Exchange;
  /** Ends the listening. */
  readonly signal: AbortSignal;
  /** Something may have been missed. */
  readonly missed: () => void;
  /** The endpoint, for logs. */
  readonly endpoint: string;
  readonly logger: Logger;
}

/** The first wait before it is opened again, in milliseconds; doubled up to the second. */
const REOPEN_MS = 1000;
const REOPEN_MOST_MS = 30_000;
/** What lasted so long was no failure, in milliseconds. */
const LASTED_MS = 10_000;

/**
 * Keeps a `subscriptions/listen` up (S/2026-07-28/basic/patterns/subscriptions): opened again when it ends, and when what is
 * wanted changes; the new one before the old one is given up.
 *
 * @returns what to call when what is wanted has changed
 */
export function keepListening(options: ListenOptions): () => void {
  const { signal, endpoint, logger } = options;
  let present: Exchange | undefined;
  let generation = 0;
  let wait = REOPEN_MS;

  function open(): void {
    const filter = options.wanted();
    const before = present;
    const mine = ++generation;
    present = filter === undefined ? undefined : options.open(filter);
    before?.cancel();
    const start = performance.now();
    present?.whenOver((outcome) => {
      if (mine !== generation || signal.aborted) return;
      present = undefined;
      logger.debug("listening has ended", { endpoint, outcome: outcome.kind });
      // Whoever refuses it has nothing to say.
      if (outcome.kind === "refused" || (outcome.kind === "answered" && outcome.message.kind === "error")) {
        return;
      }
      if (performance.now() - start > LASTED_MS) wait = REOPEN_MS;
      void pause(wait, signal).then((over) => {
        if (!over || mine !== generation) return;
        open();
        options.missed();
      });
      wait = Math.min(wait * 2, REOPEN_MOST_MS);
    });
  }

  signal.addEventListener("abort", () => present?.cancel(), { once: true });
  open();
  return open;
}
