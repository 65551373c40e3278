/** The chart: one small panel of bars for each figure, for light and dark pages alike. */
import { type Metric, METRICS } from "./metrics.ts";
import { formatNumber, type Run } from "./report.ts";
import { summaryOf } from "./samples.ts";

const COLUMNS = 2;
const PANEL_WIDTH = 450;
const PANEL_GAP = 30;
const MARGIN = 20;
const TITLE_HEIGHT = 58;
const BAR_HEIGHT = 14;
const BAR_STEP = 20;
const BARS_TOP = 26;
const LABEL_WIDTH = 158;
const VALUE_WIDTH = 96;

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 17px; font-weight: 600; }
  .head { font-weight: 600; }
  .quiet { fill: #59636e; }
  .ours { fill: #0969da; }
  .rival { fill: #bc4c00; fill-opacity: .75; }
  .floor { fill: #8c959f; fill-opacity: .6; }
  .spread { stroke: #1f2328; stroke-width: 1.2; stroke-opacity: .7; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .quiet { fill: #9198a1; }
    .ours { fill: #4493f8; }
    .rival { fill: #db6d28; }
    .spread { stroke: #e6edf3; }
  }`;

interface Bar {
  label: string;
  role: string;
  median: number;
  min: number;
  max: number;
}

/** Draws a run. */
export function drawChart(run: Run): string {
  const panels = METRICS.filter((metric) => metric.charted)
    .map((metric) => ({ metric, bars: barsOf(run, metric) }))
    .filter(({ bars }) => bars.length > 0);
  const parts: string[] = [];
  let top = MARGIN + TITLE_HEIGHT;
  for (let i = 0; i < panels.length; i += COLUMNS) {
    const row = panels.slice(i, i + COLUMNS);
    for (const [column, { metric, bars }] of row.entries()) {
      parts.push(drawPanel(metric, bars, MARGIN + column * (PANEL_WIDTH + PANEL_GAP), top));
    }
    top += BARS_TOP + Math.max(...row.map(({ bars }) => bars.length)) * BAR_STEP + 18;
  }
  const width = 2 * MARGIN + COLUMNS * PANEL_WIDTH + (COLUMNS - 1) * PANEL_GAP;
  const height = top + MARGIN - 10;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>mcp-connect beside mcp-remote and supergateway</title>`,
    `<style>${STYLE}\n</style>`,
    text(MARGIN, MARGIN + 14, "mcp-connect beside other stdio → HTTP bridges", "title"),
    text(
      MARGIN,
      MARGIN + 34,
      `Bars: medians of ${run.rounds} interleaved rounds; lines: least to greatest. ${
        run.machine.slice(2).join(", ")
      }.`,
      "quiet",
    ),
    ...parts,
    `</svg>`,
    "",
  ].join("\n");
}

function barsOf(run: Run, metric: Metric): Bar[] {
  return run.subjects.flatMap(({ key, label, role }) => {
    const summary = summaryOf(run.samples, metric.key, key);
    return summary === undefined || key === metric.chartedWithout ? [] : [{ label, role, ...summary }];
  });
}

function drawPanel(metric: Metric, bars: readonly Bar[], left: number, top: number): string {
  const scale = (PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH) / Math.max(...bars.map((bar) => bar.max), 1e-9);
  const place = (value: number) => left + LABEL_WIDTH + Math.max(0, value) * scale;
  const parts = [
    text(left, top + 12, metric.title.replaceAll("`", ""), "head"),
    text(left + PANEL_WIDTH, top + 12, `${metric.better} is better`, "quiet", "end"),
  ];
  for (const [i, bar] of bars.entries()) {
    const y = top + BARS_TOP + i * BAR_STEP;
    const middle = y + BAR_HEIGHT / 2;
    const width = Math.max(1, place(bar.median) - place(0)).toFixed(1);
    const value = `${formatNumber(bar.median, metric.digits)} ${metric.unit}`.trim();
    parts.push(
      text(left + LABEL_WIDTH - 8, y + 11, bar.label, bar.role === "ours" ? "head" : "", "end"),
      `<rect class="${bar.role}" x="${place(0)}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="2"/>`,
      text(place(Math.max(bar.median, bar.max)) + 6, y + 11, value, bar.role === "ours" ? "head" : ""),
    );
    if (bar.max > bar.min) {
      const [from, to] = [place(bar.min).toFixed(1), place(bar.max).toFixed(1)];
      parts.push(`<line class="spread" x1="${from}" x2="${to}" y1="${middle}" y2="${middle}"/>`);
    }
  }
  return parts.join("\n");
}

function text(x: number, y: number, content: string, style: string, anchor = "start"): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const look = style === "" ? "" : ` class="${style}"`;
  const end = anchor === "start" ? "" : ` text-anchor="${anchor}"`;
  return `<text x="${x.toFixed(1)}" y="${y}"${look}${end}>${escaped}</text>`;
}
