import type { Message } from "../jsonrpc/message.ts";
import { openExchange } from "../link/exchange.ts";
import type { Failure } from "../link/failure.ts";
import { pause } from "../link/pause.ts";
import type { Exchange, Layer, Outcome, RequestOptions } from "../link/peer.ts";
import type { Logger } from "../telemetry/logger.ts";
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
    // What comes after a part of the handshake that is sent again waits until that is over.
    let greeting: Promise<unknown> | undefined;
    let announcing: Promise<unknown> | undefined;

    async function afterHandshake(): Promise<void> {
      for (let it = greeting ?? announcing; it !== undefined; it = greeting ?? announcing) await it;
    }

    function request(message: Message, requestOptions?: RequestOptions): Exchange {
      const free = greeting === undefined && announcing === undefined;
      return free || message.method === "initialize"
        ? send(message, requestOptions)
        : sendLater(message, requestOptions);
    }

    function sendLater(message: Message, requestOptions?: RequestOptions): Exchange {
      let sent: Exchange | undefined;
      const exchange = openExchange((notice) => sent?.cancel(notice), () => sent?.held ?? sent === undefined);
      void afterHandshake().then(() => {
        if (exchange.settled) return;
        sent = request(message, requestOptions);
        sent.whenOver(exchange.settle);
      });
      return exchange;
    }

    function send(message: Message, requestOptions?: RequestOptions): Exchange {
      const start = performance.now();
      let present = next.request(message, requestOptions);
      /** Some attempt has reached the server. */
      let left = false;
      /** There is no attempt under way: it waits for the next. */
      let pausing = false;
      let stopped: AbortController | undefined;
      const exchange = openExchange((notice) => {
        stopped?.abort();
        present.cancel(notice);
      }, () => !left && (pausing || present.held === true));
      present.whenOver((outcome) => {
        if (outcome.kind === "answered") answered(message, outcome.message);
        if (outcome.kind === "answered" || outcome.kind === "cancelled") return exchange.settle(outcome);
        stopped = new AbortController();
        const over = goOn(outcome, stopped.signal);
        if (message.method !== "initialize") return;
        const mine = greeting = over.then(() => {
          if (greeting === mine) greeting = undefined;
        });
      });
      return exchange;

      async function goOn(first: Outcome, signal: AbortSignal): Promise<void> {
        const { judgeRetry, mayHaveRun, notKnownToHaveRun } = await policy();
        let outcome = first;
        /** Some attempt may have been carried out. */
        let ran = false;
        for (let repeats = 0; !exchange.settled; repeats++) {
          if (outcome.kind !== "not_sent" && outcome.kind !== "retry_later") left = true;
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
            connectMs: options.timeoutMs,
            random: random(),
          });
          if (verdict.kind === "unknown") outcome = outcomeUnknown(message, outcome);
          else if (ran) outcome = notKnownToHaveRun(outcome);
          ran ||= mayHaveRun(outcome);
          if (verdict.kind !== "again" || closing.signal.aborted || !budget.take()) break;
          logger.info(`${message.method} is sent again`, {
            endpoint,
            id: message.id,
            afterMs: verdict.afterMs,
            why: "failure" in outcome ? outcome.failure.message : undefined,
          });
          pausing = true;
          // What was sent along with an `initialize` that failed has failed with it, and goes with it.
          if (message.method !== "initialize" && greeting !== undefined) await greeting;
          else await pause(verdict.afterMs, AbortSignal.any([signal, closing.signal]));
          if (message.method !== "initialize") await afterHandshake();
          if (exchange.settled || closing.signal.aborted) break;
          pausing = false;
          present = next.request(message, requestOptions);
          outcome = await new Promise<Outcome>((resolve) => {
            // An answer goes on at once, so that it keeps its place among what the server says.
            present.whenOver((it) => {
              if (it.kind === "answered") {
                answered(message, it.message);
                exchange.settle(it);
              }
              resolve(it);
            });
          });
        }
        exchange.settle(outcome);
      }
    }

    function answered(message: Message, answer: Message): void {
      budget.earn();
      listings.note(message, answer);
    }

    function once(message: Message, outcome: Outcome): boolean {
      return options.onceOnly && message.method === "initialize" && outcome.kind === "lost";
    }

    /** A notification that did not leave, or does no harm twice, is tried again too; another that is lost stays lost. */
    async function notify(message: Message): Promise<Failure | undefined> {
      const announces = message.method === "notifications/initialized";
      let over: PromiseWithResolvers<void> | undefined;
      try {
        for (let repeats = 0;; repeats++) {
          // Not a turn later than must be: what is sent next must not overtake it.
          if (announces && greeting !== undefined) await greeting;
          else if (!announces && !message.isAnswer && (greeting ?? announcing) !== undefined) {
            await afterHandshake();
          }
          const why = await next.notify(message);
          if (why === undefined || repeats >= options.attempts) return why;
          const { backoffMs, judgeNotification } = await policy();
          if (!judgeNotification(message.method, why) || !budget.take()) return why;
          if (announces) announcing = (over ??= Promise.withResolvers<void>()).promise;
          if (greeting !== undefined) continue;
          if (!await pause(backoffMs(repeats, options.delayMs, random()), closing.signal)) return why;
        }
      } finally {
        if (announcing === over?.promise) announcing = undefined;
        over?.resolve();
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

/** The policy is loaded when something has failed. */
const policy = () => import("./retry_policy.ts");

/** The outcome of a request that may have run and must not run twice. */
function outcomeUnknown(message: Message, outcome: Outcome): Outcome {
  if (outcome.kind !== "lost" && outcome.kind !== "refused") return outcome;
  const why = outcome.failure;
  return {
    ...outcome,
    failure: {
      ...why,
      message: `${why.message}; the outcome of this ${message.method} is unknown, so it was not sent again`,
      hint: "it may have been carried out: check that before you call it again",
    },
  };
}
