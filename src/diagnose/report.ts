/** Version of the report's JSON shape; grows when a member changes its meaning or goes. */
export const REPORT_VERSION = 1;

/** What `test` found out, as `--json` prints it. Times are in milliseconds. `null` means: not known. */
export interface Report {
  /** See {@linkcode REPORT_VERSION}. */
  readonly version: number;
  /** Nothing failed. */
  readonly ok: boolean;
  /** The exit code that goes with it (`docs/exit-codes.md`). */
  readonly exitCode: number;
  /** The endpoint, without secrets. */
  readonly endpoint: string;
  /** How it was spoken to, and why so. */
  readonly transport: { readonly name: TransportName; readonly why: string };
  /** The protocol revision that was spoken with the server. */
  readonly revision: string | null;
  /** The era of the protocol that the server speaks. */
  readonly era: Era;
  /** What a client of each revision gets through this program, oldest first. */
  readonly clients: readonly ClientForecast[];
  /** What the server says of itself. */
  readonly server: { readonly name: string; readonly version: string; readonly title: string | null } | null;
  /** The server's capabilities as it sent them. */
  readonly capabilities: Readonly<Record<string, unknown>> | null;
  readonly tools: Listing;
  readonly resources: Listing;
  readonly resourceTemplates: Listing;
  readonly prompts: Listing;
  readonly timings: Timings;
  /** The server's certificate; null without TLS or where it can't be seen. */
  readonly certificate: Certificate | null;
  /** What failed, in order. Empty when {@linkcode ok}. */
  readonly problems: readonly Problem[];
}

/** The wire that was used; `http` is Streamable HTTP, `sse` the older HTTP+SSE. */
export type TransportName = "http" | "sse" | "stdio" | "tcp" | "unix";

/** Which era of the protocol a server speaks. */
export interface Era {
  /** `legacy` up to 2025-11-25, `modern` from 2026-07-28 on, `dual` for both; null when it is not known. */
  readonly name: "legacy" | "modern" | "dual" | null;
  /** What that was concluded from, in words. */
  readonly why: string;
}

/** What a client of one revision gets through this program. */
export interface ClientForecast {
  /** The client's revision. */
  readonly revision: string;
  /**
   * `passed_on`: as it is; `translated`: into another era; `other_revision`: passed on, and the server answers with a revision
   * other than the client's; `not_served`; `not_known`.
   */
  readonly outcome: "passed_on" | "translated" | "other_revision" | "not_served" | "not_known";
  /** The revision that is spoken with the server then. */
  readonly serverRevision: string | null;
  /** The test has seen it; otherwise it follows from what is known. */
  readonly tried: boolean;
  /** In words. */
  readonly why: string;
}

/** What a server lists of one kind. */
export interface Listing {
  /** The server declared the capability, so it was asked. */
  readonly offered: boolean;
  /** How many it listed; null when not asked or refused. */
  readonly count: number | null;
  /** Their names (resources and templates: URIs), in the server's order. */
  readonly names: readonly string[];
  /** Whether the list was read to its end. */
  readonly complete: boolean;
}

/** How long things took, in milliseconds; null when they did not happen. */
export interface Timings {
  /** Name lookup, TCP and TLS, on a connection of its own; HTTP endpoints that are reached directly only. */
  readonly connect: number | null;
  /**
   * From the first byte to the end of the handshake: the answer to `initialize`, or a modern server's to `server/discover`;
   * connecting or starting the command included.
   */
  readonly initialize: number | null;
  /** All lists, all pages. */
  readonly lists: number | null;
  /** Round trips of a request that asks for a sign of life, one after the other. */
  readonly ping:
    | {
      /** `ping`, or `server/discover` for a modern server, which has no `ping`. */
      readonly method: "ping" | "server/discover";
      readonly count: number;
      readonly min: number;
      readonly p50: number;
      readonly max: number;
    }
    | null;
}

/** What can be seen of a TLS certificate. */
export interface Certificate {
  readonly subject: string;
  readonly issuer: string;
  /** ISO 8601. */
  readonly validFrom: string | null;
  /** ISO 8601. */
  readonly validTo: string | null;
  /** Whole days until {@linkcode validTo}; negative when it has passed. */
  readonly daysLeft: number | null;
  /** TLS version, such as `TLSv1.3`. */
  readonly protocol: string | null;
}

/** One thing that failed. */
export interface Problem {
  /** What was being done: `connect`, `initialize`, `tools/list`, `ping`, … */
  readonly step: string;
  /** A stable name: one of the program's failures, `ERROR_ANSWER` or `BAD_ANSWER`. */
  readonly code: string;
  readonly message: string;
  /** The likely fix. */
  readonly hint: string | null;
  /** HTTP status. */
  readonly status: number | null;
}
