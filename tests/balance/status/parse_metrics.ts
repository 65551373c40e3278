/** One metric of the Prometheus text format. */
export interface Metric {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** One line with a value. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"/y;
const VALUE = /^(?:[+-]Inf|NaN|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;
const SUFFIXES = ["_bucket", "_sum", "_count"];

/**
 * Reads the text format (version 0.0.4), and throws at whatever a strict reader would refuse: an unknown escape, a metric in
 * two places or without its type, the same series twice, a histogram whose buckets don't grow or don't end in `+Inf`.
 */
export function parseMetrics(text: string): Map<string, Metric> {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const metrics = new Map<string, { type: string; help: string; samples: Sample[] }>();
  const series = new Set<string>();
  let current: string | undefined;
  let help: { readonly name: string; readonly text: string } | undefined;

  for (const line of text.slice(0, -1).split("\n")) {
    const fail = (why: string) => new Error(`${why}: ${line}`);
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (comment !== null) {
      const [, kind, name, rest] = comment as unknown as [string, string, string, string];
      if (metrics.has(name)) throw fail("a metric in two places");
      if (kind === "HELP") {
        if (help !== undefined) throw fail("a help without a type before");
        help = { name, text: rest };
      } else {
        if (help?.name !== name) throw fail("a type without its help");
        if (!["gauge", "counter", "histogram"].includes(rest)) throw fail("no such type");
        if ((rest === "counter") !== name.endsWith("_total")) throw fail("counters alone end in _total");
        metrics.set(name, { type: rest, help: help.text, samples: [] });
        current = name;
        help = undefined;
      }
      continue;
    }
    const sample = parseSample(line, fail);
    const metric = current === undefined ? undefined : metrics.get(current);
    const names = metric?.type === "histogram" ? SUFFIXES.map((it) => current + it) : [current];
    if (metric === undefined || help !== undefined || !names.includes(sample.name)) {
      throw fail("a sample that is not under its metric");
    }
    const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
    if (series.has(key)) throw fail("the same series twice");
    series.add(key);
    if (metric.type === "counter" && !(sample.value >= 0)) throw fail("a counter below 0");
    metric.samples.push(sample);
  }
  for (const [name, { type, samples }] of metrics) {
    if (samples.length === 0) throw new Error(`${name} has no samples`);
    if (type === "histogram") checkHistogram(name, samples);
  }
  return metrics;
}

function parseSample(line: string, fail: (why: string) => Error): Sample {
  NAME.lastIndex = 0;
  const name = NAME.exec(line)?.[0];
  if (name === undefined) throw fail("no name");
  let at = name.length;
  const labels: Record<string, string> = Object.create(null);
  if (line[at] === "{") {
    do {
      LABEL.lastIndex = at + 1;
      const [whole, label, text] = LABEL.exec(line) ?? [];
      if (whole === undefined) throw fail("a label that is none");
      if (label! in labels) throw fail("a label twice");
      labels[label!] = text!.replace(/\\(.)/g, (_, char) => char === "n" ? "\n" : char);
      at = LABEL.lastIndex;
    } while (line[at] === ",");
    if (line[at++] !== "}") throw fail("labels without an end");
  }
  if (line[at] !== " ") throw fail("no blank before the value");
  const value = line.slice(at + 1);
  if (!VALUE.test(value)) throw fail("a value that is none");
  return { name, labels, value: Number(value.replace("Inf", "Infinity")) };
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...rest } }) => JSON.stringify(rest));
  for (const [key, group] of groups) {
    const buckets = group.filter((it) => it.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number(labels.le?.replace("Inf", "Infinity")));
    const count = group.filter((it) => it.name === `${name}_count`);
    const sum = group.filter((it) => it.name === `${name}_sum`);
    if (count.length !== 1 || sum.length !== 1) throw new Error(`${key}: one sum and one count`);
    if (bounds.at(-1) !== Infinity) throw new Error(`${key}: the last bucket is not +Inf`);
    if (buckets.at(-1)!.value !== count[0]!.value) throw new Error(`${key}: +Inf is not the count`);
    bounds.forEach((bound, i) => {
      if (i > 0 && !(bound > bounds[i - 1]!)) throw new Error(`${key}: bounds don't ascend`);
      if (i > 0 && buckets[i]!.value < buckets[i - 1]!.value) throw new Error(`${key}: not cumulative`);
    });
  }
}
