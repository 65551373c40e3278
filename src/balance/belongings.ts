/** What a text that an upstream has made is for. */
export type BelongingKind = "cursor" | "state" | "task";

/** Whose a text is, and how its upstream has written it. */
export interface Owner {
  /** The upstream's serial number. */
  readonly serial: number;
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
  /** Whose a text of the client's is; `undefined` when it is not known (any more). */
  find(kind: BelongingKind, text: string): Owner | undefined;
  /** An upstream is gone, with what it has made. */
  forget(serial: number): void;
}

/** Texts that are remembered at most, of each kind, and their characters. */
const MOST = 4096;
const MOST_LENGTH = 16 * 1024 * 1024;

/** Makes {@linkcode Belongings}: those that were used last are remembered, in bounded space. */
export function createBelongings(most = MOST, mostLength = MOST_LENGTH): Belongings {
  const kinds = new Map<BelongingKind, Kept>();
  let renamed = 0;

  function of(kind: BelongingKind): Kept {
    let it = kinds.get(kind);
    if (it === undefined) kinds.set(kind, it = { owners: new Map(), length: 0 });
    return it;
  }

  function drop(it: Kept, shown: string): void {
    const owner = it.owners.get(shown);
    if (owner === undefined) return;
    it.owners.delete(shown);
    it.length -= shown.length + owner.text.length;
  }

  function put(it: Kept, shown: string, owner: Owner): void {
    drop(it, shown);
    it.owners.set(shown, owner);
    it.length += shown.length + owner.text.length;
    while (it.owners.size > most || (it.length > mostLength && it.owners.size > 1)) {
      drop(it, it.owners.keys().next().value!);
    }
  }

  /** The name under which the client already knows this text of this upstream, where that is another. */
  function shownAs(it: Kept, text: string, serial: number): string {
    const present = it.owners.get(text);
    if (present === undefined || present.serial === serial) return text;
    for (const [shown, owner] of it.owners) {
      if (owner.serial === serial && owner.text === text) return shown;
    }
    return JSON.stringify(`mcp-connect-${++renamed}-${crypto.randomUUID()}`);
  }

  return {
    keep(kind, text, serial) {
      const it = of(kind);
      const shown = shownAs(it, text, serial);
      put(it, shown, { serial, text });
      return shown;
    },
    find(kind, text) {
      const it = kinds.get(kind);
      const owner = it?.owners.get(text);
      if (owner !== undefined) put(it!, text, owner);
      return owner;
    },
    forget(serial) {
      for (const it of kinds.values()) {
        for (const [shown, owner] of [...it.owners]) if (owner.serial === serial) drop(it, shown);
      }
    },
  };
}

/** Those of one kind, by the text that the client knows; those that were used last come last. */
interface Kept {
  readonly owners: Map<string, Owner>;
  length: number;
}
