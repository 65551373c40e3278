/** What was found, as text for a terminal and as a page of the docs. */
import type { Cell } from "./cells.ts";
import { REQUIRED } from "./cells.ts";
import type { CellPart, Row } from "./run_cell.ts";
import { type Revision, SUITE } from "./suite.ts";
import type { Verdict } from "./verdict.ts";

/** The fixture's own score, without the program between. */
export interface Direct {
  readonly era: "legacy" | "modern";
  readonly revision: Revision;
  readonly verdicts: readonly Verdict[];
}

/** How a row counts. */
export type Standing = "passed" | "failed" | "forbidden" | "stale" | "extra";

/** How a row counts: what is forbidden and passes nevertheless is a mistake in the table of what is forbidden. */
export function standing({ passed, required, forbidden, failures }: Row): Standing {
  if (!required) return "extra";
  if (forbidden === undefined) return passed ? "passed" : "failed";
  if (passed) return "stale";
  return failures.length > 0 && failures.every((id) => forbidden.checks.includes(id))
    ? "forbidden"
    : "failed";
}

/** The sums of a part. */
export interface Sums {
  readonly passed: number;
  readonly failed: number;
  readonly forbidden: number;
}

/** Adds up. */
export function sumsOf({ rows }: CellPart): Sums {
  const count = (...wanted: Standing[]) => rows.filter((row) => wanted.includes(standing(row))).length;
  return { passed: count("passed"), failed: count("failed", "stale"), forbidden: count("forbidden") };
}

/** The least number of scenarios of this part that must pass. */
export function neededIn({ cell, part, rows }: CellPart): number {
  return part === "server" ? cell.needed : rows.filter(({ required }) => required).length;
}

/** `legacy client → modern server`. */
export function cellTitle({ client, server }: Cell): string {
  return `${client} client → ${server} server`;
}

/** The lines of the fixture's own score. */
export function directLines(direct: readonly Direct[]): string[] {
  return direct.flatMap(({ era, revision, verdicts }) => {
    const passed = verdicts.filter((it) => it.passed).length;
    return [
      `direct: ${era}-only fixture, server scenarios of ${revision}: ${passed} of ${REQUIRED[era]}`,
      ...verdicts.filter((it) => !it.passed).flatMap(({ scenario, complaints }) => [
        `  FAILED  ${scenario}`,
        ...complaints.map((line) => `          ${line}`),
      ]),
    ];
  });
}

/** The heading of a part. */
export function partTitle(part: CellPart): string {
  const { passed, forbidden } = sumsOf(part);
  const all = part.rows.filter(({ required }) => required).length;
  const rest = forbidden === 0 ? "" : `, ${forbidden} can't cross`;
  return `${cellTitle(part.cell)}, ${part.part} scenarios of ${part.revision}: ${passed} of ${all}${rest}`;
}

const LABELS: Readonly<Record<Standing, string>> = {
  passed: "ok",
  failed: "FAILED",
  forbidden: "can't",
  stale: "STALE",
  extra: "extra",
};

/** A row's lines. */
export function rowLines(row: Row): string[] {
  const standingOf = standing(row);
  const label = standingOf === "extra" && !row.passed ? "(failed)" : LABELS[standingOf];
  const lines = [`  ${label.padEnd(9)}${row.scenario.padEnd(50)} ${countsOf(row)}`];
  const remarks = remarksOf(row);
  if (!row.passed && standingOf !== "forbidden") {
    remarks.push(...row.complaints);
    if (row.stderr.trim() !== "") remarks.push(...row.stderr.trim().split("\n").slice(0, 4));
  }
  if (standingOf === "stale") remarks.push("it passes, and is listed as forbidden");
  return [...lines, ...remarks.map((line) => `           ${line}`)];
}

function remarksOf(row: Row): string[] {
  const remarks: string[] = [];
  if (row.empty !== undefined) remarks.push(`passes without exercising anything: ${row.empty}`);
  if (row.note !== undefined) remarks.push(row.note);
  if (row.forbidden !== undefined) remarks.push(row.forbidden.rule);
  if (row.passed && row.warned > 0) remarks.push(...row.complaints);
  return remarks;
}

function countsOf({ succeeded, failed, warned }: Verdict): string {
  return [
    `${succeeded} passed`,
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(warned === 0 ? [] : [`${warned} warnings`]),
  ].join(", ");
}

/** All of a part. */
export function partLines(part: CellPart): string[] {
  const { skipped } = part;
  return [
    partTitle(part),
    ...part.rows.flatMap(rowLines),
    ...(skipped === undefined ? [] : [`  left out: ${skipped.scenarios.length} scenarios, ${skipped.why}`]),
  ];
}

/** The page of the docs, which is still to be formatted. */
export function markdownPage(direct: readonly Direct[], parts: readonly CellPart[]): string {
  return `${
    [
      "# The official conformance suite",
      "",
      `Written by \`deno task conformance --write\`, with \`${
        SUITE.replace("npm:", "")
      }\`. The suite's scenarios run`,
      "through the real program: for server scenarios a small HTTP server carries each message of the suite's to a",
      "`proxy` process's stdin and brings back what belongs to it; in client scenarios a stdio client of the official",
      "SDK (v1 for the legacy era, v2 for the modern one) starts the program, which meets the suite's server. A",
      "scenario passes when the suite says so, warnings included for clients.",
      "",
      "| | server scenarios | client scenarios |",
      "| --- | --- | --- |",
      ...direct.map(({ era, revision, verdicts }) =>
        `| the fixture alone, ${era}-only, ${revision} | ${verdicts.filter((it) => it.passed).length} of ${
          REQUIRED[era]
        } | |`
      ),
      ...summaryRows(parts),
      "",
      ...parts.flatMap(sectionOf),
    ].join("\n").trimEnd()
  }\n`;
}

function summaryRows(parts: readonly CellPart[]): string[] {
  const cells = [...new Set(parts.map(({ cell }) => cell))];
  const score = (cell: Cell, wanted: CellPart["part"]) => {
    const part = parts.find((it) => it.cell === cell && it.part === wanted);
    if (part === undefined) return "";
    return `${sumsOf(part).passed} of ${part.rows.filter(({ required }) => required).length}`;
  };
  return cells.map((cell) => `| ${cellTitle(cell)} | ${score(cell, "server")} | ${score(cell, "client")} |`);
}

function sectionOf(part: CellPart): string[] {
  const { rows, skipped } = part;
  const remarks = rows.flatMap((row) => remarksOf(row).map((remark) => `- ${row.scenario}: ${remark}`));
  return [
    `## ${cellTitle(part.cell)}: ${part.part} scenarios of ${part.revision}`,
    "",
    "| scenario | | checks |",
    "| --- | --- | --- |",
    ...rows.map((row) => `| ${row.scenario} | ${LABELS[standing(row)]} | ${countsOf(row)} |`),
    "",
    ...(remarks.length === 0 ? [] : [...remarks, ""]),
    ...(skipped === undefined
      ? []
      : [`Left out, because ${skipped.why}: ${skipped.scenarios.join(", ")}.`, ""]),
  ];
}
