/** What is known of an upstream when outliers are looked for. */
export interface OutlierInput {
  /** It takes requests now: neither down nor draining, nor ejected. */
  readonly available: boolean;
  readonly ejectedNow: boolean;
  /** How often it was ejected so far. */
  readonly timesEjected: number;
  /** Answers and failures that the figures below rest on. */
  readonly samples: number;
  /** The mean of latency ÷ what the pool takes for the same kind of request: 1 is as fast as all. */
  readonly slowness: number;
  /** Its mean latency. */
  readonly latencyMs: number;
  /** From 0 to 1. */
  readonly failureShare: number;
}

/** An upstream that shall be left out for a while. */
export interface Ejection {
  readonly index: number;
  readonly forMs: number;
  readonly reason: "slow" | "failing";
  /** For people: by how much. */
  readonly why: string;
}

/** Fewer say nothing. */
const FEWEST_SAMPLES = 20;
/** How many times slower, or more often failing, than the median of the others. */
const RATIO = 3;
/** The same between two, where nobody can tell which of both is the unusual one. */
const RATIO_OF_TWO = 5;
const SLOWER_BY_MS = 20;
const FAILING_MORE_BY = 0.2;
const EJECTION_MS = 10_000;
const LONGEST_EJECTION_MS = 300_000;

/**
 * Decides which upstreams to leave out for being slower, or failing more often, than the others: the worst first, for 10 s
 * the first time and 10 s more each time, up to 5 minutes.
 *
 * Slow is who takes at least three times as long as the median of the others for the same requests, and at least 20 ms
 * longer: among the fastest a ratio says little. Failing is who has at least three times their share of failures and at
 * least 20 points more. Between two it takes five times as much.
 *
 * @param maxEjectedPercent how many of all may be out at a time, rounded down; the last available one never is
 */
export function findOutliers(upstreams: readonly OutlierInput[], maxEjectedPercent: number): Ejection[] {
  const judged = upstreams.flatMap((upstream, index) =>
    upstream.available && !upstream.ejectedNow && upstream.samples >= FEWEST_SAMPLES
      ? [{ index, upstream }]
      : []
  );
  if (judged.length < 2) return [];
  const ratio = judged.length === 2 ? RATIO_OF_TWO : RATIO;
  const usualSlowness = medianOfOthers(judged.map(({ upstream }) => upstream.slowness));
  const usualFailures = medianOfOthers(judged.map(({ upstream }) => upstream.failureShare));
  const found = judged.flatMap(({ index, upstream }) => {
    const outlier = judge(upstream, usualSlowness, usualFailures, ratio);
    const forMs = Math.min(LONGEST_EJECTION_MS, EJECTION_MS * (upstream.timesEjected + 1));
    return outlier === undefined ? [] : [{ ...outlier, index, forMs }];
  });
  found.sort((a, b) => a.reason === b.reason ? b.badness - a.badness : a.reason === "failing" ? -1 : 1);
  const out = upstreams.filter((upstream) => upstream.ejectedNow).length;
  const available = upstreams.filter((upstream) => upstream.available && !upstream.ejectedNow).length;
  // A tenth of an ulp too little must not cost an upstream: 29 % of 100 are 29.
  const most = Math.floor(upstreams.length * maxEjectedPercent / 100 + 1e-9);
  const room = Math.max(0, Math.min(most - out, available - 1));
  return found.slice(0, room).map(({ index, forMs, reason, why }) => ({ index, forMs, reason, why }));
}

function judge(
  { slowness, latencyMs, failureShare }: OutlierInput,
  usualSlowness: number,
  usualFailures: number,
  ratio: number,
): { reason: "slow" | "failing"; why: string; badness: number } | undefined {
  if (failureShare >= usualFailures * ratio && failureShare >= usualFailures + FAILING_MORE_BY) {
    const why = `${percent(failureShare)} of its requests fail, ${percent(usualFailures)} of the others'`;
    return { reason: "failing", why, badness: failureShare };
  }
  // What it would take at the pace of the others: its requests may be slower ones than theirs.
  const longerByMs = latencyMs * (1 - usualSlowness / slowness);
  if (usualSlowness > 0 && slowness >= usualSlowness * ratio && longerByMs >= SLOWER_BY_MS) {
    const times = slowness / usualSlowness;
    const why = `it takes ${times.toFixed(1)} times as long as the others, ${longerByMs.toFixed(0)} ms more`;
    return { reason: "slow", why, badness: times };
  }
  return undefined;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

/**
 * The median of all but the greatest. To each of the upper half it is the median of the others, and to one of the lower half
 * it is no less than that one has: whom to compare with it makes no difference there.
 */
function medianOfOthers(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const others = values.length - 1;
  return (sorted[(others - 1) >> 1]! + sorted[others >> 1]!) / 2;
}
