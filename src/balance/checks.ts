import { request as newRequest } from "../jsonrpc/answers.ts";
import { within } from "../link/pause.ts";
import type { Peer } from "../link/peer.ts";
import type { Logger } from "../telemetry/logger.ts";
import { type Evidence, evidenceFor } from "./evidence.ts";
import type { HealthKeeper } from "./health_keeper.ts";
import type { Member } from "./member.ts";

/** What {@linkcode createChecks} needs. Times in milliseconds. */
export interface ChecksOptions {
  /** Each upstream is asked for a sign of life so often. */
  readonly intervalMs: number;
  /** How long it may take to give one. */
  readonly timeoutMs: number;
  readonly health: HealthKeeper;
  /** Opens what is not open yet. */
  readonly peerOf: (member: Member) => Promise<Peer>;
  readonly newId: () => string;
  readonly logger: Logger;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** Asks upstreams for signs of life. */
export interface Checks {
  /** Checks a member if it is time to: in its turn, when it may be back, or when it keeps a request waiting in silence. */
  tick(member: Member, now: number): void;
  /** Has it checked with the next tick. */
  suspect(member: Member): void;
}

/** So long a request may wait in silence before its upstream is asked; twice as long after each sign of life. */
const SUSPECT_MS = 1000;
/** Checks come so much earlier or later than others', so that they don't come together. */
const SPREAD = 0.25;

/** Makes {@linkcode Checks}. */
export function createChecks(options: ChecksOptions): Checks {
  const { intervalMs, timeoutMs, health, logger, random } = options;

  function isSuspect(member: Member, now: number): boolean {
    const [oldest] = member.legs;
    if (oldest === undefined) return false;
    member.suspectAfterMs ||= SUSPECT_MS;
    return now - Math.max(oldest.sentAt, member.heardAt) > member.suspectAfterMs;
  }

  async function check(member: Member, now: number): Promise<void> {
    const proof = member.circuit.kind !== "closed";
    if (proof) health.startTrial(member, now);
    member.checking = true;
    member.checks++;
    const evidence = await ask(member, now);
    member.checking = false;
    member.checkAt = performance.now() + intervalMs * (1 - SPREAD + 2 * SPREAD * random());
    if (evidence.kind === "alive") {
      // It may take its time with what it was asked.
      member.suspectAfterMs = Math.min(Math.max(intervalMs, SUSPECT_MS), member.suspectAfterMs * 2);
      member.failsFast = true;
    } else if (evidence.kind !== "none") {
      member.checksFailed++;
      member.suspectAfterMs = SUSPECT_MS;
      logger.debug("a check has failed", {
        endpoint: member.endpoint,
        why: "why" in evidence && evidence.why,
      });
    }
    if (member.index >= 0) health.note(member, evidence, proof);
  }

  async function ask(member: Member, since: number): Promise<Evidence> {
    const peer = await options.peerOf(member);
    const exchange = peer.request(newRequest(options.newId(), "ping"), { probe: true, background: true });
    if (!await within(exchange.outcome, timeoutMs)) {
      exchange.cancel();
      if (member.heardAt > since) return { kind: "alive" };
      // A wire that is dead without a word is given up, unless something still waits on it.
      if (member.legs.size === 0) void peer.drop?.();
      return { kind: "silent", why: `no sign of life within ${timeoutMs / 1000} s` };
    }
    const outcome = await exchange.outcome;
    if (outcome.kind === "answered") member.heardAt = performance.now();
    return evidenceFor(outcome);
  }

  return {
    tick(member, now) {
      if (member.checking || member.leaving) return;
      if (member.circuit.kind !== "closed") {
        if (health.admitsTrial(member, now)) void check(member, now);
        return;
      }
      if (member.checkAt === 0) member.checkAt = now + intervalMs * random();
      if (now >= member.checkAt || isSuspect(member, now)) void check(member, now);
    },
    suspect(member) {
      if (member.circuit.kind === "closed") member.checkAt = 1;
    },
  };
}
