import { type Circuit, CLOSED_CIRCUIT, nextCircuit } from "../../src/balance/health/breaker.ts";
import { slowStartShare } from "../../src/balance/health/slow_start.ts";
import { createChooser } from "../../src/balance/policies/choose.ts";
import type { PolicyName } from "../../src/config/balance_settings.ts";
import { createDraws } from "./draws.ts";
import { createEventQueue } from "./event_queue.ts";
import { AVERAGE_GAIN, quantileOf } from "./queueing.ts";
import { createView, listAvailable } from "./view.ts";

/**
 * A third of the upstreams dies at once, and comes back. Half of the dead refuse connections, half accept them and never
 * answer, so that requests time out. Each second request is safe to repeat; the others only where nobody listened.
 * Times in milliseconds.
 */
export interface FailureSetup {
  readonly policy: PolicyName;
  readonly upstreams: number;
  /** How busy all are together before a third is gone. */
  readonly load: number;
  readonly serviceMs: number;
  readonly diesAt: number;
  readonly backAt: number;
  readonly endsAt: number;
  readonly timeoutMs: number;
  readonly slowStartMs: number;
  /** Without it, nobody remembers failures. */
  readonly breaker: boolean;
  readonly seed: number;
}

/** What came of it. */
export interface FailureResult {
  readonly requests: number;
  /** Of those that came while a third was dead, the share that got no answer in the end. */
  readonly unanswered: number;
  /** Of the same, how many tries failed for each request. */
  readonly wasted: number;
  /** How long it took until less than 5 % of the tries failed, and remained so; until the end of the failure if never. */
  readonly settledMs: number;
  /** From the return to the time when the returned have 90 % of their part of the requests. */
  readonly returnedMs: number;
  /** The most requests that waited at one of the returned in the first seconds. */
  readonly crowd: number;
  /** The 99th percentiles of answers to what came before, during and after. */
  readonly p99: { readonly before: number; readonly during: number; readonly after: number };
  /** By windows of {@linkcode WINDOW_MS}. */
  readonly timeline: readonly {
    readonly p99: number;
    readonly failedTries: number;
    readonly toReturned: number;
  }[];
}

/** How long a window of the timeline is. */
export const WINDOW_MS = 100;
const TICK_MS = 50;
const REFUSED_AFTER_MS = 0.2;
const MOST_TRIES = 3;

const ANSWERED = 0;
const REFUSED = 1;
const LOST = 2;
const CIRCUIT_TIMER = 3;

const ALIVE = 0;
const REFUSES = 1;
const HANGS = 2;

/** Runs it. */
export function simulateFailure(setup: FailureSetup): FailureResult {
  const { policy, upstreams, load, serviceMs, diesAt, backAt, endsAt, timeoutMs, slowStartMs, seed } = setup;
  const draws = createDraws(seed);
  const choose = createChooser(policy, createDraws(seed + 1).uniform);
  const view = createView(upstreams);
  const circuits = Array<Circuit>(upstreams).fill(CLOSED_CIRCUIT);
  const trialOf = new Int32Array(upstreams).fill(-1);
  const backSince = new Float64Array(upstreams).fill(-Infinity);
  const health = new Uint8Array(upstreams);
  const freeAt = new Float64Array(upstreams);
  const events = createEventQueue();
  const pause = serviceMs / (load * (policy === "sticky" ? 1 : upstreams));
  const room = Math.ceil(endsAt / pause * 1.1) + 1000;
  const arrivedAt = new Float64Array(room);
  const sentAt = new Float64Array(room);
  /** The time to the answer; NaN without one. */
  const took = new Float64Array(room).fill(NaN);
  const keys = new Uint32Array(room);
  const at = new Int32Array(room).fill(-1);
  const tries = new Uint8Array(room);
  /** Tells the events of a request's present try from those of earlier ones. */
  const tokens = new Uint8Array(room);
  const excluded = new Map<number, Set<number>>();
  const windows = Math.ceil(endsAt / WINDOW_MS);
  const sends = new Float64Array(windows);
  const sendsToThird = new Float64Array(windows);
  const failedTries = new Float64Array(windows);
  let crowd = 0;
  let count = 0;
  let now = 0;

  const isOfThird = (index: number) => index % 3 === 0;
  const windowOf = (time: number) => Math.min(windows - 1, Math.floor(time / WINDOW_MS));

  function setAvailable(index: number, available: boolean): void {
    if ((view.isAvailable[index] === 1) === available) return;
    view.isAvailable[index] = available ? 1 : 0;
    listAvailable(view);
  }

  function expect(request: number, kind: number, time: number): void {
    tokens[request]! += 1;
    events.add(time, (request * 256 + tokens[request]!) * 4 + kind);
  }

  function send(request: number): void {
    const index = choose(view, keys[request]!, excluded.get(request));
    if (index === -1) return;
    at[request] = index;
    sentAt[request] = now;
    tries[request]! += 1;
    view.pending[index]! += 1;
    sends[windowOf(now)]! += 1;
    if (isOfThird(index)) {
      sendsToThird[windowOf(now)]! += 1;
      if (now >= backAt && now < backAt + slowStartMs) crowd = Math.max(crowd, view.pending[index]!);
    }
    if (circuits[index]!.kind !== "closed") {
      circuits[index] = nextCircuit(circuits[index]!, { kind: "trial_started", now });
      trialOf[index] = request;
      setAvailable(index, false);
    }
    if (health[index] === REFUSES) expect(request, REFUSED, now + REFUSED_AFTER_MS);
    else if (health[index] === HANGS) expect(request, LOST, now + timeoutMs);
    else {
      freeAt[index] = Math.max(now, freeAt[index]!) + serviceMs * draws.exponential();
      expect(request, ANSWERED, freeAt[index]!);
    }
  }

  function answered(request: number): void {
    const index = ended(request);
    const latency = now - sentAt[request]!;
    const before = view.latencies[index]!;
    view.latencies[index] = before === 0 ? latency : before + AVERAGE_GAIN * (latency - before);
    took[request] = now - arrivedAt[request]!;
    excluded.delete(request);
    if (!setup.breaker) return;
    const trial = trialOf[index] === request;
    circuits[index] = nextCircuit(circuits[index]!, { kind: "success", now, trial });
    if (!trial) return;
    trialOf[index] = -1;
    backSince[index] = now;
    view.shares[index] = slowStartShare(now, now, slowStartMs);
    setAvailable(index, true);
  }

  function failed(request: number, severity: "surely_down" | "failure"): void {
    const index = ended(request);
    failedTries[windowOf(sentAt[request]!)]! += 1;
    if (setup.breaker) {
      const before = circuits[index]!;
      const trial = trialOf[index] === request;
      const after = nextCircuit(before, { kind: "failure", severity, now, trial, random: draws.uniform() });
      circuits[index] = after;
      if (trial || after.kind === "open") trialOf[index] = -1;
      if (after.kind === "open" && after !== before) {
        setAvailable(index, false);
        events.add(after.untilMs, index * 4 + CIRCUIT_TIMER);
      }
    }
    if (tries[request] === MOST_TRIES || (severity === "failure" && request % 2 === 1)) {
      excluded.delete(request);
      return;
    }
    const been = excluded.get(request) ?? new Set<number>();
    excluded.set(request, been.add(index));
    send(request);
  }

  function ended(request: number): number {
    const index = at[request]!;
    at[request] = -1;
    view.pending[index]! -= 1;
    return index;
  }

  function happen(event: number): void {
    const kind = event % 4;
    const subject = (event - kind) / 4;
    if (kind === CIRCUIT_TIMER) return setAvailable(subject, true);
    const token = subject % 256;
    const request = (subject - token) / 256;
    if (tokens[request] !== token || at[request] === -1) return;
    if (kind === ANSWERED) answered(request);
    else failed(request, kind === REFUSED ? "surely_down" : "failure");
  }

  function die(): void {
    for (let index = 0; index < upstreams; index += 3) health[index] = index % 2 === 0 ? REFUSES : HANGS;
    for (let request = 0; request < count; request++) {
      const index = at[request]!;
      if (index === -1 || health[index] === ALIVE) continue;
      expect(request, LOST, health[index] === REFUSES ? now : sentAt[request]! + timeoutMs);
    }
  }

  function comeBack(): void {
    health.fill(ALIVE);
    for (let index = 0; index < upstreams; index += 3) freeAt[index] = now;
  }

  function tick(): void {
    for (let index = 0; index < upstreams; index++) {
      view.shares[index] = slowStartShare(now, backSince[index]!, slowStartMs);
    }
  }

  let arrival = pause * draws.exponential();
  let phase = 0;
  let nextTick = TICK_MS;
  while (now < endsAt) {
    const phaseAt = phase === 0 ? diesAt : phase === 1 ? backAt : endsAt;
    now = Math.min(arrival, events.nextAt(), phaseAt, nextTick);
    if (now === phaseAt) {
      if (phase === 0) die();
      else if (phase === 1) comeBack();
      phase++;
    } else if (now === nextTick) {
      tick();
      nextTick += TICK_MS;
    } else if (now === arrival) {
      arrivedAt[count] = now;
      keys[count] = draws.uniform() * 0x1_0000_0000;
      send(count++);
      arrival = now + pause * draws.exponential();
    } else happen(events.take());
  }
  // What is still under way gets its outcome.
  while (events.nextAt() < endsAt + MOST_TRIES * timeoutMs) {
    now = events.nextAt();
    happen(events.take());
  }

  const inWindow = Array.from({ length: windows }, (): number[] => []);
  const phases: [number[], number[], number[]] = [[], [], []];
  let unanswered = 0;
  let during = 0;
  for (let request = 0; request < count; request++) {
    const time = arrivedAt[request]!;
    const of = time < diesAt ? 0 : time < backAt ? 1 : 2;
    if (of === 1) during++;
    if (Number.isNaN(took[request]!)) {
      if (of === 1) unanswered++;
      continue;
    }
    inWindow[windowOf(time)]!.push(took[request]!);
    phases[of].push(took[request]!);
  }
  const p99 = (times: readonly number[]) => quantileOf(Float64Array.from(times).sort(), 0.99);
  const [dies, back] = [windowOf(diesAt), windowOf(backAt)];
  const timeline = inWindow.map((times, i) => ({
    p99: p99(times),
    failedTries: failedTries[i]! / Math.max(1, sends[i]!),
    toReturned: sendsToThird[i]! / Math.max(1, sends[i]!),
  }));
  const settled =
    timeline.findLastIndex(({ failedTries }, i) => i >= dies && i < back && failedTries >= 0.05) + 1;
  const returned = timeline.findIndex(({ toReturned }, i) => i >= back && toReturned >= 0.9 / 3);
  return {
    requests: count,
    unanswered: unanswered / during,
    wasted: failedTries.slice(dies, back).reduce((sum, tries) => sum + tries, 0) / during,
    settledMs: Math.max(0, settled * WINDOW_MS - diesAt),
    returnedMs: returned === -1 ? Infinity : (returned + 1) * WINDOW_MS - backAt,
    crowd,
    p99: { before: p99(phases[0]), during: p99(phases[1]), after: p99(phases[2]) },
    timeline,
  };
}
