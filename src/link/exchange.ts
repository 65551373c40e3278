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
  let resolve!: (outcome: Outcome) => void;
  const outcome = new Promise<Outcome>((fulfil) => resolve = fulfil);
  let settled = false;
  const settle = (value: Outcome) => {
    if (settled) return;
    settled = true;
    resolve(value);
  };
  return {
    outcome,
    get settled() {
      return settled;
    },
    get held() {
      return held();
    },
    settle,
    cancel(notice) {
      if (settled) return;
      settle({ kind: "cancelled" });
      abandon(notice);
    },
  };
}

/** Makes an exchange that is over before it began. */
export function settledExchange(outcome: Outcome): Exchange {
  return { outcome: Promise.resolve(outcome), cancel() {} };
}
