import type { Logger } from "../telemetry/logger.ts";
import type { Evidence } from "./evidence.ts";
import { admits, CLOSED_CIRCUIT, nextCircuit } from "./health/breaker.ts";
import { recordLatency } from "./health/latency_histogram.ts";
import { findOutliers } from "./health/outliers.ts";
import { slowStartShare } from "./health/slow_start.ts";
import type { Member } from "./member.ts";
import type { Members } from "./members.ts";
import type { UpstreamState } from "./snapshot.ts";

/** What a {@linkcode createHealthKeeper} needs. Times in milliseconds. */
export interface HealthOptions {
  readonly members: Members;
  readonly slowStartMs: number;
  readonly maxEjectedPercent: number;
  /** Told when an upstream has gone down, and by what it was seen. */
  readonly down: (member: Member, evidence: Evidence) => void;
  /** Told when one takes requests again. */
  readonly back: (member: Member) => void;
  readonly logger: Logger;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** Keeps account of how the members of a pool are. */
export interface HealthKeeper {
  /**
   * Takes note of what an attempt, or a check, has shown.
   *
   * @param proof it was made to see whether the upstream is back
   */
  note(member: Member, evidence: Evidence, proof: boolean): void;
  /** An answer to a request of this kind took so long. */
  took(member: Member, kind: string, ms: number, now: number): void;
  /** How long a member usually takes for a request of this kind; `undefined` where nobody has answered one yet. */
  usualMs(member: Member, kind: string): number | undefined;
  /** Lets time pass: rests and ejections end, shares grow, outliers are looked for. */
  tick(now: number): void;
  /** Has the view show what has changed of a member otherwise. */
  show(member: Member): void;
  /** Whether a request may be the one that shows whether a member is back. */
  admitsTrial(member: Member, now: number): boolean;
  startTrial(member: Member, now: number): void;
}

/** How long an upstream rests that does not say for how long, and at most. */
const REST_MS = 1000;
const LONGEST_REST_MS = 60_000;
/** How often outliers are looked for. */
const OUTLIERS_MS = 1000;
/** A latency that was last measured longer ago tells nothing. */
const STALE_MS = 10_000;
/** How much an answer moves the averages that outliers are told by, and those of the whole pool. */
const WEIGHT_OF_NEW = 0.1;
const WEIGHT_IN_POOL = 0.05;
/** Kinds of requests whose usual time is known at most. */
const MOST_KINDS = 1024;
/** An answer counts as so many times slower than usual at most: a single long call makes no upstream a slow one. */
const SLOWEST = 10;
/** Faster answers are all the same, in milliseconds. */
const FASTEST_MS = 0.05;
/** One that is down again within so long was not really back, in milliseconds. */
const RELAPSE_MS = 30_000;

/** Makes a {@linkcode HealthKeeper}. */
export function createHealthKeeper(options: HealthOptions): HealthKeeper {
  const { members, logger, random } = options;
  /** What each kind of request usually takes in the pool. */
  const usual = new Map<string, number>();
  let outliersAt = 0;

  const clock = () => performance.now();

  function shareOf(member: Member, now: number): number {
    const { backSince } = member;
    if (backSince === undefined) return 1;
    const share = slowStartShare(now, backSince, options.slowStartMs);
    if (share === 1) member.backSince = undefined;
    return share;
  }

  function show(member: Member, now = clock()): void {
    members.show(member, shareOf(member, now), now);
  }

  /** What it was like before it was away says nothing of how it is now. */
  function startAnew(member: Member, now: number): void {
    member.samples = 0;
    member.slowness = 1;
    member.failureShare = 0;
    member.freshSince = now;
  }

  /** @param opens how often it was found down in a row before */
  function isBack(member: Member, now: number, how: string, opens: number): void {
    member.opensBefore = opens;
    member.backSince = now;
    member.why = undefined;
    member.stateSince = Date.now();
    startAnew(member, now);
    show(member, now);
    logger.warn(`an upstream ${how}`, { endpoint: member.endpoint });
    options.back(member);
  }

  function note(member: Member, evidence: Evidence, proof: boolean): void {
    const now = clock();
    const before = member.circuit;
    switch (evidence.kind) {
      case "none":
        if (proof) member.circuit = nextCircuit(before, { kind: "trial_over" });
        return;
      case "busy":
        if (proof) member.circuit = nextCircuit(before, { kind: "success", now, trial: true });
        rest(member, evidence.forMs, evidence.why, now);
        if (before.kind !== "closed" && member.circuit.kind === "closed") {
          isBack(member, now, "is back", before.opens);
        }
        return;
      case "alive":
        member.circuit = proof && before.kind !== "closed"
          ? CLOSED_CIRCUIT
          : nextCircuit(before, { kind: "success", now });
        if (before.kind !== "closed" && member.circuit.kind === "closed") {
          isBack(member, now, "is back", before.opens);
        }
        return;
      default: {
        const severity = evidence.kind === "failure" ? "failure" : "surely_down";
        member.failureShare += (1 - member.failureShare) * WEIGHT_OF_NEW;
        member.samples++;
        const event = { kind: "failure", now, severity, random: random(), trial: proof } as const;
        member.circuit = nextCircuit(before, event);
        const relapsed = before.kind === "closed" && member.circuit.kind === "open" &&
          now - member.freshSince < RELAPSE_MS;
        // It may answer the trial and nothing else: each time it is left alone for longer.
        if (relapsed) {
          const { opensBefore: opens } = member;
          member.circuit = nextCircuit({ kind: "half_open", opens, trial: true }, { ...event, trial: true });
        }
        if (member.circuit.kind === "open") member.why = evidence.why;
        if (before.kind !== "closed" || member.circuit.kind !== "open") return;
        // One that has answered may only be busy; one that never did keeps whoever asks it waiting.
        member.failsFast = evidence.kind === "silent"
          ? member.heardAt > 0
          : !("late" in evidence && evidence.late);
        wentDown(member, evidence, now);
      }
    }
  }

  function wentDown(member: Member, evidence: Evidence & { why: string }, now: number): void {
    member.opened++;
    member.stateSince = Date.now();
    show(member, now);
    logger.warn("an upstream is down: what comes goes to others", {
      endpoint: member.endpoint,
      why: evidence.why,
    });
    options.down(member, evidence);
  }

  function rest(member: Member, forMs: number | undefined, why: string, now: number): void {
    const ms = Math.min(LONGEST_REST_MS, forMs ?? REST_MS * (0.5 + random()));
    if (member.restingUntil <= now) {
      member.stateSince = Date.now();
      logger.info("an upstream asks to be left alone for a while", {
        endpoint: member.endpoint,
        forMs: ms,
        why,
      });
    }
    member.restingUntil = Math.max(member.restingUntil, now + ms);
    member.why = why;
    show(member, now);
  }

  function tick(now: number): void {
    for (const member of members.all) {
      if (member.restingUntil !== 0 && member.restingUntil <= now) {
        member.restingUntil = 0;
        member.stateSince = Date.now();
        show(member, now);
      }
      if (member.ejectedUntil !== 0 && member.ejectedUntil <= now) {
        member.ejectedUntil = 0;
        if (member.circuit.kind === "closed") isBack(member, now, "gets requests again", 0);
      } else if (member.backSince !== undefined) show(member, now);
    }
    if (now < outliersAt) return;
    outliersAt = now + OUTLIERS_MS;
    // Who was slow once and is not chosen for it would never show that it is not slow any more.
    for (const member of members.all) if (now - member.tookAt > STALE_MS) members.forgetLatency(member);
    if (options.maxEjectedPercent > 0) eject(now);
  }

  function eject(now: number): void {
    const all = [...members.all];
    const found = findOutliers(
      all.map((member) => ({
        available: members.view.isAvailable[member.index] === 1,
        ejectedNow: member.ejectedUntil > now,
        timesEjected: member.timesEjected,
        samples: member.samples,
        slowness: member.slowness,
        latencyMs: members.view.latencies[member.index]!,
        failureShare: member.failureShare,
      })),
      options.maxEjectedPercent,
    );
    for (const { index, forMs, why } of found) {
      const member = all[index]!;
      member.timesEjected++;
      member.ejectedUntil = now + forMs;
      member.why = why;
      member.stateSince = Date.now();
      show(member, now);
      logger.warn("an upstream is left out for a while", { endpoint: member.endpoint, forMs, why });
    }
  }

  return {
    note,
    took(member, kind, ms, now) {
      recordLatency(member.histogram, ms, now);
      if (now - ms < member.freshSince) return;
      members.took(member, ms);
      member.tookAt = now;
      const before = usual.get(kind);
      const real = Math.max(ms, FASTEST_MS);
      const present = before === undefined ? real : Math.min(real, before * SLOWEST);
      if (before === undefined && usual.size >= MOST_KINDS) usual.delete(usual.keys().next().value!);
      usual.set(kind, before === undefined ? present : before + (present - before) * WEIGHT_IN_POOL);
      member.slowness += (present / (before ?? present) - member.slowness) * WEIGHT_OF_NEW;
      member.failureShare -= member.failureShare * WEIGHT_OF_NEW;
      member.samples++;
    },
    usualMs(member, kind) {
      const ms = usual.get(kind);
      return ms === undefined ? undefined : ms * Math.max(1, member.slowness);
    },
    tick,
    show,
    admitsTrial: (member, now) => member.circuit.kind !== "closed" && admits(member.circuit, now),
    startTrial(member, now) {
      member.circuit = nextCircuit(member.circuit, { kind: "trial_started", now });
    },
  };
}

/** What a member is doing, in the order in which it matters. */
export function stateOf(member: Member, now: number): UpstreamState {
  if (member.draining || member.leaving) return "draining";
  if (member.circuit.kind === "half_open" && member.circuit.trial) return "trial";
  if (member.circuit.kind !== "closed") return "down";
  if (member.ejectedUntil > now) return "ejected";
  if (member.restingUntil > now) return "resting";
  if (member.ground === undefined && member.requests === 0) return "unused";
  return member.backSince === undefined ? "up" : "slow_start";
}
