/** The figures: what each is called, and how it is shown. */

/** One figure. */
export interface Metric {
  readonly key: string;
  readonly title: string;
  readonly unit: "ms" | "µs" | "calls/s" | "MiB" | "";
  /** Decimal places shown. */
  readonly digits: number;
  readonly better: "lower" | "higher";
  /** Whether the chart has a panel for it. */
  readonly charted: boolean;
  /** A subject that would dwarf all others in its panel and is left out of it. */
  readonly chartedWithout?: string;
}

const metric = (
  key: string,
  title: string,
  unit: Metric["unit"],
  digits: number,
  charted = false,
  better: Metric["better"] = "lower",
): Metric => ({ key, title, unit, digits, better, charted });

/** All figures, in the order in which they are shown. */
export const METRICS: readonly Metric[] = [
  metric("start", "spawn to `initialize` answered", "ms", 0, true),
  metric("startOver", "the same over an empty program with one round trip, the two alone", "ms", 0),
  metric("startSlow", "the same, 100 ms added to each request", "ms", 0, true),
  metric("requests", "HTTP requests up to the first `tools/call`", "", 0, true),
  metric("streams", "GET streams beside them", "", 0),
  metric("p50", "call, p50", "ms", 2),
  metric("p99", "call, p99", "ms", 2),
  metric("addedP50", "added latency per call, p50", "ms", 2, true),
  metric("addedP99", "added latency per call, p99", "ms", 2, true),
  { ...metric("rate", "calls/s, 64 in flight", "calls/s", 0, true, "higher"), chartedWithout: "pipe" },
  metric("restart", "server restarted: next call answered", "ms", 0, true),
  metric("mib1", "1 MiB result", "ms", 1, true),
  metric("mib16", "16 MiB result", "ms", 0, true),
  metric("rest", "RSS at rest", "MiB", 1, true),
  metric("rss10k", "RSS after 10,000 calls", "MiB", 1, true),
  metric("rss100k", "RSS after 100,000 calls", "MiB", 1, true),
  metric("peak", "peak RSS rise by one 16 MiB result", "MiB", 1, true),
  metric("disk", "installed size, runtime aside", "MiB", 2, true),
  metric("files", "installed files", "", 0),
  metric("toLegacy", "added by a modern client at a legacy server, p50", "ms", 3),
  metric("toModern", "added by a legacy client at a modern server, p50", "ms", 3),
  metric("balanced", "added by the balancer over the plain proxy, p50", "ms", 3),
  metric("choice3", "a choice among 3 upstreams, dearest policy", "µs", 2),
  metric("choice1000", "a choice among 1,000 upstreams, dearest policy", "µs", 2),
  metric("threeOfOne", "three upstreams of fixed capacity, times one", "", 2, false, "higher"),
  metric("failover", "an upstream killed: slowest call after it, times a usual one", "", 2),
  metric("jsonP50", "JSON answers: call, p50", "ms", 2),
  metric("jsonAddedP50", "JSON answers: added latency, p50", "ms", 2),
  metric("jsonRate", "JSON answers: calls/s, 64 in flight", "calls/s", 0, false, "higher"),
];

/** The key of a figure. */
export type MetricKey = string;
