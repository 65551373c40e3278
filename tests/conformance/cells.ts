/** The four cells: which era speaks to which, and what must pass there. */
import type { Revision } from "./suite.ts";

export type Era = "legacy" | "modern";

/** A client's era and a server's. */
export interface Cell {
  /** As it is written on the command line. */
  readonly id: `${Era}-${Era}`;
  readonly client: Era;
  readonly server: Era;
  /** How many server scenarios must pass; how many client scenarios is always all. */
  readonly needed: number;
}

export const CELLS: readonly Cell[] = [
  { id: "legacy-legacy", client: "legacy", server: "legacy", needed: 30 },
  { id: "modern-modern", client: "modern", server: "modern", needed: 37 },
  { id: "legacy-modern", client: "legacy", server: "modern", needed: 30 },
  { id: "modern-legacy", client: "modern", server: "legacy", needed: 30 },
];

/** The revision that stands for an era in the suite. */
export const REVISIONS: Readonly<Record<Era, Revision>> = { legacy: "2025-11-25", modern: "2026-07-28" };

/** How many server scenarios a revision requires; the suite is pinned, so another number is a mistake of ours. */
export const REQUIRED: Readonly<Record<Era, number>> = { legacy: 30, modern: 37 };

/** Scenarios that no revision requires (yet), run and shown because a bridge may break what they look at. */
export const EXTRAS = {
  server: ["json-schema-2020-12"],
  client: [
    "json-schema-2020-12-preservation",
    "auth/2025-03-26-oauth-metadata-backcompat",
    "auth/2025-03-26-oauth-endpoint-fallback",
    "auth/client-credentials-basic",
    "auth/client-credentials-jwt",
    "auth/wif-jwt-bearer",
    "auth/enterprise-managed-authorization",
  ],
} as const;

/** Scenarios that the suite judges by HTTP alone, or by HTTP too: there it is the carrier that answers. */
export const HTTP_FACE: Readonly<Record<string, string>> = {
  "dns-rebinding-protection": "the refusal of foreign hosts is the carrier's",
  "server-initialize": "the session's id is the carrier's",
  "server-sse-multiple-streams": "the form of the answers is the carrier's",
  "server-stateless": "statuses and the comparison of headers with the body are the carrier's",
};

/** What is to be known of a scenario in a cell, beside whether it passes. */
export const NOTES: Readonly<Partial<Record<Cell["id"], Readonly<Record<string, string>>>>> = {
  "legacy-modern": {
    "json-schema-ref-no-deref": "its server accepts `initialize` too, and so meets the client in its own era",
    "request-metadata": "with `--protocol modern`: it judges the question for the era too",
  },
};

/** A rule that keeps checks of a scenario from passing. */
export interface Forbidden {
  /** The rule in a few words, with its page. */
  readonly rule: string;
  /** The checks that it keeps from passing; the scenario's others must pass. */
  readonly checks: readonly string[];
}

/** Scenarios that can't pass in a cell. */
export const FORBIDDEN: Readonly<Partial<Record<Cell["id"], Readonly<Record<string, Forbidden>>>>> = {
  "modern-legacy": {
    "input-required-result-basic-elicitation": {
      rule:
        "it wants the question under the key `user_name`, but a legacy server's `elicitation/create` has a " +
        "message and a schema and no name, so that the key can only be of our own making " +
        "(S/2025-11-25/client/elicitation, Form Mode Elicitation Requests)",
      checks: ["sep-2322-elicitation-incomplete"],
    },
    "server-stateless": {
      rule:
        "it wants error -32021 for what needs a capability that the client has not declared, but a legacy server " +
        "may only use what was negotiated, so it never asks, and says in words of its own why it can't go on: its " +
        "revision has no error for that (S/2025-11-25/basic/lifecycle, Operation)",
      checks: ["sep-2575-server-rejects-undeclared-capability", "sep-2575-missing-capability-http-400"],
    },
  },
};
