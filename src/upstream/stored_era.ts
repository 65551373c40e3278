import { describeEndpoint } from "../link/describe_endpoint.ts";
import type { Endpoint } from "../link/endpoint.ts";
import type { EraMemory } from "../link/era/era_memory.ts";
import { pause, within } from "../link/pause.ts";
import { readEntry } from "../store/read_entry.ts";
import type { Logger } from "../telemetry/logger.ts";
import { verdictKey } from "./verdict_key.ts";

/** What {@linkcode openStoredEra} needs. */
export interface StoredEraOptions {
  /** The store's directory. */
  readonly directory: string;
  /** What verdicts are called there. */
  readonly kind: string;
  readonly endpoint: Endpoint;
  /** The directory that a command runs in; absent: ours. */
  readonly cwd?: string;
  /** Takes what is read, and is what is written. */
  readonly memory: EraMemory;
  readonly logger: Logger;
  /**
   * How long a verdict waits before it is written, in milliseconds: the client's answer goes first.
   * @default 500
   */
  readonly delayMs?: number;
  /** Milliseconds since the epoch. @default Date.now */
  readonly now?: () => number;
}

/** An endpoint's place in the store. */
export interface StoredEra {
  /** Something has been found out: it is written soon, if that changes anything. */
  noted(): void;
  /** Writes what waits, and gives that a moment. Never rejects. */
  close(): Promise<void>;
}

/** What was found out of an endpoint, and when. */
export interface Verdict {
  readonly legacy: boolean | undefined;
  readonly modern: boolean | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** A verdict is believed for so long. */
export const VERDICT_MS = 7 * DAY_MS;
/** One that has been confirmed is written again when it is older than this. */
const RENEW_MS = DAY_MS;
const DELAY_MS = 500;
/** How long the last write may hold up the end of the program, in milliseconds. */
const CLOSE_MS = 100;

/** What is stored for an endpoint; `undefined` for what is none, is too old, or comes from the future. */
export function readVerdict(value: unknown, now: number): Verdict | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { legacy, modern, time } = value as Record<string, unknown>;
  const at = typeof time === "string" ? Date.parse(time) : NaN;
  // Clocks of machines that share a home differ a little.
  if (!(now - at < VERDICT_MS && at - now < DAY_MS)) return undefined;
  const flag = (it: unknown) => typeof it === "boolean" ? it : undefined;
  return { legacy: flag(legacy), modern: flag(modern), at };
}

/**
 * Whether what is known is worth storing. Whoever knows only that a server is legacy has asked it nothing, and is spared
 * nothing by knowing so.
 */
export function isWorthStoring(
  known: EraMemory,
  stored: Verdict | undefined,
  now: number,
): boolean {
  if (known.modern === undefined) return false;
  return stored === undefined || stored.modern !== known.modern || stored.legacy !== known.legacy ||
    now - stored.at > RENEW_MS;
}

/**
 * Reads what is stored of an endpoint's eras into a memory, and stores what is noted there. Whatever stands in the way is
 * told in the debug log, and the memory works without.
 */
export async function openStoredEra(options: StoredEraOptions): Promise<StoredEra> {
  const { directory, kind, memory, logger, delayMs = DELAY_MS, now = Date.now } = options;
  const endpoint = describeEndpoint(options.endpoint);
  const place = { directory, kind, key: verdictKey(options.endpoint, options.cwd) };
  let stored: Verdict | undefined;
  let due: AbortController | undefined;
  let writing: Promise<void> = Promise.resolve();

  try {
    stored = readVerdict(await readEntry(place), now());
    // What has been found out in the meantime is newer.
    if (stored !== undefined && memory.modern === undefined) {
      memory.legacy = stored.legacy;
      memory.modern = stored.modern;
      logger.debug("known from before", { endpoint, legacy: stored.legacy, modern: stored.modern });
    }
  } catch (error) {
    logger.debug("the store can't be read", { endpoint, error });
  }

  async function write(): Promise<void> {
    const at = now();
    if (!isWorthStoring(memory, stored, at)) return;
    const { legacy, modern } = memory;
    try {
      const [{ writeEntry }, { sweep }] = await Promise.all([
        import("../store/write_entry.ts"),
        import("../store/sweep.ts"),
      ]);
      if (!await writeEntry(place, { legacy, modern, time: new Date(at).toISOString() })) return;
      stored = { legacy, modern, at };
      await sweep({ directory, kind, ageMs: VERDICT_MS });
    } catch (error) {
      logger.debug("the store can't be written", { endpoint, error });
    }
  }

  function writeNow(): void {
    due?.abort();
    due = undefined;
    writing = writing.then(write);
  }

  return {
    noted() {
      if (due !== undefined || !isWorthStoring(memory, stored, now())) return;
      const mine = due = new AbortController();
      void pause(delayMs, mine.signal).then((over) => over && writeNow());
    },
    async close() {
      if (due !== undefined) writeNow();
      await within(writing, CLOSE_MS);
    },
  };
}
