import { neutralise } from "../telemetry/neutralise.ts";
import { clientLines } from "./client_lines.ts";
import type { Certificate, Era, Listing, Problem, Report, Timings, TransportName } from "./report.ts";

/** How the report looks. */
export interface ReportStyle {
  /** Columns to wrap at. */
  readonly width: number;
  readonly color: boolean;
}

const TRANSPORTS: Readonly<Record<TransportName, string>> = {
  http: "Streamable HTTP",
  sse: "HTTP+SSE (2024-11-05)",
  stdio: "child process",
  tcp: "TCP",
  unix: "Unix socket",
};

const ERAS: Readonly<Record<NonNullable<Era["name"]>, string>> = {
  legacy: "legacy",
  modern: "modern",
  dual: "dual-era",
};

/** Below this a certificate is about to end, in days. */
const CERTIFICATE_WARNING_DAYS = 14;

/** The report for people. What the server said is made harmless for terminals. */
export function renderReport(report: Report, style: ReportStyle): string {
  const mark = marks(style);
  const lines = [neutralise(report.endpoint), ""];
  const row = (sign: string, label: string, text: string) => lines.push(...wrapRow(sign, label, text, style));

  row(mark.none, "Transport", `${TRANSPORTS[report.transport.name]} (${report.transport.why})`);
  if (report.certificate !== null) {
    const { daysLeft } = report.certificate;
    const soon = daysLeft !== null && daysLeft < CERTIFICATE_WARNING_DAYS;
    row(soon ? mark.warn : mark.none, "Certificate", certificateText(report.certificate));
  }
  if (report.server !== null) {
    const { name, version, title } = report.server;
    row(
      mark.good,
      "Server",
      [title ?? name, version, title === null || title === name ? "" : `(${name})`].join(" "),
    );
    row(mark.none, "Revision", report.revision ?? "");
    row(mark.none, "Capabilities", capabilitiesText(report.capabilities ?? {}));
    const failed = (method: string) => report.problems.some(({ step }) => step === method);
    const listing = (label: string, method: string, it: Listing) =>
      row(failed(method) ? mark.bad : it.offered ? mark.good : mark.none, label, listingText(it));
    listing("Tools", "tools/list", report.tools);
    listing("Resources", "resources/list", report.resources);
    if (report.resourceTemplates.offered) {
      listing("Templates", "resources/templates/list", report.resourceTemplates);
    }
    listing("Prompts", "prompts/list", report.prompts);
  }
  const { name, why } = report.era;
  row(mark.none, "Era", `${name === null ? "not known" : ERAS[name]}: ${why}`);
  clientLines(report.clients).forEach((line, i) => row(mark.none, i === 0 ? "Clients" : "", line));
  row(mark.none, "Timings", timingsText(report.timings, name === "modern"));
  for (const problem of report.problems) {
    lines.push("");
    lines.push(...problemLines(problem, style));
  }
  lines.push("", report.ok ? mark.okay : mark.failed(report.exitCode));
  return `${lines.join("\n")}\n`;
}

function certificateText({ subject, issuer, validTo, daysLeft, protocol }: Certificate): string {
  const until = validTo === null || daysLeft === null
    ? ""
    : daysLeft < 0
    ? `, expired on ${validTo.slice(0, 10)}`
    : `, valid until ${validTo.slice(0, 10)} (${daysLeft} days)`;
  return `${subject}, issued by ${issuer}${until}${protocol === null ? "" : `, ${protocol}`}`;
}

function capabilitiesText(capabilities: Readonly<Record<string, unknown>>): string {
  const names = Object.entries(capabilities).map(([name, value]) => {
    const parts = typeof value === "object" && value !== null
      ? Object.entries(value).filter(([, on]) => on !== false).map(([part]) => part)
      : [];
    return parts.length === 0 ? name : `${name} (${parts.join(", ")})`;
  });
  return names.length === 0 ? "none" : names.join(", ");
}

function listingText({ offered, count, names, complete }: Listing): string {
  if (!offered) return "not offered";
  if (count === null) return "could not be listed";
  return `${count}${complete ? "" : " or more"}${count === 0 ? "" : `: ${names.join(", ")}`}`;
}

function timingsText({ connect, initialize, lists, ping }: Timings, modern: boolean): string {
  const ms = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
  const parts = [
    connect === null ? "" : `connect ${ms(connect)}`,
    initialize === null ? "" : `${modern ? "handshake" : "initialize"} ${ms(initialize)}`,
    lists === null ? "" : `lists ${ms(lists)}`,
    ping === null
      ? ""
      : `${ping.method} ${ms(ping.p50)} (median of ${ping.count}, ${ms(ping.min)} to ${ms(ping.max)})`,
  ].filter((part) => part !== "");
  return parts.length === 0 ? "nothing to measure" : parts.join(", ");
}

function problemLines({ step, message, hint }: Problem, style: ReportStyle): string[] {
  const { bad, none } = marks(style);
  return [
    ...wrapRow(bad, "Failed", `${step}: ${message}`, style),
    ...(hint === null ? [] : wrapRow(none, "Try", hint, style)),
  ];
}

const LABEL_WIDTH = 14;

function wrapRow(sign: string, label: string, text: string, { width }: ReportStyle): string[] {
  const room = Math.max(20, width - LABEL_WIDTH - 4);
  const rows: string[] = [];
  let row = "";
  for (const word of neutralise(text).split(" ")) {
    if (row !== "" && row.length + 1 + word.length > room) {
      rows.push(row);
      row = word;
    } else row = row === "" ? word : `${row} ${word}`;
  }
  rows.push(row);
  return rows.map((text, index) =>
    (index === 0 ? `  ${sign} ${label.padEnd(LABEL_WIDTH)}${text}` : `${" ".repeat(LABEL_WIDTH + 4)}${text}`)
      .trimEnd()
  );
}

function marks({ color }: ReportStyle) {
  const paint = (code: number, text: string) => color ? `\x1b[${code}m${text}\x1b[0m` : text;
  return {
    good: paint(32, "✓"),
    bad: paint(31, "✗"),
    warn: paint(33, "!"),
    none: " ",
    okay: paint(32, "The server works."),
    failed: (exitCode: number) => paint(31, `The test failed (exit code ${exitCode}).`),
  };
}
