import { request as newRequest } from "../jsonrpc/answers.ts";
import { edit, textAt, withId } from "../jsonrpc/edit.ts";
import type { Id } from "../jsonrpc/id.ts";
import type { Message } from "../jsonrpc/message.ts";
import { openExchange } from "../link/exchange.ts";
import { type Failure, failure } from "../link/failure.ts";
import { pause, within } from "../link/pause.ts";
import type { Exchange, Outcome, Peer, PeerListener, RequestOptions } from "../link/peer.ts";
import { createTasks } from "../link/tasks.ts";
import { isSafeToRepeat, type ToolHints } from "../mcp/safety.ts";
import type { Logger } from "../telemetry/logger.ts";
import { type FallbackVerdict, judgeFallback } from "./fallback_policy.ts";
import { markedId, readMarkedId } from "./marked_id.ts";
import { mayHaveRun, notKnownToHaveRun } from "./retry_policy.ts";

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
  /** How often it is looked whether nothing is in flight once the first is back, in milliseconds. @default 50 */
  readonly idleMs?: number;
  /** From 0 to 1. @default Math.random */
  readonly random?: () => number;
  /** What the client has established: another object whenever that has changed. */
  readonly session: () => unknown;
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
/** How long that sign counts, in milliseconds. */
const FRESH_MS = 10_000;
const RETURN_MS = 5000;
const RETURN_MOST_MS = 60_000;
const IDLE_MS = 50;
/** So long the client may think about a question before the first is taken back all the same, in milliseconds. */
const QUESTION_MS = 60_000;

/** A candidate that is open. */
interface Place {
  readonly index: number;
  /** Tells its questions from those of others. */
  readonly serial: number;
  readonly peer: Promise<Peer>;
  /** The client's requests that it has not answered. */
  inFlight: number;
  /** Ends what the client listens for there. */
  readonly listening: Set<() => void>;
}

interface Judged {
  readonly outcome: Outcome;
  readonly verdict: FallbackVerdict;
}

/**
 * A Peer over several: one serves, and when it can't be reached or does not speak MCP the next takes its place, at the
 * beginning and later. What the client has established is established there too (see `recovery.ts`). The first is
 * tried again in the background, and taken back when nothing is in flight. Whoever serves no more is closed as soon as
 * it has answered what it was asked: it does not learn what the client establishes from then on.
 */
export function fallbackPool(options: FallbackOptions): Peer {
  const { candidates, logger, idleMs = IDLE_MS, random = Math.random } = options;
  const closing = new AbortController();
  /** Those that are open for what comes, by candidate. */
  const places: (Place | undefined)[] = [];
  /** Those, and those that still have to answer something, by serial number. */
  const open = new Map<number, Place>();
  const leaving = createTasks();
  let lastSerial = -1;
  let listener: PeerListener | undefined;
  let present = 0;
  let inFlight = 0;
  /** Questions of the server's that the client has not answered. */
  const questions = new Set<Id>();
  let returning = false;

  const nameOf = (index: number) => candidates[index]!.endpoint;
  const isPresent = (place: Place) => place.index === present && places[present] === place;

  function placeOf(index: number): Place {
    return places[index] ??= openPlace(index);
  }

  function openPlace(index: number): Place {
    const place: Place = {
      index,
      serial: ++lastSerial,
      inFlight: 0,
      listening: new Set(),
      peer: candidates[index]!.open(() => isPresent(place) && options.changed(false)).then((it) => {
        it.listen({
          receive(message) {
            // What one that does not serve says unasked is of no interest; what it asks is answered.
            const meant = isPresent(place) || place.inFlight > 0 || message.kind === "request";
            return meant ? listener?.receive(fromPlace(place, message)) : undefined;
          },
          closed(why) {
            if (!isPresent(place)) return;
            questions.clear();
            listener?.closed?.(why);
          },
        });
        return it;
      }),
    };
    open.set(place.serial, place);
    return place;
  }

  /** Nothing new is asked of it; it is closed once it has answered. */
  function retire(place: Place): void {
    if (places[place.index] === place) places[place.index] = undefined;
    for (const stop of [...place.listening]) stop();
    if (place.inFlight > 0 || !open.delete(place.serial)) return;
    void leaving.run(place.peer.then((it) => it.close()));
  }

  function left(place: Place): void {
    place.inFlight--;
    if (places[place.index] !== place) retire(place);
  }

  function endFailure(): Failure {
    return failure("SHUTTING_DOWN", nameOf(present), "this program is ending");
  }

  function request(message: Message, requestOptions: RequestOptions = {}): Exchange {
    let sent: Exchange | undefined;
    const exchange = openExchange((notice) => sent?.cancel(notice), () => sent?.held ?? sent === undefined);
    // Listening lasts as long as the client likes, and is begun anew elsewhere.
    const listens = message.method === "subscriptions/listen";
    if (!listens) {
      inFlight++;
      exchange.whenOver(() => inFlight--);
    }
    carry().catch((error) =>
      exchange.settle({ kind: "not_sent", failure: failure("UNREACHABLE", nameOf(present), String(error)) })
    );
    return exchange;

    /** Asks one after the other, beginning with the one that serves. */
    async function carry(): Promise<void> {
      const handshake = message.method === "initialize" || message.method === "server/discover";
      const due = performance.now() + options.timeoutMs;
      const tried = new Set<number>();
      let failed: Outcome | undefined;
      /** One of them may have carried it out. */
      let ran = false;
      const end = (outcome: Outcome) => exchange.settle(ran ? notKnownToHaveRun(outcome) : outcome);
      for (let index: number | undefined = present; index !== undefined; index = nextOf(index, tried)) {
        if (closing.signal.aborted) return end({ kind: "not_sent", failure: endFailure() });
        if (tried.size > 0) warn(index);
        tried.add(index);
        const untried = candidates.length - tried.size;
        const share = Math.max(LEAST_MS, (due - performance.now()) / (untried + 1));
        const { outcome, verdict } = await ask(placeOf(index), handshake && untried > 0 ? share : undefined);
        if (exchange.settled) return;
        if (verdict === "stay") return end(outcome);
        failed ??= outcome;
        ran ||= mayHaveRun(outcome);
        logger.debug("this endpoint fails", { endpoint: nameOf(index), outcome: outcome.kind });
        if (verdict === "move-later") {
          if (present === index) await tryNext(index);
          return end(outcome);
        }
      }
      end(allFailed(failed!, [...tried]));
    }

    function judge(outcome: Outcome): FallbackVerdict {
      if (outcome.kind === "answered") return "stay";
      const safe = isSafeToRepeat(message.method!, options.hintsFor(message));
      return judgeFallback(outcome, message.method === "initialize", safe);
    }

    /** The outcome at one of them, which serves from then on unless it fails; an answer goes on at once, to keep its place. */
    async function ask(place: Place, withinMs: number | undefined): Promise<Judged> {
      const before = present;
      place.inFlight++;
      const peer = await place.peer;
      if (exchange.settled) {
        left(place);
        return { outcome: { kind: "cancelled" }, verdict: "stay" };
      }
      return await new Promise((resolve) => {
        const receive = requestOptions.receive;
        const now = sent = peer.request(message, {
          ...requestOptions,
          ...(receive === undefined ? {} : { receive: (it: Message) => receive(fromPlace(place, it)) }),
        });
        let late = false;
        let stopped = false;
        const stop = () => {
          stopped = true;
          now.cancel();
        };
        if (listens) place.listening.add(stop);
        now.whenOver((given) => {
          place.listening.delete(stop);
          const outcome: Outcome = late
            ? { kind: "not_sent", failure: tooLate(place) }
            : stopped
            ? { kind: "lost", failure: anotherServes(place), lastEventId: undefined }
            : given;
          const verdict = judge(outcome);
          // Another may have taken the place by now of the one that this request has left.
          const free = place.index !== before && present === before;
          if (free && verdict === "stay" && outcome.kind !== "cancelled") moveTo(place);
          if (outcome.kind === "answered") exchange.settle(outcome);
          left(place);
          resolve({ outcome, verdict });
        });
        if (withinMs === undefined) return;
        void within(now.outcome, withinMs).then((over) => {
          late = !over;
          if (late) now.cancel();
        });
      });
    }
  }

  /** The one to be tried next: who serves by now, or else the next in order. */
  function nextOf(index: number, tried: ReadonlySet<number>): number | undefined {
    if (!tried.has(present)) return present;
    for (let step = 1; step < candidates.length; step++) {
      const next = (index + step) % candidates.length;
      if (!tried.has(next)) return next;
    }
    return undefined;
  }

  function anotherServes({ index }: Pick<Place, "index">): Failure {
    return failure("SESSION_LOST", nameOf(index), "another endpoint has taken this one's place");
  }

  function tooLate({ index }: Place): Failure {
    const why = "no answer to initialize in this endpoint's share of --timeout";
    return failure("CONNECT_TIMEOUT", nameOf(index), why);
  }

  function allFailed(outcome: Outcome, [first, ...rest]: readonly number[]): Outcome {
    if (!("failure" in outcome)) return outcome;
    const why = outcome.failure;
    const others = `the ${first === 0 ? "fallbacks" : "others"} failed too (${rest.map(nameOf).join(", ")})`;
    return { ...outcome, failure: { ...why, message: `${why.message}; ${others}` } };
  }

  let trying: Promise<void> | undefined;

  /** The one that serves answers with what is no MCP: the next is to serve what comes later, if it can. */
  function tryNext(index: number): Promise<void> {
    return trying ??= probeNext(index).finally(() => trying = undefined);
  }

  async function probeNext(index: number): Promise<void> {
    const place = placeOf((index + 1) % candidates.length);
    warn(place.index);
    if (await answersPing(place) && present === index) moveTo(place);
  }

  const warned = new Set<number>();

  function warn(index: number): void {
    const { endpoint, warning } = candidates[index]!;
    if (warning === undefined || warned.has(index)) return;
    warned.add(index);
    logger.warn(warning, { endpoint });
  }

  function moveTo(place: Place): void {
    if (isPresent(place) || places[place.index] !== place || closing.signal.aborted) return;
    const before = present;
    present = place.index;
    logger.warn(present === 0 ? "back at the endpoint" : "a fallback takes the endpoint's place", {
      endpoint: nameOf(present),
      before: nameOf(before),
    });
    questions.clear();
    listener?.closed?.(anotherServes({ index: before }));
    for (const other of [...places]) if (other !== undefined && other !== place) retire(other);
    options.changed(true);
    if (present !== 0 && options.returnToFirst && !returning) void comeBack();
  }

  /** Tries the first again until it serves. */
  async function comeBack(): Promise<void> {
    const first = options.returnMs ?? RETURN_MS;
    returning = true;
    for (let wait = first; present !== 0; wait = Math.min(wait * 2, RETURN_MOST_MS)) {
      if (!await pause(wait * (0.75 + random() / 2), closing.signal)) return;
      if (present === 0) break;
      const known = options.session();
      const place = placeOf(0);
      const alive = await answersPing(place);
      const until = performance.now() + FRESH_MS;
      if (alive && !await idle()) return;
      if (isPresent(place)) break;
      if (alive && options.session() === known && performance.now() < until) {
        moveTo(place);
      } else {
        // Closed, so that it is told what the client has established by then when it is tried again.
        retire(place);
        if (alive) wait = first / 2;
      }
    }
    returning = false;
  }

  /** Resolves to `true` when nothing is in flight, to `false` when the end comes first. */
  async function idle(): Promise<boolean> {
    const patience = performance.now() + QUESTION_MS;
    while (inFlight > 0 || (questions.size > 0 && performance.now() < patience)) {
      if (!await pause(idleMs, closing.signal)) return false;
    }
    return !closing.signal.aborted;
  }

  let lastId = 0;

  async function answersPing(place: Place): Promise<boolean> {
    const ask = newRequest(`"mcp-connect-probe-${++lastId}"`, "ping");
    const exchange = (await place.peer).request(ask, { probe: true });
    if (!await within(exchange.outcome, PROBE_MS)) exchange.cancel();
    const { kind } = await exchange.outcome;
    return kind === "answered";
  }

  // Ids -----------------------------------------------------------------------------------------------------------

  /** A fallback's questions get ids of their own: they must not meet those of another server. */
  function fromPlace({ serial }: Place, message: Message): Message {
    if (message.kind === "request") {
      const own = withId(message, markedId(serial, message.id!));
      if (questions.size < MOST_QUESTIONS) questions.add(own.id!);
      return own;
    }
    if (message.method !== "notifications/cancelled") return message;
    const id = textAt(message, ["params", "requestId"]);
    if (id === undefined) return message;
    const own = markedId(serial, id);
    questions.delete(own);
    return edit(message, [{ path: ["params", "requestId"], value: own }]);
  }

  async function notify(message: Message): Promise<Failure | undefined> {
    if (closing.signal.aborted) return endFailure();
    if (!message.isAnswer) return await (await placeOf(present).peer).notify(message);
    questions.delete(message.id!);
    const { serial, id } = readMarkedId(message.id!);
    const place = open.get(serial);
    if (place !== undefined) return await (await place.peer).notify(withId(message, id));
    return failure("SESSION_LOST", nameOf(present), "who asked this is not there any more");
  }

  return {
    request,
    notify,
    listen(it) {
      listener = it;
    },
    wake() {
      for (const { peer } of open.values()) void peer.then((it) => it.wake?.());
    },
    async close() {
      closing.abort();
      await Promise.all([...open.values()].map(async ({ peer }) => (await peer).close()));
      await leaving.settled(CLOSE_MS);
    },
  };
}

/** How long those that served once may take to close, in milliseconds. */
const CLOSE_MS = 5000;

/** Open questions that are kept account of. */
const MOST_QUESTIONS = 4096;
