import { LineDecoder, type OverlongLine } from "../jsonrpc/line_decoder.ts";
import type { Message } from "../jsonrpc/message.ts";
import { readOverlong } from "../jsonrpc/overlong.ts";
import type { Logger } from "../telemetry/logger.ts";
import { createCorrelator, refusedOutcome, tooLarge } from "./correlator.ts";
import { type OpenExchange, openExchange } from "./exchange.ts";
import { type Failure, failure } from "./failure.ts";
import { inbox } from "./inbox.ts";
import type { Link, OpenLink } from "./link.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { pause, untilAborted, within } from "./pause.ts";
import type { Exchange, Peer, PeerListener } from "./peer.ts";

/** What a {@linkcode duplexPeer} needs. */
export interface DuplexPeerOptions {
  /** Opens the wire; called when the first message leaves, and again for what begins anew after the wire ended. */
  readonly open: OpenLink;
  /** The endpoint, for logs and errors. */
  readonly endpoint: string;
  /** Longest line taken, in bytes. */
  readonly maxMessageSize: number;
  /** How long opening may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Turns what `open` or the wire threw into a failure. */
  readonly explain: (error: unknown) => Failure;
  readonly logger: Logger;
}

/** A wire that is open. */
interface Wire {
  readonly link: Link;
  readonly outbox: Outbox;
}

/** What is done once the wire is open, or can't be opened. */
interface OnWire {
  readonly use: (wire: Wire) => void;
  readonly failed: (why: Failure) => void;
}

/** What begins a conversation, and so opens a wire that has ended again: with a legacy server, and with a modern one. */
const OPENS: ReadonlySet<string> = new Set(["initialize", "server/discover"]);
/** How long answers may still come in when nothing goes out any more, in milliseconds. */
const LAST_WORDS_MS = 500;
/** How long the last messages may take to leave when the peer is closed, in milliseconds. */
const FLUSH_MS = 500;

/** Makes a Peer of a duplex wire: answers find their requests by id, all else goes to the listener. */
export function duplexPeer(options: DuplexPeerOptions): Peer {
  const { endpoint, logger, maxMessageSize } = options;
  const closing = new AbortController();
  const correlator = createCorrelator();
  const takeIn = inbox({ endpoint, logger, correlator });
  let listener: PeerListener | undefined;
  let wire: Wire | undefined;
  /** What waits for the wire that is being opened, in the order it came; `undefined` when none is. */
  let waiting: OnWire[] | undefined;
  let opening: Promise<void> | undefined;
  /** Why the last wire ended; `undefined` as long as none has. */
  let ended: Failure | undefined;
  /** Resolves when the last wire has ended and everything behind it is gone. */
  let gone: Promise<void> = Promise.resolve();

  /** Hands the wire over, at once when it is open. Whatever the delay, first come is first served. */
  function withWire(it: OnWire): void {
    if (wire !== undefined) return it.use(wire);
    if (waiting !== undefined) return void waiting.push(it);
    waiting = [it];
    opening = open();
  }

  async function open(): Promise<void> {
    let problem: unknown;
    try {
      // What was behind the last wire may still be ending, and in the way.
      if (ended !== undefined) await gone;
      closing.signal.throwIfAborted();
      const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(options.timeoutMs)]);
      const link = await options.open(signal);
      if (closing.signal.aborted) {
        await link.close();
        throw closing.signal.reason;
      }
      logger.debug("connected", { endpoint });
      wire = start(link);
    } catch (error) {
      problem = error;
    }
    const those = waiting ?? [];
    waiting = opening = undefined;
    for (const it of those) {
      if (wire !== undefined) it.use(wire);
      else it.failed(explain(problem));
    }
  }

  function explain(problem: unknown): Failure {
    return closing.signal.aborted ? closedFailure() : options.explain(problem);
  }

  function closedFailure(): Failure {
    return failure("SHUTTING_DOWN", endpoint, "the connection was closed by this program");
  }

  function start(link: Link): Wire {
    const outbox = createOutbox(
      (bytes) => link.write(bytes),
      (error) => {
        logger.debug("the wire takes no more", { endpoint, error });
        // It is ending: reading tells why, and may bring answers that were under way. A wire that goes on being
        // read but takes nothing is of no use.
        void pause(LAST_WORDS_MS).then(() => {
          end(link, error);
          return link.close();
        });
      },
    );
    gone = read(link);
    return { link, outbox };
  }

  async function read(link: Link): Promise<void> {
    let problem: unknown;
    try {
      // Nothing is delivered before whoever opened the wire has had its turn.
      await undefined;
      await readLines(link);
    } catch (error) {
      problem = error;
    }
    end(link, problem);
    await link.close();
  }

  /** Nothing comes through the wire any more. What is behind it may take its time to end: nobody waits for that. */
  function end(link: Link, problem: unknown): void {
    if (wire?.link !== link) return;
    wire = undefined;
    ended = endFailure(link, problem);
    logger.debug(ended.message, { endpoint });
    correlator.end({ kind: "lost", failure: ended, lastEventId: undefined });
    if (!closing.signal.aborted) listener?.closed?.(ended);
  }

  async function readLines(link: Link): Promise<void> {
    const decoder = new LineDecoder(maxMessageSize);
    for (;;) {
      const chunk = await link.read();
      for (const line of chunk === null ? decoder.end() : decoder.push(chunk)) {
        if (line instanceof Uint8Array) {
          const slow = takeIn(line, deliver);
          if (slow === undefined) continue;
          await untilAborted(slow, closing.signal);
          // Nobody takes the rest.
          if (closing.signal.aborted) return;
        } else {
          tooLong(line);
        }
      }
      if (chunk === null) return;
    }
  }

  function deliver(message: Message): void | Promise<void> {
    return listener?.receive(message);
  }

  /** An answer over the limit: its request, if the ends of the line tell which, gets an error. */
  function tooLong(line: OverlongLine): void {
    logger.warn("dropped a line over --max-message-size", { endpoint, limit: maxMessageSize });
    const { id, hasMethod } = readOverlong(line);
    if (hasMethod) return;
    correlator.settle(id ?? "null", refusedOutcome(tooLarge(endpoint, maxMessageSize)));
  }

  function endFailure(link: Link, problem: unknown): Failure {
    if (closing.signal.aborted) return closedFailure();
    const ending = link.ending?.();
    const why = ending ?? (problem instanceof Error ? problem.message : undefined);
    return failure(
      "CONNECTION_LOST",
      endpoint,
      why === undefined ? "the server closed the connection" : `the connection to the server ended: ${why}`,
      // Only a command has an ending to tell of.
      ending === undefined
        ? undefined
        : "run the command by hand to see what it does; what had been sent may have been carried out",
    );
  }

  /** Why what comes after the end does not leave. */
  function tooLate(why: Failure): Failure {
    return {
      ...why,
      hint: "the request was not sent, since the connection had ended before; start the session again",
    };
  }

  function send(it: Wire, message: Message, exchange: OpenExchange): void {
    if (exchange.settled) return;
    correlator.add(message, exchange);
    it.outbox.send(message.bytes);
  }

  /** The wire has ended, and nothing opens it again but a new beginning. */
  function isOver(message: Message): boolean {
    return ended !== undefined && wire === undefined && waiting === undefined &&
      !OPENS.has(message.method!);
  }

  return {
    request(message): Exchange {
      const exchange = openExchange((notice) => {
        if (correlator.drop(message) && notice !== undefined) wire?.outbox.send(notice.bytes);
      }, () => wire === undefined);
      if (isOver(message)) {
        exchange.settle({ kind: "not_sent", failure: tooLate(ended!) });
      } else {
        withWire({
          use: (it) => send(it, message, exchange),
          failed: (why) => exchange.settle({ kind: "not_sent", failure: why }),
        });
      }
      return exchange;
    },
    notify(message) {
      if (isOver(message)) return Promise.resolve(ended);
      return new Promise((resolve) => {
        withWire({
          use: async ({ link, outbox }) => {
            await outbox.send(message.bytes);
            resolve(outbox.broken ? endFailure(link, undefined) : undefined);
          },
          failed: resolve,
        });
      });
    },
    listen(it) {
      listener = it;
    },
    async drop() {
      const it = wire;
      if (it === undefined) return;
      end(it.link, undefined);
      await it.link.close();
    },
    async close() {
      if (!closing.signal.aborted) closing.abort(new Error("closed"));
      await opening;
      const it = wire;
      if (it !== undefined) {
        await within(it.outbox.flush(), FLUSH_MS);
        await it.link.close();
      }
      await gone;
    },
  };
}
