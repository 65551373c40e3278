import type { Message } from "../jsonrpc/message.ts";
import { openExchange } from "../link/exchange.ts";
import type { Failure } from "../link/failure.ts";
import { pause } from "../link/pause.ts";
import type { Exchange, Layer, Outcome, RequestOptions } from "../link/peer.ts";
import type { Logger } from "../telemetry/logger.ts";
import { ranFor } from "./answer.ts";
import type { Listings } from "./listings.ts";
import { createRetryBudget } from "./retry_budget.ts";

/** What a {@linkcode retrying} layer needs. Times in milliseconds. */
export interface RetryOptions {
  /** How often a request is repeated at most. */
  readonly attempts: number;
  /** The base of the wait before a repetition; it doubles each time, and a random part of it is waited. */
  readonly delayMs: number;
  /** How long `initialize` may take, waits included. */
  readonly timeoutMs: number;
  /** How long any other request may go on being repeated. */
  readonly requestTimeoutMs: number;
  /** Knows the hints of tools. */
  readonly listings: Listings;
  /**
   * A wire that ends before `initialize` is answered is not tried again: a command that does so would do it again.
   */
  readonly onceOnly: boolean;
  /** The endpoint, for logs. */
  readonly endpoint: string;
  readonly logger: Logger;
  /** From 0 to 1. @default Math.random */
  readonly random?: () => number;
}

/** However long a request may take: it is not repeated after so many milliseconds. */
const MOST_MS = 120_000;

/**
 * A layer that sends a request again when it surely did not run, or when running twice does no harm (see
 * `retry_policy.ts`), after a wait that grows. A request that may have run says so when it fails.
 */
export function retrying(options: RetryOptions): Layer {
  const { listings, logger, endpoint } = options;
  const random = options.random ?? Math.random;
  const budget = createRetryBudget();

  return (next) => {
    const closing = new AbortController();

    function request(message: Message, requestOptions?: RequestOptions): Exchange {
      const start = performance.now();
      let present = next.request(message, requestOptions);
      /** Some attempt may have reached the server. */
      let left = false;
      const stopped = new AbortController();
      const exchange = openExchange((notice) => {
        stopped.abort();
        present.cancel(notice);
      }, () => !left && present.held !== false);
      present.whenOver((outcome) => {
        if (outcome.kind !== "answered") return void goOn(outcome);
        budget.earn();
        listings.note(message, outcome.message);
        exchange.settle(outcome);
      });
      return exchange;

      async function goOn(first: Outcome): Promise<void> {
        let outcome = first;
        /** Some attempt may have been carried out, whatever becomes of those after it. */
        let mayHaveRun = false;
        for (let repeats = 0; !exchange.settled; repeats++) {
          if (outcome.kind === "cancelled") break;
          const { judgeRetry } = await import("./retry_policy.ts");
          if (outcome.kind !== "not_sent") left = true;
          if (outcome.kind !== "answered") mayHaveRun ||= ranFor(outcome) === "unknown";
          const verdict = once(message, outcome) ? { kind: "final" } as const : judgeRetry({
            outcome,
            method: message.method!,
            hints: listings.hintsFor(message),
            repeats,
            attempts: options.attempts,
            delayMs: options.delayMs,
            elapsedMs: performance.now() - start,
            totalMs: message.method === "initialize"
              ? options.timeoutMs
              : Math.min(MOST_MS, options.requestTimeoutMs),
            random: random(),
          });
          if (verdict.kind === "unknown") outcome = outcomeUnknown(message, outcome);
          if (verdict.kind !== "again" || closing.signal.aborted || !budget.take()) break;
          logger.info(`${message.method} is sent again`, {
            endpoint,
            id: message.id,
            afterMs: verdict.afterMs,
            why: "failure" in outcome ? outcome.failure.message : undefined,
          });
          const signal = AbortSignal.any([stopped.signal, closing.signal]);
          if (!await pause(verdict.afterMs, signal)) break;
          present = next.request(message, requestOptions);
          outcome = await new Promise<Outcome>((resolve) => {
            // An answer goes on at once, so that it keeps its place among what the server says.
            present.whenOver((it) => {
              if (it.kind === "answered") {
                budget.earn();
                listings.note(message, it.message);
                exchange.settle(it);
              }
              resolve(it);
            });
          });
        }
        exchange.settle(mayHaveRun ? unknownAfterAll(outcome) : outcome);
      }
    }

    function once(message: Message, outcome: Outcome): boolean {
      return options.onceOnly && message.method === "initialize" && outcome.kind === "lost";
    }

    /** A notification that could not be sent at all is tried again too; what is lost on its way stays lost. */
    async function notify(message: Message): Promise<Failure | undefined> {
      for (let repeats = 0;; repeats++) {
        const why = await next.notify(message);
        if (why?.code !== "UNREACHABLE" || repeats >= options.attempts || !budget.take()) return why;
        const { backoffMs } = await import("./retry_policy.ts");
        if (!await pause(backoffMs(repeats, options.delayMs, random()), closing.signal)) return why;
      }
    }

    return {
      ...next,
      request,
      notify,
      close() {
        closing.abort();
        return next.close();
      },
    };
  };
}

/** The outcome of a request of which an earlier attempt may have run: what became of the last one says nothing of that. */
function unknownAfterAll(outcome: Outcome): Outcome {
  if (outcome.kind === "answered" || outcome.kind === "cancelled") return outcome;
  if (ranFor(outcome) === "unknown" || ("answer" in outcome && outcome.answer !== undefined)) return outcome;
  return { kind: "lost", failure: outcome.failure, lastEventId: undefined };
}

/** The outcome of a request that may have run and must not run twice. */
function outcomeUnknown(message: Message, outcome: Outcome): Outcome {
  if (outcome.kind !== "lost" && outcome.kind !== "refused") return outcome;
  const why = outcome.failure;
  return {
    ...outcome,
    failure: {
      ...why,
      message: `${why.message}; the outcome of this ${message.method} is unknown, so it was not sent again`,
      hint: "check whether it was carried out before you call it again",
    },
  };
}
