import type { PolicyName } from "../../src/config/balance_settings.ts";
import { HEAVY_SECOND_MOMENT } from "./draws.ts";
import { type FailureResult, simulateFailure } from "./failure.ts";
import { greatestLoad } from "./placement.ts";
import { quantileOf, simulateQueueing } from "./queueing.ts";
import {
  anyServiceMean,
  everyNth,
  expectedGreatestOfRandom,
  greatestOfEven,
  greatestOfRandom,
  greatestOfTwoChoices,
  type QueueTheory,
  shortestQueue,
  singleQueue,
  supermarket,
} from "./theory.ts";

/** How much is simulated. */
export interface SimulationSize {
  readonly seed: number;
  /** Upstreams and requests that are never answered. */
  readonly placedOver: number;
  readonly placed: number;
  /** How often one request for each upstream is placed. */
  readonly placements: number;
  /** Upstreams, and requests that are measured, half as many before them to warm up. */
  readonly upstreams: number;
  readonly requests: number;
  /** When the third dies, when it is back, when it ends, and the slow start, in milliseconds. */
  readonly failure: Readonly<Record<"diesAt" | "backAt" | "endsAt" | "slowStartMs", number>>;
}

/** The size of the page in docs. */
export const FULL_SIZE: SimulationSize = {
  seed: 1,
  placedOver: 3000,
  placed: 1_000_000,
  placements: 20,
  upstreams: 1000,
  requests: 1_000_000,
  failure: { diesAt: 3000, backAt: 8000, endsAt: 17_000, slowStartMs: 4000 },
};

/** How loaded upstreams are: where all are alike, where they differ, and before a third dies. */
export const LOADS = { alike: 0.8, mixed: 0.6, failure: 0.6 } as const;
/** The mean time of a request where time is in milliseconds, and how long one is waited for. */
export const SERVICE_MS = 10;
export const TIMEOUT_MS = 1000;
/** Each third of the mixed upstreams is so fast. */
const SPEEDS = [1, 1.5, 2] as const;

/** A greatest load and what is expected of it. */
export interface PlacementRow {
  readonly policy: PolicyName;
  readonly few: Greatest;
  readonly many: Greatest;
}

/** The greatest load when so many are placed. */
export interface Greatest {
  readonly measured: number;
  /** The textbook's, for large numbers. */
  readonly bound: number;
  /** The mean at this very size, where it can be calculated. */
  readonly exact?: number;
}

/** Queues of one policy. */
export interface QueueRow {
  readonly policy: PolicyName;
  /** The policy, and what it sees. */
  readonly label: string;
  readonly spread: number;
  readonly mean: number;
  /** p50, p95, p99 and p99.9. */
  readonly quantiles: readonly number[];
  readonly tail: readonly number[];
  readonly theory?: QueueTheory;
  /** The mean by theory where all else is unknown. */
  readonly meanByTheory?: number;
}

/** A failure under one policy. */
export interface FailureRow extends FailureResult {
  readonly label: string;
}

/** All there is to report. */
export interface SimulationResults {
  readonly size: SimulationSize;
  readonly placement: readonly PlacementRow[];
  readonly alike: readonly QueueRow[];
  readonly mixed: readonly QueueRow[];
  readonly failure: readonly FailureRow[];
}

/** The shares that are told of times. */
export const SHARES = [0.5, 0.95, 0.99, 0.999] as const;

const POLICIES: readonly PolicyName[] = [
  "random",
  "hash",
  "round-robin",
  "weighted",
  "p2c",
  "least-pending",
  "sticky",
];

/**
 * Simulates every policy.
 *
 * @param progress is told what comes next
 */
export function runAll(size: SimulationSize, progress: (text: string) => void = () => {}): SimulationResults {
  return {
    size,
    placement: POLICIES.map((policy) => {
      progress(`placement: ${policy}`);
      return place(policy, size);
    }),
    alike: POLICIES.flatMap((policy) => policy === "p2c" ? ["p2c by load", policy] as const : [policy]).map(
      (label) => {
        progress(`queues of upstreams that are alike: ${label}`);
        const policy = label === "p2c by load" ? "p2c" : label;
        return queue(policy, label, size, "alike");
      },
    ),
    mixed: POLICIES.filter((policy) => policy !== "sticky").map((policy) => {
      progress(`queues of upstreams that differ: ${policy}`);
      return queue(policy, policy, size, "mixed");
    }),
    failure: [...POLICIES, "round-robin, no breaker" as const].map((label) => {
      progress(`a third dies: ${label}`);
      const breaker = label !== "round-robin, no breaker";
      const policy = breaker ? label as PolicyName : "round-robin";
      const { seed, upstreams, failure } = size;
      const load = LOADS.failure;
      return {
        label,
        ...simulateFailure({
          ...failure,
          policy,
          breaker,
          seed,
          upstreams,
          load,
          serviceMs: SERVICE_MS,
          timeoutMs: TIMEOUT_MS,
        }),
      };
    }),
  };
}

function place(policy: PolicyName, { placedOver, placed, placements, seed }: SimulationSize): PlacementRow {
  let sum = 0;
  for (let i = 0; i < placements; i++) sum += greatestLoad(policy, placedOver, placedOver, seed + i);
  return {
    policy,
    few: { measured: sum / placements, ...greatestByTheory(policy, placedOver, placedOver) },
    many: {
      measured: greatestLoad(policy, placedOver, placed, seed),
      ...greatestByTheory(policy, placed, placedOver),
    },
  };
}

function greatestByTheory(
  policy: PolicyName,
  requests: number,
  upstreams: number,
): Omit<Greatest, "measured"> {
  switch (policy) {
    case "random":
    case "hash":
      return {
        bound: greatestOfRandom(requests, upstreams),
        exact: expectedGreatestOfRandom(requests, upstreams),
      };
    case "p2c":
      return { bound: greatestOfTwoChoices(requests, upstreams) };
    case "round-robin":
    case "weighted":
    case "least-pending":
      return { bound: greatestOfEven(requests, upstreams) };
    case "sticky":
      return { bound: requests };
  }
}

function queue(policy: PolicyName, label: string, size: SimulationSize, pool: "alike" | "mixed"): QueueRow {
  const { upstreams, requests, seed } = size;
  const speeds = new Float64Array(upstreams).map((_, i) => pool === "alike" ? 1 : SPEEDS[i % SPEEDS.length]!);
  const result = simulateQueueing({
    policy,
    upstreams,
    requests,
    warmUp: requests / 2,
    load: LOADS[pool],
    service: pool === "alike" ? "exponential" : "heavy",
    speeds,
    latencies: label === "p2c by load" ? "unknown" : "seen",
    seed,
  });
  const theory = pool === "alike" ? queueTheory(label, upstreams) : undefined;
  const byLot = pool === "mixed" && (policy === "random" || policy === "hash");
  return {
    policy,
    label,
    spread: policy === "sticky" ? 1 : result.spread,
    mean: result.mean,
    quantiles: SHARES.map((share) => quantileOf(result.times, share)),
    tail: result.tail,
    ...(theory === undefined ? {} : { theory, meanByTheory: theory.mean }),
    ...(byLot ? { meanByTheory: mixedMean() } : {}),
  };
}

function queueTheory(label: string, upstreams: number): QueueTheory | undefined {
  switch (label) {
    case "random":
    case "hash":
    case "sticky":
      return singleQueue(LOADS.alike);
    case "round-robin":
    case "weighted":
      return everyNth(LOADS.alike, upstreams);
    case "p2c by load":
      return supermarket(LOADS.alike);
    case "least-pending":
      return shortestQueue(LOADS.alike);
    default:
      // Latencies that are averages of chance are no part of the textbook's model.
      return undefined;
  }
}

/** By weight each is as busy as all; a fast one has more requests, each of which takes less. */
function mixedMean(): number {
  const all = SPEEDS.reduce((sum, speed) => sum + speed, 0);
  const each = anyServiceMean(LOADS.mixed, HEAVY_SECOND_MOMENT);
  return SPEEDS.reduce((sum, speed) => sum + speed / all * each / speed, 0);
}
