import { type Member, takesNew } from "./member.ts";
import { hashText } from "./policies/hash_text.ts";
import type { PoolView } from "./policies/view.ts";

/** The members of a pool, and the view of them that policies choose by. */
export interface Members {
  readonly view: PoolView;
  /** Those in the pool, each at its index in the view; free places are `undefined`. */
  readonly byIndex: readonly (Member | undefined)[];
  /** All that are in the pool. */
  readonly all: ReadonlySet<Member>;
  bySerial(serial: number): Member | undefined;
  add(member: Member): void;
  remove(member: Member): void;
  /** Has the view show what has changed of a member: whether it may be chosen, and its weight. */
  show(member: Member, share: number, now: number): void;
  /** A request has been sent there, or is over. */
  pending(member: Member, more: 1 | -1): void;
  /** An answer took so long. */
  took(member: Member, ms: number): void;
  /** What it took before says nothing any more. */
  forgetLatency(member: Member): void;
}

/** How much an answer moves the average of latencies. */
const WEIGHT_OF_NEW = 0.2;

/** Makes {@linkcode Members}: none at first. */
export function createMembers(): Members {
  const byIndex: (Member | undefined)[] = [];
  const all = new Set<Member>();
  const serials = new Map<number, Member>();
  let room = 0;
  const view = {
    size: 0,
    availableCount: 0,
    available: new Int32Array(0),
    isAvailable: new Uint8Array(0),
    weights: new Float64Array(0),
    heaviest: 1,
    shares: new Float64Array(0),
    pending: new Int32Array(0),
    latencies: new Float64Array(0),
    seeds: new Uint32Array(0),
  };

  function grow(): void {
    room = Math.max(8, room * 2);
    const larger = <T extends { set(from: T): void }>(made: T, from: T): T => {
      made.set(from);
      return made;
    };
    view.available = larger(new Int32Array(room), view.available);
    view.isAvailable = larger(new Uint8Array(room), view.isAvailable);
    view.weights = larger(new Float64Array(room).fill(1), view.weights);
    view.shares = larger(new Float64Array(room).fill(1), view.shares);
    view.pending = larger(new Int32Array(room), view.pending);
    view.latencies = larger(new Float64Array(room), view.latencies);
    view.seeds = larger(new Uint32Array(room), view.seeds);
  }

  function setAvailable(index: number, is: boolean): void {
    if ((view.isAvailable[index] === 1) === is) return;
    view.isAvailable[index] = is ? 1 : 0;
    let count = 0;
    for (let i = 0; i < view.size; i++) if (view.isAvailable[i] === 1) view.available[count++] = i;
    view.availableCount = count;
  }

  return {
    view,
    byIndex,
    all,
    bySerial: (serial) => serials.get(serial),
    add(member) {
      const free = byIndex.indexOf(undefined);
      const index = free < 0 ? byIndex.length : free;
      while (index >= room) grow();
      byIndex[index] = member;
      member.index = index;
      all.add(member);
      serials.set(member.serial, member);
      view.size = byIndex.length;
      view.pending[index] = 0;
      view.latencies[index] = 0;
      view.weights[index] = member.settings.weight;
      view.heaviest = Math.max(view.heaviest, member.settings.weight);
      view.seeds[index] = hashText(`${member.endpoint} ${member.settings.address?.hostname ?? ""}`);
    },
    remove(member) {
      if (member.index < 0) return;
      setAvailable(member.index, false);
      byIndex[member.index] = undefined;
      member.index = -1;
      all.delete(member);
      serials.delete(member.serial);
    },
    show(member, share, now) {
      if (member.index < 0) return;
      view.shares[member.index] = share;
      setAvailable(member.index, takesNew(member, now));
    },
    pending(member, more) {
      if (member.index >= 0) view.pending[member.index]! += more;
    },
    took(member, ms) {
      if (member.index < 0) return;
      const before = view.latencies[member.index]!;
      view.latencies[member.index] = before === 0 ? ms : before + (ms - before) * WEIGHT_OF_NEW;
    },
    forgetLatency(member) {
      if (member.index >= 0) view.latencies[member.index] = 0;
    },
  };
}
