import type { LatencySnapshot, UpstreamSnapshot } from "../snapshot.ts";

/** The bounds of what is counted from the start of the program; the last is all the rest. */
const BOUNDS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, Infinity];

/** The last minute is held in slices that are dropped one by one. */
const SLICES = 6;
const SLICE_MS = 10_000;
/** The finer buckets of the last minute: each is so many times as wide as the one before. Four double. */
const LEAST_MS = 0.05;
const BUCKETS_PER_DOUBLING = 4;
/** Up to 50 µs × 2^24, a quarter of an hour. */
const BUCKETS = 24 * BUCKETS_PER_DOUBLING;

/** How long answers took: all of them in a few buckets, those of the last minute in finer ones. */
export interface LatencyHistogram {
  /** Answers by {@linkcode BOUNDS_MS}, not cumulative. */
  readonly counts: Float64Array;
  sumMs: number;
  /** {@linkcode SLICES} times {@linkcode BUCKETS}. */
  readonly recent: Uint32Array;
  /** How many answers each slice holds. */
  readonly recentCounts: Uint32Array;
  /** The newest slice, counted from the clock's zero. */
  newest: number;
}

/** Makes an empty one, of about 2.5 KB for good. */
export function createLatencyHistogram(): LatencyHistogram {
  return {
    counts: new Float64Array(BOUNDS_MS.length),
    sumMs: 0,
    recent: new Uint32Array(SLICES * BUCKETS),
    recentCounts: new Uint32Array(SLICES),
    newest: 0,
  };
}

/**
 * Counts an answer.
 *
 * @param nowMs the time, which never goes back
 */
export function recordLatency(histogram: LatencyHistogram, latencyMs: number, nowMs: number): void {
  let bound = 0;
  while (latencyMs > BOUNDS_MS[bound]!) bound++;
  histogram.counts[bound]! += 1;
  histogram.sumMs += latencyMs;
  moveTo(histogram, nowMs);
  const slice = histogram.newest % SLICES;
  histogram.recent[slice * BUCKETS + bucketOf(latencyMs)]! += 1;
  histogram.recentCounts[slice]! += 1;
}

/** What the answers of the last minute took, to within a tenth; `undefined` for none. */
export function recentLatency(histogram: LatencyHistogram, nowMs: number): LatencySnapshot | undefined {
  moveTo(histogram, nowMs);
  const total = histogram.recentCounts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  return {
    p50: percentile(histogram, total, 0.5),
    p95: percentile(histogram, total, 0.95),
    p99: percentile(histogram, total, 0.99),
  };
}

/** How many answers took up to so many milliseconds since the start. */
export function cumulativeHistogram({ counts }: LatencyHistogram): UpstreamSnapshot["histogram"] {
  let all = 0;
  return BOUNDS_MS.map((bound, i) => [bound, all += counts[i]!] as const);
}

/** Empties the slices that time has passed since. */
function moveTo(histogram: LatencyHistogram, nowMs: number): void {
  const now = Math.floor(nowMs / SLICE_MS);
  const first = Math.max(histogram.newest + 1, now - SLICES + 1);
  for (let passed = first; passed <= now; passed++) {
    const slice = passed % SLICES;
    histogram.recent.fill(0, slice * BUCKETS, (slice + 1) * BUCKETS);
    histogram.recentCounts[slice] = 0;
  }
  histogram.newest = Math.max(histogram.newest, now);
}

function bucketOf(latencyMs: number): number {
  if (!(latencyMs > LEAST_MS)) return 0;
  return Math.min(BUCKETS - 1, Math.floor(Math.log2(latencyMs / LEAST_MS) * BUCKETS_PER_DOUBLING));
}

/** Finds where a share of the answers lies, and where in its bucket. */
function percentile({ recent }: LatencyHistogram, total: number, share: number): number {
  const rank = Math.max(1, share * total);
  let below = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    let here = 0;
    for (let slice = 0; slice < SLICES; slice++) here += recent[slice * BUCKETS + bucket]!;
    if (below + here >= rank) {
      return LEAST_MS * 2 ** ((bucket + (rank - below) / here) / BUCKETS_PER_DOUBLING);
    }
    below += here;
  }
  return LEAST_MS * 2 ** (BUCKETS / BUCKETS_PER_DOUBLING);
}
