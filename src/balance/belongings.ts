import { idKey } from "../jsonrpc/id.ts";

/** What a text that an upstream has made is for; `client task` is for those that the client has made. */
export type BelongingKind = "cursor" | "state" | "task" | "client task";

/** Whose a text is, and how its upstream has written it. */
export interface Owner {
  /** The upstream's serial number; `undefined` when that is gone. */
  readonly serial: number | undefined;
  /** The JSON text as the upstream knows it. */
  readonly text: string;
}

/** Which upstream has made which cursor, state or task, so that what belongs together goes together. */
export interface Belongings {
  /**
   * Takes note of a text that an upstream has made.
   *
   * @param text the JSON text
   * @returns what the client is to be given: the same, unless another upstream has made the same
   */
  keep(kind: BelongingKind, text: string, serial: number): string;
  /** Makes a state for one that has made none, so that what the client brings with it goes back there. */
  stateFor(serial: number): string;
  /** Whose a text of the client's is; `undefined` when it is not known (any more). */
  find(kind: BelongingKind, text: string): Owner | undefined;
  /** An upstream is gone, with what it has made. */
  forget(serial: number): void;
}

/** What states begin with that are ours. */
const OWN_STATE = "mcp-connect-no-state-";

/** Tells whether a state, as JSON text, is one of ours: no upstream is to see it. */
export function isOwnState(text: string): boolean {
  return idKey(text).startsWith(`"${OWN_STATE}`);
}

/** Texts that are remembered at most, of each kind, and their characters. */
const MOST = 4096;
const MOST_LENGTH = 16 * 1024 * 1024;

/**
 * Makes {@linkcode Belongings}: those that were used last are remembered, in bounded space. A client may spell a text in
 * another way than its upstream has; the upstream gets its own spelling back.
 */
export function createBelongings(most = MOST, mostLength = MOST_LENGTH): Belongings {
  const kinds = new Map<BelongingKind, Kept>();
  let renamed = 0;

  function of(kind: BelongingKind): Kept {
    let it = kinds.get(kind);
    if (it === undefined) kinds.set(kind, it = { owners: new Map(), length: 0 });
    return it;
  }

  function drop(it: Kept, key: string): void {
    const owner = it.owners.get(key);
    if (owner === undefined) return;
    it.owners.delete(key);
    it.length -= key.length + owner.text.length;
  }

  function put(it: Kept, key: string, owner: Owner): void {
    drop(it, key);
    it.owners.set(key, owner);
    it.length += key.length + owner.text.length;
    while (it.owners.size > most || (it.length > mostLength && it.owners.size > 1)) {
      drop(it, it.owners.keys().next().value!);
    }
  }

  /** The name under which the client already knows this text of this upstream, where that is another. */
  function shownAs(it: Kept, text: string, serial: number): string {
    const key = idKey(text);
    const present = it.owners.get(key);
    if (present === undefined || present.serial === serial) return text;
    for (const [shown, owner] of it.owners) {
      if (owner.serial === serial && idKey(owner.text) === key) return shown;
    }
    return JSON.stringify(`mcp-connect-${++renamed}-${crypto.randomUUID()}`);
  }

  return {
    keep(kind, text, serial) {
      const it = of(kind);
      const shown = shownAs(it, text, serial);
      put(it, idKey(shown), { serial, text });
      return shown;
    },
    stateFor(serial) {
      const shown = JSON.stringify(OWN_STATE + crypto.randomUUID());
      put(of("state"), shown, { serial, text: shown });
      return shown;
    },
    find(kind, text) {
      const it = kinds.get(kind);
      const key = idKey(text);
      const owner = it?.owners.get(key);
      if (owner !== undefined) put(it!, key, owner);
      return owner;
    },
    forget(serial) {
      for (const [kind, it] of kinds) {
        for (const [key, owner] of [...it.owners]) {
          if (owner.serial !== serial) continue;
          // Another upstream may know what to do with a state, as it was written.
          if (kind === "state" && idKey(owner.text) !== key) {
            it.owners.set(key, { serial: undefined, text: owner.text });
          } else drop(it, key);
        }
      }
    },
  };
}

/** Those of one kind, by what the client knows them as; those that were used last come last. */
interface Kept {
  readonly owners: Map<string, Owner>;
  length: number;
}
