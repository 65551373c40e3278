import { flagFor } from "./flags.ts";
import type { Need } from "./need.ts";

/** What `permissions` has found. */
export interface PermissionReport {
  /** The line to paste. */
  readonly line: string;
  readonly needs: readonly Need[];
  /** What is not known, one sentence each. */
  readonly unknowns: readonly string[];
  /** What else is to be said, one sentence each. */
  readonly notes: readonly string[];
}

const SECTIONS: readonly (readonly [weight: Need["weight"], heading: string])[] = [
  ["needed", "Needed:"],
  ["comfort", "It works without these, with a difference:"],
  ["extra", "Not among the flags, as they permit more than they are worth to most:"],
];

/** The report for people: the whole line, then each flag with its reason and what comes of it without. */
export function renderPermissions({ line, needs, unknowns, notes }: PermissionReport): string {
  const sections = SECTIONS.flatMap(([weight, heading]) => {
    const rows = rowsOf(needs.filter((it) => it.weight === weight));
    return rows.length === 0 ? [] : [["", heading, ...rows].join("\n")];
  });
  const lists = [["Not known:", unknowns], ["Note:", notes]] as const;
  return [
    "",
    "The whole line:",
    `  ${line}`,
    ...sections,
    ...(needs.length === 0 ? ["", "It needs no permission at all."] : []),
    ...lists.flatMap(([heading, texts]) =>
      texts.length === 0 ? [] : ["", heading, ...texts.map((text) => `  - ${text}`)]
    ),
    "",
  ].join("\n");
}

/** A row for each flag; those that say the same of flags of one kind share one. */
function rowsOf(needs: readonly Need[]): string[] {
  const rows = new Map<string, { flags: Set<string>; need: Need }>();
  for (const need of needs) {
    const key = JSON.stringify([need.kind, need.reason, need.without]);
    const row = rows.get(key);
    if (row === undefined) rows.set(key, { flags: new Set([flagFor(need)]), need });
    else row.flags.add(flagFor(need));
  }
  return [...rows.values()].flatMap(({ flags, need }) => [
    `  ${[...flags].map((flag, i) => i === 0 ? flag : flag.replace(/^--allow-\w+=/, "")).join(",")}`,
    `      ${need.reason}`,
    `      without: ${need.without}`,
  ]);
}
