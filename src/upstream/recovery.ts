import { request as newRequest } from "../jsonrpc/answers.ts";
import type { Message } from "../jsonrpc/message.ts";
import { openExchange, settledExchange } from "../link/exchange.ts";
import { type Failure, failure } from "../link/failure.ts";
import { pause, within } from "../link/pause.ts";
import type { Exchange, Layer, Outcome, PeerListener, RequestOptions } from "../link/peer.ts";
import type { Logger } from "../telemetry/logger.ts";
import { inTheWay } from "./in_the_way.ts";
import type { Session } from "./session.ts";

/** What a {@linkcode recovering} layer needs. Times in milliseconds. */
export interface RecoveryOptions {
  /** What the client has established. */
  readonly session: () => Session;
  /** The endpoint, for logs and errors. */
  readonly endpoint: string;
  readonly logger: Logger;
  /** How long establishing a session again may take. */
  readonly timeoutMs: number;
  /** The wait before the session of a wire that ended is established again unasked. */
  readonly delayMs: number;
  /** How often that is tried. */
  readonly attempts: number;
  /** The server is asked for a sign of life so often; `undefined` for never. */
  readonly keepAliveMs: number | undefined;
  /** The session has been established again: with another server, perhaps, which has declared these capabilities. */
  readonly replayed: (capabilities: Readonly<Record<string, unknown>>) => void;
  /**
   * Whether the wire can be dead without a word; one to a process of this machine can't.
   * @default true
   */
  readonly mayDieSilently?: boolean;
  /**
   * How long a server may take to give a sign of life.
   * @default 10_000
   */
  readonly pingMs?: number;
  /**
   * A session that lasted so long was a good one: another that ends counts as the first.
   * @default 60_000
   */
  readonly steadyMs?: number;
  /** From 0 to 1. @default Math.random */
  readonly random?: () => number;
}

const PING_MS = 10_000;
const STEADY_MS = 60_000;

/**
 * A layer that keeps the client's session alive at one server: when the server has forgotten it, or the wire has ended, it
 * is established again from what the client has said (once, however many requests have lost it), and the requests that
 * surely did not run are sent again. A session that is not known at this server yet is established likewise.
 */
export function recovering(options: RecoveryOptions): Layer {
  const { session, endpoint, logger, random = Math.random } = options;
  const { mayDieSilently = true, pingMs = PING_MS, steadyMs = STEADY_MS } = options;
  return (next) => {
    const closing = new AbortController();
    let listener: PeerListener | undefined;
    /** Counts the sessions established at this server. */
    let generation = 0;
    let established = false;
    let watching = false;
    /** The server that is there now has been told `initialized`. */
    let initialized = false;
    /** When its session was established. */
    let since = 0;
    /** How often in a row a session that did not last was established again unasked, or could not be. */
    let unasked = 0;
    /** Answers for what the server that is there now lacks, and the client was shown. */
    let answerForLack: ((message: Message) => Message | undefined) | undefined;
    /** Counts what the server has said unasked, which is a sign of life too. */
    let heard = 0;
    let restoring: Promise<Outcome | undefined> | undefined;
    let lastId = 0;

    const newId = () => `"mcp-connect-${generation}-${++lastId}"`;
    const receive = (message: Message) => listener?.receive(message);

    /** The client has a session, and this server does not know it. */
    function isLost(): boolean {
      return restoring !== undefined || (!established && session().revision !== undefined);
    }

    /**
     * Establishes the session again, unless that has been done since `born`.
     *
     * @returns why it could not be
     */
    function restore(born: number, background = false): Promise<Outcome | undefined> {
      if (restoring !== undefined) return restoring;
      if (established && generation !== born) return Promise.resolve(undefined);
      established = false;
      return restoring = replayNow(background).finally(() => restoring = undefined);
    }

    async function replayNow(background: boolean): Promise<Outcome | undefined> {
      const { replay } = await import("./replay.ts");
      await next.drop?.();
      if (closing.signal.aborted) {
        return { kind: "not_sent", failure: failure("SHUTTING_DOWN", endpoint, "this program is ending") };
      }
      const { timeoutMs } = options;
      const known = session();
      const outdated = () => session().initialize !== known.initialize;
      const result = await replay(known, next, {
        newId,
        receive,
        background,
        timeoutMs,
        outdated,
        endpoint,
        logger,
      });
      if (result.kind === "failed") {
        logger.debug("the session could not be established again", {
          endpoint,
          outcome: result.outcome.kind,
        });
        return result.outcome;
      }
      // A client that has begun anew meanwhile has a session of its own.
      if (outdated()) return undefined;
      // The first here is no news: others have served the client before.
      if (generation === 0) logger.info("the session has been established here too", { endpoint });
      else logger.warn("the session has been established again", { endpoint });
      await compare(known.capabilities, result.capabilities);
      initialized = known.initialized;
      begin();
      options.replayed(result.capabilities);
      return undefined;
    }

    function begin(): void {
      established = true;
      generation++;
      since = performance.now();
      watch();
    }

    /** What the client was shown holds, whatever the server that is there now has. */
    async function compare(
      shown: Readonly<Record<string, unknown>>,
      present: Readonly<Record<string, unknown>>,
    ): Promise<void> {
      answerForLack = undefined;
      if (!Object.keys(shown).some((name) => present[name] === undefined)) return;
      const held = await import("./held_capabilities.ts");
      answerForLack = (message) => held.answerForLack(message, shown, present, endpoint);
    }

    /** The client's own handshake. */
    function greet(message: Message, requestOptions?: RequestOptions): Exchange {
      const exchange = next.request(message, requestOptions);
      exchange.whenOver((outcome) => {
        if (outcome.kind !== "answered" || outcome.message.kind !== "result") return;
        answerForLack = undefined;
        initialized = false;
        begin();
      });
      return exchange;
    }

    function request(message: Message, requestOptions?: RequestOptions): Exchange {
      if (message.method === "initialize") return greet(message, requestOptions);
      if (isLost()) return requestWhenRestored(message, requestOptions);
      return requestOfPresent(message, requestOptions);
    }

    function requestWhenRestored(message: Message, requestOptions?: RequestOptions): Exchange {
      let sent: Exchange | undefined;
      const exchange = openExchange((notice) => sent?.cancel(notice), () => sent?.held ?? sent === undefined);
      void restore(generation).then((problem) => {
        if (exchange.settled) return;
        if (problem !== undefined) return exchange.settle(inTheWay(problem));
        sent = requestOfPresent(message, requestOptions);
        sent.whenOver(exchange.settle);
      });
      return exchange;
    }

    /** Sends what the present server has, and answers for what it lacks. */
    function requestOfPresent(message: Message, requestOptions?: RequestOptions): Exchange {
      const local = answerForLack?.(message);
      if (local === undefined) return attempt(message, requestOptions);
      logger.warn(`${message.method} is answered here: the server that is there now does not have it`, {
        endpoint,
      });
      return settledExchange({ kind: "answered", message: local });
    }

    /** Sends a request, and once more when the server has forgotten the session. */
    function attempt(message: Message, requestOptions?: RequestOptions): Exchange {
      const born = generation;
      let sent = next.request(message, requestOptions);
      let waiting = false;
      const exchange = openExchange((notice) => sent.cancel(notice), () => waiting || sent.held === true);
      sent.whenOver((outcome) => {
        if (!isSessionLost(outcome) || session().revision === undefined) return exchange.settle(outcome);
        waiting = true;
        if (!established || generation === born) over(outcome.failure);
        void restore(born).then((problem) => {
          waiting = false;
          if (exchange.settled) return;
          if (problem !== undefined) return exchange.settle(inTheWay(problem));
          const local = answerForLack?.(message);
          if (local !== undefined) return exchange.settle({ kind: "answered", message: local });
          sent = next.request(message, requestOptions);
          sent.whenOver(exchange.settle);
        });
      });
      return exchange;
    }

    /** What the server had asked the client is over; told once for each session. */
    function over(why: Failure): void {
      if (!established) return;
      established = false;
      logger.warn(`${why.message}; it is established again`, { endpoint });
      listener?.closed?.(why);
    }

    async function notify(message: Message): Promise<Failure | undefined> {
      if (!isLost() || message.isAnswer) {
        const born = generation;
        const why = await next.notify(message);
        if (why?.code !== "SESSION_LOST" || message.isAnswer || session().revision === undefined) return why;
        over(why);
        const problem = await restore(born);
        if (problem !== undefined) return "failure" in problem ? problem.failure : why;
      } else {
        const problem = await restore(generation);
        if (problem !== undefined && "failure" in problem) return problem.failure;
      }
      // Establishing the session has said this already, unless it had begun before the client said it.
      if (message.method !== "notifications/initialized") return await next.notify(message);
      if (initialized) return undefined;
      initialized = true;
      return await next.notify(message);
    }

    /**
     * What the server says unasked would be missed until the client asks for something. A server whose sessions don't last is
     * not asked for ever.
     */
    async function restoreUnasked(attempts: number): Promise<void> {
      const { backoffMs } = await import("./retry_policy.ts");
      if (performance.now() - since >= steadyMs) unasked = 0;
      for (let repeats = 0; repeats < attempts && unasked < options.attempts; repeats++) {
        if (!await pause(backoffMs(unasked++, options.delayMs, random()), closing.signal)) return;
        if (!isLost() || session().initialized === false) return;
        if (await restore(generation, true) === undefined) return;
      }
      logger.info("the session is established again once the client asks for something", { endpoint });
    }

    // Signs of life -----------------------------------------------------------------------------------------------

    function watch(): void {
      if (watching) return;
      watching = true;
      void import("./clock_jump.ts").then(({ watchClock }) =>
        watchClock((ms) => {
          logger.debug("awake again", { afterMs: ms });
          next.wake?.();
          if (mayDieSilently) void ping();
        }, closing.signal)
      );
      if (options.keepAliveMs !== undefined) void keepAlive(options.keepAliveMs);
    }

    async function keepAlive(everyMs: number): Promise<void> {
      while (await pause(everyMs, closing.signal)) await ping();
    }

    /** Asks for a sign of life; a wire without one is given up. */
    async function ping(): Promise<void> {
      if (isLost() || !session().initialized || closing.signal.aborted) return;
      const before = heard;
      const exchange = attempt(newRequest(newId(), "ping"), {
        receive,
        probe: true,
        background: true,
      });
      if (await within(exchange.outcome, pingMs) || heard !== before) return exchange.cancel();
      // One that waits behind others tells nothing.
      const { held } = exchange;
      exchange.cancel();
      if (held || closing.signal.aborted || next.drop === undefined) return;
      logger.warn("the server gives no sign of life", { endpoint });
      await next.drop();
    }

    return {
      ...next,
      request(message, requestOptions) {
        if (closing.signal.aborted) {
          const why = failure("SHUTTING_DOWN", endpoint, "this program is ending");
          return settledExchange({ kind: "not_sent", failure: why });
        }
        return request(message, requestOptions);
      },
      notify,
      listen(it) {
        listener = it;
        next.listen({
          receive(message) {
            heard++;
            return it.receive(message);
          },
          closed(why) {
            established = false;
            it.closed?.(why);
            if (restoring === undefined) void restoreUnasked(options.attempts);
          },
          forgotten() {
            if (closing.signal.aborted || !established) return;
            over(failure("SESSION_LOST", endpoint, "the server no longer knows this session"));
            void restoreUnasked(1);
          },
        });
      },
      async close() {
        closing.abort();
        await next.close();
      },
    };
  };
}

/** Tells whether a request failed because the server does not know us any more; it surely did not run then. */
function isSessionLost(
  outcome: Outcome,
): outcome is Extract<Outcome, { kind: "session_unknown" | "not_sent" }> {
  return outcome.kind === "session_unknown" ||
    (outcome.kind === "not_sent" && outcome.failure.code === "CONNECTION_LOST");
}
