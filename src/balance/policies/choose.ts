import type { PolicyName } from "../../config/balance_settings.ts";
import { hash } from "./hash.ts";
import { leastPending } from "./least_pending.ts";
import { powerOfTwo } from "./p2c.ts";
import { random } from "./random.ts";
import { roundRobin } from "./round_robin.ts";
import { sticky } from "./sticky.ts";
import type { PoolView } from "./view.ts";
import { weighted } from "./weighted.ts";

/**
 * Chooses an upstream.
 *
 * @param key what belongs together, hashed; only `hash` looks at it
 * @param excluded those that must not be chosen although they are available: a request has been there already
 * @returns an index, −1 when there is none
 */
export type Chooser = (view: PoolView, key: number, excluded?: ReadonlySet<number>) => number;

/** Where turns start again: a small integer stays cheap. */
const TURNS = 0x3fff_ffff;

/**
 * Makes what chooses by a policy, and keeps what the policy has to remember: whose turn it is, credits, the present one.
 * What is chosen with an exclusion changes none of it, so that failures of one upstream do not bend how the others share.
 *
 * @param draw from 0 up to 1
 */
export function createChooser(policy: PolicyName, draw: () => number = Math.random): Chooser {
  let turn = -1;
  let secondTurn = -1;
  let present = -1;
  let credits = new Float64Array(0);
  const without = createExclusion();

  function chooseFirst(view: PoolView, key: number): number {
    turn = turn === TURNS ? 0 : turn + 1;
    switch (policy) {
      case "round-robin":
        return roundRobin(view, turn, draw());
      case "least-pending":
        return leastPending(view, turn);
      case "p2c":
        return powerOfTwo(view, draw(), draw());
      case "random":
        return random(view, draw());
      case "weighted":
        if (credits.length < view.size) credits = grown(credits, view.size);
        return weighted(view, credits);
      case "sticky": {
        const index = sticky(view, present);
        if (index !== -1) present = index;
        return index;
      }
      case "hash":
        return hash(view, key);
    }
  }

  function chooseAgain(view: PoolView, key: number): number {
    secondTurn = secondTurn === TURNS ? 0 : secondTurn + 1;
    switch (policy) {
      case "round-robin":
        return roundRobin(view, secondTurn, draw());
      case "least-pending":
        return leastPending(view, secondTurn);
      case "p2c":
        return powerOfTwo(view, draw(), draw());
      case "random":
      case "weighted":
        return random(view, draw());
      case "sticky":
        return sticky(view, present);
      case "hash":
        return hash(view, key);
    }
  }

  return (view, key, excluded) => {
    if (excluded === undefined || excluded.size === 0) return chooseFirst(view, key);
    return chooseAgain(without(view, excluded), key);
  };
}

function grown(credits: Float64Array, size: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(size);
  larger.set(credits);
  return larger;
}

/** Makes what takes some away from a view; its arrays are used again for the next. */
function createExclusion(): (view: PoolView, excluded: ReadonlySet<number>) => PoolView {
  let isAvailable = new Uint8Array(0);
  let available = new Int32Array(0);
  return (view, excluded) => {
    const { size } = view;
    if (isAvailable.length < size) {
      isAvailable = new Uint8Array(size);
      available = new Int32Array(size);
    }
    for (let i = 0; i < size; i++) isAvailable[i] = view.isAvailable[i]!;
    for (const index of excluded) if (index < size) isAvailable[index] = 0;
    let availableCount = 0;
    for (let i = 0; i < size; i++) if (isAvailable[i] === 1) available[availableCount++] = i;
    return { ...view, availableCount, available, isAvailable };
  };
}
