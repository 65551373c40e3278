import type { Outcome } from "../link/peer.ts";

/** What to do about an outcome where another endpoint may take this one's place. */
export type FallbackVerdict =
  /** This endpoint stands. */
  | "stay"
  /** Another is tried, with this request too: it surely did not run, or running twice does no harm. */
  | "move"
  /** Another is tried with what comes later: this request may have run. */
  | "move-later";

/** Failures before anything was sent that mean: this endpoint can't be reached. */
const NO_WAY: ReadonlySet<string> = new Set([
  "UNREACHABLE",
  "TLS",
  "COMMAND",
  "CONNECT_TIMEOUT",
  "CONNECTION_LOST",
  "NO_UPSTREAM",
]);
/** Statuses of gateways that do not reach the server. */
const GATEWAY: ReadonlySet<number> = new Set([502, 503, 504]);
/** Statuses of a web server that has no MCP at this place. */
const NO_MCP: ReadonlySet<number> = new Set([404, 405, 406, 415, 501]);

/**
 * Decides whether an outcome is a reason to try another endpoint: this one can't be reached, or does not speak MCP. A
 * refusal by a server that does speak MCP is none, and neither is a request for other credentials or for patience.
 *
 * @param handshake the request is an `initialize`
 * @param safe running it twice does no harm
 */
export function judgeFallback(outcome: Outcome, handshake: boolean, safe: boolean): FallbackVerdict {
  switch (outcome.kind) {
    case "not_sent": {
      // With a status, it is the session that was refused when it was to be established again.
      const { code, status = 0 } = outcome.failure;
      return NO_WAY.has(code) || code === "NOT_MCP" || GATEWAY.has(status) || NO_MCP.has(status)
        ? "move"
        : "stay";
    }
    case "lost":
      // A server that breaks off the handshake speaks no MCP; one that breaks off a call may only be restarting.
      return handshake ? "move" : "stay";
    case "refused":
      if (outcome.answer !== undefined) return "stay";
      if (outcome.failure.code === "NOT_MCP") return safe ? "move" : "move-later";
      if (GATEWAY.has(outcome.status ?? 0)) return safe ? "move" : "stay";
      return handshake && NO_MCP.has(outcome.status ?? 0) ? "move" : "stay";
    default:
      return "stay";
  }
}
