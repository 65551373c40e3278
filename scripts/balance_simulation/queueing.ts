import { createChooser } from "../../src/balance/policies/choose.ts";
import type { PolicyName } from "../../src/config/balance_settings.ts";
import { createDraws } from "./draws.ts";
import { createEventQueue } from "./event_queue.ts";
import { createView } from "./view.ts";

/** Upstreams that serve one request after the other, and requests that come by chance (a Poisson process). */
export interface QueueingSetup {
  readonly policy: PolicyName;
  readonly upstreams: number;
  /** Those that count; as many of {@linkcode warmUp} come before, until queues are as they stay. */
  readonly requests: number;
  readonly warmUp: number;
  /** How busy all upstreams together are, below 1. */
  readonly load: number;
  readonly service: "exponential" | "heavy";
  /** How fast each is, and its weight: 1 takes a mean of 1 for a request. Without it all are 1. */
  readonly speeds?: Float64Array;
  /** What the pool sees of latencies: its own moving average of answers, or nothing. */
  readonly latencies: "seen" | "unknown";
  readonly seed: number;
}

/** What came of it. Times are in mean service times at speed 1. */
export interface QueueingResult {
  /** The most requests at one upstream by its speed, as a multiple of the mean. */
  readonly spread: number;
  /** From arrival to answer, in ascending order. */
  readonly times: Float64Array;
  readonly mean: number;
  /** Which share of upstreams had at least so many requests, the index being how many. */
  readonly tail: readonly number[];
}

/** How much an answer counts in the moving average of latencies. */
export const AVERAGE_GAIN = 0.1;
/** Queues are looked at so often. */
const LOOKS = 500;
const LONGEST = 64;

/** Runs it. */
export function simulateQueueing(setup: QueueingSetup): QueueingResult {
  const { policy, upstreams, requests, warmUp, load, seed } = setup;
  const draws = createDraws(seed);
  const service = setup.service === "exponential" ? draws.exponential : draws.heavy;
  const choose = createChooser(policy, createDraws(seed + 1).uniform);
  const speeds = setup.speeds ?? new Float64Array(upstreams).fill(1);
  const view = createView(upstreams, speeds);
  // The sticky one alone has to do all: it is given as much as one can do.
  const capacity = policy === "sticky" ? speeds[0]! : speeds.reduce((sum, speed) => sum + speed);
  const pause = 1 / (load * capacity);
  const freeAt = new Float64Array(upstreams);
  const answers = createEventQueue();
  const counts = new Float64Array(upstreams);
  const times = new Float64Array(requests);
  const seen = Array<number>(LONGEST).fill(0);
  const lookEvery = Math.max(1, Math.floor(requests / LOOKS));
  const took = new Float64Array(warmUp + requests);
  const at = new Int32Array(warmUp + requests);
  const latenciesSeen = setup.latencies === "seen";
  let now = 0;
  for (let i = 0; i < warmUp + requests; i++) {
    now += pause * draws.exponential();
    while (answers.nextAt() <= now) {
      const answered = answers.take();
      const index = at[answered]!;
      view.pending[index]! -= 1;
      if (!latenciesSeen) continue;
      const before = view.latencies[index]!;
      view.latencies[index] = before === 0
        ? took[answered]!
        : before + AVERAGE_GAIN * (took[answered]! - before);
    }
    const measured = i - warmUp;
    if (measured >= 0 && measured % lookEvery === 0) {
      look(view.pending, seen, policy === "sticky" ? 1 : upstreams);
    }
    const index = choose(view, draws.uniform() * 0x1_0000_0000);
    view.pending[index]! += 1;
    freeAt[index] = Math.max(now, freeAt[index]!) + service() / speeds[index]!;
    at[i] = index;
    took[i] = freeAt[index]! - now;
    answers.add(freeAt[index]!, i);
    if (measured < 0) continue;
    times[measured] = took[i]!;
    counts[index]! += 1;
  }
  const fair = requests / speeds.reduce((sum, speed) => sum + speed);
  return {
    spread: counts.reduce((most, count, i) => Math.max(most, count / speeds[i]! / fair), 0),
    mean: times.reduce((sum, time) => sum + time, 0) / requests,
    times: times.sort(),
    tail: seen.map((count) => count / seen[0]!),
  };
}

/** Counts how many upstreams have at least so many requests. */
function look(pending: Int32Array, seen: number[], upstreams: number): void {
  for (let i = 0; i < upstreams; i++) {
    const most = Math.min(LONGEST - 1, pending[i]!);
    for (let k = 0; k <= most; k++) seen[k]! += 1;
  }
}

/** The time within which this share of requests was answered. */
export function quantileOf(times: Float64Array, share: number): number {
  return times[Math.max(0, Math.ceil(share * times.length) - 1)] ?? NaN;
}
