import type { Endpoint } from "../link/endpoint.ts";
import { type EraMemory, newEraMemory } from "../link/era/era_memory.ts";
import type { Logger } from "../telemetry/logger.ts";
import { hasEntry } from "../store/entry_path.ts";
import type { StoredEra } from "./stored_era.ts";
import { verdictKey, VERDICTS } from "./verdict_key.ts";

/** What {@linkcode createEraNotes} needs. */
export interface EraNotesOptions {
  /** Where it is kept beyond the end of the program; absent: nowhere. */
  readonly store?: string;
  /** The directory that commands run in; absent: ours. */
  readonly cwd?: string;
  readonly logger: Logger;
}

/** What is known of one endpoint. */
export interface EraNote {
  readonly memory: EraMemory;
  /** Resolves when what was stored is in the memory; never rejects. */
  readonly ready: Promise<void>;
}

/** What is known of each endpoint's eras: as long as the program runs, and, where there is a store, beyond. */
export interface EraNotes {
  of(endpoint: Endpoint): EraNote;
  /** Stores what is not stored yet, if that takes no time to speak of. Never rejects. */
  close(): Promise<void>;
}

/**
 * Makes {@linkcode EraNotes}. The code for the store is loaded beside what is loaded otherwise, and only when there is
 * something to read or to write: who uses legacy servers from legacy clients never needs it.
 */
export function createEraNotes({ store, cwd, logger }: EraNotesOptions): EraNotes {
  const notes = new Map<Endpoint, EraNote>();
  const opened: Promise<StoredEra>[] = [];

  function take(endpoint: Endpoint): EraNote {
    let opening: Promise<StoredEra> | undefined;
    const memory = newEraMemory(() => {
      if (store !== undefined && memory.modern !== undefined) void open(store).then((it) => it.noted());
    });
    const filled = store !== undefined && isStored(store, endpoint, cwd);
    return { memory, ready: filled ? open(store).then(() => {}) : Promise.resolve() };

    function open(directory: string): Promise<StoredEra> {
      if (opening !== undefined) return opening;
      opening = load(directory);
      opened.push(opening);
      return opening;
    }

    async function load(directory: string): Promise<StoredEra> {
      const { openStoredEra } = await import("./stored_era.ts");
      const options = { directory, kind: VERDICTS, endpoint, memory, logger };
      return openStoredEra(cwd === undefined ? options : { ...options, cwd });
    }
  }

  return {
    of(endpoint) {
      const note = notes.get(endpoint) ?? take(endpoint);
      notes.set(endpoint, note);
      return note;
    },
    async close() {
      await Promise.all(opened.map(async (it) => (await it).close()));
    },
  };
}

function isStored(directory: string, endpoint: Endpoint, cwd: string | undefined): boolean {
  try {
    return hasEntry({ directory, kind: VERDICTS, key: verdictKey(endpoint, cwd) });
  } catch {
    // Our own directory may be gone, or not be ours to know.
    return false;
  }
}
