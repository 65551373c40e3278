/** What a run brought: samples by figure and subject, and what could not be measured. */
import { type MetricKey, METRICS } from "./metrics.ts";
import { summarise, type Summary } from "./statistics.ts";

/** Plain data, so that it can be kept as JSON. */
export interface Samples {
  values: Record<MetricKey, Record<string, number[]>>;
  /** Why a subject has no sample for a figure. */
  failures: Record<MetricKey, Record<string, string>>;
}

/** Nothing yet. */
export function emptySamples(): Samples {
  const values: Samples["values"] = {};
  const failures: Samples["failures"] = {};
  for (const { key } of METRICS) {
    values[key] = {};
    failures[key] = {};
  }
  return { values, failures };
}

/** Adds a sample. */
export function record(samples: Samples, metric: MetricKey, subject: string, value: number): void {
  const bySubject = samples.values[metric] ??= {};
  (bySubject[subject] ??= []).push(value);
}

/** The summary of a figure for a subject; undefined when there is no sample. */
export function summaryOf(samples: Samples, metric: MetricKey, subject: string): Summary | undefined {
  return summarise(samples.values[metric]?.[subject] ?? []);
}

/** The median of a figure for a subject; NaN when there is no sample. */
export function medianOf(samples: Samples, metric: MetricKey, subject: string): number {
  return summaryOf(samples, metric, subject)?.median ?? NaN;
}
