import type { UpstreamSettings } from "../config/balance_settings.ts";
import type { Id } from "../jsonrpc/id.ts";
import type { Message } from "../jsonrpc/message.ts";
import type { Exchange, Peer, Receive } from "../link/peer.ts";
import type { Circuit } from "./health/breaker.ts";
import { CLOSED_CIRCUIT } from "./health/breaker.ts";
import { createLatencyHistogram, type LatencyHistogram } from "./health/latency_histogram.ts";

/** What is open to an upstream: the client's session there. */
export interface Ground {
  /** Tells its questions from those of others. */
  readonly serial: number;
  readonly opening: Promise<Peer>;
  /** There once it is open. */
  peer: Peer | undefined;
  /** What the server has declared; `undefined` while it is not known. */
  capabilities: Readonly<Record<string, unknown>> | undefined;
  /** Nothing new is asked of it. */
  retired: boolean;
  /** Requests that have no answer yet. */
  inFlight: number;
  /** What it is still to be told that others have been told, one after the other; how much that is. */
  telling: Promise<void>;
  untold: number;
}

/** One attempt of a request at one upstream. */
export interface Leg {
  readonly member: Member;
  readonly ground: Ground;
  /** In milliseconds of `performance.now()`. */
  readonly sentAt: number;
  /** It shows whether the upstream is back. */
  readonly trial: boolean;
  /** Absent while the upstream is being opened. */
  exchange: Exchange | undefined;
  /** What the client was asked on its behalf: the ids that the client knows. */
  readonly asked: Id[];
  /** The JSON text of the request's progress token; looked up when first needed, `null` when it has none. */
  token: string | null | undefined;
  readonly message: Message;
  /** Takes what the upstream says on its behalf. */
  readonly receive: Receive;
  /** It is being carried out: no other upstream is asked for the same. */
  readonly talks: () => void;
  /** We have given it up ourselves: it was silent. */
  silent: boolean;
  over: boolean;
  /** Gives it up because the upstream is silent; another takes it over. */
  readonly giveUp: () => void;
  /** Whether giving it up costs nothing: it has not left, or does no harm twice. */
  readonly mayMove: () => boolean;
}

/** One upstream with all that is known of it. Times are milliseconds of `performance.now()`. */
export interface Member {
  /** Tells it from all others, for good. */
  readonly serial: number;
  settings: UpstreamSettings;
  /** For logs and errors. */
  readonly endpoint: string;
  /** Its place in the view; −1 when it has left the pool. */
  index: number;
  ground: Ground | undefined;
  readonly legs: Set<Leg>;
  circuit: Circuit;
  /** Why its circuit is open, or it is left out. */
  why: string | undefined;
  /** Though it is down, asking it costs no long wait, or it may only be busy: it is asked when there is no other. */
  failsFast: boolean;
  /** It has asked to be left alone until then. */
  restingUntil: number;
  /** It is slower or worse than the others, and left out until then. */
  ejectedUntil: number;
  timesEjected: number;
  /** Since when it is back; `undefined` when it never was away, or long enough ago. */
  backSince: number | undefined;
  /** When its latency was measured last. */
  tookAt: number;
  /** When it was away last: what was asked before then tells nothing of how fast it is. */
  freshSince: number;
  /** How often in a row its circuit had opened when it was back last. */
  opensBefore: number;
  /** It takes nothing new. */
  draining: boolean;
  /** It has left the list: it goes once it has answered. */
  leaving: boolean;
  /** When it has said anything last. */
  heardAt: number;
  /** When the first request was sent that it has got since, when one of those is overdue, and when the last was sent. */
  waitsSince: number;
  dueAt: number;
  sentAt: number;
  /** When the next check is due, and how long nothing has to be heard for one before. */
  checkAt: number;
  suspectAfterMs: number;
  checking: boolean;
  /** What was minted here was used last. */
  boundAt: number;
  /** When its present state began, in milliseconds since 1970. */
  stateSince: number;
  readonly histogram: LatencyHistogram;
  /** The moving average of latency ÷ the pool's for the same kind of request, and what it rests on. */
  slowness: number;
  samples: number;
  failureShare: number;
  requests: number;
  answered: number;
  failed: number;
  moved: number;
  opened: number;
  checks: number;
  checksFailed: number;
}

/** Makes a member of which nothing is known. */
export function createMember(serial: number, settings: UpstreamSettings, endpoint: string): Member {
  return {
    serial,
    settings,
    endpoint,
    index: -1,
    ground: undefined,
    legs: new Set(),
    circuit: CLOSED_CIRCUIT,
    why: undefined,
    failsFast: true,
    restingUntil: 0,
    ejectedUntil: 0,
    timesEjected: 0,
    backSince: undefined,
    tookAt: -Infinity,
    freshSince: -Infinity,
    opensBefore: 0,
    draining: settings.drain,
    leaving: false,
    heardAt: 0,
    waitsSince: 0,
    dueAt: Infinity,
    sentAt: 0,
    checkAt: 0,
    suspectAfterMs: 0,
    checking: false,
    boundAt: 0,
    stateSince: Date.now(),
    histogram: createLatencyHistogram(),
    slowness: 1,
    samples: 0,
    failureShare: 0,
    requests: 0,
    answered: 0,
    failed: 0,
    moved: 0,
    opened: 0,
    checks: 0,
    checksFailed: 0,
  };
}

/** Whether a member may be chosen for what is new. */
export function takesNew(member: Member, now: number): boolean {
  return member.circuit.kind === "closed" && !member.draining && !member.leaving &&
    member.restingUntil <= now && member.ejectedUntil <= now;
}
