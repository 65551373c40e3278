import { request as newRequest } from "../jsonrpc/answers.ts";
import { edit, textAt, withId } from "../jsonrpc/edit.ts";
import type { Id } from "../jsonrpc/id.ts";
import type { Message } from "../jsonrpc/message.ts";
import { openExchange } from "../link/exchange.ts";
import { type Failure, failure } from "../link/failure.ts";
import { pause, within } from "../link/pause.ts";
import type { Exchange, Outcome, Peer, PeerListener, RequestOptions } from "../link/peer.ts";
import { isSafeToRepeat, type ToolHints } from "../mcp/safety.ts";
import type { Logger } from "../telemetry/logger.ts";
import { judgeFallback } from "./fallback_policy.ts";

/** An endpoint that may serve the client. */
export interface Candidate {
  /** The endpoint, for logs and errors. */
  readonly endpoint: string;
  /**
   * Makes its Peer, which establishes the client's session by itself when it is first asked for something.
   *
   * @param replayed to be called when it has done that
   */
  open(replayed: () => void): Promise<Peer>;
  /** What the user should know once it is used. */
  readonly warning?: string;
}

/** What a {@linkcode fallbackPool} needs. */
export interface FallbackOptions {
  /** In the order of preference; the first is the endpoint itself. */
  readonly candidates: readonly [Candidate, ...Candidate[]];
  /** How long the handshake with all of them may take, in milliseconds. */
  readonly timeoutMs: number;
  /** The first is tried again while another serves, and taken back. */
  readonly returnToFirst: boolean;
  /** The wait before that, in milliseconds; doubled each time, up to a minute. @default 5_000 */
  readonly returnMs?: number;
  /** What the tool that is called says of itself. */
  readonly hintsFor: (call: Message) => ToolHints | undefined;
  /** Another serves from now on, or the one that does has established the session anew. */
  readonly changed: (another: boolean) => void;
  readonly logger: Logger;
}

/** However many candidates there are, each gets so long for its handshake, in milliseconds. */
const LEAST_MS = 1000;
/** How long the first may take to give a sign of life when it is tried again, in milliseconds. */
const PROBE_MS = 10_000;
const RETURN_MS = 5000;
const RETURN_MOST_MS = 60_000;
/** How often it is looked whether nothing is in flight once the first has come back, in milliseconds. */
const IDLE_MS = 50;

/**
 * A Peer over several: one serves, and when it can't be reached or does not speak MCP the next takes its place, at the
 * beginning and later. What the client has established is established there too (see `recovery.ts`). The first is
 * tried again in the background, and taken back when nothing is in flight.
 */
export function fallbackPool(options: FallbackOptions): Peer {
  const { candidates, logger } = options;
  const closing = new AbortController();
  const peers = new Map<number, Promise<Peer>>();
  let listener: PeerListener | undefined;
  let present = 0;
  let inFlight = 0;
  /** Questions of the server's that the client has not answered. */
  const questions = new Set<Id>();
  let returning = false;

  function peerOf(index: number): Promise<Peer> {
    let peer = peers.get(index);
    if (peer === undefined) {
      peer = candidates[index]!.open(() => index === present && options.changed(false)).then((it) => {
        it.listen({
          receive: (message) => listener?.receive(fromCandidate(index, message)),
          closed(why) {
            if (index !== present) return;
            questions.clear();
            listener?.closed?.(why);
          },
        });
        return it;
      });
      peers.set(index, peer);
    }
    return peer;
  }

  function request(message: Message, requestOptions: RequestOptions = {}): Exchange {
    let sent: Exchange | undefined;
    inFlight++;
    const exchange = openExchange((notice) => sent?.cancel(notice), () => sent?.held ?? sent === undefined);
    exchange.whenOver(() => inFlight--);
    void carry();
    return exchange;

    /** Asks one after the other, beginning with the one that serves. */
    async function carry(): Promise<void> {
      const first = present;
      const handshake = message.method === "initialize";
      const due = performance.now() + options.timeoutMs;
      let failed: Outcome | undefined;
      for (let tried = 0; tried < candidates.length && !exchange.settled; tried++) {
        const index = (first + tried) % candidates.length;
        const peer = await peerOf(index);
        if (exchange.settled) return;
        if (tried > 0) warn(index);
        const share = Math.max(LEAST_MS, (due - performance.now()) / (candidates.length - tried));
        const bounded = handshake && tried + 1 < candidates.length;
        const outcome = await ask(index, peer, bounded ? share : undefined);
        const verdict = judgeFallback(
          outcome,
          handshake,
          isSafeToRepeat(message.method!, options.hintsFor(message)),
        );
        if (verdict === "stay") {
          if (index !== present && outcome.kind !== "cancelled") moveTo(index);
          return exchange.settle(outcome);
        }
        failed ??= outcome;
        logger.debug("this endpoint fails", { endpoint: candidates[index]!.endpoint, outcome: outcome.kind });
        if (verdict === "move-later") {
          if (present === index) await tryNext(index);
          return exchange.settle(outcome);
        }
      }
      if (failed !== undefined) exchange.settle(allFailed(failed));
    }

    /** The outcome at one of them; an answer goes on at once, so that it keeps its place. */
    function ask(index: number, peer: Peer, withinMs: number | undefined): Promise<Outcome> {
      return new Promise((resolve) => {
        const receive = requestOptions.receive;
        const now = sent = peer.request(message, {
          ...requestOptions,
          ...(receive === undefined ? {} : { receive: (it: Message) => receive(fromCandidate(index, it)) }),
        });
        let late = false;
        now.whenOver((outcome) => {
          if (outcome.kind === "answered") {
            if (index !== present) moveTo(index);
            exchange.settle(outcome);
          }
          const { endpoint } = candidates[index]!;
          const why = () =>
            failure(
              "CONNECT_TIMEOUT",
              endpoint,
              "no answer to initialize in this endpoint's share of --timeout",
            );
          resolve(late ? { kind: "not_sent", failure: why() } : outcome);
        });
        if (withinMs === undefined) return;
        void within(now.outcome, withinMs).then((over) => {
          late = !over;
          if (late) now.cancel();
        });
      });
    }
  }

  function allFailed(outcome: Outcome): Outcome {
    if (!("failure" in outcome)) return outcome;
    const why = outcome.failure;
    const rest = candidates.slice(1).map(({ endpoint }) => endpoint).join(", ");
    return { ...outcome, failure: { ...why, message: `${why.message}; the fallbacks failed too (${rest})` } };
  }

  /** The one that serves answers with what is no MCP: the next is to serve what comes later, if it can. */
  async function tryNext(index: number): Promise<void> {
    const next = (index + 1) % candidates.length;
    const peer = await peerOf(next);
    if (present !== index || closing.signal.aborted) return;
    warn(next);
    if (await answersPing(peer)) moveTo(next);
  }

  const warned = new Set<number>();

  function warn(index: number): void {
    const { endpoint, warning } = candidates[index]!;
    if (warning === undefined || warned.has(index)) return;
    warned.add(index);
    logger.warn(warning, { endpoint });
  }

  function moveTo(index: number): void {
    if (index === present || closing.signal.aborted) return;
    const [from, to] = [present, index];
    present = to;
    const [before, now] = [candidates[from]!.endpoint, candidates[to]!.endpoint];
    logger.warn(to === 0 ? "back at the endpoint" : "a fallback takes the endpoint's place", {
      endpoint: now,
      before,
    });
    questions.clear();
    listener?.closed?.(failure("SESSION_LOST", before, "another endpoint has taken this one's place"));
    options.changed(true);
    // What the fallback holds is let go of; the first keeps nothing open while it can't be reached.
    if (to === 0) void peers.get(from)?.then((it) => it.close()), peers.delete(from);
    else if (options.returnToFirst && !returning) void comeBack();
  }

  /** Tries the first again until it serves. */
  async function comeBack(): Promise<void> {
    returning = true;
    for (let wait = options.returnMs ?? RETURN_MS; present !== 0; wait = Math.min(wait * 2, RETURN_MOST_MS)) {
      if (!await pause(wait * (0.75 + Math.random() / 2), closing.signal)) return;
      const peer = await peerOf(0);
      if (!await answersPing(peer)) continue;
      while (present !== 0 && inFlight + questions.size > 0) {
        if (!await pause(IDLE_MS, closing.signal)) return;
      }
      moveTo(0);
    }
    returning = false;
  }

  let lastId = 0;

  async function answersPing(peer: Peer): Promise<boolean> {
    const exchange = peer.request(newRequest(`"mcp-connect-probe-${++lastId}"`, "ping"));
    if (!await within(exchange.outcome, PROBE_MS)) exchange.cancel();
    const { kind } = await exchange.outcome;
    return kind === "answered";
  }

  // Ids -----------------------------------------------------------------------------------------------------------

  /** A fallback's questions get ids of their own: they must not meet those of another server. */
  function fromCandidate(index: number, message: Message): Message {
    if (message.kind === "request") {
      const own = index === 0 ? message : withId(message, markedId(index, message.id!));
      if (questions.size < MOST_QUESTIONS) questions.add(own.id!);
      return own;
    }
    if (message.method !== "notifications/cancelled") return message;
    const id = textAt(message, ["params", "requestId"]);
    if (id === undefined) return message;
    const own = index === 0 ? id : markedId(index, id);
    questions.delete(own);
    return edit(message, [{ path: ["params", "requestId"], value: own }]);
  }

  async function notify(message: Message): Promise<Failure | undefined> {
    if (!message.isAnswer) return await (await peerOf(present)).notify(message);
    questions.delete(message.id!);
    const { index, id } = readMarkedId(message.id!);
    const peer = peers.get(index);
    if (peer !== undefined) return await (await peer).notify(withId(message, id));
    return failure("SESSION_LOST", candidates[index]?.endpoint ?? "", "who asked this is not there any more");
  }

  return {
    request,
    notify,
    listen(it) {
      listener = it;
    },
    wake() {
      for (const peer of peers.values()) void peer.then((it) => it.wake?.());
    },
    async close() {
      closing.abort();
      await Promise.all([...peers.values()].map(async (peer) => (await peer).close()));
    },
  };
}

/** Open questions that are kept account of. */
const MOST_QUESTIONS = 4096;

const MARK = "mcp-connect-from-";

/** The id of a candidate's question, marked with the candidate. */
function markedId(index: number, id: Id): Id {
  return JSON.stringify(`${MARK}${index}-${id}`);
}

/** Whose question it was, and its own id. */
function readMarkedId(id: Id): { readonly index: number; readonly id: Id } {
  if (!id.startsWith(`"${MARK}`)) return { index: 0, id };
  const [, index, own] = /^mcp-connect-from-(\d+)-(.*)$/s.exec(JSON.parse(id)) ?? [];
  return index === undefined || own === undefined ? { index: 0, id } : { index: Number(index), id: own };
}
