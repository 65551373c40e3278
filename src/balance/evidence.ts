import type { Outcome } from "../link/peer.ts";

/** What an outcome says of the upstream's health. */
export type Evidence =
  /** It answers. */
  | { readonly kind: "alive" }
  /** It can't be reached: there is nothing to wait for. */
  | { readonly kind: "unreachable"; readonly why: string }
  /** It gives no sign of life. */
  | { readonly kind: "silent"; readonly why: string }
  /** It has failed, which may be chance; `late` where only time has told. */
  | { readonly kind: "failure"; readonly why: string; readonly late?: boolean }
  /** It asks to be left alone for a while; for how long, in milliseconds, where it says so. */
  | { readonly kind: "busy"; readonly forMs: number | undefined; readonly why: string }
  /** Nothing: the outcome is ours, or the client's. */
  | { readonly kind: "none" };

/** Failures of connecting. */
const UNREACHABLE: ReadonlySet<string> = new Set(["UNREACHABLE", "TLS", "COMMAND", "PERMISSION"]);
/** Failures that say nothing of the upstream. */
const OURS: ReadonlySet<string> = new Set([
  "SHUTTING_DOWN",
  "OVERLOADED",
  "LOGIN_REQUIRED",
  "TOOL_FILTERED",
  "METHOD_NOT_FOUND",
]);

const ALIVE: Evidence = { kind: "alive" };
const NONE: Evidence = { kind: "none" };

/** Reads what an outcome says of the upstream's health. A server that refuses a request, or answers with an error, is well. */
export function evidenceFor(outcome: Outcome): Evidence {
  switch (outcome.kind) {
    case "answered":
      return ALIVE;
    case "cancelled":
      return NONE;
    case "retry_later":
      return { kind: "busy", forMs: outcome.afterMs, why: outcome.failure.message };
    case "lost":
      return OURS.has(outcome.failure.code) ? NONE : { kind: "failure", why: outcome.failure.message };
    case "unauthorized":
      return { kind: "failure", why: outcome.failure.message };
    case "session_unknown":
      return { kind: "failure", why: outcome.failure.message };
    case "not_sent": {
      const { code, message, status = 0 } = outcome.failure;
      if (OURS.has(code)) return NONE;
      if (code === "RETRY_LATER") return { kind: "busy", forMs: undefined, why: message };
      // With a status it has answered, if only to the session that was to be begun.
      if (UNREACHABLE.has(code) && status === 0) return { kind: "unreachable", why: message };
      return { kind: "failure", why: message, late: code === "CONNECT_TIMEOUT" };
    }
    case "refused": {
      const { answer, status = 0, failure } = outcome;
      if (answer !== undefined) return ALIVE;
      if (failure.code === "NOT_MCP" || status >= 500 || status === 408) {
        return { kind: "failure", why: failure.message };
      }
      return ALIVE;
    }
  }
}
