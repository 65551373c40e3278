/** Tables of a run, readable as text and valid as Markdown. */
import { type Metric, METRICS } from "./metrics.ts";
import { type Samples, summaryOf } from "./samples.ts";
import type { Subject } from "./subjects.ts";
import type { Verdict } from "./targets.ts";

/** A subject as the tables and the chart name it. */
export type Described = Pick<Subject, "key" | "label" | "role">;

/** A run with all that is said of it. */
export interface Run {
  readonly subjects: readonly Described[];
  readonly rounds: number;
  readonly machine: readonly string[];
  /** What the driver itself can do, over `cat`. */
  readonly driver: string;
  /** What the layers for recovery and repetition cost a call when nothing fails. */
  readonly layers: string;
  readonly samples: Samples;
  /** Why a subject was not measured at all. */
  readonly excluded: readonly string[];
}

/** A number with separated thousands and fixed decimals. */
export function formatNumber(value: number, digits: number): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** The table of all figures: median (min–max). */
export function figuresTable(run: Run): string {
  const head = ["figure", "unit", ...run.subjects.map((subject) => subject.label)];
  const rows = METRICS.filter(({ key }) => run.subjects.some((subject) => hasFigure(run, key, subject.key)))
    .map((metric) => [
      metric.title,
      metric.unit,
      ...run.subjects.map((subject) => cell(run, metric, subject.key)),
    ]);
  return table([head, ...rows]);
}

/** How both forms of the program did against the targets. */
export interface Verdicts {
  /** Bundled, as it is shipped. */
  readonly ours: readonly Verdict[];
  /** Run from its source files. */
  readonly source: readonly Verdict[];
}

/** The table of the targets. */
export function targetsTable({ ours, source }: Verdicts): string {
  const cell = ({ found, passed }: Verdict) =>
    passed === undefined ? found : `${found} ${passed ? "(pass)" : "(FAIL)"}`;
  const rows = ours.map((verdict, i) => [verdict.title, verdict.bound, cell(verdict), cell(source[i]!)]);
  return table([["target", "bound", "bundled, as shipped", "from source"], ...rows]);
}

/** What could not be measured and why, a line each. */
export function failureLines(run: Run): string[] {
  const lines = [...run.excluded];
  for (const { key, title } of METRICS) {
    for (const { key: subject, label } of run.subjects) {
      const reason = run.samples.failures[key]?.[subject];
      if (reason !== undefined) lines.push(`${label}, ${title}: ${reason}`);
    }
  }
  return lines;
}

/** The page kept beside the chart. */
export function markdownPage(run: Run, verdicts: Verdicts): string {
  const failures = failureLines(run);
  return [
    "# Benchmark",
    "",
    "Made by `deno task bench`: each subject carries the same calls between the same client and the same server,",
    "in one run, in turns. Read differences and ratios; absolute figures are the machine's.",
    "",
    "![The figures as a chart](bench.svg)",
    "",
    "## Targets",
    "",
    targetsTable(verdicts),
    "",
    "## Figures",
    "",
    `Median (least–greatest) of ${run.rounds} interleaved rounds.`,
    "",
    figuresTable(run),
    "",
    ...(failures.length === 0 ? [] : ["Not measured:", "", ...failures.map((line) => `- ${line}`), ""]),
    "## How it is measured",
    "",
    "- The **driver** is one Deno process that writes lines to a bridge's stdin and counts line ends on its stdout.",
    `  Over \`cat\` it reaches ${run.driver}.`,
    "- **Recovery** and repetition are layers around the wire. Over no wire at all, and while nothing fails, they take",
    `  ${run.layers}.`,
    "- The **server** is a process of its own: Streamable HTTP of 2025-11-25 with sessions, answers as event streams",
    "  (as servers on the official SDK give them), a GET stream for whoever asks; `echo` gives 200 bytes back.",
    "- **direct client** makes the same calls from the driver with `fetch` and keep-alive; added latency is a bridge's",
    "  less this one's, of the same round. **pipe floor** is a Deno program on the same pipes that answers by itself.",
    "- **empty program** is a Deno program without a line, timed until it ends; **least bridge** is one that reads a",
    "  message, posts it and writes the answer, and can do nothing else: an empty program with one round trip. The start",
    "  is held against it round by round, the two in turns without the rivals, which leave no cache as it was.",
    "- **mcp-connect** is the bundle that is shipped (`deno task bundle`), run by `deno run -A`; **from source** the same",
    "  program as `deno run -A src/main.ts`, which loads a hundred files. The rivals are run by Node from their",
    "  installed files, logging off, `mcp-remote` with `--transport http-only`. Each is started twice before anything is timed.",
    "- **Balancing**: a pool of three names of the one server against the plain proxy, in turns; three servers, each a",
    "  process that does four calls of 20 ms at once, against one of them, 64 in flight; and one of the three killed",
    "  between two calls.",
    "- Sizes: the bundle's files; the sources with the packages they need at run time; a rival's package with all that",
    "  npm installs for it. Deno, or Node, comes on top.",
    "- Starting: from before the spawn, `initialize` written at once, to its answer's last byte. Calls: 800 a round,",
    "  in blocks that take turns, after 300 to warm up. Calls/s: 2 s after 1 s of warming. Results: the median of 20",
    "  of 1 MiB and 3 of 16 MiB a round. Memory: resident size of the process tree, from the system, after a",
    "  second's rest; the peak's rise in a fresh process after one small call.",
    "",
    "## Machine",
    "",
    ...run.machine.map((fact) => `- ${fact}`),
    "",
  ].join("\n");
}

function hasFigure(run: Run, metric: string, subject: string): boolean {
  return summaryOf(run.samples, metric, subject) !== undefined ||
    run.samples.failures[metric]?.[subject] !== undefined;
}

function cell(run: Run, metric: Metric, subject: string): string {
  const summary = summaryOf(run.samples, metric.key, subject);
  if (summary === undefined) return run.samples.failures[metric.key]?.[subject] === undefined ? "" : "failed";
  const show = (value: number) => formatNumber(value, metric.digits);
  const { count } = summary;
  if (count === 1) return run.rounds === 1 ? show(summary.median) : `${show(summary.median)} (1 round)`;
  if (summary.min === summary.max && count === run.rounds) return show(summary.median);
  const fewer = count < run.rounds ? `, ${count} rounds` : "";
  return `${show(summary.median)} (${show(summary.min)}–${show(summary.max)}${fewer})`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((text, column) => text.padEnd(widths[column]!)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join("\n");
}
