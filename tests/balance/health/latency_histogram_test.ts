import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import {
  createLatencyHistogram,
  cumulativeHistogram,
  recentLatency,
  recordLatency,
} from "../../../src/balance/health/latency_histogram.ts";

Deno.test("latencies: nothing is shown before the first answer", () => {
  const histogram = createLatencyHistogram();
  strictEqual(recentLatency(histogram, 1e6), undefined);
  strictEqual(cumulativeHistogram(histogram).at(-1)![1], 0);
});

Deno.test("latencies: percentiles are right to within a fifth", () => {
  const latencies = fc.array(fc.double({ min: 0.1, max: 100_000, noNaN: true }), {
    minLength: 1,
    maxLength: 300,
  });
  fc.assert(fc.property(latencies, (latencies) => {
    const histogram = createLatencyHistogram();
    for (const latency of latencies) recordLatency(histogram, latency, 1e6);
    const sorted = [...latencies].sort((a, b) => a - b);
    const recent = recentLatency(histogram, 1e6)!;
    for (const [share, estimate] of [[0.5, recent.p50], [0.95, recent.p95], [0.99, recent.p99]] as const) {
      const exact = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
      ok(estimate >= exact / 1.2 && estimate <= exact * 1.2, `${estimate} for ${exact}`);
    }
  }));
});

Deno.test("latencies: what is evenly spread is told to within a tenth", () => {
  const histogram = createLatencyHistogram();
  for (let i = 1; i <= 1000; i++) recordLatency(histogram, i / 10, 1e6);
  const { p50, p95, p99 } = recentLatency(histogram, 1e6)!;
  ok(Math.abs(p50 - 50) < 5 && Math.abs(p95 - 95) < 9.5 && Math.abs(p99 - 99) < 9.9, `${p50} ${p95} ${p99}`);
});

Deno.test("latencies: after a minute an answer is gone from the percentiles, and stays in the sums", () => {
  const histogram = createLatencyHistogram();
  recordLatency(histogram, 100, 1_000_000);
  ok(recentLatency(histogram, 1_049_999) !== undefined);
  strictEqual(recentLatency(histogram, 1_060_000), undefined);
  recordLatency(histogram, 1, 1_060_000);
  ok(recentLatency(histogram, 1_060_000)!.p99 < 1.3);
  strictEqual(cumulativeHistogram(histogram).at(-1)![1], 2);
  strictEqual(histogram.sumMs, 101);
  recordLatency(histogram, 1, 1e12);
  strictEqual(recentLatency(histogram, 1e13), undefined);
});

Deno.test("latencies: the histogram counts up to each bound, the bound included", () => {
  const histogram = createLatencyHistogram();
  for (const latency of [0, 1, 1.01, 50, 60_000, 60_001, 1e9]) recordLatency(histogram, latency, 0);
  deepStrictEqual(
    cumulativeHistogram(histogram).filter(([bound]) => [1, 2.5, 25, 50, 60_000, Infinity].includes(bound)),
    [[1, 2], [2.5, 3], [25, 3], [50, 4], [60_000, 5], [Infinity, 7]],
  );
});
