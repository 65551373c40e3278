import type { Outcome } from "./peer.ts";

/** Whether a request that failed was carried out: surely not, or nobody can tell. */
export type Ran = "not_run" | "unknown";

/**
 * Tells whether a request with this outcome, which is no answer, was carried out. A refusal says that it was not, but
 * not one by a server or gateway in trouble (5xx), nor one of ours of what came back.
 */
export function ranFor(outcome: Exclude<Outcome, { kind: "answered" | "cancelled" }>): Ran {
  switch (outcome.kind) {
    case "lost":
      return "unknown";
    case "refused":
      if (outcome.failure.code === "TOOL_FILTERED") return "not_run";
      return outcome.status === undefined || outcome.status < 400 || outcome.status >= 500 ||
          outcome.status === 408
        ? "unknown"
        : "not_run";
    default:
      return "not_run";
  }
}
