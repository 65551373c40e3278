/** The targets: what our figures must be against the better rival's, and what against fixed bounds. */
import { medianOf, type Samples } from "./samples.ts";
import { SLOW_DELAY_MS } from "./server.ts";

/** A target and how it came out. */
export interface Verdict {
  readonly title: string;
  /** The bound in words. */
  readonly bound: string;
  /** Our figure against it, in words. */
  readonly found: string;
  /** undefined when a figure is missing. */
  readonly passed: boolean | undefined;
}

/** Judges all targets over the medians of a run. `subject` is the key of the one that is held against the rivals. */
export function judge(samples: Samples, rivals: readonly string[], subject: "ours" | "source"): Verdict[] {
  const ours = (metric: string) => medianOf(samples, metric, subject);
  const better = (metric: string, pick: (...values: number[]) => number) => {
    const values = rivals.map((rival) => medianOf(samples, metric, rival)).filter((value) => !isNaN(value));
    return values.length === 0 ? NaN : pick(...values);
  };
  const least = (metric: string) => better(metric, Math.min);
  const atMost = (title: string, bound: string, value: number, limit: number, found: string): Verdict => ({
    title,
    bound,
    found: isNaN(value) ? "not measured" : found,
    passed: isNaN(value) || isNaN(limit) ? undefined : value <= limit,
  });
  const share = (title: string, metric: string, limit: number, words: string): Verdict => {
    const ratio = ours(metric) / least(metric);
    return atMost(title, words, ratio, limit, `${(ratio * 100).toFixed(1)} %`);
  };
  const crossing = (title: string, metric: string): Verdict => {
    const added = ours(metric);
    const bound = "at most 0.3 ms over the call that crosses no era";
    return atMost(title, bound, added, 0.3, `${added.toFixed(3)} ms`);
  };
  const mib = (value: number) => `${value.toFixed(1)} MiB`;
  const over = ours("startOver");
  const slow = ours("startSlow");
  const faster = ours("rate") / better("rate", Math.max);
  const rest = ours("rest");
  const lighter = rest / least("rest");
  const growth = ours("rss100k") / ours("rss10k");
  const peak = ours("peak");
  const slowLimit = SLOW_DELAY_MS + 80;
  return [
    share("first answer", "start", 1 / 8, "at most 12.5 % of the better rival's time"),
    atMost(
      "spawn to the first byte out",
      "an empty Deno program with one round trip + 10 ms",
      over,
      10,
      `${over < 0 ? "−" : "+"}${Math.abs(over).toFixed(0)} ms, ${
        (over / medianOf(samples, "start", "empty")).toFixed(1)
      } times an empty program`,
    ),
    atMost(
      "first answer, slowed server",
      `at most one request's delay + 80 ms`,
      slow,
      slowLimit,
      `${SLOW_DELAY_MS} + ${(slow - SLOW_DELAY_MS).toFixed(0)} ms`,
    ),
    atMost("requests to the first call", "at most 3", ours("requests"), 3, `${ours("requests")}`),
    share("added latency, p50", "addedP50", 0.6, "at most 60 % of the better rival's"),
    {
      title: "calls/s, 64 in flight",
      bound: "at least 4 times the better rival's",
      found: isNaN(faster) ? "not measured" : `${faster.toFixed(2)} times`,
      passed: isNaN(faster) ? undefined : faster >= 4,
    },
    crossing("a modern client at a legacy server, added p50", "toLegacy"),
    crossing("a legacy client at a modern server, added p50", "toModern"),
    share("1 MiB result", "mib1", 0.85, "at most 85 % of the better rival's time"),
    atMost("RSS at rest", "at most 45 MiB", rest, 45, mib(rest)),
    atMost(
      "RSS at rest",
      "under half of the lighter rival's",
      lighter,
      0.5 - Number.EPSILON,
      `${(lighter * 100).toFixed(1)} %`,
    ),
    atMost(
      "RSS after 100,000 calls",
      "within 10 % of that after 10,000",
      growth,
      1.1,
      `${growth < 1 ? "" : "+"}${((growth - 1) * 100).toFixed(1)} %`,
    ),
    atMost(
      "balancer over proxy, added p50",
      "at most 0.1 ms",
      ours("balanced"),
      0.1,
      `${ours("balanced").toFixed(3)} ms`,
    ),
    ...[3, 1000].map((size) => {
      const cost = ours(`choice${size}`);
      return atMost(`a choice among ${size} upstreams`, "at most 5 µs", cost, 5, `${cost.toFixed(2)} µs`);
    }),
    {
      title: "three upstreams of fixed capacity",
      bound: "at least 2.8 times one",
      found: isNaN(ours("threeOfOne")) ? "not measured" : `${ours("threeOfOne").toFixed(2)} times`,
      passed: isNaN(ours("threeOfOne")) ? undefined : ours("threeOfOne") >= 2.8,
    },
    atMost(
      "an upstream killed",
      "the slowest call takes one request's time more at most",
      ours("failover"),
      2,
      `${ours("failover").toFixed(2)} times a usual one`,
    ),
    atMost("peak RSS by a 16 MiB result", "a rise of at most 64 MiB", peak, 64, mib(peak)),
  ];
}
