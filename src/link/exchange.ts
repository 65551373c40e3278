import type { Message } from "../jsonrpc/message.ts";
import type { Exchange, Outcome } from "./peer.ts";

/** An {@linkcode Exchange} with its handle: what whoever carries it out uses. */
export interface OpenExchange extends Exchange {
  /** The outcome is known. */
  readonly settled: boolean;
  /** Ends the exchange; the first call counts. */
  settle(outcome: Outcome): void;
}

/**
 * Makes an exchange whose `cancel` calls `abandon` and settles it.
 *
 * @param held tells whether the request still waits on this side
 */
export function openExchange(
  abandon: (notice: Message | undefined) => void,
  held: () => boolean = () => false,
): OpenExchange {
  let known: Outcome | undefined;
  let takers: ((outcome: Outcome) => void)[] = [];
  let promise: Promise<Outcome> | undefined;

  function whenOver(take: (outcome: Outcome) => void): void {
    if (known !== undefined) take(known);
    else takers.push(take);
  }

  function settle(outcome: Outcome): void {
    if (known !== undefined) return;
    known = outcome;
    const those = takers;
    takers = [];
    for (const take of those) take(outcome);
  }

  return {
    whenOver,
    get outcome() {
      return promise ??= new Promise(whenOver);
    },
    get settled() {
      return known !== undefined;
    },
    get held() {
      return held();
    },
    settle,
    cancel(notice) {
      if (known !== undefined) return;
      settle({ kind: "cancelled" });
      abandon(notice);
    },
  };
}

/** Makes an exchange that is over before it began. */
export function settledExchange(outcome: Outcome): Exchange {
  return {
    whenOver: (take) => take(outcome),
    get outcome() {
      return Promise.resolve(outcome);
    },
    cancel() {},
  };
}

/** An exchange whose outcome is that of another, changed by `change`. */
export function changedExchange(exchange: Exchange, change: (outcome: Outcome) => Outcome): Exchange {
  const changed = openExchange((notice) => exchange.cancel(notice), () => exchange.held === true);
  exchange.whenOver((outcome) => changed.settle(change(outcome)));
  return changed;
}
