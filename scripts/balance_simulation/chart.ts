/** The chart of a simulation: six panels, for light and dark pages alike. */
import { WINDOW_MS } from "./failure.ts";
import { LOADS, type QueueRow, type SimulationResults } from "./run_all.ts";

const PANEL_WIDTH = 450;
const PANEL_HEIGHT = 248;
const PANEL_GAP = 30;
const MARGIN = 20;
const TITLE_HEIGHT = 84;
/** Of a panel, what its plot leaves to labels. */
const PLOT = { left: 44, top: 50, width: 396, height: 160 } as const;
const BAR_STEP = 22;
const BAR_HEIGHT = 14;
const BAR_LABEL_WIDTH = 100;
const BAR_VALUE_WIDTH = 84;

const COLOURS: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  "random": ["#8c959f", "#8b949e"],
  "hash": ["#6639ba", "#a371f7"],
  "round-robin": ["#bc4c00", "#db6d28"],
  "weighted": ["#9a6700", "#d29922"],
  "p2c": ["#0969da", "#4493f8"],
  "p2c by load": ["#1b7c83", "#39c5cf"],
  "least-pending": ["#1a7f37", "#3fb950"],
  "round-robin, no breaker": ["#cf222e", "#f85149"],
};

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 17px; font-weight: 600; }
  .head { font-weight: 600; }
  .quiet { fill: #59636e; }
  .grid { stroke: #8c959f; stroke-opacity: .35; stroke-width: 1; }
  .bound { stroke: #1f2328; stroke-width: 2; }
  .whisker { stroke: #1f2328; stroke-width: 1.2; stroke-opacity: .7; }
  path { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
  path.theory { stroke-dasharray: 2 3; stroke-width: 1.3; }
${styleOf(0)}
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .quiet { fill: #9198a1; }
    .bound, .whisker { stroke: #e6edf3; }
${styleOf(1)}
  }`;

function styleOf(scheme: 0 | 1): string {
  return Object.entries(COLOURS).map(([label, colours]) =>
    `  .${classOf(label)} { stroke: ${colours[scheme]}; } rect.${classOf(label)}, circle.${
      classOf(label)
    } { fill: ${colours[scheme]}; stroke: none; }`
  ).join("\n");
}

function classOf(label: string): string {
  return label.replaceAll(/[^a-z0-9]+/g, "-");
}

/** Draws a simulation. */
export function simulationChart(results: SimulationResults): string {
  const { size, placement, alike, mixed, failure } = results;
  const mean = size.placed / size.placedOver;
  const balanced = placement.filter(({ policy }) => policy !== "sticky");
  const withoutSticky = <T extends { readonly label: string }>(rows: readonly T[]) =>
    rows.filter(({ label }) => label !== "sticky");
  const tails = alike.filter(({ label }) =>
    ["random", "round-robin", "p2c", "p2c by load", "least-pending"].includes(label)
  );
  const panels = [
    barPanel(
      "Most requests at one upstream, above the mean",
      "bar: measured; line: bound",
      balanced.map(({ policy, many }) => ({
        label: policy,
        value: many.measured - mean,
        mark: many.bound - mean,
        text: `${(many.measured - mean).toFixed(1)} (${(many.bound - mean).toFixed(1)})`,
      })),
    ),
    linePanel("Share of upstreams with at least k requests", "dots: measured; dashes: theory", {
      xs: Array.from({ length: 12 }, (_, i) => i + 1),
      xLabel: (k) => k % 2 === 0 ? `${k}` : "",
      least: 1e-4,
      most: 1,
      yLabel: (value) => `${+(100 * value).toPrecision(1)} %`,
      lines: tails.map(({ label, tail, theory }) => ({
        label,
        dots: true,
        values: tail.slice(1, 13),
        ...(theory === undefined ? {} : { theory: Array.from({ length: 12 }, (_, i) => theory.tail(i + 1)) }),
      })),
    }),
    barPanel(
      `Time to the answer, upstreams alike, ${100 * LOADS.alike} % busy`,
      "bar: p99; line: p50 to p99.9",
      withoutSticky(alike).map(timeBar),
    ),
    barPanel(
      `The same, upstreams differ, heavy tail, ${100 * LOADS.mixed} % busy`,
      "bar: p99; line: p50 to p99.9",
      mixed.map(timeBar),
    ),
    linePanel("A third dies and returns: p99 of answers, ms", "seconds", {
      ...timeAxis(size.failure.endsAt),
      least: 20,
      most: 3000,
      yLabel: (value) => `${value}`,
      lines: withoutSticky(failure).map(({ label, timeline }) => ({
        label,
        values: timeline.map(({ p99 }) => p99),
      })),
    }),
    linePanel("The same: share of tries that go to that third", "seconds", {
      ...timeAxis(size.failure.endsAt),
      least: 0,
      most: 0.4,
      yLabel: (value) => `${Math.round(100 * value)} %`,
      lines: withoutSticky(failure).map(({ label, timeline }) => ({
        label,
        values: timeline.map(({ toReturned }) => toReturned),
      })),
    }),
  ];
  const width = 2 * MARGIN + 2 * PANEL_WIDTH + PANEL_GAP;
  const height = MARGIN + TITLE_HEIGHT + Math.ceil(panels.length / 2) * PANEL_HEIGHT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>Load-balancing policies, simulated, against their textbook bounds</title>`,
    `<style>${STYLE}\n</style>`,
    text(MARGIN, MARGIN + 14, "Load-balancing policies, simulated, against their textbook bounds", "title"),
    text(
      MARGIN,
      MARGIN + 34,
      `${size.upstreams.toLocaleString("en-US")} upstreams, ${
        size.requests.toLocaleString("en-US")
      } requests for each policy; times in mean service times.`,
      "quiet",
    ),
    legend(MARGIN, MARGIN + 56),
    ...panels.map((panel, i) => {
      const left = MARGIN + (i % 2) * (PANEL_WIDTH + PANEL_GAP);
      const top = MARGIN + TITLE_HEIGHT + Math.floor(i / 2) * PANEL_HEIGHT;
      return `<g transform="translate(${left} ${top})">\n${panel}\n</g>`;
    }),
    `</svg>`,
    "",
  ].join("\n");
}

interface Bar {
  readonly label: string;
  readonly value: number;
  readonly text: string;
  /** Where a line across the bar stands. */
  readonly mark?: number;
  readonly whisker?: readonly [from: number, to: number];
}

function timeBar({ label, quantiles }: QueueRow): Bar {
  const [p50, , p99, p999] = quantiles;
  return { label, value: p99!, text: p99!.toFixed(1), whisker: [p50!, p999!] };
}

function barPanel(title: string, note: string, bars: readonly Bar[]): string {
  const most = Math.max(
    ...bars.map(({ value, mark, whisker }) => Math.max(value, mark ?? 0, whisker?.[1] ?? 0)),
  );
  const scale = (PANEL_WIDTH - BAR_LABEL_WIDTH - BAR_VALUE_WIDTH) / most;
  const place = (value: number) => (BAR_LABEL_WIDTH + value * scale).toFixed(1);
  const parts = [text(0, 12, title, "head"), text(0, 28, note, "quiet")];
  for (const [i, { label, value, text: words, mark, whisker }] of bars.entries()) {
    const y = 42 + i * BAR_STEP;
    const width = Math.max(1, value * scale).toFixed(1);
    parts.push(
      text(BAR_LABEL_WIDTH - 8, y + 11, label, "", "end"),
      `<rect class="${
        classOf(label)
      }" x="${BAR_LABEL_WIDTH}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="2"/>`,
    );
    if (mark !== undefined) {
      parts.push(
        `<line class="bound" x1="${place(mark)}" x2="${place(mark)}" y1="${y - 2}" y2="${
          y + BAR_HEIGHT + 2
        }"/>`,
      );
    }
    if (whisker !== undefined) {
      const middle = y + BAR_HEIGHT / 2;
      parts.push(
        `<line class="whisker" x1="${place(whisker[0])}" x2="${
          place(whisker[1])
        }" y1="${middle}" y2="${middle}"/>`,
      );
    }
    parts.push(text(+place(Math.max(value, mark ?? 0, whisker?.[1] ?? 0)) + 6, y + 11, words, ""));
  }
  return parts.join("\n");
}

interface Line {
  readonly label: string;
  readonly values: readonly number[];
  readonly theory?: readonly number[];
  readonly dots?: boolean;
}

interface Lines {
  readonly xs: readonly number[];
  /** Empty: no label there. */
  readonly xLabel: (x: number) => string;
  /** 0: the axis is linear; else it is logarithmic. */
  readonly least: number;
  readonly most: number;
  readonly yLabel: (value: number) => string;
  readonly lines: readonly Line[];
}

function timeAxis(endsAt: number): Pick<Lines, "xs" | "xLabel"> {
  const xs = Array.from({ length: Math.ceil(endsAt / WINDOW_MS) }, (_, i) => i * WINDOW_MS / 1000);
  return { xs, xLabel: (x) => x % 2 === 0 ? `${x}` : "" };
}

function linePanel(title: string, note: string, { xs, xLabel, least, most, yLabel, lines }: Lines): string {
  const x = (i: number) => PLOT.left + PLOT.width * i / (xs.length - 1);
  const y = (value: number) => {
    const part = least === 0
      ? value / most
      : Math.log(Math.max(least, value) / least) / Math.log(most / least);
    return PLOT.top + PLOT.height * (1 - Math.min(1, part));
  };
  const path = (values: readonly number[]) =>
    values.map((value, i) => [i, value] as const)
      .filter(([, value]) => value >= least && !Number.isNaN(value))
      .map(([i, value], n) => `${n === 0 ? "M" : "L"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const parts = [text(0, 12, title, "head"), text(0, 28, note, "quiet")];
  for (const value of ticks(least, most)) {
    const at = y(value).toFixed(1);
    parts.push(
      `<line class="grid" x1="${PLOT.left}" x2="${PLOT.left + PLOT.width}" y1="${at}" y2="${at}"/>`,
      text(PLOT.left - 6, +at + 4, yLabel(value), "quiet", "end"),
    );
  }
  for (const [i, value] of xs.entries()) {
    if (xLabel(value) !== "") {
      parts.push(text(x(i), PLOT.top + PLOT.height + 16, xLabel(value), "quiet", "middle"));
    }
  }
  for (const { label, values, theory, dots } of lines) {
    const style = classOf(label);
    if (theory !== undefined) parts.push(`<path class="theory ${style}" d="${path(theory)}"/>`);
    if (dots === true) {
      for (const [i, value] of values.entries()) {
        if (value < least) continue;
        parts.push(`<circle class="${style}" cx="${x(i).toFixed(1)}" cy="${y(value).toFixed(1)}" r="3.2"/>`);
      }
      if (theory === undefined) parts.push(`<path class="${style}" d="${path(values)}"/>`);
    } else parts.push(`<path class="${style}" d="${path(values)}"/>`);
  }
  return parts.join("\n");
}

function ticks(least: number, most: number): number[] {
  if (least === 0) return [0, 1, 2, 3, 4].map((i) => most * i / 4);
  const powers = Array.from({ length: 12 }, (_, i) => +`1e${i - 6}`);
  return powers.filter((value) => value >= least && value <= most);
}

function legend(left: number, y: number): string {
  let at = left;
  return Object.keys(COLOURS).flatMap((label) => {
    const x = at;
    at += 32 + label.length * 6.5;
    return [
      `<rect class="${classOf(label)}" x="${x.toFixed(1)}" y="${y - 9}" width="10" height="10" rx="2"/>`,
      text(x + 14, y, label, ""),
    ];
  }).join("\n");
}

function text(x: number, y: number, content: string, style: string, anchor = "start"): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const look = style === "" ? "" : ` class="${style}"`;
  const end = anchor === "start" ? "" : ` text-anchor="${anchor}"`;
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${look}${end}>${escaped}</text>`;
}
