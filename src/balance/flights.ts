import { notification } from "../jsonrpc/answers.ts";
import { edit, textAt } from "../jsonrpc/edit.ts";
import { type Id, idKey } from "../jsonrpc/id.ts";
import type { Message } from "../jsonrpc/message.ts";
import { type OpenExchange, openExchange } from "../link/exchange.ts";
import { failure } from "../link/failure.ts";
import { pause } from "../link/pause.ts";
import type { Exchange, Outcome, Peer, Receive, RequestOptions } from "../link/peer.ts";
import { findByToken } from "../mcp/find_by_token.ts";
import { isSafeToRepeat, type ToolHints } from "../mcp/safety.ts";
import { mayHaveRun, notKnownToHaveRun } from "../upstream/retry_policy.ts";
import { evidenceFor } from "./evidence.ts";
import type { HealthKeeper } from "./health_keeper.ts";
import { overdueAfter } from "./is_stuck.ts";
import { judgeMove } from "./judge_move.ts";
import type { Ground, Leg, Member } from "./member.ts";
import type { Members } from "./members.ts";
import { isForAll, kindOf } from "./route.ts";

/** What {@linkcode createFlights} needs. */
export interface FlightsOptions {
  readonly members: Members;
  readonly health: HealthKeeper;
  /** Chooses where a request goes that has been at `tried` already; `undefined` when there is nowhere left. */
  readonly choose: (message: Message, tried: ReadonlySet<Member>, safe: () => boolean) => Choice | undefined;
  /** What is open to a member. */
  readonly groundOf: (member: Member) => Ground;
  /** Takes what an upstream says on a request's behalf, and returns what the client is to see of it. */
  readonly fromServer: (ground: Ground, member: Member, message: Message) => Message | undefined;
  /** Those of these questions that the client has not answered are not asked any more. */
  readonly withdraw: (questions: readonly Id[], why: string) => void;
  /** What the client is to be given of an answer. */
  readonly shown: (member: Member, request: Message, answer: Message) => Message;
  /** One that answers, or fails, no more of those that were asked of it. */
  readonly left: (ground: Ground, member: Member) => void;
  /** What the tool that is called says of itself. */
  readonly hintsFor: (call: Message) => ToolHints | undefined;
  /** Resolves when it is known whether a member lacks what a request is for; `undefined` when it is known. */
  readonly known: (member: Member, message: Message) => Promise<unknown> | undefined;
  /** Whether it does. */
  readonly lacks: (member: Member, message: Message) => boolean;
  /** A safe request without an answer for so long goes to a second upstream too, in milliseconds; absent: never. */
  readonly hedgeAfterMs?: number;
  /** All that are well have asked to be left alone for a while: what is said then. */
  readonly resting: () => Outcome | undefined;
  /** Told of a request that its client has given up although nothing was heard since it was sent. */
  readonly suspect: (member: Member, trial: boolean) => void;
  /** The pool, for errors. */
  readonly name: () => string;
}

/** Where a request goes. */
export interface Choice {
  readonly member: Member;
  /** It shows whether that upstream is back. */
  readonly trial: boolean;
}

/** What may go with a request beside what a Peer takes. */
export interface FlightOptions extends RequestOptions {
  /** The only upstream that can answer it. */
  readonly bound?: Member;
  /** What is to be answered when that is gone; without it, others are asked. */
  readonly whenGone?: (outcome: Outcome) => Outcome;
}

/** Carries requests to members: from one to the next until one has answered, or none may. */
export interface Flights {
  carry(message: Message, options: FlightOptions): Exchange;
  /**
   * Who takes what has come on a wire that all requests share; `undefined` for what belongs to no request. Progress of
   * another upstream's request, or of one that another has taken over, is nobody's.
   */
  takerOf(ground: Ground, member: Member, message: Message): Receive | undefined;
}

/** A request under way. */
interface Flight {
  readonly message: Message;
  readonly options: FlightOptions;
  readonly client: OpenExchange;
  /** One, or two while it is hedged. */
  readonly legs: Leg[];
  tried: Set<Member> | undefined;
  /** The first failure, which says most. */
  failed: Outcome | undefined;
  /** Some attempt may have been carried out. */
  ran: boolean;
  safe: boolean | undefined;
  /** What takes about as long; looked up when first needed. */
  kind: string | undefined;
  /** Ends the wait for a hedge. */
  hedge: AbortController | undefined;
}

/** Progress of so many requests that another upstream has taken over is told from the client's own. */
const MOST_GIVEN_UP = 1024;
/** However many upstreams there are, a request is tried at no more. */
const MOST_TRIES = 16;
const NOWHERE: ReadonlySet<Member> = new Set();

/** Makes {@linkcode Flights}. */
export function createFlights(options: FlightsOptions): Flights {
  const { members, health } = options;
  /** The progress tokens of what another has taken over, each with where it was. */
  const givenUp = new Set<string>();

  function carry(message: Message, flightOptions: FlightOptions): Exchange {
    const client = openExchange((notice) => cancel(flight, notice), () => isHeld(flight));
    const flight: Flight = {
      message,
      options: flightOptions,
      client,
      legs: [],
      tried: undefined,
      failed: undefined,
      ran: false,
      safe: undefined,
      kind: undefined,
      hedge: undefined,
    };
    const { bound } = flightOptions;
    if (bound !== undefined) launch(flight, { member: bound, trial: false });
    else goOn(flight);
    if (options.hedgeAfterMs !== undefined) void hedge(flight, options.hedgeAfterMs);
    return client;
  }

  function isSafe(flight: Flight): boolean {
    const { message } = flight;
    return flight.safe ??= isSafeToRepeat(message.method!, options.hintsFor(message));
  }

  function isHeld(flight: Flight): boolean {
    return !flight.ran && flight.legs.every((leg) => leg.exchange?.held ?? leg.exchange === undefined);
  }

  /** Tries the next upstream; what cannot go anywhere has failed. */
  function goOn(flight: Flight): void {
    const tried = flight.tried ?? NOWHERE;
    const choice = tried.size >= MOST_TRIES
      ? undefined
      : options.choose(flight.message, tried, () => isSafe(flight));
    if (choice !== undefined) return launch(flight, choice);
    settle(flight, allFailed(flight));
  }

  function launch(flight: Flight, { member, trial }: Choice): void {
    const now = performance.now();
    const ground = options.groundOf(member);
    if (trial) health.startTrial(member, now);
    const leg: Leg = {
      member,
      ground,
      sentAt: now,
      trial,
      exchange: undefined,
      asked: [],
      token: undefined,
      message: flight.message,
      receive: (message) => receive(flight, leg, message),
      talks: () => preferred(flight, leg),
      silent: false,
      over: false,
      giveUp() {
        leg.silent = true;
        leg.exchange?.cancel(cancellation(flight));
        if (leg.exchange === undefined) over(flight, leg, { kind: "cancelled" });
      },
      mayMove: () => flight.options.bound === undefined && (isHeld(flight) || isSafe(flight)),
    };
    if (flight.options.background !== true) awaited(flight, leg);
    flight.legs.push(leg);
    member.legs.add(leg);
    ground.inFlight++;
    member.requests++;
    members.pending(member, 1);
    const known = flight.options.bound === undefined ? options.known(member, flight.message) : undefined;
    if (ground.peer !== undefined && known === undefined) return dispatch(flight, leg, ground.peer);
    Promise.all([ground.opening, known]).then(
      ([peer]) => {
        if (leg.over) return;
        if (known === undefined || !options.lacks(member, flight.message)) return dispatch(flight, leg, peer);
        const why = failure("METHOD_NOT_FOUND", member.endpoint, "this upstream does not have it");
        over(flight, leg, { kind: "not_sent", failure: why });
      },
      (error) => {
        const why = failure("UNREACHABLE", member.endpoint, String(error));
        over(flight, leg, { kind: "not_sent", failure: why });
      },
    );
  }

  /** Takes note of when the upstream ought to have said something. */
  function awaited(flight: Flight, { member, sentAt }: Leg): void {
    const dueAt = sentAt + overdueAfter(health.usualMs(member, kindIn(flight)));
    if (member.legs.size === 0 || member.waitsSince <= member.heardAt) {
      member.waitsSince = sentAt;
      member.dueAt = dueAt;
    } else if (dueAt < member.dueAt) member.dueAt = dueAt;
    member.sentAt = sentAt;
  }

  function kindIn(flight: Flight): string {
    return flight.kind ??= kindOf(flight.message);
  }

  function dispatch(flight: Flight, leg: Leg, peer: Peer): void {
    const { bound: _, whenGone: __, ...requestOptions } = flight.options;
    leg.exchange = peer.request(flight.message, {
      ...requestOptions,
      ...(requestOptions.receive && { receive: leg.receive }),
    });
    leg.exchange.whenOver((outcome) => over(flight, leg, outcome));
  }

  function receive(flight: Flight, leg: Leg, message: Message): void | Promise<void> {
    leg.member.heardAt = performance.now();
    preferred(flight, leg);
    const own = options.fromServer(leg.ground, leg.member, message);
    if (own === undefined || leg.over) return;
    if (own.kind === "request") leg.asked.push(own.id!);
    return flight.options.receive?.(own);
  }

  function over(flight: Flight, leg: Leg, given: Outcome): void {
    if (leg.over) return;
    const { member, ground } = leg;
    const outcome = leg.silent ? silence(flight, leg) : given;
    leg.over = true;
    flight.legs.splice(flight.legs.indexOf(leg), 1);
    member.legs.delete(leg);
    members.pending(member, -1);
    ground.inFlight--;
    if (outcome.kind === "answered") {
      answered(flight, leg, outcome.message);
    } else {
      if (leg.asked.length > 0) {
        const why = "failure" in outcome
          ? outcome.failure.message
          : "the request that it was asked for is given up";
        options.withdraw(leg.asked, why);
      }
      if (!leg.silent) health.note(member, evidenceFor(outcome), leg.trial);
      if (outcome.kind !== "cancelled") failed(flight, leg, outcome);
      else if (flight.legs.length === 0) flight.client.settle(outcome);
    }
    options.left(ground, member);
  }

  function answered(flight: Flight, leg: Leg, answer: Message): void {
    const { member } = leg;
    const now = performance.now();
    member.heardAt = now;
    member.answered++;
    const { message, options: { background } } = flight;
    if (background !== true) health.took(member, kindIn(flight), now - leg.sentAt, now);
    // A request that was sent although the upstream was down is a proof too.
    health.note(member, { kind: "alive" }, leg.trial || member.circuit.kind === "closed");
    settle(flight, { kind: "answered", message: options.shown(member, message, answer) });
  }

  function settle(flight: Flight, outcome: Outcome): void {
    flight.hedge?.abort();
    flight.client.settle(outcome);
    for (const other of [...flight.legs]) takeOver(flight, other);
  }

  /** Another attempt goes on in this one's place. */
  function takeOver(flight: Flight, leg: Leg): void {
    const token = tokenOf(leg);
    if (token !== null) {
      givenUp.add(`${leg.ground.serial} ${idKey(token)}`);
      if (givenUp.size > MOST_GIVEN_UP) givenUp.delete(givenUp.values().next().value!);
    }
    if (leg.exchange === undefined) over(flight, leg, { kind: "cancelled" });
    else leg.exchange.cancel(cancellation(flight));
  }

  function failed(flight: Flight, leg: Leg, outcome: Outcome): void {
    const { message, client, options: { bound, whenGone } } = flight;
    leg.member.failed++;
    if (client.settled) return;
    flight.failed ??= outcome;
    flight.ran ||= mayHaveRun(outcome);
    // Another attempt goes on.
    if (flight.legs.length > 0) return;
    const handshake = message.method === "initialize" || message.method === "server/discover";
    const moves = judgeMove(outcome, handshake, isSafe(flight)) === "move";
    if (!moves) return settle(flight, flight.ran ? notKnownToHaveRun(outcome) : outcome);
    if (bound !== undefined && whenGone !== undefined) return settle(flight, whenGone(outcome));
    (flight.tried ??= new Set()).add(leg.member);
    leg.member.moved++;
    goOn(flight);
  }

  /** What is said of an attempt that was given up because nothing was heard. */
  function silence(flight: Flight, leg: Leg): Outcome {
    const { endpoint } = leg.member;
    const left = leg.exchange !== undefined && leg.exchange.held !== true;
    const why = failure(
      left ? "CONNECTION_LOST" : "CONNECT_TIMEOUT",
      endpoint,
      "the server gives no sign of life",
    );
    return left && !isHeld(flight)
      ? { kind: "lost", failure: why, lastEventId: undefined }
      : { kind: "not_sent", failure: why };
  }

  /** Says why nothing more is tried. */
  function allFailed(flight: Flight): Outcome {
    const all = [...members.all];
    const { failed } = flight;
    const names = all.map(({ endpoint, why }) => why === undefined ? endpoint : `${endpoint} (${why})`);
    const listed = names.length > 5
      ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`
      : names.join(", ");
    const what = all.length === 0 ? "there is no upstream" : `no upstream takes requests: ${listed}`;
    const why = failure("NO_UPSTREAM", options.name(), what);
    if (failed === undefined || !("failure" in failed)) return { kind: "not_sent", failure: why };
    // What wants the user to sign in, or asks for patience, is for those to know who can do something about it.
    if (failed.kind === "unauthorized") return failed;
    if (flight.ran) {
      return notKnownToHaveRun({
        ...failed,
        failure: { ...failed.failure, message: `${failed.failure.message}; ${what}` },
      });
    }
    const patience = options.resting() ?? failed;
    return patience.kind === "retry_later" ? patience : { kind: "not_sent", failure: why };
  }

  function cancel(flight: Flight, notice: Message | undefined): void {
    flight.hedge?.abort();
    const now = performance.now();
    for (const leg of [...flight.legs]) {
      const silent = leg.member.heardAt < leg.sentAt && now - leg.sentAt > SUSPICIOUS_MS;
      if (silent) options.suspect(leg.member, leg.trial);
      if (leg.exchange === undefined) over(flight, leg, { kind: "cancelled" });
      else leg.exchange.cancel(notice);
    }
  }

  // Hedging -------------------------------------------------------------------------------------------------------

  async function hedge(flight: Flight, afterMs: number): Promise<void> {
    const { message, options: { bound, background } } = flight;
    const { method } = message;
    if (bound !== undefined || background === true || method === "initialize" || isForAll(method!)) return;
    flight.hedge = new AbortController();
    if (!await pause(afterMs, flight.hedge.signal)) return;
    const [first] = flight.legs;
    // One that waits for its turn is not slow, and one that talks is being carried out.
    if (flight.client.settled || first === undefined || flight.legs.length > 1 || !isSafe(flight)) return;
    const choice = options.choose(message, new Set([...flight.tried ?? [], first.member]), () => false);
    if (choice === undefined || members.view.isAvailable[choice.member.index] !== 1) return;
    launch(flight, choice);
  }

  /** The first of two that says something is the one that goes on. */
  function preferred(flight: Flight, leg: Leg): void {
    flight.hedge?.abort();
    if (flight.legs.length < 2) return;
    for (const other of [...flight.legs]) if (other !== leg) takeOver(flight, other);
  }

  // Wires that all requests share ---------------------------------------------------------------------------------

  function takerOf(ground: Ground, member: Member, message: Message): Receive | undefined {
    if (message.kind === "request") {
      // It does not say on whose behalf it asks.
      for (const leg of [...member.legs]) if (leg.ground === ground) leg.talks();
      return undefined;
    }
    if (message.method !== "notifications/progress") return undefined;
    const token = textAt(message, ["params", "progressToken"]);
    if (token === undefined) return undefined;
    const own = findByToken([...member.legs].filter((leg) => leg.ground === ground), tokenOf, token);
    if (own !== undefined) return own.receive;
    // What has been answered may go on as a task, and tell of its progress.
    return isStrange(ground, token) ? () => {} : undefined;
  }

  function isStrange(ground: Ground, token: string): boolean {
    if (givenUp.has(`${ground.serial} ${idKey(token)}`)) return true;
    for (const { legs } of members.all) if (findByToken(legs, tokenOf, token) !== undefined) return true;
    return false;
  }

  function tokenOf(leg: Leg): string | null {
    if (leg.token === undefined) {
      leg.token = textAt(leg.message, ["params", "_meta", "progressToken"]) ?? null;
    }
    return leg.token;
  }

  return { carry, takerOf };
}

/** A request that is given up within this time says nothing of its upstream, in milliseconds. */
const SUSPICIOUS_MS = 1000;

function cancellation({ message }: Flight): Message {
  const notice = notification("notifications/cancelled", {
    requestId: 0,
    reason: "another upstream takes it over",
  });
  return edit(notice, [{ path: ["params", "requestId"], value: message.id! }]);
}
